// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"context"
	"errors"
	"hash/fnv"
	"math"
	"syscall"
	"time"
)

// State is what a [Set] thinks of an engine.
type State uint8

// The states of an engine.
const (
	// Up takes new calls.
	Up State = iota
	// Probation takes new calls while no engine is up: it is new, has failed to
	// answer once, or has just come back.
	Probation
	// Down has failed again and again, or its host said that nobody listens.
	Down
	// Draining keeps its calls and takes no new ones.
	Draining
)

// String returns the state in lower case.
func (s State) String() string {
	switch s {
	case Up:
		return "up"
	case Probation:
		return "probation"
	case Down:
		return "down"
	default:
		return "draining"
	}
}

// EngineStatus is a snapshot of one engine of a [Set].
type EngineStatus struct {
	Name   string
	Weight int
	// State of an engine that is down and draining is Down.
	State    State
	Draining bool
	Calls    int           // that are known to be there
	Failures int           // commands without a reply, since the last reply
	Deletes  int           // that wait for the engine to answer
	Heard    time.Time     // the last reply; zero for none
	RTT      time.Duration // of the last ping that was answered
}

// patience is how long a command must have waited for its missing reply to say
// something about the engine.
const patience = 200 * time.Millisecond

// member is an engine and what is known of it, guarded by the set's lock.
type member struct {
	name   string
	hash   uint64
	weight int
	engine Engine

	health   State // Up, Probation or Down
	draining bool
	failures int // in a row
	proof    int // replies that lead from probation to up
	calls    int
	heard    time.Time
	rtt      time.Duration
	next     time.Time // when a ping is due
	pinging  bool
	orphans  []orphan
}

func newMember(m Member) *member {
	if m.Weight == 0 {
		m.Weight = 1
	}
	return &member{
		name: m.Name, hash: hash(m.Name), weight: max(m.Weight, 0), engine: m.Engine,
		health: Probation, proof: 1,
	}
}

func (m *member) status() EngineStatus {
	st := EngineStatus{
		Name: m.name, Weight: m.weight, State: m.health, Draining: m.draining, Calls: m.calls,
		Failures: m.failures, Deletes: len(m.orphans), Heard: m.heard, RTT: m.rtt,
	}
	if m.draining && m.health != Down {
		st.State = Draining
	}
	return st
}

// score is the engine's in rendezvous hashing: of all engines a call goes to the
// one with the most, and each wins as often as its weight says.
func (m *member) score(callHash uint64) float64 {
	x := m.hash ^ callHash
	// The finalizer of splitmix64: all bits depend on all bits.
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	u := (float64(x>>11) + 0.5) / (1 << 53) // between 0 and 1, and neither
	return float64(max(m.weight, 1)) / -math.Log(u)
}

func hash(s string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // never fails
	return h.Sum64()
}

// verdict is what the end of a command says about the engine.
type verdict uint8

const (
	nothing verdict = iota
	alive
	silent
	nobody // and its host said so
)

func verdictOf(command string, err error, took time.Duration) verdict {
	var refusal *Error
	switch {
	case err == nil, errors.As(err, &refusal):
		return alive
	case errors.Is(err, ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		if command == "query" || command == "list" || command == "statistics" || took < patience {
			// The reply may have been too large for a datagram.
			return nothing
		}
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
			return nobody
		}
		return silent
	default:
		return nothing
	}
}

// observe takes the end of a command, begun at that time, into account.
func (s *Set) observe(m *member, command string, began time.Time, err error) {
	now := time.Now()
	v := verdictOf(command, err, now.Sub(began))
	if v == nothing {
		return
	}
	s.mu.Lock()
	before := m.status()
	switch {
	case v == alive:
		m.replied(now)
	case !m.heard.After(began):
		m.failed(v, s.cfg.failures())
	}
	after := m.status()
	if v != alive && after.State != before.State {
		m.next = now
		s.poke()
	}
	s.mu.Unlock()
	s.changed(before, after)
}

func (m *member) replied(now time.Time) {
	m.heard = now
	m.failures = 0
	switch m.health {
	case Down:
		m.health, m.proof = Probation, 2
		fallthrough
	case Probation:
		if m.proof--; m.proof <= 0 {
			m.health = Up
		}
	}
}

func (m *member) failed(v verdict, limit int) {
	m.failures++
	m.proof = max(m.proof, 1)
	switch {
	case v == nobody || m.failures >= limit:
		m.health = Down
	case m.health == Up:
		m.health = Probation
	}
}
