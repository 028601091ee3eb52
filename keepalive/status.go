// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"iter"
	"time"

	"github.com/sipnat/sipnat/flow"
)

// Status is what is known of one binding.
type Status struct {
	ID   string
	Flow flow.Flow
	// RTT is the round trip time of pings, smoothed as by RFC 6298, Last that of
	// the last answered one; they include what the phone takes to answer. Zero:
	// none was answered on this flow.
	RTT, Last time.Duration
	// Misses in a row up to now.
	Misses int
}

// Status is what is known of the binding id; false if it is not pinged.
func (p *Pinger) Status(id string) (Status, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.find(id)
	if i == none {
		return Status{}, false
	}
	return p.status(i), true
}

// All is every binding, in no order. Those that come or go meanwhile may be left
// out. No lock is held while the loop's body runs: it may use the pinger.
func (p *Pinger) All() iter.Seq[Status] {
	return func(yield func(Status) bool) {
		var some []Status
		for from := int32(0); ; from += chunk {
			p.mu.Lock()
			end := min(p.table.next, from+chunk)
			some = some[:0]
			for i := from; i < end; i++ {
				if p.table.at(i).is(inUse) {
					some = append(some, p.status(i))
				}
			}
			p.mu.Unlock()
			for _, s := range some {
				if !yield(s) {
					return
				}
			}
			if end <= from {
				return
			}
		}
	}
}

func (p *Pinger) status(i int32) Status {
	e, l := p.table.at(i), p.table.at(p.leader(i))
	return Status{
		ID: e.id, Flow: p.flow(e), Misses: int(l.misses),
		RTT:  time.Duration(l.smooth) * time.Microsecond,
		Last: time.Duration(l.last) * time.Microsecond,
	}
}
