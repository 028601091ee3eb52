// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"math"
	"time"

	"github.com/sipnat/sipnat/flow"
)

// batchSize is how many pings are collected, and sent, at once: 64 datagrams in
// one system call cost an eighth less than 64 calls, and more in one save
// nothing (measured). The lock is held for so many.
const batchSize = 64

// round is the memory of ticks, used again by each.
type round struct {
	done  <-chan struct{} // ends the tick; nil: nothing does
	shots []shot
	dead  []string
	buf   [batchSize][]byte
	queue []*shot // of one batch on UDP, with its
	bytes [][]byte
	flows []flow.Flow
}

// shot is a copy of what sending needs: the record belongs to the lock.
type shot struct {
	index  int32
	serial uint64
	number uint32
	kind   Kind
	flow   flow.Flow
	route  route
	id     string
}

// tick serves the next slot of the wheel.
func (p *Pinger) tick(r *round) {
	p.mu.Lock()
	p.wheel.advance()
	now := p.wheel.now
	p.mu.Unlock()
	p.limits.sweep(now, p.config.interval())
	for more := true; more; {
		select {
		case <-r.done:
			return
		default:
		}
		more = p.collect(r)
		p.send(r)
		p.bury(r)
		clear(r.shots) // no hold on strings of bindings that are dropped
		r.shots = r.shots[:0]
	}
}

// collect takes a batch of what is due, and puts it where it is due next. It
// reports whether there may be more.
func (p *Pinger) collect(r *round) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	clock := uint32(time.Since(p.began) / time.Microsecond)
	for range 4 * batchSize { // not all are pinged
		i := p.wheel.next()
		if i == none {
			return false
		}
		p.fire(r, i, clock)
		if len(r.shots) == batchSize {
			break
		}
	}
	return true
}

// fire decides what becomes of a binding that is due.
func (p *Pinger) fire(r *round, i int32, clock uint32) {
	e := p.table.at(i)
	missed := e.is(waiting)
	e.flags &^= waiting
	if p.paused.Load() {
		e.flags &^= reserved
		p.wheel.regular(i)
		return
	}
	if missed {
		p.count.missed.Add(1)
		if e.misses < math.MaxUint16 {
			e.misses++
		}
		limit := p.config.misses()
		if limit < 0 && p.wheel.past(i) != 0 {
			p.wheel.regular(i)
			return
		}
		if limit > 0 && int(e.misses) >= limit {
			p.kill(r, i)
			return
		}
	}
	if p.heldBack(i) || p.limited(i) {
		return
	}
	e.sent++
	e.sentAt = clock
	if p.answerable(e) {
		e.flags |= waiting
		p.wheel.after(i, min(p.timeout, e.interval))
	} else {
		e.heard = e.sent
		p.wheel.regular(i)
	}
	r.shots = append(r.shots, shot{i, p.table.serial(i), e.sent, e.kind, p.flow(e), p.routes[i], e.id})
}

// heldBack puts a ping off that the phone has made needless.
func (p *Pinger) heldBack(i int32) bool {
	e := p.table.at(i)
	if !e.is(selfFed) {
		return false
	}
	if age := uint32(p.wheel.now) - e.fed; age < e.interval {
		p.count.heldBack.Add(1)
		p.wheel.after(i, e.interval-age)
		return true
	}
	e.flags &^= selfFed
	return false
}

// limited puts a ping off that is too many.
func (p *Pinger) limited(i int32) bool {
	e := p.table.at(i)
	if !p.limits.active() || e.is(reserved) {
		e.flags &^= reserved
		return false
	}
	wait := p.limits.take(p.flow(e).Remote.Addr(), p.wheel.now)
	if wait == 0 {
		return false
	}
	p.count.delayed.Add(1)
	e.flags |= reserved
	p.wheel.after(i, wait)
	return true
}

// answerable reports whether a ping has a reply that we see.
func (p *Pinger) answerable(e *record) bool {
	return p.paths.list[e.path].transport == flow.UDP && (e.kind == Options || e.is(routed))
}

// kill drops a binding with all that follow it, and notes who has died.
func (p *Pinger) kill(r *round, i int32) {
	for f := p.table.at(i).group; f != none; f = p.table.at(i).group {
		r.dead = append(r.dead, p.table.at(f).id)
		p.drop(f)
	}
	r.dead = append(r.dead, p.table.at(i).id)
	p.drop(i)
}

// bury tells who has died, and has not come back since.
func (p *Pinger) bury(r *round) {
	for _, id := range r.dead {
		p.count.dead.Add(1)
		p.mu.Lock()
		back := p.find(id) != none
		p.mu.Unlock()
		if p.Dead != nil && !back {
			p.Dead(id)
		}
	}
	clear(r.dead)
	r.dead = r.dead[:0]
}
