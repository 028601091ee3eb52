// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"cmp"
	"container/list"
	"slices"
	"time"
)

const (
	// endedFor is how long the engine of a call is remembered after its end, for
	// what is repeated or comes late.
	endedFor = time.Minute
	// retryDown is how often a new call is tried with an engine that is down, when
	// all are: the others fail at once. Pings are more eager.
	retryDown = 5 * time.Second
)

// placement says which engine has a call.
type placement struct {
	callID string
	member *member
	used   time.Time
	over   bool
	place  *list.Element
}

// bind notes that the engine has the call.
func (s *Set) bind(callID string, m *member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.members, m) {
		return // removed meanwhile
	}
	if p := s.calls[callID]; p != nil {
		s.forget(p)
	}
	s.sweep()
	p := &placement{callID: callID, member: m, used: time.Now()}
	p.place = s.live.PushBack(p)
	s.calls[callID] = p
	m.calls++
}

// placed returns the engine that has a call, or nil.
func (s *Set) placed(callID string) *member {
	p := s.calls[callID]
	if p == nil {
		return nil
	}
	if !p.over {
		p.used = time.Now()
		s.live.MoveToBack(p.place)
	}
	return p.member
}

// end notes that a call was deleted.
func (s *Set) end(callID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.calls[callID]
	if p == nil || p.over {
		return
	}
	s.live.Remove(p.place)
	p.over, p.used = true, time.Now()
	p.place = s.ended.PushBack(p)
	p.member.calls--
}

func (s *Set) forget(p *placement) {
	delete(s.calls, p.callID)
	if p.over {
		s.ended.Remove(p.place)
		return
	}
	s.live.Remove(p.place)
	p.member.calls--
}

// sweep forgets what was not used for too long. Both lists are in the order of
// time: only what goes is looked at.
func (s *Set) sweep() {
	now := time.Now()
	for _, l := range []struct {
		calls *list.List
		keep  time.Duration
	}{{&s.live, s.cfg.affinity()}, {&s.ended, endedFor}} {
		for e := l.calls.Front(); e != nil; e = l.calls.Front() {
			p := e.Value.(*placement)
			if now.Sub(p.used) < l.keep {
				break
			}
			s.forget(p)
		}
	}
}

// candidate returns the engine that a new call is to be sent to, when those in
// tried have failed, and how many others are left. If the call has an engine
// already, it is that one: bound.
func (s *Set) candidate(callID string, tried []*member) (m *member, others int, bound bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.placed(callID); m != nil && !s.calls[callID].over && (m.health != Down || !s.cfg.Reanchor) {
		if slices.Contains(tried, m) {
			return nil, 0, true
		}
		return m, 0, true
	}
	now := time.Now()
	all := s.ranked(callID)
	all = slices.DeleteFunc(all, func(m *member) bool { return m.draining || slices.Contains(tried, m) })
	up := slices.IndexFunc(all, func(m *member) bool { return m.health == Down })
	switch {
	case up < 0:
		up = len(all)
	case up == 0 && len(tried) == 0 && now.Sub(s.tried) >= retryDown:
		// All are down.
		s.tried = now
		up = 1
	}
	if up == 0 {
		return nil, 0, false
	}
	return all[0], up - 1, false
}

// ranked returns the engines in the order of preference for a call.
func (s *Set) ranked(callID string) []*member {
	type ranking struct {
		m     *member
		tier  int
		score float64
	}
	h := hash(callID)
	all := make([]ranking, len(s.members))
	for i, m := range s.members {
		r := ranking{m, 2 * int(m.health), m.score(h)}
		if m.weight == 0 {
			r.tier++
		}
		all[i] = r
	}
	slices.SortFunc(all, func(a, b ranking) int {
		return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(b.score, a.score), cmp.Compare(a.m.name, b.m.name))
	})
	out := make([]*member, len(all))
	for i, r := range all {
		out[i] = r.m
	}
	return out
}
