// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/sipnat/sipnat/internal/via"
)

// tag is the Via parameter that says at which of our UDP addresses a request
// came in, where that can be more than one: sipgo's connection table knows a
// peer by one listener only. It is put on when the packet is read and taken off
// when the response, or a request of ours, is written; no peer sees it on its own
// Via.
//
// On a request that is forwarded the next hop does see it, one Via below ours: a
// number that says which listener the caller asked. It stays there on purpose. The
// response that the next hop sends is all that there is to tell where the answer
// must leave from, minutes later and whatever was sent in between: kept here
// instead, it would be a table with an entry for each forwarded request. Who
// changes it makes us answer that one caller from another address of ours.
const tag = "snl"

// socket is the bottom of the stack, next to the kernel: it drops what is not
// for a SIP port, survives transient errors, and knows its own address.
type socket struct {
	net.PacketConn
	layer   *Layer
	srv     *sipgo.Server
	udp     *net.UDPConn // nil on a simulated network
	local   netip.AddrPort
	pktinfo bool
	v4only  bool
	batch   batchWriter // nil where there is none
	ready   sync.Once
	fault   error // that ended reading; of the reader's goroutine
}

func newSocket(l *Layer, srv *sipgo.Server, pc net.PacketConn) *socket {
	s := &socket{PacketConn: pc, layer: l, srv: srv, local: addrPort(pc.LocalAddr())}
	s.udp, _ = pc.(*net.UDPConn)
	if s.udp != nil && s.wildcard() {
		s.askForDestination()
	}
	s.batch = newBatchWriter(s)
	return s
}

// askForDestination has the kernel tell which of our addresses a packet to a
// wildcard socket was sent to.
func (s *socket) askForDestination() {
	s.v4only = ipv6.NewPacketConn(s.udp).SetControlMessage(ipv6.FlagDst, true) != nil
	s.pktinfo = !s.v4only || ipv4.NewPacketConn(s.udp).SetControlMessage(ipv4.FlagDst, true) == nil
}

func (s *socket) wildcard() bool { return s.local.Addr().IsUnspecified() }

// reaches reports whether a packet to ip can leave from here.
func (s *socket) reaches(ip netip.Addr) bool {
	if s.wildcard() {
		return ip.Is4() || !s.v4only && !s.local.Addr().Is4()
	}
	return s.local.Addr().Is4() == ip.Is4()
}

// ReadFrom is the next datagram that may be SIP, STUN or a keepalive.
func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	for failures := 0; ; {
		n, from, to, err := s.read(b)
		if err != nil {
			if failures++; gone(err) || failures > maxFailures {
				if !closed(err) {
					s.fault = fmt.Errorf("flow: %s: %w", s.local, err)
				}
				return 0, nil, net.ErrClosed
			}
			s.layer.stats.readErrors.Add(1)
			time.Sleep(time.Duration(failures) * time.Millisecond)
			continue
		}
		failures = 0
		switch classify(b[:n]) {
		case garbage:
			s.layer.stats.garbage.Add(1)
			continue
		case sipMessage:
			n = s.mark(b, n, to)
		}
		return n, from, nil
	}
}

// maxFailures is how many faults in a row are taken for passing ones: five
// seconds' worth.
const maxFailures = 100

// gone tells the end of a connection from a passing fault. A simulated network
// may say that it was closed in words of its own.
func gone(err error) bool {
	var passing net.Error
	return closed(err) || !errors.As(err, &passing)
}

func closed(err error) bool { return errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) }

func (s *socket) read(b []byte) (n int, from net.Addr, to netip.AddrPort, err error) {
	if !s.pktinfo {
		n, from, err = s.PacketConn.ReadFrom(b)
		if u, ok := from.(*net.UDPAddr); ok && u.Zone != "" {
			from = &net.UDPAddr{IP: u.IP, Port: u.Port} // sipgo reads no zones
		}
		return n, from, s.local, err
	}
	var room [64]byte
	n, oobn, _, src, err := s.udp.ReadMsgUDPAddrPort(b, room[:])
	if err != nil {
		return 0, nil, to, err
	}
	return n, net.UDPAddrFromAddrPort(unmap(src)), netip.AddrPortFrom(s.asked(room[:oobn]), s.local.Port()), nil
}

