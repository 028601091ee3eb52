// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxPacket is the largest packet that is relayed, and the read buffer of
	// each port: media is sized for an Ethernet frame.
	maxPacket = 2048
	// maxReadErrors in a row are taken for a dead connection.
	maxReadErrors = 64
)

// packetConn is a media port's socket; *net.UDPConn is one.
type packetConn interface {
	ReadFromUDPAddrPort(b []byte) (n int, addr netip.AddrPort, err error)
	WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error)
	Close() error
}

// plainConn makes a packetConn of any connection that uses *net.UDPAddr.
type plainConn struct{ net.PacketConn }

func asPacketConn(c net.PacketConn) packetConn {
	if fast, ok := c.(packetConn); ok {
		return fast
	}
	return plainConn{c}
}

// ReadFromUDPAddrPort reads as *net.UDPConn does.
func (c plainConn) ReadFromUDPAddrPort(b []byte) (n int, addr netip.AddrPort, err error) {
	n, from, err := c.ReadFrom(b)
	if u, ok := from.(*net.UDPAddr); ok {
		addr = u.AddrPort()
	}
	return n, addr, err
}

// WriteToUDPAddrPort writes as *net.UDPConn does.
func (c plainConn) WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error) {
	return c.WriteTo(b, net.UDPAddrFromAddrPort(addr))
}

// The components of a stream.
const (
	rtp  = 0
	rtcp = 1
)

// port is a socket that one party sends one component to.
type port struct {
	stream    *stream
	side      int // the party: 0 or 1
	component int // rtp or rtcp
	local     uint16
	conn      packetConn

	packets, bytes, errors atomic.Uint64
	last                   atomic.Int64 // when the last packet was taken, in nanoseconds; 0: never

	mu    sync.Mutex
	latch latch
}

// serve relays until the socket is closed.
func (p *port) serve() {
	buf := make([]byte, maxPacket)
	failed := 0
	for {
		n, src, err := p.conn.ReadFromUDPAddrPort(buf)
		switch {
		case p.stream.closed.Load():
			return
		case err != nil || !src.IsValid():
			p.errors.Add(1)
			if failed++; failed == maxReadErrors {
				return
			}
		case n == len(buf): // perhaps cut
			p.errors.Add(1)
		default:
			failed = 0
			p.relay(buf[:n], netip.AddrPortFrom(src.Addr().Unmap(), src.Port()))
		}
	}
}

// relay sends one packet on to the other party, if its source is who it should
// be. It does not allocate.
func (p *port) relay(b []byte, src netip.AddrPort) {
	s := p.stream
	pk, ok := parsePacket(b, s.dtls.Load())
	if !ok || s.off.Load() || p.component == rtcp && !pk.rtcp {
		p.errors.Add(1)
		return
	}
	now := time.Now().UnixNano()
	if !p.admit(src, pk.ssrc, now) {
		p.errors.Add(1)
		return
	}
	p.packets.Add(1)
	p.bytes.Add(uint64(len(b)))
	p.last.Store(now)

	out := s.ports[1-p.side][s.outComponent(p, pk)]
	out.mu.Lock()
	dst := out.latch.dest()
	out.mu.Unlock()
	if !dst.IsValid() {
		return
	}
	if _, err := out.conn.WriteToUDPAddrPort(b, dst); err != nil {
		p.errors.Add(1)
	}
}

func (p *port) admit(src netip.AddrPort, ssrc uint32, now int64) bool {
	p.mu.Lock()
	before := p.latch.locked
	ok := p.latch.admit(src, ssrc, now)
	after := p.latch.locked
	p.mu.Unlock()
	if p.component == rtp && after && !before {
		p.stream.ports[p.side][rtcp].follow(src.Addr())
	}
	return ok
}

func (p *port) follow(ip netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latch.follow(ip)
}
