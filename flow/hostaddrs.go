// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// hostAddrs are the addresses of this host, asked for again once in a while: the
// kernel takes some time to list them, and a packet can make us look often.
type hostAddrs struct {
	mu    sync.Mutex
	asked time.Time
	addrs map[netip.Addr]bool
}

// hostAddrsAge is how long the list is believed.
const hostAddrsAge = 5 * time.Second

func (h *hostAddrs) has(ip netip.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.addrs == nil || time.Since(h.asked) > hostAddrsAge {
		h.refresh()
	}
	return h.addrs[ip]
}

func (h *hostAddrs) refresh() {
	h.asked, h.addrs = time.Now(), map[netip.Addr]bool{}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			h.addrs[p.Addr().Unmap().WithZone("")] = true
		}
	}
}
