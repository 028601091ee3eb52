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
	mu        sync.Mutex
	asked     time.Time
	addrs     map[netip.Addr]bool
	zones     map[netip.Addr]string     // of our link-local addresses
	broadcast map[netip.Addr]netip.Addr // our address, by that of its network's broadcasts
}

// hostAddrsAge is how long the list is believed.
const hostAddrsAge = 5 * time.Second

func (h *hostAddrs) has(ip netip.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refresh()
	return h.addrs[ip]
}

// own is the address to answer from what was sent to ip: ip, or if it is a
// broadcast address, from which nothing can be sent, ours in that network. It is
// invalid, which leaves the choice to the kernel, if ip says nothing about that.
func (h *hostAddrs) own(ip netip.Addr) netip.Addr {
	if ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return netip.Addr{}
	}
	if !ip.Is4() {
		return ip
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refresh()
	if mine, ok := h.broadcast[ip]; ok {
		return mine
	}
	return ip
}

// zoned is to with the interface that it is reached by, which a link-local IPv6
// address alone does not tell: that of our own address from. Flows have no zones.
func (h *hostAddrs) zoned(to netip.AddrPort, from netip.Addr) netip.AddrPort {
	if !to.Addr().Is6() || !to.Addr().IsLinkLocalUnicast() {
		return to
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refresh()
	return netip.AddrPortFrom(to.Addr().WithZone(h.zones[from]), to.Port())
}

// refresh is called with mu held.
func (h *hostAddrs) refresh() {
	if h.addrs != nil && time.Since(h.asked) <= hostAddrsAge {
		return
	}
	h.asked = time.Now()
	h.addrs, h.zones, h.broadcast = map[netip.Addr]bool{}, map[netip.Addr]string{}, map[netip.Addr]netip.Addr{}
	interfaces, err := net.Interfaces()
	if err != nil {
		return
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				h.note(p, i.Name)
			}
		}
	}
}

func (h *hostAddrs) note(p netip.Prefix, zone string) {
	ip := p.Addr().Unmap().WithZone("")
	h.addrs[ip] = true
	switch {
	case ip.Is6() && ip.IsLinkLocalUnicast():
		h.zones[ip] = zone
	case ip.Is4() && p.Bits() < 31: // RFC 3021: two addresses have no broadcast
		b := ip.As4()
		for bit := p.Bits(); bit < 32; bit++ {
			b[bit/8] |= 0x80 >> (bit % 8)
		}
		h.broadcast[netip.AddrFrom4(b)] = ip
	}
}
