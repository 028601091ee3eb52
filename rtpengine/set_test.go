// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

func TestSetSpreadsByWeight(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		weights := map[string]int{"a": 1, "d": 2, "e": 5}
		require.NoError(t, r.Remove("b"))
		require.NoError(t, r.Remove("c"))
		r.add("d", 2)
		r.add("e", 5)
		time.Sleep(ms)
		const calls = 8000
		got := map[string]int{}
		for i := range calls {
			got[r.offer(fmt.Sprintf("%d@host", i))]++
		}
		for name, weight := range weights {
			require.InEpsilon(t, calls*weight/8, got[name], 0.1, name)
		}
	})
}

// An engine that leaves and returns moves its own calls only.
func TestSetMovesNoOtherCalls(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		before := map[string]string{}
		for i := range 300 {
			id := fmt.Sprint(i)
			before[id] = r.prefers(id)
		}
		require.NoError(t, r.Remove("b"))
		require.True(t, r.engines["b"].closed)
		for id, name := range before {
			if name != "b" {
				require.Equal(t, name, r.prefers(id))
			}
		}
	})
}

func TestSetAffinity(t *testing.T) {
	inSet(t, rtpengine.SetConfig{Affinity: time.Hour}, func(t *testing.T, r *rig) {
		ctx := t.Context()
		id := r.callOf("a")
		require.Equal(t, "a", r.offer(id))
		require.Equal(t, 1, r.status("a").Calls)
		r.engines["a"].set(mute)
		r.offer(r.callOf("a")) // not there, and it costs a its good name
		synctest.Wait()
		require.NotEqual(t, rtpengine.Up, r.state("a"))
		r.engines["a"].set(well)

		p := params(id)
		p.ToTag = "t"
		sdp, err := r.Answer(ctx, p)
		require.NoError(t, err)
		require.Equal(t, "a", string(sdp), "an answer")
		sdp, err = r.Offer(ctx, p)
		require.NoError(t, err)
		require.Equal(t, "a", string(sdp), "a re-INVITE")
		_, err = r.Query(ctx, p)
		require.NoError(t, err)
		require.NoError(t, r.BlockMedia(ctx, rtpengine.Party{CallID: id}))
		require.Equal(t, []string{"answer " + id, "offer " + id, "query " + id, "block media " + id},
			unpinged(r.engines["a"].log())[2:])

		// Used every 50 minutes, it is remembered; unused for an hour, it is not.
		for range 4 {
			time.Sleep(50 * time.Minute)
			_, err = r.Query(ctx, p)
			require.NoError(t, err)
		}
		require.Equal(t, 1, r.status("a").Calls)
		time.Sleep(61 * time.Minute)
		require.Zero(t, r.status("a").Calls)
	})
}

// unpinged returns a log without its pings.
func unpinged(log []string) (out []string) {
	for _, l := range log {
		if l != "ping " {
			out = append(out, l)
		}
	}
	return out
}

func TestSetFailover(t *testing.T) {
	for _, tc := range []struct {
		name  string
		mode  mode
		takes time.Duration
		state rtpengine.State // of the engine that failed
	}{
		{"no reply", mute, time.Second, rtpengine.Probation},
		{"load limit", sated, 0, rtpengine.Up},
		{"ports exhausted", noPorts, 0, rtpengine.Up},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
				id := r.callOf("a")
				r.engines["a"].set(tc.mode)
				start := time.Now()
				second := r.offer(id)
				require.NotEqual(t, "a", second)
				require.Equal(t, tc.takes, time.Since(start))
				require.Equal(t, tc.state, r.state("a"))
				require.Equal(t, second, r.offer(id), "it stays")
				require.Equal(t, []string{"offer " + id}, unpinged(r.engines["a"].log()))
				require.Equal(t, 1, r.status(second).Calls)
			})
		})
	}
	t.Run("a context that ends soon is shared", func(t *testing.T) {
		inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
			id := r.callOf("b")
			r.engines["b"].set(mute)
			ctx, cancel := context.WithTimeout(t.Context(), 500*ms)
			defer cancel()
			start := time.Now()
			_, err := r.Offer(ctx, params(id))
			require.NoError(t, err)
			require.Equal(t, 250*ms, time.Since(start))
		})
	})
	t.Run("not for what is no fault of the engine", func(t *testing.T) {
		inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
			id := r.callOf("a")
			r.engines["a"].set(broken)
			_, err := r.Offer(t.Context(), params(id))
			require.ErrorIs(t, err, rtpengine.ErrBadReply)
			require.Equal(t, rtpengine.Up, r.state("a"))
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			r.engines["a"].set(mute)
			_, err = r.Offer(ctx, params(id))
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, rtpengine.Up, r.state("a"))
		})
	})
	t.Run("never of a call that is under way", func(t *testing.T) {
		inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
			id := r.callOf("a")
			r.offer(id)
			r.engines["a"].set(mute)
			p := params(id)
			_, err := r.Offer(t.Context(), p)
			require.ErrorIs(t, err, rtpengine.ErrTimeout)
			p.ToTag = "t"
			_, err = r.Offer(t.Context(), p)
			require.ErrorIs(t, err, rtpengine.ErrTimeout)
			_, err = r.Answer(t.Context(), p)
			require.ErrorIs(t, err, rtpengine.ErrTimeout)
			for _, name := range []string{"b", "c"} {
				require.Empty(t, unpinged(r.engines[name].log()))
			}
		})
	})
	t.Run("nobody takes it", func(t *testing.T) {
		inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
			for _, f := range r.engines {
				f.set(sated)
			}
			_, err := r.Offer(t.Context(), params("x"))
			require.ErrorIs(t, err, rtpengine.ErrLoadLimit)
			for _, f := range r.engines {
				require.Equal(t, []string{"offer x"}, unpinged(f.log()))
			}
		})
	})
}

