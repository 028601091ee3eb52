// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Stateless is packet middleware that answers requests of some methods by
// themselves, before sipgo keeps a transaction for each of them for 32 seconds:
// REGISTER and OPTIONS if none are named. The handler is the very chain that sipgo
// has, and answers alike; what it answers goes to the packet's source, as if the
// Via asked for rport. It comes behind the middleware that edits packets:
//
//	handler := sipnat.Chain(mw...)(forwarder.Handle)
//	sipnat.Handle(srv, handler)
//	layer.ServeUDP(srv, pc, pinger.PacketConn, rport.Always, layer.Stateless(handler))
//
// The handler runs in the goroutine that reads the socket, which reads nothing
// else meanwhile. So it is for chains that answer these methods without waiting: a
// store in memory, no forwarding. A repeated request runs it again (RFC 3261
// section 8.2.7): a To tag that sipgo made up at random is replaced by one that is
// the same each time; the answer must not change by itself. Requests with a To
// tag, and those that sipgo would refuse, pass untouched.
//
// INVITE, ACK and CANCEL need a transaction: naming them panics.
func (l *Layer) Stateless(handler sipgo.RequestHandler, methods ...sip.RequestMethod) func(net.PacketConn) net.PacketConn {
	if len(methods) == 0 {
		methods = []sip.RequestMethod{sip.REGISTER, sip.OPTIONS}
	}
	var lines [][]byte
	for _, m := range methods {
		if m == sip.INVITE || m == sip.ACK || m == sip.CANCEL {
			panic(fmt.Sprintf("flow: %s cannot be answered without a transaction", m))
		}
		lines = append(lines, []byte(string(m)+" "))
	}
	return func(pc net.PacketConn) net.PacketConn {
		return &stateless{PacketConn: pc, layer: l, handler: handler, lines: lines, parser: sip.NewParser()}
	}
}

// stateless is the stack above which there are no requests of its methods.
type stateless struct {
	net.PacketConn
	layer   *Layer
	handler sipgo.RequestHandler
	lines   [][]byte // how request lines begin that it takes
	parser  *sip.Parser
}

// ReadFrom is the next packet that is not answered here.
func (s *stateless) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := s.PacketConn.ReadFrom(b)
		if err != nil || !s.takes(b[:n]) {
			return n, from, err
		}
		req, ok := s.request(b[:n])
		if !ok {
			return n, from, err
		}
		s.answer(req, from)
	}
}

func (s *stateless) takes(b []byte) bool {
	for _, l := range s.lines {
		if bytes.HasPrefix(b, l) {
			return true
		}
	}
	return false
}

// request is the request in b, if sipgo would make a transaction of it and it is
// not one of a dialog, which may be another's to answer.
func (s *stateless) request(b []byte) (*sip.Request, bool) {
	msg, ok := sound(s.parser, b)
	if !ok {
		return nil, false
	}
	req, ok := msg.(*sip.Request)
	if !ok {
		return nil, false
	}
	return req, toTag(req.To()) == ""
}

func (s *stateless) answer(req *sip.Request, from net.Addr) {
	req.SetTransport(UDP.Upper())
	req.SetSource(from.String())
	tx := &statelessTx{req: req, way: way{
		pc:   s.PacketConn,
		to:   from,
		flow: Flow{Transport: UDP, Local: s.local(req), Remote: addrPort(from)},
		seed: s.layer.seed,
	}}
	s.layer.stats.stateless.Add(1)
	s.handler(req, tx)
	tx.Terminate()
}

// local is the address that req was sent to: what the tag says, else the only
// one that it can have been.
func (s *stateless) local(req *sip.Request) netip.AddrPort {
	if at, ok := s.layer.tagged(req); ok {
		return at
	}
	return addrPort(s.LocalAddr())
}
