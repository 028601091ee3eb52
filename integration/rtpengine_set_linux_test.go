// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/manage"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// A set is an engine to a manager, and takes a relay for one of its own.
var (
	_ manage.Engine    = (*rtpengine.Set)(nil)
	_ rtpengine.Engine = (*rtpengine.Set)(nil)
	_ rtpengine.Engine = (*rtpengine.Client)(nil)
	_ rtpengine.Engine = (*relay.Relay)(nil)
)

// setLoad sets calls up and ends them, over and over.
type setLoad struct {
	set   *rtpengine.Set
	ip    string
	stop  chan struct{}
	wg    sync.WaitGroup
	calls atomic.Int64 // whose offer was taken
	// lost are the answers that their engine did not take: it was killed in
	// between.
	lost atomic.Int64

	mu      sync.Mutex
	failed  []error       // offers
	longest time.Duration // of a command
}

// commandWithin bounds each command; one that takes longer hangs.
const commandWithin = 2 * time.Second

func (l *setLoad) timed(t *testing.T, run func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(t.Context(), commandWithin)
	defer cancel()
	began := time.Now()
	err := run(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.longest = max(l.longest, time.Since(began))
	return err
}

func (l *setLoad) run(t *testing.T, workers int) {
	for w := range workers {
		l.wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				default:
					l.one(t, fmt.Sprintf("load-%d-%d", w, n))
				}
			}
		})
	}
}

func (l *setLoad) one(t *testing.T, id string) {
	p := rtpengine.Params{CallID: id, FromTag: "A", SDP: ngSDP(l.ip, 9)}
	err := l.timed(t, func(ctx context.Context) error {
		_, err := l.set.Offer(ctx, p)
		return err
	})
	if err != nil {
		l.mu.Lock()
		l.failed = append(l.failed, err)
		l.mu.Unlock()
		return
	}
	l.calls.Add(1)
	p.ToTag = "B"
	if l.timed(t, func(ctx context.Context) error { _, err := l.set.Answer(ctx, p); return err }) != nil {
		l.lost.Add(1)
	}
	_ = l.timed(t, func(ctx context.Context) error {
		return l.set.Delete(ctx, rtpengine.Params{CallID: id, Flags: rtpengine.MustParseFlags("delete-delay=0")})
	})
}

// TestRtpengineSet kills one of two daemons under load and starts it again.
func TestRtpengineSet(t *testing.T) {
	t.Parallel()
	daemons := map[string]*ngDaemon{}
	set := rtpengine.NewSet(rtpengine.SetConfig{Interval: time.Second})
	defer func() { require.NoError(t, set.Close()) }()
	for range 2 {
		d := startNG(t)
		daemons[d.addr()] = d
		require.NoError(t, set.Dial(d.addr(), 1))
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- set.Run(ctx) }()
	defer func() {
		cancel()
		require.ErrorIs(t, <-ran, context.Canceled)
	}()
	state := func(name string) (s rtpengine.EngineStatus) {
		for _, e := range set.Engines() {
			if e.Name == name {
				s = e
			}
		}
		return s
	}
	var victim, other *ngDaemon
	for name, d := range daemons {
		eventually(t, answerWithin, name+" up", func() bool { return state(name).State == rtpengine.Up })
		victim, other = other, d
	}

	homes := map[string]*ngDaemon{} // of established calls
	atOther := func(id string) bool { return homes[id] == other }
	reoffer := func(id string) error {
		ctx, cancel := context.WithTimeout(t.Context(), commandWithin)
		defer cancel()
		_, err := set.Offer(ctx, rtpengine.Params{CallID: id, FromTag: "A", ToTag: "B", SDP: ngSDP(other.ip, 9)})
		return err
	}
	for i := range 40 {
		id := fmt.Sprintf("established-%d", i)
		p := rtpengine.Params{CallID: id, FromTag: "A", SDP: ngSDP(other.ip, 9)}
		_, err := set.Offer(t.Context(), p)
		require.NoError(t, err)
		p.ToTag = "B"
		_, err = set.Answer(t.Context(), p)
		require.NoError(t, err)
	}
	for _, d := range daemons {
		calls, err := d.client(t).List(t.Context(), 1000)
		require.NoError(t, err)
		require.Greater(t, len(calls), 5, "both have their share")
		for _, id := range calls {
			homes[id] = d
		}
	}
	require.Len(t, homes, 40)

	load := &setLoad{set: set, ip: other.ip, stop: make(chan struct{})}
	load.run(t, 6)
	progress := func() {
		t.Helper()
		from := load.calls.Load()
		eventually(t, answerWithin, "new calls", func() bool { return load.calls.Load() > from+50 })
	}
	progress()
	victim.stop() // kill -9
	progress()
	eventually(t, answerWithin, "down", func() bool { return state(victim.addr()).State == rtpengine.Down })
	progress()
	var wg sync.WaitGroup
	var mu sync.Mutex
	results := map[string]error{}
	for id := range homes {
		wg.Go(func() {
			err := reoffer(id)
			mu.Lock()
			defer mu.Unlock()
			results[id] = err
		})
	}
	wg.Wait()
	for id, err := range results {
		require.Equal(t, atOther(id), err == nil, "%s: calls keep their engine: %v", id, err)
	}
	progress()

	victim.start(t)
	eventually(t, answerWithin, "up again", func() bool { return state(victim.addr()).State == rtpengine.Up })
	c := victim.client(t)
	eventually(t, answerWithin, "new calls at the one that is back", func() bool {
		s, err := c.Statistics(t.Context())
		return err == nil && s.Managed > 20
	})
	for id := range homes {
		if atOther(id) {
			require.NoError(t, reoffer(id))
		}
	}
	close(load.stop)
	load.wg.Wait()

	calls, err := other.client(t).List(t.Context(), 1000)
	require.NoError(t, err)
	for id := range homes {
		require.Equal(t, atOther(id), contains(calls, id), "%s moved", id)
	}
	t.Logf("%d calls, %d lost between offer and answer, longest command %v", load.calls.Load(), load.lost.Load(), load.longest)
	require.NoError(t, errors.Join(load.failed...), "each new call was taken by an engine")
	require.LessOrEqual(t, load.lost.Load(), int64(6), "one per worker at most")
	require.Less(t, load.longest, commandWithin+time.Second, "nothing hangs")
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}