func TestSetReanchor(t *testing.T) {
	inSet(t, rtpengine.SetConfig{Reanchor: true}, func(t *testing.T, r *rig) {
		id := r.callOf("a")
		r.offer(id)
		r.engines["a"].set(gone)
		time.Sleep(20 * time.Second)
		require.Equal(t, rtpengine.Down, r.state("a"))
		p := params(id)
		p.ToTag = "t"
		sdp, err := r.Offer(t.Context(), p)
		require.NoError(t, err)
		require.NotEqual(t, "a", string(sdp))
		_, err = r.Answer(t.Context(), p)
		require.NoError(t, err)
		require.Zero(t, r.status("a").Calls)
	})
}

// What a first engine made of an offer that it did not answer is deleted when it
// answers again.
func TestSetDeletesOrphans(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		id := r.callOf("a")
		r.engines["a"].set(deaf)
		second := r.offer(id)
		require.True(t, r.engines["a"].has(id), "an orphan")
		require.Equal(t, 1, r.status("a").Deletes)
		time.Sleep(10 * time.Second)
		require.Equal(t, 1, r.status("a").Deletes, "kept while it does not answer")
		r.engines["a"].set(well)
		time.Sleep(8 * time.Second)
		require.False(t, r.engines["a"].has(id))
		require.True(t, r.engines[second].has(id))
		require.Zero(t, r.status("a").Deletes)
	})
}

func TestSetKeepsOrphanThatCameToLife(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		id := r.callOf("a")
		for _, f := range r.engines {
			f.set(deaf)
		}
		_, err := r.Offer(t.Context(), params(id))
		require.Error(t, err)
		for _, f := range r.engines {
			f.set(well)
		}
		time.Sleep(3 * time.Second)
		home := r.offer(id)
		time.Sleep(time.Minute)
		for name, f := range r.engines {
			require.Equal(t, name == home, f.has(id), name)
		}
	})
}

func TestSetDelete(t *testing.T) {
	t.Run("at the engine of the call", func(t *testing.T) {
		inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
			id := r.callOf("a")
			r.offer(id)
			require.NoError(t, r.Delete(t.Context(), rtpengine.Params{CallID: id}))
			require.False(t, r.engines["a"].has(id))
			require.Zero(t, r.status("a").Calls)
			require.NoError(t, r.Delete(t.Context(), rtpengine.Params{CallID: id}), "again")
			require.Equal(t, []string{"offer " + id, "delete " + id, "delete " + id}, unpinged(r.engines["a"].log()))
		})
	})
	t.Run("of one branch", func(t *testing.T) {
		inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
			id := r.callOf("a")
			r.offer(id)
			require.NoError(t, r.Delete(t.Context(), rtpengine.Params{CallID: id, FromTag: "f", ViaBranch: "b"}))
			require.Equal(t, 1, r.status("a").Calls)
		})
	})
	t.Run("at an engine that is down: later, and at no cost", func(t *testing.T) {
		inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
			id := r.callOf("a")
			r.offer(id)
			r.engines["a"].set(mute)
			time.Sleep(30 * time.Second)
			require.Equal(t, rtpengine.Down, r.state("a"))
			start := time.Now()
			require.NoError(t, r.Delete(t.Context(), rtpengine.Params{CallID: id}))
			require.Zero(t, time.Since(start))
			require.True(t, r.engines["a"].has(id))
			r.engines["a"].set(well)
			time.Sleep(10 * time.Second)
			require.False(t, r.engines["a"].has(id))
		})
	})
	t.Run("of a call that nobody knows", func(t *testing.T) {
		inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
			require.NoError(t, r.Delete(t.Context(), rtpengine.Params{CallID: "x"}))
		})
	})
}

