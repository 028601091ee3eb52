// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

func TestSetPings(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		time.Sleep(10 * time.Minute)
		phases := map[time.Duration]bool{}
		for name, f := range r.engines {
			f.mu.Lock()
			defer f.mu.Unlock()
			require.InDelta(t, 60, len(f.pings), 8, name)
			for i, at := range f.pings[1:] {
				gap := at.Sub(f.pings[i])
				require.GreaterOrEqual(t, gap, 7500*ms)
				require.LessOrEqual(t, gap, 12500*ms)
				phases[gap] = true
			}
		}
		require.Greater(t, len(phases), 50, "jitter")
	})
}

func TestSetStates(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		a := r.engines["a"]
		a.set(mute)
		time.Sleep(20 * time.Second)
		require.Equal(t, []string{"a probation", "a down"}, r.history())
		require.GreaterOrEqual(t, r.status("a").Failures, 2)

		// No new call even asks it.
		for range 20 {
			r.offer(r.callOf("a") + "x")
		}
		require.Empty(t, unpinged(a.log()))

		// Its return is noticed within seconds, by two pings.
		a.set(well)
		time.Sleep(4 * time.Second)
		require.Equal(t, []string{"a probation", "a up"}, r.history())
		require.Zero(t, r.status("a").Failures)
		require.Equal(t, "a", r.offer(r.callOf("a")))
	})
}

func TestSetBelievesRefusals(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		id := r.callOf("a")
		r.offer(id)
		r.engines["a"].set(gone)
		_, err := r.Query(t.Context(), params(id))
		require.ErrorIs(t, err, rtpengine.ErrTimeout)
		require.Equal(t, rtpengine.Up, r.state("a"), "a query's reply may be too large")
		p := params(id)
		p.ToTag = "t"
		_, err = r.Answer(t.Context(), p)
		require.ErrorIs(t, err, rtpengine.ErrTimeout)
		require.Equal(t, []string{"a down"}, r.history())
	})
}

// Commands that were under way when the engine was heard again say nothing.
func TestSetForgivesOldFailures(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		id := r.callOf("a")
		r.offer(id)
		a := r.engines["a"]
		a.set(mute)
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				p := params(id)
				p.ToTag = "t"
				_, _ = r.Answer(t.Context(), p)
			})
		}
		time.Sleep(time.Second)
		a.set(well)
		r.offer(id)
		wg.Wait()
		require.Equal(t, rtpengine.Up, r.state("a"))
		require.Empty(t, r.history())
	})
}

func TestSetProbationIsLastChoice(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		r.engines["a"].set(mute)
		r.offer(r.callOf("a"))
		require.Equal(t, rtpengine.Probation, r.state("a"))
		require.NotEqual(t, "a", r.offer(r.callOf("a")+"y"))
		require.Len(t, unpinged(r.engines["a"].log()), 1)
	})
}

// With all engines down a call costs no time, but one is tried now and then.
func TestSetAllDown(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		for _, f := range r.engines {
			f.set(gone)
		}
		time.Sleep(30 * time.Second)
		for name := range r.engines {
			require.Equal(t, rtpengine.Down, r.state(name))
		}
		_, err := r.Offer(t.Context(), params("x"))
		require.Error(t, err)
		start := time.Now()
		for range 10 {
			_, err := r.Offer(t.Context(), params("x"))
			require.Error(t, err)
		}
		require.Less(t, time.Since(start), 6*time.Second)
		for _, f := range r.engines {
			f.set(well)
		}
		time.Sleep(4 * time.Second)
		r.offer("x")
	})
}

func TestSetEnginesComeAndGo(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		d := r.add("d", 3)
		require.Equal(t, rtpengine.Probation, r.state("d"))
		time.Sleep(ms)
		require.Equal(t, rtpengine.Up, r.state("d"))
		require.Equal(t, 3, r.status("d").Weight)
		require.False(t, r.status("d").Heard.IsZero())
		id := r.callOf("d")
		require.Equal(t, "d", r.offer(id))
		require.NoError(t, r.Remove("d"))
		require.True(t, d.closed)
		require.NotEqual(t, "d", r.offer(id))
		n := len(d.log())
		time.Sleep(time.Minute)
		require.Len(t, d.log(), n, "no more pings")
	})
}
