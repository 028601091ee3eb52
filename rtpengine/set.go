// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"container/list"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// Engine is a media relay: a [Client], or a relay in process.
// Implementations are safe for concurrent use and return no later than ctx ends.
type Engine interface {
	Offer(ctx context.Context, p Params) ([]byte, error)
	Answer(ctx context.Context, p Params) ([]byte, error)
	Delete(ctx context.Context, p Params) error
	Query(ctx context.Context, p Params) (Dict, error)
	Ping(ctx context.Context) error
	Do(ctx context.Context, command string, d Dict) (Dict, error)
}

// Member is an engine of a [Set].
type Member struct {
	// Name tells the engine from others. It decides which calls the engine gets:
	// processes that name engines alike choose alike.
	Name string
	// Weight is the engine's share of new calls. Zero means 1; negative is a
	// standby, which gets them while no other engine is up.
	Weight int
	// Engine is the set's from now on, and closed with it if it is an io.Closer.
	Engine Engine
}

// SetConfig tunes a [Set]. The zero value is fit for production.
type SetConfig struct {
	// Client is for the engines that Set.Dial adds, but for its Alternative: each
	// engine has one of its own, so that such a client is made first and added.
	Client Config
	// Affinity is how long a call that is not heard of stays with its engine.
	// Zero means 6 hours. It costs about 300 bytes per call.
	Affinity time.Duration
	// Interval is the time between two pings of an engine that is up, give or take
	// a quarter; others are pinged each second. Zero means 10 s.
	Interval time.Duration
	// Attempt is how long the offer of a new call waits for one engine while there
	// are others; half of what is left of the context, if that is less. Zero means
	// 1 s.
	Attempt time.Duration
	// Failures is after how many commands without a reply, one after another, an
	// engine is down. Zero means 2.
	Failures int
	// Reanchor lets an offer within a call whose engine is down go to another
	// engine. There is audio again once the offer and answer of both sides went
	// through it.
	Reanchor bool
	// Changed is told of each change of an engine's state. It must not block. Nil
	// tells nobody.
	Changed func(EngineStatus)
}

func (c SetConfig) affinity() time.Duration {
	if c.Affinity > 0 {
		return c.Affinity
	}
	return 6 * time.Hour
}

func (c SetConfig) interval() time.Duration {
	if c.Interval > 0 {
		return c.Interval
	}
	return 10 * time.Second
}

func (c SetConfig) attempt() time.Duration {
	if c.Attempt > 0 {
		return c.Attempt
	}
	return time.Second
}

func (c SetConfig) failures() int {
	if c.Failures > 0 {
		return c.Failures
	}
	return 2
}

// Set spreads calls over several engines and keeps each call at its own. It
// replaces rtpengine_sock with several addresses, and Kamailio's hash table.
// It is safe for concurrent use.
//
// The offer of a new call goes to the engine that rendezvous hashing of its
// call-id names among those that are up; so the return of an engine moves no
// calls of the others. If that engine does not answer, or takes no more calls,
// the next one is asked, and what the first may have made of the offer is
// deleted later. Nothing else ever goes to another engine, which would not know
// the call.
//
// An engine that fails to answer is on probation: it gets new calls only while
// no other is up. If it fails again it is down; commands of its calls still go
// there, except deletes, which are kept until it answers. Errors other than a
// missing reply say nothing about an engine.
//
// Call-ids that the set does not know, as after a restart of the program, are
// looked for by a query to all engines.
type Set struct {
	commands
	cfg  SetConfig
	wake chan struct{} // of 1

	mu      sync.Mutex
	members []*member
	closed  bool
	tried   time.Time // when a new call was last sent to an engine that is down
	calls   map[string]*placement
	live    list.List // of *placement, least recently used first
	ended   list.List // of *placement, in the order of their end
}

// NewSet returns a set without engines. Run must be running.
func NewSet(cfg SetConfig) *Set {
	s := &Set{cfg: cfg, wake: make(chan struct{}, 1), calls: map[string]*placement{}}
	s.commands = commands{s.Do}
	return s
}

// Dial adds the engine at addr (see [Dial]), which is also its name.
func (s *Set) Dial(addr string, weight int) error {
	cfg := s.cfg.Client
	cfg.Alternative = ""
	c, err := cfg.Dial(addr)
	if err != nil {
		return err
	}
	if err := s.Add(Member{Name: addr, Weight: weight, Engine: c}); err != nil {
		_ = c.Close()
		return err
	}
	return nil
}

// Add adds an engine. It is on probation until it has answered a first ping or
// command.
func (s *Set) Add(m Member) error {
	switch {
	case m.Name == "":
		return &ParamError{"set", "name", "is missing"}
	case m.Engine == nil:
		return &ParamError{"set", "engine", "is missing"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.named(m.Name) != nil {
		return &ParamError{"set", "name", m.Name + " is taken"}
	}
	// Not in place: others may be walking over the old slice.
	s.members = append(slices.Clone(s.members), newMember(m))
	s.poke()
	return nil
}

// Drain has an engine take no new calls, or with false take them again. The
// calls that it has go on; EngineStatus.Calls says how many there are.
func (s *Set) Drain(name string, drain bool) error {
	return s.edit(name, func(m *member) { m.draining = drain })
}

// Remove takes an engine out of the set and closes it. Its calls are lost: drain
// it first.
func (s *Set) Remove(name string) error {
	var engine Engine
	err := s.edit(name, func(m *member) {
		engine = m.engine
		s.members = slices.DeleteFunc(slices.Clone(s.members), func(o *member) bool { return o == m })
		for _, p := range s.calls {
			if p.member == m {
				s.forget(p)
			}
		}
	})
	if err != nil {
		return err
	}
	return closeEngine(engine)
}

func (s *Set) edit(name string, change func(*member)) error {
	s.mu.Lock()
	m := s.named(name)
	if m == nil {
		s.mu.Unlock()
		return &ParamError{"set", "name", name + " is unknown"}
	}
	before := m.status()
	change(m)
	after := m.status()
	s.mu.Unlock()
	s.changed(before, after)
	return nil
}

// Engines returns the state of all engines, in the order of their coming.
func (s *Set) Engines() []EngineStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]EngineStatus, len(s.members))
	for i, m := range s.members {
		out[i] = m.status()
	}
	return out
}

// Engine returns the engine of that name, for commands that are not about a
// call, like Statistics.
func (s *Set) Engine(name string) (Engine, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.named(name); m != nil {
		return m.engine, true
	}
	return nil, false
}

// Close closes the engines. It is idempotent.
func (s *Set) Close() error {
	s.mu.Lock()
	members := s.members
	s.members, s.closed = nil, true
	s.mu.Unlock()
	var errs []error
	for _, m := range members {
		errs = append(errs, closeEngine(m.engine))
	}
	return errors.Join(errs...)
}

func closeEngine(e Engine) error {
	if c, ok := e.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// named returns the engine of that name, or nil.
func (s *Set) named(name string) *member {
	for _, m := range s.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

// poke has Run look at once whether there is something to do.
func (s *Set) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Set) changed(before, after EngineStatus) {
	if s.cfg.Changed != nil && before.State != after.State {
		s.cfg.Changed(after)
	}
}
