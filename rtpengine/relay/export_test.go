// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import "net"

// Reply answers one datagram of the ng protocol, without a cache.
func (r *Relay) Reply(b []byte) []byte {
	var none cookieCache
	return r.reply(&none, &net.UDPAddr{}, b)
}

// CookieCache is the reply cache of one socket.
type CookieCache struct{ c cookieCache }

// Reply returns the cached reply, or caches fresh.
func (c *CookieCache) Reply(key string, fresh []byte) []byte {
	if old := c.c.get(key); old != nil {
		return old
	}
	c.c.put(key, fresh)
	return fresh
}

// Bytes is the size of what is kept.
func (c *CookieCache) Bytes() (n int) {
	for _, m := range []map[string][]byte{c.c.young, c.c.old} {
		for k, v := range m {
			n += len(k) + len(v)
		}
	}
	return n
}
