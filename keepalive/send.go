// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"errors"
	"io"

	"github.com/sipnat/sipnat/flow"
)

// send renders and sends what was collected.
func (p *Pinger) send(r *round) {
	r.queue, r.bytes, r.flows = r.queue[:0], r.bytes[:0], r.flows[:0]
	for i := range r.shots {
		s := &r.shots[i]
		if p.Owns != nil && !p.Owns(s.id, s.flow) {
			p.count.foreign.Add(1)
			p.acquit(s)
			continue
		}
		r.buf[i] = p.render(r.buf[i][:0], s)
		if p.batch == nil || s.flow.Transport != flow.UDP {
			p.sent(r, s, p.sender.Write(r.buf[i], s.flow))
			continue
		}
		r.queue, r.bytes, r.flows = append(r.queue, s), append(r.bytes, r.buf[i]), append(r.flows, s.flow)
	}
	for at := 0; at < len(r.queue); {
		n, err := p.batch.WriteBatch(r.bytes[at:], r.flows[at:])
		p.count.sent.Add(uint64(n))
		if at += n; at == len(r.queue) {
			break
		}
		if err == nil {
			err = io.ErrShortWrite
		}
		p.sent(r, r.queue[at], err)
		at++
	}
	clear(r.queue)
	clear(r.flows)
}

// sent notes what became of one ping.
func (p *Pinger) sent(r *round, s *shot, err error) {
	if err == nil {
		p.count.sent.Add(1)
		return
	}
	p.count.failed.Add(1)
	if !s.flow.Transport.Reliable() || !errors.Is(err, flow.ErrFlowGone) {
		// Not the phone's miss: our own network is down, or the listener gone.
		p.acquit(s)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.current(s); i != none {
		p.kill(r, i)
	}
}

// acquit lets a ping that was not sent be no miss.
func (p *Pinger) acquit(s *shot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.current(s); i != none && p.table.at(i).is(waiting) && p.table.at(i).sent == s.number {
		p.table.at(i).flags &^= waiting
		p.wheel.regular(i)
	}
}

// current is who is pinged on the flow of a shot, unless the binding was removed
// or has moved to another flow since.
func (p *Pinger) current(s *shot) int32 {
	i := p.table.named(s.serial)
	if i == none || p.flow(p.table.at(i)) != s.flow {
		return none
	}
	return p.leader(i)
}

func (p *Pinger) render(b []byte, s *shot) []byte {
	if !s.route.valid() {
		switch {
		case s.flow.Transport == flow.WS || s.flow.Transport == flow.WSS:
			return b
		case s.flow.Transport.Reliable() || s.kind == CRLF:
			return append(b, "\r\n\r\n"...)
		case s.kind == Zeros:
			return append(b, 0, 0, 0, 0)
		}
	}
	host, port := p.sender.Name(s.flow)
	return probe{
		method: p.config.Method, host: host, port: port, flow: s.flow, route: s.route,
		name: p.signer.sign(s.serial, s.number),
	}.append(b)
}
