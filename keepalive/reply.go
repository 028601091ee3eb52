// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"bytes"
	"crypto/subtle"
	"net"
	"net/netip"

	"github.com/sipnat/sipnat/internal/via"
)

// PacketConn is packet middleware for a UDP listener: it takes the replies to
// pings out of what is read, before sipgo parses and reports them. A reply that
// is forged, late or stray is taken out too, counted, and changes nothing.
// Everything else, errors too, passes untouched.
func (p *Pinger) PacketConn(pc net.PacketConn) net.PacketConn { return &replies{pc, p} }

type replies struct {
	net.PacketConn
	pinger *Pinger
}

// ReadFrom is the next datagram that answers no ping of ours.
func (r *replies) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := r.PacketConn.ReadFrom(b)
		if err != nil || !r.pinger.consume(b[:n], from) {
			return n, from, err
		}
	}
}

// consume reports whether packet is a reply to a ping, ours or not, and takes
// note of it if it is ours.
func (p *Pinger) consume(packet []byte, from net.Addr) bool {
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
	switch a, ok := parseBranch(branch.Value); {
	case !ok:
		p.count.stray.Add(1)
	case packet[len("SIP/2.0 ")] == '1':
		// Provisional: there is more to come.
	case p.heard(a, addrPort(from)):
		p.count.answered.Add(1)
	default:
		p.count.stray.Add(1)
	}
	return true
}

// heard takes note of a reply and reports whether it is good: any final reply
// to a ping that is not answered yet, from where it was sent to. The MAC comes
// last: a flood of forgeries costs a lookup each.
func (p *Pinger) heard(a answer, from netip.AddrPort) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.bySerial[a.serial]
	if !ok || from != e.flow.Remote || a.number-e.heard-1 >= e.sent-e.heard {
		return false
	}
	if subtle.ConstantTimeCompare(a.mac[:], p.checker.sign(a.serial, a.number)[nameLen:]) != 1 {
		return false
	}
	e.heard = a.number
	p.alive(e)
	return true
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
