// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import "time"

// AtOnce is how many entries a sweep looks at with the lock held.
const AtOnce = atOnce

// Sweep takes out what is due by now, as the timer would, but ends nothing. It
// counts what was looked at, and in how many steps.
func (r *Registrar) Sweep(now time.Time) (looked, steps int) {
	l := &r.ledger
	for more := true; more; steps++ {
		before := l.wheel.looks
		_, more = l.expired(now)
		if n := l.wheel.looks - before; n > atOnce {
			panic("more than a handful")
		}
	}
	return l.wheel.looks, steps
}

// Tracked counts what the ledger still knows; zero when all bindings have
// ended.
func (r *Registrar) Tracked() int {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	return len(r.ledger.entries) + r.ledger.wheel.count + len(r.ledger.conns)
}

// Records counts the addresses that the store keeps, expired ones too.
func (m *Memory) Records() int {
	n := 0
	for i := range m.shards {
		n += len(m.shards[i].addresses(nil))
	}
	return n
}

// Collide gives all addresses one hash.
func (m *Memory) Collide() { m.collide = true }
