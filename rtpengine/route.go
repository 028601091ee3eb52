// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Offer is [Client.Offer] at the engine of the call, or at one that takes it.
// No engine at all is [ErrNoEngine].
func (s *Set) Offer(ctx context.Context, p Params) (sdp []byte, err error) {
	if err := p.check("offer"); err != nil {
		return nil, err
	}
	if p.ToTag != "" {
		// Of an established call, unless it is a delayed offer.
		_, _ = s.owner(ctx, p.CallID)
	}
	err = s.place(ctx, "offer", Params{CallID: p.CallID, FromTag: p.FromTag}, func(ctx context.Context, e Engine) (err error) {
		sdp, err = e.Offer(ctx, p)
		return err
	})
	return sdp, err
}

// Answer is [Client.Answer] at the engine of the call.
func (s *Set) Answer(ctx context.Context, p Params) (sdp []byte, err error) {
	if err := p.check("answer"); err != nil {
		return nil, err
	}
	err = s.follow(ctx, "answer", p.CallID, func(ctx context.Context, e Engine) (err error) {
		sdp, err = e.Answer(ctx, p)
		return err
	})
	return sdp, err
}

// Query is [Client.Query] at the engine of the call.
func (s *Set) Query(ctx context.Context, p Params) (d Dict, err error) {
	if err := p.check("query"); err != nil {
		return nil, err
	}
	err = s.follow(ctx, "query", p.CallID, func(ctx context.Context, e Engine) (err error) {
		d, err = e.Query(ctx, p)
		return err
	})
	return d, err
}

// Do is [Client.Do] at the engine of the call; the key call-id is needed. An
// offer or a publish without a call makes one.
func (s *Set) Do(ctx context.Context, command string, d Dict) (reply Dict, err error) {
	callID := callIDOf(d)
	if callID == "" {
		return nil, &ParamError{command, "call-id", "is missing: the set cannot tell which engine is meant"}
	}
	do := func(ctx context.Context, e Engine) (err error) {
		reply, err = e.Do(ctx, command, d)
		return err
	}
	switch command {
	case "offer", "publish", "create":
		fromTag, _ := d["from-tag"].(string)
		err = s.place(ctx, command, Params{CallID: callID, FromTag: fromTag}, do)
	default:
		err = s.follow(ctx, command, callID, do)
	}
	return reply, err
}

// Ping returns nil if an engine is up.
func (s *Set) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, e := range s.Engines() {
		if e.State == Up {
			return nil
		}
	}
	return &failure{"ping", ErrNoEngine}
}

// place brings a new call to an engine, or a known one to its own.
func (s *Set) place(ctx context.Context, command string, undo Params, try func(context.Context, Engine) error) error {
	var tried []*member
	var failed error = &failure{command, ErrNoEngine}
	for {
		m, others, bound := s.candidate(undo.CallID, tried)
		if m == nil {
			return failed
		}
		began := time.Now()
		attempt, cancel := s.bounded(ctx, others)
		err := try(attempt, m.engine)
		cancel()
		s.observe(m, command, began, err)
		if err == nil {
			if !bound {
				s.bind(undo.CallID, m)
			}
			return nil
		}
		if !bound && mayHaveRun(err) {
			s.orphan(m, undo)
		}
		if bound || !failsOver(err) || ctx.Err() != nil {
			return err
		}
		tried = append(tried, m)
		failed = err
	}
}

// bounded leaves time for the others.
func (s *Set) bounded(ctx context.Context, others int) (context.Context, context.CancelFunc) {
	if others == 0 {
		return ctx, func() {}
	}
	d := s.cfg.attempt()
	if deadline, ok := ctx.Deadline(); ok {
		d = min(d, time.Until(deadline)/2)
	}
	return context.WithTimeout(ctx, d)
}

// follow runs a command at the engine of its call.
func (s *Set) follow(ctx context.Context, command, callID string, run func(context.Context, Engine) error) error {
	m, err := s.owner(ctx, callID)
	if err != nil {
		return &failure{command, err}
	}
	began := time.Now()
	err = run(ctx, m.engine)
	s.observe(m, command, began, err)
	return err
}

// owner returns the engine of a call. If it is not known, all are asked.
func (s *Set) owner(ctx context.Context, callID string) (*member, error) {
	s.mu.Lock()
	m := s.placed(callID)
	var ask []*member
	for _, m := range s.ranked(callID) {
		if m.health != Down || len(ask) == 0 {
			ask = append(ask, m)
		}
	}
	s.mu.Unlock()
	switch {
	case m != nil:
		return m, nil
	case len(ask) == 0:
		return nil, ErrNoEngine
	}
	found, err := s.find(ctx, callID, ask)
	if found != nil {
		s.bind(callID, found)
	}
	return found, err
}

// find asks engines for a call, all at once.
func (s *Set) find(ctx context.Context, callID string, ask []*member) (found *member, err error) {
	ctx, cancel := s.bounded(ctx, len(ask))
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, m := range ask {
		wg.Go(func() {
			began := time.Now()
			_, failed := m.engine.Query(ctx, Params{CallID: callID})
			s.observe(m, "query", began, failed)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case failed == nil:
				found = m
				cancel() // the others
			case err == nil || errors.Is(err, ErrUnknownCall):
				err = failed // one that did not answer says more
			}
		})
	}
	wg.Wait()
	if found != nil {
		return found, nil
	}
	return nil, err
}

// failsOver reports whether another engine may do better.
func failsOver(err error) bool {
	return errors.Is(err, ErrLoadLimit) || errors.Is(err, ErrTimeout) || errors.Is(err, ErrClosed) ||
		errors.Is(err, context.DeadlineExceeded)
}

// mayHaveRun reports whether the engine may have done what it did not confirm.
func mayHaveRun(err error) bool {
	return errors.Is(err, ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, ErrBadReply)
}
