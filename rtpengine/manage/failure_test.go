// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/manage"
)

// fails asserts that a request is refused with a status, and is unchanged.
func (s *scene) fails(code int, req *sip.Request, leg flow.Leg) error {
	s.Helper()
	before := req.String()
	err := s.m.Branch(req, leg)
	require.Error(s, err)
	got, _ := flow.Status(err)
	require.Equal(s, code, got, err.Error())
	require.Equal(s, before, req.String(), "an error leaves the message as it was")
	return err
}

func TestEngineFailure(t *testing.T) {
	tests := []struct {
		name string
		run  func(s *scene)
	}{
		{"no engine answers: 503 within the timeout", func(s *scene) {
			s.e.set(time.Hour, nil)
			start := time.Now()
			err := s.fails(503, s.request("INVITE", "A", "", 1, "a1"), aToB("b1"))
			require.ErrorIs(s, err, rtpengine.ErrTimeout)
			require.Equal(s, 500*time.Millisecond, time.Since(start))
			s.e.set(0, nil)
		}},
		{"Timeout is the manager's, a context of the caller's own for Request", func(s *scene) {
			s.m.Timeout = 50 * time.Millisecond
			s.e.set(time.Hour, nil)
			start := time.Now()
			_ = s.fails(503, s.request("INVITE", "A", "", 1, "a1"), aToB("b1"))
			require.Equal(s, 50*time.Millisecond, time.Since(start))
			ctx, cancel := context.WithTimeout(s.Context(), 2*time.Second)
			defer cancel()
			require.Error(s, s.m.Request(ctx, s.request("INVITE", "Z", "", 1, "z1"), aToB("b1")))
			require.Equal(s, 2050*time.Millisecond, time.Since(start))
			s.e.set(0, nil)
		}},
		{"a first offer that timed out may have run: its ghost is deleted (rtpengine#253)", func(s *scene) {
			s.e.set(0, func(string, rtpengine.Params) error { return rtpengine.ErrTimeout })
			_ = s.fails(503, s.request("INVITE", "A", "", 1, "a1"), aToB("b1"))
			s.engine("offer A> b1 a1", "delete A> b1 delete-delay=0")
			require.Zero(s, s.m.Stats().Calls)
		}},
		{"a ghost is left alone while another fork lives: the engine would delete that too", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.e.set(0, func(string, rtpengine.Params) error { return rtpengine.ErrTimeout })
			_ = s.fails(503, s.request("INVITE", "A", "", 1, "a1"), aToB("b2"))
			s.engine("offer A> b1 a1", "offer A> b2 a1")
		}},
		{"an SDP that the engine cannot read: 488, no ghost", func(s *scene) {
			s.e.set(0, refuse("Failed to parse SDP"))
			_ = s.fails(488, s.request("INVITE", "A", "", 1, "a1"), aToB("b1"))
			s.engine("offer A> b1 a1")
			require.Zero(s, s.m.Stats().Calls)
		}},
		{"an engine that is full: 503", func(s *scene) {
			s.e.set(0, refuse("Ran out of ports"))
			err := s.fails(503, s.request("INVITE", "A", "", 1, "a1"), aToB("b1"))
			require.ErrorIs(s, err, rtpengine.ErrLoadLimit)
		}},
		{"tags that the engine cannot take: 400", func(s *scene) {
			s.e.set(0, func(string, rtpengine.Params) error { return &rtpengine.ParamError{Command: "offer"} })
			_ = s.fails(400, s.request("INVITE", "A", "", 1, "a1"), aToB("b1"))
		}},
		{"the 503 of the failed branch, seen as its final response, deletes nothing more", func(s *scene) {
			s.e.set(0, refuse("Ran out of ports"))
			_ = s.fails(503, s.request("INVITE", "A", "", 1, "a1"), aToB("b1"))
			s.res(503, "INVITE", "A", "P", 1, "", aToB("b1"))
			s.engine("offer A> b1 a1")
		}},
		{"Optional: the call passes as it is, for its whole life", func(s *scene) {
			s.m.Optional = true
			s.e.set(0, refuse("Ran out of ports"))
			require.Equal(s, "a1", s.req("INVITE", "A", "", 1, "a1", aToB("b1")))
			s.engine("offer A> b1 a1")
			s.e.set(0, nil)
			require.Equal(s, "b1", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			require.Equal(s, "a2", s.req("INVITE", "A", "B", 2, "a2", aToB("x")))
			s.req("BYE", "A", "B", 3, "", aToB("y"))
			s.engine()
			require.EqualValues(s, 1, s.m.Stats().Passed)
		}},
		{"Optional does not tear a relayed call: its re-INVITE is refused", func(s *scene) {
			s.m.Optional = true
			s.up()
			s.e.set(0, refuse("Ran out of ports"))
			_ = s.fails(503, s.request("INVITE", "A", "B", 2, "a2"), aToB("x"))
		}},
		{"an answer that failed is reported, leaves the response, and is tried again", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.e.set(0, func(string, rtpengine.Params) error { return rtpengine.ErrTimeout })
			res := s.response(200, "INVITE", "A", "B", 1, "b1")
			err := s.m.Reply(res, aToB("b1"))
			var failure *manage.Error
			require.ErrorAs(s, err, &failure)
			require.Equal(s, "answer", failure.Op)
			require.Equal(s, "b1", string(res.Body()))
			s.e.set(0, nil)
			require.Equal(s, "b1/3", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			s.engine("offer A> b1 a1", "answer A>B b1 b1", "answer A>B b1 b1")
		}},
		{"an ACK whose answer failed is not passed; its repetition tries again", func(s *scene) {
			s.req("INVITE", "A", "", 1, "", aToB("b1"))
			s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1"))
			s.e.set(0, func(string, rtpengine.Params) error { return rtpengine.ErrTimeout })
			_ = s.fails(503, s.request("ACK", "A", "B", 1, "a1"), aToB("x"))
			s.e.set(0, nil)
			require.Equal(s, "a1/3", s.req("ACK", "A", "B", 1, "a1", aToB("y")))
		}},
		{"an SDP beyond all reason: 413, the engine is not asked", func(s *scene) {
			_ = s.fails(413, s.request("INVITE", "A", "", 1, strings.Repeat("a", 40_000)), aToB("b1"))
			s.engine()
			require.Zero(s, s.m.Stats().Calls)
		}},
		{"a reply without SDP is an error", func(s *scene) {
			s.m.Engine = silent{s.e}
			err := s.fails(503, s.request("INVITE", "A", "", 1, "a1"), aToB("b1"))
			require.ErrorIs(s, err, rtpengine.ErrNoSDP)
		}},
		{"a direction that is no name is an error", func(s *scene) {
			s.m.Direction = func(flow.Flow) string { return "two words" }
			_ = s.fails(503, s.request("INVITE", "A", "", 1, "a1"), aToB("b1"))
			s.engine()
		}},
		{"without an Engine nothing is touched", func(s *scene) {
			s.m.Engine = nil
			require.Equal(s, "a1", s.req("INVITE", "A", "", 1, "a1", aToB("b1")))
			require.Equal(s, "b1", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			s.req("BYE", "A", "B", 2, "", aToB("x"))
			require.Zero(s, s.m.Stats())
		}},
		{"a closed manager negotiates nothing", func(s *scene) {
			s.up()
			require.NoError(s, s.m.Close())
			require.NoError(s, s.m.Close())
			require.ErrorIs(s, s.fails(503, s.request("INVITE", "A", "B", 2, "a2"), aToB("x")), manage.ErrClosed)
			require.ErrorIs(s, s.fails(503, s.request("INVITE", "Z", "", 1, "z1"), aToB("b1")), manage.ErrClosed)
			s.req("BYE", "A", "B", 3, "", aToB("y"))
			s.engine()
			require.EqualValues(s, 1, s.m.Stats().Dropped)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { play(t, tt.run) })
	}
}

// silent says ok to offers without a description.
type silent struct{ *engine }

func (silent) Offer(context.Context, rtpengine.Params) ([]byte, error) { return nil, nil }

func TestErrorText(t *testing.T) {
	err := &manage.Error{Op: "offer", Err: manage.ErrTooMany}
	require.Equal(t, "manage: offer: too many calls", err.Error())
	require.True(t, errors.Is(err, manage.ErrTooMany))
}
