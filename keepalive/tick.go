// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"errors"

	"github.com/sipnat/sipnat/flow"
)

// round is what one tick has to do outside the lock; its memory is reused.
type round struct {
	pings []ping
	dead  []string
	buf   []byte
}

// ping is a copy of what sending needs: the entry belongs to the lock.
type ping struct {
	entry  *entry
	flow   flow.Flow
	serial uint64
	number uint32
}

// tick serves the next slot of the wheel.
func (p *Pinger) tick(r *round) {
	r.pings, r.dead = r.pings[:0], r.dead[:0]
	p.collect(r)
	for i := range r.pings {
		p.send(r, &r.pings[i])
	}
	for _, id := range r.dead {
		p.count.dead.Add(1)
		if p.Dead != nil {
			p.Dead(id)
		}
	}
	clear(r.pings) // no hold on entries that are dropped
	clear(r.dead)
}

// collect fires the slot and puts every entry of it where it is due next.
func (p *Pinger) collect(r *round) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := p.config.misses()
	for _, e := range p.wheel.advance() {
		if e.waiting {
			p.count.missed.Add(1)
			e.misses++
			e.waiting = false
			if limit < 0 && e.phase != p.wheel.now {
				p.wheel.regular(e)
				continue
			}
			if limit > 0 && int(e.misses) >= limit {
				p.drop(e)
				r.dead = append(r.dead, e.id)
				continue
			}
		}
		e.sent++
		if p.answerable(e.flow) {
			e.waiting = true
			p.wheel.after(e, p.timeout)
		} else {
			e.heard = e.sent
			p.wheel.regular(e)
		}
		r.pings = append(r.pings, ping{e, e.flow, e.serial, e.sent})
	}
}

// answerable reports whether a ping of f has a reply.
func (p *Pinger) answerable(f flow.Flow) bool {
	return f.Transport == flow.UDP && p.config.Kind == Options
}

// send renders and sends one ping.
func (p *Pinger) send(r *round, g *ping) {
	r.buf = p.render(r.buf[:0], g)
	err := p.sender.Write(r.buf, g.flow)
	if err == nil {
		p.count.sent.Add(1)
		return
	}
	p.count.failed.Add(1)
	gone := g.flow.Transport.Reliable() && errors.Is(err, flow.ErrFlowGone)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := g.entry
	if p.bySerial[g.serial] != e || e.flow != g.flow {
		return // removed, or moved to another flow, in the meantime
	}
	if gone {
		p.drop(e)
		r.dead = append(r.dead, e.id)
		return
	}
	if e.waiting && e.sent == g.number {
		// Not the phone's miss: our own network is down, or the listener gone.
		e.waiting = false
		p.wheel.remove(e)
		p.wheel.regular(e)
	}
}

func (p *Pinger) render(b []byte, g *ping) []byte {
	switch {
	case g.flow.Transport == flow.WS || g.flow.Transport == flow.WSS:
		return b
	case g.flow.Transport.Reliable() || p.config.Kind == CRLF:
		return append(b, "\r\n\r\n"...)
	case p.config.Kind == Zeros:
		return append(b, 0, 0, 0, 0)
	}
	host, port := p.sender.Name(g.flow)
	return probe{host, port, g.flow.Remote, p.signer.sign(g.serial, g.number)}.appendOptions(b)
}