// A set that has just begun, as after a restart, finds the calls.
func TestSetFindsCalls(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		id := r.callOf("a")
		c := r.engines["c"] // not where the hash says
		_, err := c.Offer(t.Context(), params(id))
		require.NoError(t, err)
		p := params(id)
		p.ToTag = "t"
		sdp, err := r.Offer(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, "c", string(sdp))
		require.Equal(t, 1, r.status("c").Calls)

		p.CallID = "unknown"
		_, err = r.Answer(t.Context(), p)
		require.ErrorIs(t, err, rtpengine.ErrUnknownCall)
		_, err = r.Query(t.Context(), p)
		require.ErrorIs(t, err, rtpengine.ErrUnknownCall)

		p.CallID = r.callOf("b")
		sdp, err = r.Offer(t.Context(), p)
		require.NoError(t, err)
		require.Equal(t, "b", string(sdp), "a delayed offer of a new call has a to-tag")
	})
}

func TestSetDrain(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		old, fresh := r.callOf("a"), r.callOf("a")
		require.Equal(t, old, fresh)
		require.Equal(t, "a", r.offer(old))
		fresh = r.callOf("a")
		require.NoError(t, r.Drain("a", true))
		require.Equal(t, []string{"a draining"}, r.history())
		require.Equal(t, "a", r.offer(old), "its calls go on")
		require.NotEqual(t, "a", r.offer(fresh))
		require.NoError(t, r.Drain("a", false))
		require.Equal(t, rtpengine.Up, r.state("a"))

		for name := range r.engines {
			require.NoError(t, r.Drain(name, true))
		}
		_, err := r.Offer(t.Context(), params("x"))
		require.ErrorIs(t, err, rtpengine.ErrNoEngine)
		require.ErrorIs(t, r.Ping(t.Context()), rtpengine.ErrNoEngine)
	})
}

func TestSetStandby(t *testing.T) {
	inSet(t, rtpengine.SetConfig{}, func(t *testing.T, r *rig) {
		r.add("spare", -1)
		synctest.Wait()
		for i := range 50 {
			require.NotEqual(t, "spare", r.offer(fmt.Sprint(i)))
		}
		for _, name := range []string{"a", "b", "c"} {
			r.engines[name].set(sated)
		}
		require.Equal(t, "spare", r.offer("x"))
	})
}

func TestSetRefuses(t *testing.T) {
	var param *rtpengine.ParamError
	s := rtpengine.NewSet(rtpengine.SetConfig{})
	require.ErrorAs(t, s.Add(rtpengine.Member{Engine: &fake{}}), &param)
	require.ErrorAs(t, s.Add(rtpengine.Member{Name: "a"}), &param)
	require.NoError(t, s.Add(rtpengine.Member{Name: "a", Engine: &fake{}}))
	require.ErrorAs(t, s.Add(rtpengine.Member{Name: "a", Engine: &fake{}}), &param)
	require.ErrorAs(t, s.Drain("b", true), &param)
	require.ErrorAs(t, s.Remove("b"), &param)
	require.Error(t, s.Dial("nowhere", 1))
	_, err := s.Do(t.Context(), "list", nil)
	require.ErrorAs(t, err, &param)
	_, err = s.Offer(t.Context(), rtpengine.Params{})
	require.ErrorAs(t, err, &param)
	_, ok := s.Engine("b")
	require.False(t, ok)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Add(rtpengine.Member{Name: "c", Engine: &fake{}}), rtpengine.ErrClosed)
	_, err = s.Offer(t.Context(), params("x"))
	require.True(t, errors.Is(err, rtpengine.ErrNoEngine))
	require.EqualError(t, err, "rtpengine: offer: no engine available")
}

// Engines that are dialled, the same one by two ways: when one fails, the other is
// taken.
func TestSetDial(t *testing.T) {
	d := newDaemon(t)
	s := rtpengine.NewSet(rtpengine.SetConfig{Client: rtpengine.Config{Alternative: "not for all", Retry: ms}})
	defer func() { require.NoError(t, s.Close()) }()
	require.NoError(t, s.Dial(d.addr("udp"), 1))
	require.NoError(t, s.Dial(d.addr("ws"), -1))
	require.Error(t, s.Dial(d.addr("udp"), 1), "twice")
	sdp, err := s.Offer(t.Context(), params("c"))
	require.NoError(t, err)
	require.Equal(t, "c", string(sdp))
	d.spoiled(func(way string, _ int) bool { return way == "udp" })
	sdp, err = s.Offer(t.Context(), params("d"))
	require.NoError(t, err)
	require.Equal(t, "d", string(sdp))
	reply, err := s.Do(t.Context(), "query", params("d").Dict())
	require.NoError(t, err)
	require.Equal(t, "d", reply["sdp"])
	require.Equal(t, "ok", reply["result"])
}
