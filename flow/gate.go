// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"net"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/internal/via"
)

// gate is the top of the stack, right under sipgo: nothing passes that sipgo
// would remember the source of, or write a log line about, for nothing. One
// gate lets in as many sources as sipgo is to remember, then the next takes over
// (see ServeUDP).
type gate struct {
	net.PacketConn
	socket  *socket
	parser  *sip.Parser
	sources map[netip.AddrPort]struct{}
	last    netip.AddrPort
	full    chan struct{} // told by the reader: the next gate is to take over
	over    chan struct{} // closed when the socket is not served any more
}

func newGate(s *socket, stack net.PacketConn, over chan struct{}) *gate {
	return &gate{
		PacketConn: stack,
		socket:     s,
		parser:     sip.NewParser(),
		sources:    map[netip.AddrPort]struct{}{},
		full:       make(chan struct{}),
		over:       over,
	}
}

// inHand is how long a request may take from being read to having its
// connection looked up, which sipgo does in a goroutine.
const inHand = 2 * time.Second

// ReadFrom is the next datagram that sipgo can parse.
func (g *gate) ReadFrom(b []byte) (int, net.Addr, error) {
	l := g.socket.layer
	// sipgo has it in its table when it reads: now it can send.
	g.socket.ready.Do(func() { l.add(g.socket) })
	if len(g.sources) >= l.maxSources() {
		return g.retire()
	}
	for {
		n, from, err := g.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		if classify(b[:n]) != sipMessage {
			l.stats.keepalives.Add(1)
			continue
		}
		if _, ok := sound(g.parser, b[:n]); !ok {
			l.stats.malformed.Add(1)
			if res := badRequest(b[:n], l.seed); res != nil {
				_, _ = g.WriteTo(res, from)
			}
			continue
		}
		if source := addrPort(from); source != g.last {
			g.last = source
			g.sources[source] = struct{}{}
		}
		return n, from, nil
	}
}

// retire lets the next gate take over, waits, and ends. sipgo forgets the sources
// of this one then: a request of theirs that was still in hand would be answered
// from a new socket, to where its Via says.
func (g *gate) retire() (int, net.Addr, error) {
	g.sources = nil
	g.full <- struct{}{}
	select {
	case <-g.over:
	case <-time.After(inHand):
	}
	return 0, nil, net.ErrClosed
}

// sound is the message, if sipgo can make a transaction of it: else it writes a
// log line. What sipgo takes for a request and we do not, or the other way, and a
// Via that we cannot read, have escaped the middleware below.
func sound(parser *sip.Parser, b []byte) (sip.Message, bool) {
	msg, err := parser.ParseSIP(b)
	if err != nil {
		return nil, false
	}
	switch msg := msg.(type) {
	case *sip.Response:
		_, err = sip.ClientTxKeyMake(msg)
		return msg, err == nil && via.IsResponse(b)
	case *sip.Request:
		_, readable := via.First(b)
		_, err = sip.ServerTxKeyMake(msg)
		return msg, err == nil && readable && !via.IsResponse(b) && msg.CSeq().MethodName == msg.Method
	}
	return nil, false
}
