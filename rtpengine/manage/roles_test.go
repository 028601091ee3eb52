// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRoles is facts C, Kamailio's table of rtpengine_manage, row by row, with
// what is right where the table is not.
func TestRoles(t *testing.T) {
	tests := []struct {
		name string
		run  func(s *scene)
	}{
		{"INVITE with SDP is an offer, its 200 the answer, same orientation", func(s *scene) {
			require.Equal(s, "a1/1", s.req("INVITE", "A", "", 1, "a1", aToB("b1")))
			require.Equal(s, "b1/2", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			s.engine("offer A> b1 a1", "answer A>B b1 b1")
		}},
		{"183 with SDP is an answer, the 200 with the same SDP reads the same", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			require.Equal(s, "b1/2", s.res(183, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			require.Equal(s, "b1/2", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			s.engine("offer A> b1 a1", "answer A>B b1 b1")
		}},
		{"two 183 with different answers are both answered (rtpengine#502)", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			require.Equal(s, "b1/2", s.res(183, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			require.Equal(s, "b2/3", s.res(183, "INVITE", "A", "B", 1, "b2", aToB("b1")))
			require.Equal(s, "b2/3", s.res(200, "INVITE", "A", "B", 1, "b2", aToB("b1")))
			s.engine("offer A> b1 a1", "answer A>B b1 b1", "answer A>B b1 b2")
		}},
		{"a 200 that is repeated is not answered twice", func(s *scene) {
			s.up()
			require.Equal(s, "b1/2", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			s.engine()
			require.EqualValues(s, 1, s.m.Stats().Repeated)
		}},
		{"INVITE without SDP: the 200 is the offer, the ACK the answer", func(s *scene) {
			require.Equal(s, "", s.req("INVITE", "A", "", 1, "", aToB("b1")))
			require.Equal(s, "b1/1", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			require.Equal(s, "b1/1", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			require.Equal(s, "a1/2", s.req("ACK", "A", "B", 1, "a1", aToB("x")))
			require.Equal(s, "a1/2", s.req("ACK", "A", "B", 1, "a1", aToB("y")))
			s.engine("offer B>A  b1", "answer B>A  a1")
		}},
		{"INVITE without SDP: a reliable 183 is the offer, the PRACK the answer", func(s *scene) {
			s.req("INVITE", "A", "", 1, "", aToB("b1"))
			s.res(183, "INVITE", "A", "B", 1, "b1", aToB("b1"))
			require.Equal(s, "a1/2", s.req("PRACK", "A", "B", 2, "a1", aToB("x")))
			s.res(200, "PRACK", "A", "B", 2, "", aToB("x"))
			require.Equal(s, "b1/1", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			s.engine("offer B>A  b1", "answer B>A  a1")
		}},
		{"the second PRACK of a delayed offer is an offer", func(s *scene) {
			s.req("INVITE", "A", "", 1, "", aToB("b1"))
			s.res(183, "INVITE", "A", "B", 1, "b1", aToB("b1"))
			s.req("PRACK", "A", "B", 2, "a1", aToB("x"))
			s.req("PRACK", "A", "B", 3, "a2", aToB("y"))
			s.res(200, "PRACK", "A", "B", 3, "b2", aToB("y"))
			s.engine("offer B>A  b1", "answer B>A  a1", "offer A>B  a2", "answer A>B  b2")
		}},
		{"a B2BUA has no branches: CSeq tells INVITE and re-INVITE apart", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB(""))
			s.res(200, "INVITE", "A", "B", 1, "b1", aToB(""))
			s.req("INVITE", "A", "B", 2, "", aToB(""))
			s.res(200, "INVITE", "A", "B", 2, "b2", aToB(""))
			s.req("ACK", "A", "B", 2, "a2", aToB(""))
			s.engine("offer A>  a1", "answer A>B  b1", "offer B>A  b2", "answer B>A  a2")
			s.req("INVITE", "A", "B", 3, "a3", aToB(""))
			s.e.took()
			s.res(488, "INVITE", "A", "B", 3, "", aToB(""))
			s.engine("offer B>A  b2", "answer B>A  a2")
		}},
		{"PRACK after the answer came in a reliable 183 is an offer, its 200 the answer (Kamailio: answer)", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.res(183, "INVITE", "A", "B", 1, "b1", aToB("b1"))
			require.Equal(s, "a2/3", s.req("PRACK", "A", "B", 2, "a2", aToB("x")))
			require.Equal(s, "b2/4", s.res(200, "PRACK", "A", "B", 2, "b2", aToB("x")))
			s.engine("offer A> b1 a1", "answer A>B b1 b1", "offer A>B b1 a2", "answer A>B b1 b2")
		}},
		{"the 200 after a PRACK's negotiation does not bring the old answer back", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.res(183, "INVITE", "A", "B", 1, "b1", aToB("b1"))
			s.req("PRACK", "A", "B", 2, "a2", aToB("x"))
			s.res(200, "PRACK", "A", "B", 2, "b2", aToB("x"))
			s.e.took()
			require.Equal(s, "b1/2", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			s.engine()
		}},
		{"SDP in the 200 of a PRACK that asked nothing is left alone", func(s *scene) {
			s.req("INVITE", "A", "", 1, "", aToB("b1"))
			s.res(183, "INVITE", "A", "B", 1, "b1", aToB("b1"))
			s.req("PRACK", "A", "B", 2, "a1", aToB("x"))
			s.e.took()
			require.Equal(s, "b9", s.res(200, "PRACK", "A", "B", 2, "b9", aToB("x")))
			s.engine()
			require.EqualValues(s, 1, s.m.Stats().Unread)
		}},
		{"UPDATE in an early dialog, from the callee, is an offer with its tag first", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.res(183, "INVITE", "A", "B", 1, "b1", aToB("b1"))
			require.Equal(s, "b2/3", s.req("UPDATE", "B", "A", 7, "b2", bToA("x")))
			require.Equal(s, "a2/4", s.res(200, "UPDATE", "B", "A", 7, "a2", bToA("x")))
			s.engine("offer A> b1 a1", "answer A>B b1 b1", "offer B>A b1 b2", "answer B>A b1 a2")
		}},
		{"an offer in an early dialog whose 18x had no SDP goes with its branch", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.res(180, "INVITE", "A", "B", 1, "", aToB("b1"))
			s.req("UPDATE", "A", "B", 2, "a2", bToC("x"))
			s.res(404, "INVITE", "A", "B", 1, "", aToB("b1"))
			s.engine("offer A> b1 a1", "offer A>B b1 a2", "delete A> b1 delete-delay=0")
			require.Zero(s, s.m.Stats().Calls)
		}},
		{"UPDATE without SDP (session timer) asks nothing of the engine", func(s *scene) {
			s.up()
			s.req("UPDATE", "A", "B", 2, "", aToB("x"))
			s.res(200, "UPDATE", "A", "B", 2, "", aToB("x"))
			s.engine()
		}},
		{"re-INVITE from the caller: no via-branch once the call is up", func(s *scene) {
			s.up()
			require.Equal(s, "a2/1", s.req("INVITE", "A", "B", 2, "a2", aToB("x")))
			require.Equal(s, "b2/2", s.res(200, "INVITE", "A", "B", 2, "b2", aToB("x")))
			s.engine("offer A>B  a2", "answer A>B  b2")
		}},
		{"re-INVITE from the callee has the callee's tag first", func(s *scene) {
			s.up()
			s.req("INVITE", "B", "A", 1, "b2", bToA("x"))
			s.res(200, "INVITE", "B", "A", 1, "a2", bToA("x"))
			s.engine("offer B>A  b2", "answer B>A  a2")
		}},
		{"re-INVITE with the same SDP is a new offer: learning reopens", func(s *scene) {
			s.up()
			s.req("INVITE", "A", "B", 2, "a1", aToB("x"))
			s.res(200, "INVITE", "A", "B", 2, "b1", aToB("x"))
			s.engine("offer A>B  a1", "answer A>B  b1")
		}},
		{"re-INVITE without SDP: the 200 is the offer, the ACK the answer", func(s *scene) {
			s.up()
			s.req("INVITE", "A", "B", 2, "", aToB("x"))
			s.res(200, "INVITE", "A", "B", 2, "b2", aToB("x"))
			s.req("ACK", "A", "B", 2, "a2", aToB("y"))
			s.engine("offer B>A  b2", "answer B>A  a2")
		}},
		{"SDP in an ACK that nobody asked for is left alone", func(s *scene) {
			s.up()
			require.Equal(s, "a9", s.req("ACK", "A", "B", 1, "a9", aToB("y")))
			s.engine()
		}},
		{"other methods are left alone", func(s *scene) {
			s.up()
			for _, method := range []string{"INFO", "MESSAGE", "REFER", "SUBSCRIBE", "NOTIFY", "OPTIONS", "CANCEL"} {
				require.Equal(s, "a9", s.req(method, "A", "B", 5, "a9", aToB("y")))
				require.Equal(s, "b9", s.res(200, method, "A", "B", 5, "b9", aToB("y")))
			}
			s.engine()
		}},
		{"100 and an 18x without SDP ask nothing", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.res(100, "INVITE", "A", "", 1, "", aToB("b1"))
			s.res(180, "INVITE", "A", "B", 1, "", aToB("b1"))
			s.engine("offer A> b1 a1")
		}},
		{"SDP in the response to an INVITE that we have not seen is left alone", func(s *scene) {
			require.Equal(s, "b1", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
			s.engine()
			require.EqualValues(s, 1, s.m.Stats().Unread)
		}},
		{"an SDP in a refusal is left alone", func(s *scene) {
			s.up()
			s.req("INVITE", "A", "B", 2, "", aToB("x"))
			require.Equal(s, "b9", s.res(488, "INVITE", "A", "B", 2, "b9", aToB("x")))
			s.engine()
		}},
		{"a message without a From tag (RFC 2543) passes", func(s *scene) {
			require.Equal(s, "a1", s.req("INVITE", "", "", 1, "a1", aToB("b1")))
			s.engine()
			require.EqualValues(s, 1, s.m.Stats().Unread)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { play(t, tt.run) })
	}
}
