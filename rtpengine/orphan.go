// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"context"
	"time"
)

const (
	// orphanAge is how old the delete for an offer gets before it is sent: the
	// copies that were under way to the engine when it failed have arrived by then.
	orphanAge = 5 * time.Second
	// orphanLife is after how long the engine has ended an abandoned call itself,
	// by its own time-outs.
	orphanLife = time.Hour
	// maxOrphans bounds the deletes that are kept for an engine. The oldest go.
	maxOrphans = 10_000
)

// orphan is a delete that is to be sent once the engine answers.
type orphan struct {
	p     Params
	since time.Time
	// made by an offer that was not answered: void if the call came to live there.
	offer bool
}

// orphan has what an unanswered offer may have left at an engine deleted later.
func (s *Set) orphan(m *member, p Params) {
	p.Flags = MustParseFlags("delete-delay=0")
	s.keep(m, orphan{p: p, since: time.Now(), offer: true})
}

func (s *Set) keep(m *member, o orphan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(m.orphans) >= maxOrphans {
		m.orphans = m.orphans[1:]
	}
	m.orphans = append(m.orphans, o)
}

// Delete is [Client.Delete] at the engine of the call. An engine that is down
// gets it when it answers again, which is no error here; neither is a call that
// no engine knows.
func (s *Set) Delete(ctx context.Context, p Params) error {
	if err := p.check("delete"); err != nil {
		return err
	}
	m, err := s.owner(ctx, p.CallID)
	s.mu.Lock()
	var down []*member
	for _, o := range s.members {
		if o.health == Down && (m == nil || m == o) {
			down = append(down, o)
		}
	}
	s.mu.Unlock()
	for _, o := range down {
		s.keep(o, orphan{p: p, since: time.Now()})
	}
	whole := p.FromTag == "" && p.ToTag == ""
	if whole {
		defer s.end(p.CallID)
	}
	switch {
	case len(down) > 0:
		return nil
	case m == nil && verdictOf("delete", err, patience) == alive:
		return nil
	case m == nil:
		return &failure{"delete", err}
	}
	began := time.Now()
	err = m.engine.Delete(ctx, p)
	s.observe(m, "delete", began, err)
	if err != nil && mayHaveRun(err) {
		s.keep(m, orphan{p: p, since: time.Now()})
	}
	return err
}

// deleteOrphans sends the deletes whose time has come to an engine that answers.
func (s *Set) deleteOrphans(ctx context.Context, m *member) {
	for {
		o, ok := s.nextOrphan(m)
		if !ok {
			return
		}
		attempt, cancel := context.WithTimeout(ctx, s.cfg.attempt())
		began := time.Now()
		err := m.engine.Delete(attempt, o.p)
		cancel()
		s.observe(m, "delete", began, err)
		if err != nil && mayHaveRun(err) {
			s.keep(m, o)
			return
		}
	}
}

// nextOrphan takes the next delete that is due.
func (s *Set) nextOrphan(m *member) (orphan, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(m.orphans) > 0 {
		o := m.orphans[0]
		age := now.Sub(o.since)
		if o.offer && age < orphanAge {
			return orphan{}, false
		}
		m.orphans = m.orphans[1:]
		p := s.calls[o.p.CallID]
		lives := p != nil && !p.over && p.member == m
		if age < orphanLife && (!o.offer || !lives) {
			return o, true
		}
	}
	return orphan{}, false
}
