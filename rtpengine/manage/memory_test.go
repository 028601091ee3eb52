// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/manage"
)

func TestMemory(t *testing.T) {
	tests := []struct {
		name string
		run  func(s *scene)
	}{
		{"a call that has ended is forgotten 32 s later", func(s *scene) {
			s.up()
			s.req("BYE", "A", "B", 2, "", aToB("x"))
			time.Sleep(33 * time.Second)
			s.callID = "call-2"
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			require.Equal(s, 1, s.m.Stats().Calls)
		}},
		{"a call without a BYE is forgotten after the TTL, and not deleted", func(s *scene) {
			s.up()
			time.Sleep(3*time.Hour + time.Second)
			s.callID = "call-2"
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			require.Equal(s, 1, s.m.Stats().Calls)
			s.engine("offer A> b1 a1")
		}},
		{"signalling keeps a call", func(s *scene) {
			s.m.TTL = time.Hour
			s.up()
			for range 3 {
				time.Sleep(50 * time.Minute)
				s.req("INVITE", "B", "A", 2, "b2", bToA("x"))
				s.callID = "call-2"
				s.req("INVITE", "A", "", 1, "", aToB("b1"))
				s.callID = "call-1"
			}
			s.e.took()
			s.req("INVITE", "A", "B", 2, "a2", aToB("x"))
			require.Equal(s, 2, s.m.Stats().Calls)
		}},
		{"a call that is heard of does not hide the silent ones behind it", func(s *scene) {
			s.m.TTL = time.Hour
			s.up()
			s.callID = "call-2"
			s.up()
			time.Sleep(50 * time.Minute)
			s.callID = "call-1"
			s.req("INVITE", "B", "A", 2, "b2", bToA("x"))
			time.Sleep(20 * time.Minute)
			s.callID = "call-3"
			s.req("INVITE", "A", "", 1, "", aToB("b1"))
			require.Equal(s, 2, s.m.Stats().Calls)
		}},
		{"one call too many is refused, those that are up go on", func(s *scene) {
			s.m.MaxCalls = 1
			s.up()
			s.callID = "call-2"
			err := s.fails(503, s.request("INVITE", "A", "", 1, "a1"), aToB("b1"))
			require.ErrorIs(s, err, manage.ErrTooMany)
			err = s.fails(503, s.request("UPDATE", "A", "B", 1, "a1"), aToB("b1"))
			require.ErrorIs(s, err, manage.ErrTooMany)
			s.callID = "call-1"
			s.req("INVITE", "A", "B", 2, "a2", aToB("x"))
			s.engine("offer A>B  a2")
		}},
		{"a callee's endless tags are refused", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			for i := range 64 {
				s.res(183, "INVITE", "A", fmt.Sprint("B", i), 1, "b1", aToB("b1"))
			}
			err := s.m.Reply(s.response(183, "INVITE", "A", "B99", 1, "b1"), aToB("b1"))
			require.ErrorIs(s, err, manage.ErrTooMany)
			s.res(486, "INVITE", "A", "B1", 1, "", aToB("b1"))
			require.Equal(s, "delete A> b1 delete-delay=0", s.e.took()[65])
			require.Zero(s, s.m.Stats().Calls)
		}},
		{"a caller's endless branches are refused", func(s *scene) {
			for i := range 256 {
				s.req("INVITE", "A", "", 1, "", aToB(fmt.Sprint(i)))
			}
			_ = s.fails(503, s.request("INVITE", "A", "", 1, ""), aToB("one more"))
		}},
		{"endless SDPs of one callee, and endless UPDATEs, are all negotiated", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			for i := range 40 {
				s.res(183, "INVITE", "A", "B", 1, fmt.Sprint("b", i), aToB("b1"))
			}
			for i := range 40 {
				s.req("UPDATE", "A", "B", i+2, "a1", aToB("b1"))
				s.res(200, "UPDATE", "A", "B", i+2, "b1", aToB("b1"))
			}
			require.Len(s, s.e.took(), 121)
		}},
		{"callers that share a Call-ID are told apart", func(s *scene) {
			for _, from := range []string{"A", "Y", "Z"} {
				s.req("INVITE", from, "", 1, "a1", aToB("b"+from))
			}
			s.res(404, "INVITE", "Y", "B", 1, "", aToB("bY"))
			s.e.took()
			s.res(200, "INVITE", "A", "B", 1, "b1", aToB("bA"))
			s.res(404, "INVITE", "Z", "B", 1, "", aToB("bZ"))
			s.engine("answer A>B bA b1", "delete Z> bZ delete-delay=0")
			require.Equal(s, 1, s.m.Stats().Calls)
		}},
		{"a Call-ID and tag that are used again after the end begin anew", func(s *scene) {
			s.up()
			s.req("BYE", "A", "B", 2, "", aToB("x"))
			s.e.took()
			s.up()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { play(t, tt.run) })
	}
}

