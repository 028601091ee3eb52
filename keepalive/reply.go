// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"bytes"
	"crypto/subtle"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/via"
)

// consume reports whether packet is a reply to a ping, ours or not, and takes
// note of it if it is ours.
func (p *Pinger) consume(packet []byte, from netip.AddrPort) bool {
	// Nearly all responses end here: a search is cheaper than finding the Via.
	if !via.IsResponse(packet) || !bytes.Contains(packet, []byte(branchPrefix)) {
		return false
	}
	top, ok := via.First(packet)
	if !ok {
		return false
	}
	branch, ok := top.Get(packet, "branch")
	if !ok || !bytes.HasPrefix(branch.Value, []byte(branchPrefix)) {
		return false
	}
	status := packet[len("SIP/2.0 "):]
	switch a, ok := parseBranch(branch.Value); {
	case !ok:
		p.count.stray.Add(1)
	case status[0] == '1':
		// Provisional: there is more to come.
	default:
		p.heard(a, from, byProxy(status)).Add(1)
	}
	return true
}

// byProxy reports whether a proxy may have answered in the phone's place.
func byProxy(status []byte) bool {
	if len(status) < 3 {
		return false
	}
	switch string(status[:3]) {
	case "408", "430", "480":
		return true
	}
	return status[0] == '5'
}

// heard takes note of a reply and returns what counts it. Any final reply to a
// ping that is not answered yet, from where it was sent to, is good. The MAC
// comes last: a flood of forgeries costs a lookup each.
func (p *Pinger) heard(a answer, from netip.AddrPort, byProxy bool) *atomic.Uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.table.named(a.serial)
	if i == none {
		return &p.count.stray
	}
	e := p.table.at(i)
	if !p.isPeer(e, from) || a.number-e.heard-1 >= e.sent-e.heard {
		return &p.count.stray
	}
	if subtle.ConstantTimeCompare(a.mac[:], p.checker.sign(a.serial, a.number)[nameLen:]) != 1 {
		return &p.count.stray
	}
	if byProxy && e.is(routed) {
		return &p.count.refused
	}
	e.heard = a.number
	if a.number == e.sent {
		p.measure(e)
	}
	p.alive(i)
	return &p.count.answered
}

// measure takes the round trip time of the last ping, smoothed as by RFC 6298.
func (p *Pinger) measure(e *record) {
	e.last = max(1, uint32(time.Since(p.began)/time.Microsecond)-e.sentAt)
	if e.smooth == 0 {
		e.smooth = e.last
		return
	}
	e.smooth = uint32((7*uint64(e.smooth) + uint64(e.last)) / 8)
}

// isPeer reports whether a packet from that address is of the record's flow.
func (p *Pinger) isPeer(e *record, from netip.AddrPort) bool {
	f := p.flow(e)
	return f.Transport == flow.UDP && f.Remote == from
}

// addrPort is the address that a packet came from, unmapped.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	if udp, ok := a.(*net.UDPAddr); ok {
		ap = udp.AddrPort()
	} else if a != nil {
		ap, _ = netip.ParseAddrPort(a.String()) // invalid is nobody's address
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
