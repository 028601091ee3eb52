// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"bytes"
	"net"
	"net/netip"
)

// PacketConn is packet middleware for a UDP listener: it takes the replies to
// pings out of what is read, before sipgo parses and reports them. A reply that
// is forged, late or stray is taken out too, counted, and changes nothing. STUN
// requests are answered, so that phones learn their address, or that we are
// there, on the SIP port (RFC 5626 section 8); so are the pings of phones, as
// Config says. Everything else, errors too, passes untouched.
func (p *Pinger) PacketConn(pc net.PacketConn) net.PacketConn { return &inbound{pc, p} }

type inbound struct {
	net.PacketConn
	pinger *Pinger
}

// ReadFrom is the next datagram that is not for the pinger.
func (c *inbound) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil || !c.take(b[:n], from) {
			return n, from, err
		}
	}
}

// take reports whether a datagram was for the pinger.
func (c *inbound) take(packet []byte, from net.Addr) bool {
	if len(packet) == 0 {
		return false
	}
	switch packet[0] {
	case 'S':
		return c.pinger.consume(packet, addrPort(from))
	case 0, 1:
		return c.stun(packet, from) || c.keepalive(packet, from)
	case '\r', '\n':
		return c.keepalive(packet, from)
	}
	return false
}

// keepalive takes what a phone with a binding sends to hold its own pinhole open.
func (c *inbound) keepalive(packet []byte, from net.Addr) bool {
	if len(packet) > 4 || len(bytes.Trim(packet, "\r\n\x00")) > 0 || !c.pinger.fed(addrPort(from)) {
		return false
	}
	if c.pinger.config.Pong && string(packet) == "\r\n\r\n" {
		_, _ = c.WriteTo([]byte("\r\n"), from) // the phone asks again
	}
	return true
}

// fed takes note of a phone's own ping, and reports whether it has a binding.
func (p *Pinger) fed(from netip.AddrPort) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := p.byPeer.first(p.hashPeer(from.Addr().As16(), from.Port())); i != none; {
		e := p.table.at(i)
		if p.isPeer(e, from) {
			p.count.keepalives.Add(1)
			if p.config.HoldBack {
				e.fed = uint32(p.wheel.now)
				e.flags |= selfFed
			}
			return true
		}
		i = e.nextPeer
	}
	return false
}
