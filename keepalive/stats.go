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
	// Stray replies: forged, repeated, too late, or to another process.
	Stray uint64
	// Missed pings: OPTIONS without a reply in time.
	Missed uint64
	// Dead bindings.
	Dead uint64
	// Bindings that are pinged now.
	Bindings int
}

type counters struct {
	sent, failed, answered, stray, missed, dead atomic.Uint64
}

// Stats is a snapshot.
func (p *Pinger) Stats() Stats {
	p.mu.Lock()
	bindings := len(p.byID)
	p.mu.Unlock()
	return Stats{
		Sent: p.count.sent.Load(), Failed: p.count.failed.Load(),
		Answered: p.count.answered.Load(), Stray: p.count.stray.Load(),
		Missed: p.count.missed.Load(), Dead: p.count.dead.Load(),
		Bindings: bindings,
	}
}
