// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import "time"

const (
	// cookieLife is how long a reply is kept at least; clients stop asking for
	// it before (rtpengine swaps its cache every 30 s, too).
	cookieLife = 30 * time.Second
	// maxCached bounds the bytes of one generation.
	maxCached = 16 << 20
	// cookieCost is what an entry takes besides its bytes, roughly.
	cookieCost = 128
)

// cookieCache remembers replies by source and cookie, in two generations. The
// zero value is empty. It is not safe for concurrent use.
type cookieCache struct {
	young, old map[string][]byte
	size       int // of young
	since      time.Time
}

func (c *cookieCache) get(key string) []byte {
	if now := time.Now(); now.Sub(c.since) >= cookieLife {
		c.swap(now)
	}
	if b, ok := c.young[key]; ok {
		return b
	}
	return c.old[key]
}

func (c *cookieCache) put(key string, reply []byte) {
	cost := len(key) + len(reply) + cookieCost
	if c.size+cost > maxCached {
		c.swap(time.Now())
	}
	c.young[key] = reply
	c.size += cost
}

func (c *cookieCache) swap(now time.Time) {
	c.old, c.young = c.young, map[string][]byte{}
	if now.Sub(c.since) >= 2*cookieLife {
		c.old = nil
	}
	c.size, c.since = 0, now
}
