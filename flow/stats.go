// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import "sync/atomic"

type counters struct {
	garbage, keepalives, malformed, readErrors, large, compacted, recycled, stateless, refused, silent atomic.Uint64
}

// Stats counts what the layer met since it began.
type Stats struct {
	// Garbage is how many datagrams were dropped that are neither SIP nor STUN
	// nor a keepalive.
	Garbage uint64
	// Keepalives is how many CRLF, zero and STUN datagrams no middleware took.
	Keepalives uint64
	// Malformed is how many messages sipgo would have refused, a stream that was
	// closed for one counting as one.
	Malformed uint64
	// ReadErrors is how many passing faults of a socket or listener were ignored.
	ReadErrors uint64
	// Compacted is how many UDP messages were above UDPLimit and got short names.
	Compacted uint64
	// Large is how many UDP messages were sent that were above it all the same: IP
	// may have to fragment them.
	Large uint64
	// Recycled is how often sipgo's table of UDP sources was started anew.
	Recycled uint64
	// Stateless is how many requests were answered without a transaction.
	Stateless uint64
	// Refused is how many streams were closed at once because there were too many.
	Refused uint64
	// Silent is how many streams were closed because nothing came, or not the rest
	// of what had begun.
	Silent uint64
	// Connections is how many streams are open.
	Connections int
}

// Stats is a snapshot of the counters.
func (l *Layer) Stats() Stats {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return Stats{
		Garbage:     l.stats.garbage.Load(),
		Keepalives:  l.stats.keepalives.Load(),
		Malformed:   l.stats.malformed.Load(),
		ReadErrors:  l.stats.readErrors.Load(),
		Compacted:   l.stats.compacted.Load(),
		Large:       l.stats.large.Load(),
		Recycled:    l.stats.recycled.Load(),
		Stateless:   l.stats.stateless.Load(),
		Refused:     l.stats.refused.Load(),
		Silent:      l.stats.silent.Load(),
		Connections: len(l.live),
	}
}
