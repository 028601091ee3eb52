// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// stream is the relay of one media line: a pair of ports for each party. What
// party 0 sends to ports[0] leaves from ports[1], and the other way round.
type stream struct {
	ledger *ledger
	faces  [2]*iface   // towards the parties
	ports  [2][2]*port // by party and component
	live   bool        // an answer bound it; the call's turn guards it

	kind, proto string         // of the last offer; the call's turn guards them
	mux         [2]atomic.Bool // the party has RTCP on its RTP port
	dtls        atomic.Bool    // DTLS passes too
	off         atomic.Bool    // the answer refused the line
	closed      atomic.Bool
	wg          sync.WaitGroup
}

// openStream opens the ports and starts to read them. Nothing is relayed until
// both parties were signalled.
func openStream(l *ledger, faces [2]*iface) (*stream, error) {
	s := &stream{ledger: l, faces: faces}
	for side := range s.ports {
		pr, err := faces[side].pool.open()
		if err != nil {
			s.close()
			return nil, err
		}
		for component, c := range pr.conns {
			s.ports[side][component] = &port{
				stream: s, side: side, component: component,
				local: pr.port + uint16(component), conn: asPacketConn(c),
			}
		}
	}
	l.add(s)
	for _, party := range s.ports {
		for _, p := range party {
			s.wg.Go(p.serve)
		}
	}
	return s, nil
}

// close closes the ports, waits for their readers and gives the numbers back.
func (s *stream) close() {
	s.closed.Store(true)
	for _, party := range s.ports {
		for _, p := range party {
			if p != nil {
				_ = p.conn.Close()
			}
		}
	}
	s.wg.Wait()
	s.ledger.remove(s)
	for side, party := range s.ports {
		if party[rtp] != nil {
			s.faces[side].pool.put(party[rtp].local)
		}
	}
}

// outComponent is the component by which a packet that came to p leaves.
func (s *stream) outComponent(p *port, pk packet) int {
	isRTCP := p.component == rtcp || pk.rtcp && s.mux[p.side].Load()
	if isRTCP && !s.mux[1-p.side].Load() {
		return rtcp
	}
	return rtp
}

// party is what signalling says about one party of a stream.
type party struct {
	rtp, rtcp netip.AddrPort
	signal    signal // but for addr
	held      bool
	another   bool // not the one that was here before
}

// signal arms the ports of a party.
func (s *stream) signal(side int, p party) {
	for component, addr := range [2]netip.AddrPort{p.rtp, p.rtcp} {
		o := s.ports[side][component]
		sig := p.signal
		if !s.loops(addr) {
			sig.addr = addr
		}
		o.mu.Lock()
		if p.another {
			o.latch.forget()
		}
		if p.held {
			sig.addr = o.latch.signal.addr
		}
		sig.plausible = sig.addr.IsValid() && (!private(sig.addr.Addr()) || private(s.faces[side].public))
		o.latch.held = p.held
		o.latch.arm(sig)
		o.mu.Unlock()
	}
}

// loops reports whether addr is one of the stream's own ports.
func (s *stream) loops(addr netip.AddrPort) bool {
	for side, f := range s.faces {
		if addr.Addr() != f.pool.local && addr.Addr() != f.public {
			continue
		}
		for _, p := range s.ports[side] {
			if p.local == addr.Port() {
				return true
			}
		}
	}
	return false
}

// goLive lets packets pass: both parties are signalled.
func (s *stream) goLive() {
	s.live = true
	for _, party := range s.ports {
		for _, p := range party {
			p.mu.Lock()
			p.latch.live = true
			p.mu.Unlock()
		}
	}
}

// lastPacket is when a party's packet was last taken, in nanoseconds.
func (s *stream) lastPacket() (last int64) {
	for _, party := range s.ports {
		for _, p := range party {
			last = max(last, p.last.Load())
		}
	}
	return last
}
