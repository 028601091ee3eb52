// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

// after replies to every datagram so much later.
func after(d time.Duration) func(*engine, request) {
	return func(e *engine, r request) { e.send(d, r.cookie+" "+ok) }
}

// call sends n commands of one call, in order, and returns their errors.
func call(ctx context.Context, c *rtpengine.Client, callID string, n int) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { _, errs[i] = c.Do(ctx, "x", dict{"call-id": callID, "n": i}) })
		synctest.Wait()
	}
	wg.Wait()
	return errs
}

func TestOneCommandInFlightPerCall(t *testing.T) {
	bubble(t, rtpengine.Config{}, after(10*ms), func(t *testing.T, e *engine, c *rtpengine.Client) {
		var other [2]error
		var wg sync.WaitGroup
		for i := range other {
			wg.Go(func() { _, other[i] = c.Do(t.Context(), "x", dict{"call-id": "b"}) })
		}
		for _, err := range call(t.Context(), c, "a", 5) {
			require.NoError(t, err)
		}
		wg.Wait()
		require.Equal(t, [2]error{}, other)
		var order []any
		for _, r := range e.sent() {
			if r.dict["call-id"] == "a" {
				require.Equal(t, time.Duration(len(order))*10*ms, r.at)
				order = append(order, r.dict["n"])
			}
		}
		require.Equal(t, []any{int64(0), int64(1), int64(2), int64(3), int64(4)}, order, "in the order of their coming")
		require.Equal(t, 50*ms, time.Since(e.start), "calls do not wait for one another")
	})
}

func TestTypedCommandsWaitForTheirCall(t *testing.T) {
	on := func(e *engine, r request) { e.send(10*ms, r.cookie+" d6:result2:ok3:sdp1:xe") }
	bubble(t, rtpengine.Config{}, on, func(t *testing.T, e *engine, c *rtpengine.Client) {
		p := rtpengine.Params{CallID: "a", FromTag: "f", ToTag: "t", SDP: []byte("v=0")}
		var wg sync.WaitGroup
		errs := make(chan error, 4)
		for _, f := range []func() error{
			func() error { _, err := c.Offer(t.Context(), p); return err },
			func() error { _, err := c.Answer(t.Context(), p); return err },
			func() error { _, err := c.Query(t.Context(), p); return err },
			func() error { return c.Delete(t.Context(), p) },
		} {
			wg.Go(func() { errs <- f() })
			synctest.Wait()
		}
		wg.Wait()
		for range cap(errs) {
			require.NoError(t, <-errs)
		}
		var order []any
		for i, r := range e.sent() {
			require.Equal(t, time.Duration(i)*10*ms, r.at)
			order = append(order, r.dict["command"])
		}
		require.Equal(t, []any{"offer", "answer", "query", "delete"}, order)
	})
}

func TestWindow(t *testing.T) {
	for _, tc := range []struct {
		cfg      rtpengine.Config
		inFlight int
	}{
		{rtpengine.Config{}, 64},
		{rtpengine.Config{Window: 3}, 3},
	} {
		t.Run(fmt.Sprint(tc.inFlight), func(t *testing.T) {
			bubble(t, tc.cfg, after(10*ms), func(t *testing.T, e *engine, c *rtpengine.Client) {
				errs := make(chan error, 200)
				for i := range cap(errs) {
					go func() {
						_, err := c.Do(t.Context(), "x", dict{"call-id": fmt.Sprint(i)})
						errs <- err
					}()
				}
				for range cap(errs) {
					require.NoError(t, <-errs)
				}
				at := map[time.Duration]int{}
				for _, r := range e.sent() {
					at[r.at]++
				}
				for when, n := range at {
					require.LessOrEqual(t, n, tc.inFlight, when)
				}
				require.Equal(t, tc.inFlight, at[0])
				rounds := (cap(errs) + tc.inFlight - 1) / tc.inFlight
				require.Equal(t, time.Duration(rounds)*10*ms, time.Since(e.start), "and no fewer")
			})
		})
	}
}

func TestQueueEndsByTimeout(t *testing.T) {
	bubble(t, rtpengine.Config{}, silent, func(t *testing.T, e *engine, c *rtpengine.Client) {
		for _, err := range call(t.Context(), c, "a", 4) {
			require.ErrorIs(t, err, rtpengine.ErrTimeout)
		}
		// A dead engine holds a caller no longer than two time-outs.
		require.LessOrEqual(t, time.Since(e.start), 7500*ms)
	})
}

func TestContext(t *testing.T) {
	t.Run("done before", func(t *testing.T) {
		bubble(t, rtpengine.Config{}, prompt(pong), func(t *testing.T, e *engine, c *rtpengine.Client) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.ErrorIs(t, c.Ping(ctx), context.Canceled)
			require.Empty(t, e.sent())
		})
	})
	t.Run("done in flight", func(t *testing.T) {
		bubble(t, rtpengine.Config{}, silent, func(t *testing.T, e *engine, c *rtpengine.Client) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*ms)
			defer cancel()
			err := c.Ping(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.EqualError(t, err, "rtpengine: ping: context deadline exceeded")
			require.Equal(t, 300*ms, time.Since(e.start))
			time.Sleep(time.Second)
			require.Len(t, e.sent(), 2, "no copies afterwards")
		})
	})
	t.Run("done while another command of the call is in flight", func(t *testing.T) {
		bubble(t, rtpengine.Config{}, after(100*ms), func(t *testing.T, e *engine, c *rtpengine.Client) {
			var wg sync.WaitGroup
			var first, last error
			wg.Go(func() { _, first = c.Do(t.Context(), "1", dict{"call-id": "a"}) })
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
			defer cancel()
			wg.Go(func() {
				time.Sleep(10 * ms)
				_, last = c.Do(t.Context(), "3", dict{"call-id": []byte("a")})
			})
			_, err := c.Do(ctx, "2", dict{"call-id": "a"})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			wg.Wait()
			require.NoError(t, first)
			require.NoError(t, last)
			require.Equal(t, 200*ms, time.Since(e.start), "who waits behind it gets the turn")
			require.Len(t, e.sent(), 2)
		})
	})
	t.Run("done while the window is full", func(t *testing.T) {
		bubble(t, rtpengine.Config{Window: 1}, after(100*ms), func(t *testing.T, e *engine, c *rtpengine.Client) {
			var wg sync.WaitGroup
			var first error
			wg.Go(func() { _, first = c.Do(t.Context(), "1", dict{"call-id": "a"}) })
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
			defer cancel()
			_, err := c.Do(ctx, "2", dict{"call-id": "b"})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			wg.Wait()
			require.NoError(t, first)
			_, err = c.Do(t.Context(), "3", dict{"call-id": "b"})
			require.NoError(t, err, "neither the call nor the window is left taken")
		})
	})
}
