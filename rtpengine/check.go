// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// soon is the time between two pings of an engine that is not up.
	soon = time.Second
	// pingTimeout is enough for three copies.
	pingTimeout = 1500 * time.Millisecond
)

// Run pings the engines and sends the deletes that wait for them, until ctx
// ends, whose error it returns. It is to be running once.
func (s *Set) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due, wait := s.due()
		for _, m := range due {
			wg.Go(func() { s.check(ctx, m) })
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-s.wake:
		}
	}
}

// due returns the engines that are to be pinged now, and when to look again.
func (s *Set) due() (now []*member, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	wait = s.cfg.interval()
	for _, m := range s.members {
		switch left := time.Until(m.next); {
		case m.pinging:
		case left <= 0:
			m.pinging = true
			now = append(now, m)
		default:
			wait = min(wait, left)
		}
	}
	return now, wait
}

// check pings an engine once.
func (s *Set) check(ctx context.Context, m *member) {
	attempt, cancel := context.WithTimeout(ctx, pingTimeout)
	began := time.Now()
	err := m.engine.Ping(attempt)
	rtt := time.Since(began)
	cancel()
	s.observe(m, "ping", began, err)
	if err == nil {
		s.deleteOrphans(ctx, m)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		m.rtt = rtt
	}
	pause := soon
	if m.health == Up {
		pause = s.cfg.interval()
	}
	// Engines, and proxies, must not fall into step.
	m.next = time.Now().Add(pause*3/4 + rand.N(pause/2+1))
	m.pinging = false
	s.poke()
}
