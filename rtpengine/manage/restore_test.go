// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

// TestRefusedReinvite: no refusal of a later request deletes a call; the engine
// goes back to the last agreement (kamailio.md C 28, 30).
func TestRefusedReinvite(t *testing.T) {
	agreed := []string{"offer A>B  a1", "answer A>B  b1"}
	tests := []struct {
		name string
		run  func(s *scene)
	}{
		{"488 to a re-INVITE replays the last agreement", func(s *scene) {
			s.up()
			s.req("INVITE", "A", "B", 2, "a2", aToB("x"))
			s.e.took()
			s.res(488, "INVITE", "A", "B", 2, "", aToB("x"))
			s.engine(agreed...)
			require.EqualValues(s, 1, s.m.Stats().Restores)
		}},
		{"488 to the callee's re-INVITE too", func(s *scene) {
			s.up()
			s.req("INVITE", "B", "A", 2, "b2", bToA("x"))
			s.e.took()
			s.res(488, "INVITE", "B", "A", 2, "", bToA("x"))
			s.engine(agreed...)
		}},
		{"504 to an UPDATE", func(s *scene) {
			s.up()
			s.req("UPDATE", "A", "B", 2, "a2", aToB("x"))
			s.e.took()
			s.res(504, "UPDATE", "A", "B", 2, "", aToB("x"))
			s.engine(agreed...)
		}},
		{"to an UPDATE in an early dialog: the early agreement, with the branch", func(s *scene) {
			s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
			s.res(183, "INVITE", "A", "B", 1, "b1", aToB("b1"))
			s.req("UPDATE", "A", "B", 2, "a2", aToB("x"))
			s.e.took()
			s.res(491, "UPDATE", "A", "B", 2, "", aToB("x"))
			s.engine("offer A>B b1 a1", "answer A>B b1 b1")
		}},
		{"an answer in a 183 of a refused re-INVITE is taken back", func(s *scene) {
			s.up()
			s.req("INVITE", "A", "B", 2, "a2", aToB("x"))
			s.res(183, "INVITE", "A", "B", 2, "b2", aToB("x"))
			s.e.took()
			s.res(500, "INVITE", "A", "B", 2, "", aToB("x"))
			s.engine(agreed...)
		}},
		{"the agreement of a later re-INVITE is the one that counts", func(s *scene) {
			s.up()
			s.req("INVITE", "B", "A", 1, "b2", bToA("x"))
			s.res(200, "INVITE", "B", "A", 1, "a2", bToA("x"))
			s.req("INVITE", "A", "B", 2, "a3", aToB("y"))
			s.e.took()
			s.res(488, "INVITE", "A", "B", 2, "", aToB("y"))
			s.engine("offer B>A  b2", "answer B>A  a2")
		}},
		{"a repeated 200 of an older re-INVITE does not bring its agreement back", func(s *scene) {
			s.up()
			s.req("INVITE", "A", "B", 2, "a2", aToB("x"))
			s.res(200, "INVITE", "A", "B", 2, "b2", aToB("x"))
			s.req("INVITE", "A", "B", 3, "a3", aToB("y"))
			s.res(200, "INVITE", "A", "B", 3, "b3", aToB("y"))
			s.res(200, "INVITE", "A", "B", 2, "b2", aToB("x"))
			s.req("INVITE", "A", "B", 4, "a4", aToB("z"))
			s.e.took()
			s.res(488, "INVITE", "A", "B", 4, "", aToB("z"))
			s.engine("offer A>B  a3", "answer A>B  b3")
		}},
		{"an answer in a reliable 183 counts when the 200 comes without one", func(s *scene) {
			s.up()
			s.req("INVITE", "A", "B", 2, "a2", aToB("x"))
			s.res(183, "INVITE", "A", "B", 2, "b2", aToB("x"))
			s.res(200, "INVITE", "A", "B", 2, "", aToB("x"))
			s.req("INVITE", "A", "B", 3, "a3", aToB("y"))
			s.e.took()
			s.res(488, "INVITE", "A", "B", 3, "", aToB("y"))
			s.engine("offer A>B  a2", "answer A>B  b2")
		}},
		{"a delayed offer's agreement is that of the ACK", func(s *scene) {
			s.req("INVITE", "A", "", 1, "", aToB("b1"))
			s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1"))
			s.req("ACK", "A", "B", 1, "a1", aToB("x"))
			s.req("INVITE", "A", "B", 2, "a2", aToB("y"))
			s.e.took()
			s.res(488, "INVITE", "A", "B", 2, "", aToB("y"))
			s.engine("offer B>A  b1", "answer B>A  a1")
		}},
		{"a re-INVITE without an offer changes nothing at the engine", func(s *scene) {
			s.up()
			s.req("INVITE", "A", "B", 2, "", aToB("x"))
			s.res(488, "INVITE", "A", "B", 2, "", aToB("x"))
			s.engine()
		}},
		{"glare: the other side's offer on its way is not disturbed, the last to fail restores", func(s *scene) {
			s.up()
			s.req("INVITE", "A", "B", 2, "a2", aToB("x"))
			s.req("INVITE", "B", "A", 1, "b2", bToA("y"))
			s.e.took()
			s.res(491, "INVITE", "A", "B", 2, "", aToB("x"))
			s.engine()
			s.res(491, "INVITE", "B", "A", 1, "", bToA("y"))
			s.engine(agreed...)
		}},
		{"after the BYE nothing is replayed", func(s *scene) {
			s.up()
			s.req("INVITE", "A", "B", 2, "a2", aToB("x"))
			s.req("BYE", "B", "A", 1, "", bToA("y"))
			s.e.took()
			s.res(487, "INVITE", "A", "B", 2, "", aToB("x"))
			s.engine()
		}},
		{"an engine that is gone is not asked for the answer", func(s *scene) {
			s.up()
			s.req("INVITE", "A", "B", 2, "a2", aToB("x"))
			s.e.took()
			s.e.set(0, refuse("Unknown call-id"))
			s.res(488, "INVITE", "A", "B", 2, "", aToB("x"))
			s.engine(agreed[0])
			require.EqualValues(s, 1, s.m.Stats().Failed)
		}},
		{"the replay takes no longer than 5 s", func(s *scene) {
			s.up()
			s.req("INVITE", "A", "B", 2, "a2", aToB("x"))
			s.e.took()
			s.e.set(time.Hour, nil)
			start := time.Now()
			s.res(488, "INVITE", "A", "B", 2, "", aToB("x"))
			require.Zero(s, time.Since(start))
			s.engine(agreed[0])
			require.NoError(s, s.m.Close())
			require.Equal(s, 5*time.Second, time.Since(start))
		}},
		{"a re-INVITE that the engine did not answer is 503, and taken back", func(s *scene) {
			s.up()
			s.e.set(0, func(command string, p rtpengine.Params) error {
				if string(p.SDP) == "a2" {
					return rtpengine.ErrTimeout
				}
				return nil
			})
			_ = s.fails(503, s.request("INVITE", "A", "B", 2, "a2"), aToB("x"))
			s.engine("offer A>B  a2", agreed[0], agreed[1])
		}},
		{"a re-INVITE that the engine refused needs no taking back", func(s *scene) {
			s.up()
			s.e.set(0, refuse("Failed to parse SDP"))
			_ = s.fails(488, s.request("INVITE", "A", "B", 2, "a2"), aToB("x"))
			s.res(488, "INVITE", "A", "B", 2, "", aToB("x"))
			s.engine("offer A>B  a2")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { play(t, tt.run) })
	}
}
