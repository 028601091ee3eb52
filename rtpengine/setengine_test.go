// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

// fake is an engine in process that keeps a list of calls and fails on demand.
type fake struct {
	name string

	mu       sync.Mutex
	calls    map[string]int // offers by call-id
	commands []string       // "offer c1", ...
	pings    []time.Time
	mode     mode
	closed   bool
}

type mode int

const (
	well  mode = iota
	mute       // no reply
	deaf       // does what it is told and does not reply
	gone       // nobody listens
	sated      // no more calls
	noPorts
	broken // replies that cannot be read
)

func (f *fake) set(m mode) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mode = m
}

func (f *fake) log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.commands)
}

func (f *fake) has(callID string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[callID] > 0
}

// run is one command; it is also what Do does.
func (f *fake) run(ctx context.Context, command, callID string) error {
	refusal := func(reason string) error { return &rtpengine.Error{Command: command, Reason: reason} }
	f.mu.Lock()
	f.commands = append(f.commands, command+" "+callID)
	known := f.calls[callID] > 0
	mode := f.mode
	if mode == well || mode == deaf || (mode == sated && known) {
		switch command {
		case "offer", "publish":
			f.calls[callID]++
		case "delete":
			delete(f.calls, callID)
		}
	}
	f.mu.Unlock()
	creates := command == "offer" || command == "publish"
	switch mode {
	case mute, deaf:
		select {
		case <-ctx.Done():
			return fmt.Errorf("fake: %w", ctx.Err())
		case <-time.After(3750 * ms):
			return fmt.Errorf("fake: %w", rtpengine.ErrTimeout)
		}
	case gone:
		select {
		case <-ctx.Done():
			return fmt.Errorf("fake: %w", ctx.Err())
		case <-time.After(1750 * ms):
			return fmt.Errorf("fake: %w: %w", rtpengine.ErrTimeout, syscall.ECONNREFUSED)
		}
	case broken:
		return fmt.Errorf("fake: %w", rtpengine.ErrBadReply)
	case sated:
		if creates && !known {
			return refusal("Parallel session limit reached")
		}
	case noPorts:
		if creates {
			return refusal("Ran out of ports")
		}
	}
	if !known && !creates && command != "delete" && command != "ping" {
		return refusal("Unknown call-id")
	}
	return nil
}

func (f *fake) Offer(ctx context.Context, p rtpengine.Params) ([]byte, error) {
	return []byte(f.name), f.run(ctx, "offer", p.CallID)
}

func (f *fake) Answer(ctx context.Context, p rtpengine.Params) ([]byte, error) {
	return []byte(f.name), f.run(ctx, "answer", p.CallID)
}

func (f *fake) Delete(ctx context.Context, p rtpengine.Params) error {
	return f.run(ctx, "delete", p.CallID)
}

func (f *fake) Query(ctx context.Context, p rtpengine.Params) (dict, error) {
	return dict{"created": int64(1)}, f.run(ctx, "query", p.CallID)
}

func (f *fake) Ping(ctx context.Context) error {
	f.mu.Lock()
	f.pings = append(f.pings, time.Now())
	f.mu.Unlock()
	return f.run(ctx, "ping", "")
}

func (f *fake) Do(ctx context.Context, command string, d dict) (dict, error) {
	callID, _ := d["call-id"].(string)
	return dict{"result": "ok", "sdp": f.name}, f.run(ctx, command, callID)
}

func (f *fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

// rig is a set with engines a, b and c, all of them up.
type rig struct {
	*rtpengine.Set
	t       *testing.T
	engines map[string]*fake
	changes []string // "a up"
	mu      sync.Mutex
}

func inSet(t *testing.T, cfg rtpengine.SetConfig, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, engines: map[string]*fake{}}
		cfg.Changed = func(s rtpengine.EngineStatus) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.changes = append(r.changes, s.Name+" "+s.State.String())
		}
		r.Set = rtpengine.NewSet(cfg)
		for _, name := range []string{"a", "b", "c"} {
			r.add(name, 1)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		synctest.Wait()
		for name := range r.engines {
			require.Equal(t, rtpengine.Up, r.state(name), "the first ping is at once")
		}
		r.changes = nil
		test(t, r)
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.NoError(t, r.Close())
		for name, f := range r.engines {
			require.True(t, f.closed, name)
		}
	})
}

func (r *rig) add(name string, weight int) *fake {
	f := &fake{name: name, calls: map[string]int{}}
	r.engines[name] = f
	require.NoError(r.t, r.Add(rtpengine.Member{Name: name, Weight: weight, Engine: f}))
	return f
}

func (r *rig) status(name string) rtpengine.EngineStatus {
	for _, e := range r.Engines() {
		if e.Name == name {
			return e
		}
	}
	r.t.Fatal("no engine " + name)
	return rtpengine.EngineStatus{}
}

func (r *rig) state(name string) rtpengine.State { return r.status(name).State }

// history returns the changes of state since it was asked last.
func (r *rig) history() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.changes
	r.changes = nil
	return h
}

func params(callID string) rtpengine.Params {
	return rtpengine.Params{CallID: callID, FromTag: "f", SDP: []byte("v=0")}
}

// offer returns the name of the engine that took the call.
func (r *rig) offer(callID string) string {
	r.t.Helper()
	sdp, err := r.Offer(r.t.Context(), params(callID))
	require.NoError(r.t, err)
	return string(sdp)
}

// callOf finds a call-id that the set gives to the engine.
func (r *rig) callOf(name string) string {
	for i := range 1000 {
		id := fmt.Sprintf("%s-call-%d", name, i)
		if !r.engines[name].has(id) && r.prefers(id) == name {
			return id
		}
	}
	r.t.Fatal("no call for " + name)
	return ""
}

// prefers asks a set of the same names, which is how two proxies agree.
func (r *rig) prefers(callID string) string {
	s := rtpengine.NewSet(rtpengine.SetConfig{})
	for _, e := range r.Engines() {
		weight := e.Weight
		if weight == 0 {
			weight = -1
		}
		require.NoError(r.t, s.Add(rtpengine.Member{Name: e.Name, Weight: weight, Engine: &fake{name: e.Name, calls: map[string]int{}}}))
	}
	sdp, err := s.Offer(r.t.Context(), params(callID))
	require.NoError(r.t, err)
	return string(sdp)
}