// TestOneAtATime: commands of one call never overlap (facts/rtpengine.md A4), and
// a 200 that comes many times at once is answered once.
func TestOneAtATime(t *testing.T) {
	play(t, func(s *scene) {
		s.e.set(10*time.Millisecond, nil)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() { s.req("INVITE", "A", "", 1, "a1", aToB(fmt.Sprint("b", i))) })
		}
		wg.Wait()
		require.Len(s, s.e.took(), 8)
		for range 8 {
			wg.Go(func() { require.Equal(s, "x/1", s.res(200, "INVITE", "A", "B", 1, "x", aToB("b1"))) })
		}
		wg.Wait()
		s.engine("answer A>B b1 x")
		require.Equal(s, 1, s.e.most)
	})
}

// TestDeleteWaits: a BYE during a slow offer deletes after it, never before: the
// offer would open the call again.
func TestDeleteWaits(t *testing.T) {
	play(t, func(s *scene) {
		s.up()
		s.e.set(100*time.Millisecond, nil)
		go func() { _ = s.m.Branch(s.request("INVITE", "A", "B", 2, "a2"), aToB("x")) }()
		synctest.Wait()
		go func() { _ = s.m.Branch(s.request("INVITE", "B", "A", 2, "b2"), bToA("y")) }()
		synctest.Wait()
		s.req("BYE", "A", "B", 3, "", aToB("z"))
		time.Sleep(time.Second)
		s.engine("offer A>B  a2", "delete A>")
		require.Equal(s, 1, s.e.most)
	})
}

// TestByeStorm: an engine that is down costs BYEs nothing, and what waits for it
// is bounded.
func TestByeStorm(t *testing.T) {
	play(t, func(s *scene) {
		const calls = 5000
		for i := range calls {
			s.callID = fmt.Sprint("call-", i)
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1"))
		}
		s.e.took()
		s.e.set(time.Hour, nil)
		start := time.Now()
		for i := range calls {
			s.callID = fmt.Sprint("call-", i)
			s.req("BYE", "A", "B", 2, "", aToB("x"))
		}
		require.Zero(s, time.Since(start))
		require.Len(s, s.e.took(), 64)
		require.EqualValues(s, calls-4096-64, s.m.Stats().Dropped)
		require.NoError(s, s.m.Close())
		require.LessOrEqual(s, time.Since(start), 5*time.Second)
	})
}

// TestGhostAndRetry: the next attempt waits for the delete of a ghost.
func TestGhostAndRetry(t *testing.T) {
	play(t, func(s *scene) {
		s.e.set(0, func(command string, p rtpengine.Params) error {
			if command == "delete" {
				time.Sleep(100 * time.Millisecond)
				return nil
			}
			if p.ViaBranch == "b1" {
				return rtpengine.ErrTimeout
			}
			return nil
		})
		_ = s.fails(503, s.request("INVITE", "A", "", 1, "a1"), aToB("b1"))
		synctest.Wait()
		s.req("INVITE", "A", "", 2, "a1", aToB("b2"))
		s.engine("offer A> b1 a1", "delete A> b1 delete-delay=0", "offer A> b2 a1")
		require.Equal(s, 1, s.e.most)
	})
}

// TestGhostAfterRetry: the delete of a ghost does not meet the next attempt of
// the same call: an engine takes a delete for an unknown branch for the call.
func TestGhostAfterRetry(t *testing.T) {
	play(t, func(s *scene) {
		slow := make(chan struct{})
		s.e.set(0, func(command string, p rtpengine.Params) error {
			if p.ViaBranch == "b1" {
				<-slow
				return rtpengine.ErrTimeout
			}
			return nil
		})
		go func() { _ = s.m.Branch(s.request("INVITE", "A", "", 1, "a1"), aToB("b1")) }()
		synctest.Wait()
		go func() { _ = s.m.Branch(s.request("INVITE", "A", "", 1, "a1"), aToB("b2")) }()
		synctest.Wait()
		close(slow)
		s.engine("offer A> b1 a1", "offer A> b2 a1")
	})
}
