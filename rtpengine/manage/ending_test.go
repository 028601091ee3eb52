// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEnding: what ends a call or a branch at the engine, and what does not.
func TestEnding(t *testing.T) {
	tests := []struct {
		name string
		run  func(s *scene)
	}{
		{"BYE from the caller deletes the call", func(s *scene) {
			s.up()
			s.req("BYE", "A", "B", 2, "", aToB("x"))
			s.engine("delete A>")
		}},
		{"BYE from the callee deletes the call", func(s *scene) {
			s.up()
			s.req("BYE", "B", "A", 1, "", bToA("x"))
			s.engine("delete A>")
		}},
		{"BYE from both sides, and again, deletes once", func(s *scene) {
			s.up()
			s.req("BYE", "A", "B", 2, "", aToB("x"))
			s.req("BYE", "B", "A", 1, "", bToA("y"))
			s.req("BYE", "A", "B", 2, "", aToB("x"))
			s.res(200, "BYE", "A", "B", 2, "", aToB("x"))
			s.engine("delete A>")
		}},
		{"a 200 repeated after the BYE reads as before, and opens nothing", func(s *scene) {
			s.up()
			s.req("BYE", "A", "B", 2, "", aToB("x"))
			s.e.took()
			require.Equal(s, "b1/2", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			require.Equal(s, "a2", s.req("INVITE", "A", "B", 3, "a2", aToB("y")))
			s.engine()
		}},
		{"a description after the BYE waits for no delete", func(s *scene) {
			s.up()
			s.e.set(time.Hour, nil)
			start := time.Now()
			s.req("BYE", "A", "B", 2, "", aToB("x"))
			s.engine("delete A>")
			require.Equal(s, "b9", s.res(200, "INVITE", "A", "B", 1, "b9", aToB("b1")))
			require.Zero(s, time.Since(start))
			s.e.set(0, nil)
		}},
		{"a refusal after a 2xx on the same branch, of a fork behind it, deletes nothing", func(s *scene) {
			s.up()
			s.res(486, "INVITE", "A", "B9", 1, "", aToB("b1"))
			s.req("INVITE", "A", "B", 2, "a2", aToB("x"))
			s.engine("offer A>B  a2")
		}},
		{"BYE waits for no engine", func(s *scene) {
			s.up()
			s.e.set(time.Hour, nil)
			start := time.Now()
			s.req("BYE", "A", "B", 2, "", aToB("x"))
			require.Zero(s, time.Since(start))
			s.engine("delete A>")
			s.e.set(0, nil)
		}},
		{"a final refusal deletes its branch only, by from-tag and via-branch (rtpengine#875, OpenSIPS#4170)", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.req("INVITE", "A", "", 1, "a1", aToB("b2"))
			s.res(183, "INVITE", "A", "B1", 1, "x", aToB("b1"))
			s.res(486, "INVITE", "A", "B1", 1, "", aToB("b1"))
			s.engine("offer A> b1 a1", "offer A> b2 a1", "answer A>B1 b1 x", "delete A> b1 delete-delay=0")
			s.res(200, "INVITE", "A", "B2", 1, "y", aToB("b2"))
			s.engine("answer A>B2 b2 y")
		}},
		{"the 487 of a losing fork leaves the answered call (rtpengine#180)", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.req("INVITE", "A", "", 1, "a1", aToB("b2"))
			s.res(200, "INVITE", "A", "B2", 1, "y", aToB("b2"))
			s.res(487, "INVITE", "A", "B1", 1, "", aToB("b1"))
			s.e.took()
			s.req("INVITE", "A", "B2", 2, "a2", aToB("x"))
			s.engine("offer A>B2  a2")
		}},
		{"a 487 that comes after the winner's BYE ends all", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.req("INVITE", "A", "", 1, "a1", aToB("b2"))
			s.res(200, "INVITE", "A", "B2", 1, "y", aToB("b2"))
			s.req("BYE", "A", "B2", 2, "", aToB("x"))
			s.e.took()
			s.res(487, "INVITE", "A", "B1", 1, "", aToB("b1"))
			require.ElementsMatch(s, []string{"delete A> b1 delete-delay=0", "delete A>"}, s.e.took())
		}},
		{"CANCEL deletes nothing: the 487 does", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.req("CANCEL", "A", "", 1, "", aToB("b1"))
			s.engine("offer A> b1 a1")
			s.res(487, "INVITE", "A", "B", 1, "", aToB("b1"))
			s.engine("delete A> b1 delete-delay=0")
		}},
		{"a 200 that crosses the CANCEL keeps its call", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.req("CANCEL", "A", "", 1, "", aToB("b1"))
			require.Equal(s, "b1/2", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			s.engine("offer A> b1 a1", "answer A>B b1 b1")
		}},
		{"a 407 deletes the branch, the INVITE with credentials begins anew", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.res(407, "INVITE", "A", "P", 1, "", aToB("b1"))
			s.engine("offer A> b1 a1", "delete A> b1 delete-delay=0")
			require.Zero(s, s.m.Stats().Calls)
			s.req("INVITE", "A", "", 2, "a1", aToB("b2"))
			s.res(200, "INVITE", "A", "B", 2, "b1", aToB("b2"))
			s.engine("offer A> b2 a1", "answer A>B b2 b1")
		}},
		{"a refused branch with a delayed offer is deleted by tags", func(s *scene) {
			s.req("INVITE", "A", "", 1, "", aToB("b1"))
			s.res(183, "INVITE", "A", "B", 1, "b1", aToB("b1"))
			s.res(480, "INVITE", "A", "B", 1, "", aToB("b1"))
			s.engine("offer B>A  b1", "delete A>B  delete-delay=0")
			require.Zero(s, s.m.Stats().Calls)
		}},
		{"a refused branch that the engine never saw is not deleted there", func(s *scene) {
			s.req("INVITE", "A", "", 1, "", aToB("b1"))
			s.res(404, "INVITE", "A", "B", 1, "", aToB("b1"))
			s.engine()
			require.Zero(s, s.m.Stats().Calls)
		}},
		{"two forks answer: BYE for one deletes its dialog, the other lives", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.req("INVITE", "A", "", 1, "a1", aToB("b2"))
			s.res(200, "INVITE", "A", "B1", 1, "x", aToB("b1"))
			s.res(200, "INVITE", "A", "B2", 1, "y", aToB("b2"))
			s.e.took()
			s.req("BYE", "A", "B2", 2, "", aToB("x"))
			s.req("BYE", "A", "B2", 2, "", aToB("x"))
			// The engine had followed B2, who answered last: it is brought back.
			require.ElementsMatch(s, []string{"delete A>B2  delete-delay=0", "offer A>B1  a1", "answer A>B1  x"}, s.e.took())
			s.req("BYE", "B1", "A", 1, "", bToA("x"))
			s.engine("delete A>")
		}},
		{"two forks answer: BYE for the first leaves the engine with the last", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.req("INVITE", "A", "", 1, "a1", aToB("b2"))
			s.res(200, "INVITE", "A", "B1", 1, "x", aToB("b1"))
			s.res(200, "INVITE", "A", "B2", 1, "y", aToB("b2"))
			s.e.took()
			s.req("BYE", "A", "B1", 2, "", aToB("x"))
			s.engine("delete A>B1  delete-delay=0")
		}},
		{"a fork that answered early and gave up takes the engine off no other", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.req("INVITE", "A", "", 1, "a1", aToB("b2"))
			s.req("INVITE", "A", "", 1, "a1", aToB("b3"))
			s.res(183, "INVITE", "A", "B1", 1, "x", aToB("b1"))
			s.res(183, "INVITE", "A", "B2", 1, "y", aToB("b2"))
			s.e.took()
			s.res(486, "INVITE", "A", "B2", 1, "", aToB("b2"))
			require.ElementsMatch(s, []string{"delete A> b2 delete-delay=0", "offer A>B1 b1 a1", "answer A>B1 b1 x"}, s.e.took())
			s.res(486, "INVITE", "A", "B3", 1, "", aToB("b3"))
			s.engine("delete A> b3 delete-delay=0")
			require.Equal(s, "x/4", s.res(200, "INVITE", "A", "B1", 1, "x", aToB("b1")))
			s.engine()
		}},
		{"forks that ring in turn: the 200 is answered again, the engine follows the last answer", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.req("INVITE", "A", "", 1, "a1", aToB("b2"))
			s.res(183, "INVITE", "A", "B1", 1, "x", aToB("b1"))
			s.res(183, "INVITE", "A", "B2", 1, "y", aToB("b2"))
			s.e.took()
			require.Equal(s, "x/1", s.res(200, "INVITE", "A", "B1", 1, "x", aToB("b1")))
			require.Equal(s, "x/1", s.res(200, "INVITE", "A", "B1", 1, "x", aToB("b1")))
			s.engine("answer A>B1 b1 x")
		}},
		{"BYE in an early dialog leaves the cleaning to the final response", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.res(183, "INVITE", "A", "B", 1, "b1", aToB("b1"))
			s.req("BYE", "A", "B", 2, "", aToB("x"))
			s.engine("offer A> b1 a1", "answer A>B b1 b1")
			s.res(487, "INVITE", "A", "B", 1, "", aToB("b1"))
			s.engine("delete A> b1 delete-delay=0")
		}},
		{"BYE of a call that we have not seen begin deletes it, once", func(s *scene) {
			s.req("BYE", "B", "A", 1, "", bToA("x"))
			s.req("BYE", "B", "A", 1, "", bToA("x"))
			s.req("BYE", "A", "B", 1, "", aToB("x"))
			s.engine("delete B>")
		}},
		{"End deletes every call of the Call-ID", func(s *scene) {
			s.up()
			s.req("INVITE", "Z", "", 1, "z1", aToB("b9"))
			s.e.took()
			s.m.End("call-1")
			s.m.End("call-1")
			s.m.End("nobody")
			require.ElementsMatch(s, []string{"delete A>", "delete Z>"}, s.e.took())
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { play(t, tt.run) })
	}
}
