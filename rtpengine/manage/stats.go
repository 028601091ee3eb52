// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import "sync/atomic"

// Stats are counts since the start, and how much is watched now.
type Stats struct {
	Offers, Answers uint64 // that the engine took
	Deletes         uint64 // that the engine confirmed
	Restores        uint64 // refused re-INVITEs and UPDATEs after which the engine was set back
	Repeated        uint64 // messages that got an earlier result of the engine
	Failed          uint64 // commands that the engine refused or did not answer
	Passed          uint64 // calls that went without a relay because Optional allowed it
	Unread          uint64 // messages left alone whose session description could not be read or placed
	Dropped         uint64 // background commands that never ran
	Calls           int    // watched now, those that have just ended included
}

type counters struct {
	offers, answers, deletes, restores, repeated, failed, passed, unread, dropped atomic.Uint64
}

// Stats returns the counts. The values are not of one instant.
func (m *Manager) Stats() Stats {
	m.mu.Lock()
	calls := m.live.Len() + m.ended.Len()
	m.mu.Unlock()
	s := &m.stats
	return Stats{
		Offers: s.offers.Load(), Answers: s.answers.Load(), Deletes: s.deletes.Load(),
		Restores: s.restores.Load(), Repeated: s.repeated.Load(), Failed: s.failed.Load(),
		Passed: s.passed.Load(), Unread: s.unread.Load(), Dropped: s.dropped.Load(),
		Calls: calls,
	}
}