// asked is the address that the packet was sent to.
func (s *socket) asked(oob []byte) netip.Addr {
	var dst net.IP
	if s.v4only {
		var cm ipv4.ControlMessage
		if cm.Parse(oob) == nil {
			dst = cm.Dst
		}
	} else {
		var cm ipv6.ControlMessage
		if cm.Parse(oob) == nil {
			dst = cm.Dst
		}
	}
	if a, ok := netip.AddrFromSlice(dst); ok {
		if own := s.layer.host.own(a.Unmap()); own.IsValid() {
			return own
		}
	}
	return s.local.Addr()
}

// mark puts the tag on a request. What a client wrote there goes.
func (s *socket) mark(b []byte, n int, to netip.AddrPort) int {
	if via.IsResponse(b[:n]) || !s.layer.manyLocals(s) {
		return n
	}
	v, ok := via.First(b[:n])
	if !ok {
		return n
	}
	var room [24]byte
	add := room[:0]
	if i, ok := s.layer.localIndex(s, to); ok {
		add = strconv.AppendInt(append(add, ";"+tag+"="...), int64(i), 10)
	}
	return v.Rewrite(b, n, add, tag)
}

// WriteTo sends b: from the address that its Via's tag names, else from this
// socket.
func (s *socket) WriteTo(b []byte, addr net.Addr) (int, error) {
	to, at, msg := addrPort(addr), local{socket: s}, b
	if s.layer.manyLocals(s) {
		if v, ok := via.First(b); ok {
			if p, ok := v.Get(b, tag); ok {
				buf := scratch.Get().(*[]byte)
				defer scratch.Put(buf)
				*buf = via.AppendWithout((*buf)[:0], b, p)
				msg, at = *buf, s.named(p)
			}
		}
	}
	if err := at.socket.send(msg, at.addr.Addr(), to); err != nil {
		return 0, err
	}
	return len(b), nil
}

var scratch = sync.Pool{New: func() any { return new([]byte) }}

// named is the address of ours that a tag names.
func (s *socket) named(p via.Param) local {
	if i, err := strconv.Atoi(string(p.Value)); err == nil {
		if known, ok := s.layer.localAt(i); ok {
			return known
		}
	}
	return local{s, s.local}
}

// send sends a SIP message, in the size that is wanted of it.
func (s *socket) send(msg []byte, src netip.Addr, to netip.AddrPort) error {
	msg, err := s.layer.fit(msg)
	if err != nil {
		return err
	}
	_, err = s.writeFrom(msg, src, to)
	return err
}

// writeFrom sends b, on a wildcard socket from src if that is valid.
func (s *socket) writeFrom(b []byte, src netip.Addr, to netip.AddrPort) (int, error) {
	if !s.pktinfo || !src.IsValid() || src.IsUnspecified() {
		return s.PacketConn.WriteTo(b, net.UDPAddrFromAddrPort(s.layer.host.zoned(to, s.local.Addr())))
	}
	n, _, err := s.udp.WriteMsgUDPAddrPort(b, s.sourceOOB(src), s.layer.host.zoned(to, src))
	return n, err
}

// sourceOOB is the control message that makes a wildcard socket send from src;
// nil on others, and without a src.
func (s *socket) sourceOOB(src netip.Addr) []byte {
	switch {
	case !s.pktinfo || !src.IsValid() || src.IsUnspecified():
		return nil
	case src.Is4():
		return (&ipv4.ControlMessage{Src: src.AsSlice()}).Marshal() // on a dual-stack socket too
	}
	return (&ipv6.ControlMessage{Src: src.AsSlice()}).Marshal()
}
