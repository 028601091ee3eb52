// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import "sync/atomic"

// Stats counts what a pinger did since it was made.
type Stats struct {
	// Sent pings, of any kind, and those that could not be sent.
	Sent, Failed uint64
	// Answered pings: final replies that are ours.
	Answered uint64
	// Refused pings: replies along a Path that a proxy may have made itself.
	Refused uint64
	// Stray replies: forged, repeated, too late, or to another process.
	Stray uint64
	// Missed pings: OPTIONS without a reply in time.
	Missed uint64
	// Dead bindings.
	Dead uint64
	// Foreign pings: not ours, as Owns says.
	Foreign uint64
	// Delayed pings, because of Rate or RatePerAddress, and HeldBack ones, because
	// the phone pings itself.
	Delayed, HeldBack uint64
	// Keepalives of phones that have a binding, STUN requests among them.
	Keepalives uint64
	// STUN requests answered, from anybody.
	STUN uint64
	// Bindings that are pinged now.
	Bindings int
}

type counters struct {
	sent, failed, answered, refused, stray, missed, dead atomic.Uint64

	foreign, delayed, heldBack, keepalives, stun atomic.Uint64
}

// Stats is a snapshot.
func (p *Pinger) Stats() Stats {
	p.mu.Lock()
	bindings := p.table.live
	p.mu.Unlock()
	return Stats{
		Sent: p.count.sent.Load(), Failed: p.count.failed.Load(),
		Answered: p.count.answered.Load(), Refused: p.count.refused.Load(),
		Stray: p.count.stray.Load(), Missed: p.count.missed.Load(),
		Dead: p.count.dead.Load(), Foreign: p.count.foreign.Load(),
		Delayed: p.count.delayed.Load(), HeldBack: p.count.heldBack.Load(),
		Keepalives: p.count.keepalives.Load(), STUN: p.count.stun.Load(),
		Bindings: bindings,
	}
}
