// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage_test

import (
	"cmp"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/manage"
)

func bToC(branch string) flow.Leg { return flow.Leg{In: peerB, Out: peerC, Branch: branch} }

func TestRelayDecision(t *testing.T) {
	tests := []struct {
		name string
		run  func(s *scene)
	}{
		{"two public parties are not relayed, and stay so when one moves behind NAT", func(s *scene) {
			require.Equal(s, "b1", s.req("INVITE", "B", "", 1, "b1", bToC("b1")))
			require.Equal(s, "c1", s.res(200, "INVITE", "B", "C", 1, "c1", bToC("b1")))
			require.Equal(s, "b2", s.req("INVITE", "B", "C", 2, "b2", flow.Leg{In: peerA, Out: peerC, Branch: "x"}))
			require.Equal(s, "c2", s.res(200, "INVITE", "B", "C", 2, "c2", flow.Leg{In: peerA, Out: peerC, Branch: "x"}))
			s.req("BYE", "C", "B", 1, "", bToC("y"))
			s.engine()
		}},
		{"the callee behind NAT is reason enough", func(s *scene) {
			s.req("INVITE", "B", "", 1, "b1", bToA("b1"))
			s.engine("offer B> b1 b1")
		}},
		{"re-INVITE from the public side of a relayed call is relayed, whatever the NAT flags say now", func(s *scene) {
			s.up()
			s.req("INVITE", "B", "A", 1, "b2", bToC("x"))
			s.res(200, "INVITE", "B", "A", 1, "a2", bToC("x"))
			s.engine("offer B>A  b2", "answer B>A  a2")
		}},
		{"the policy is asked once per dialog, over both legs", func(s *scene) {
			var asked []flow.Leg
			s.m.Relay = func(leg flow.Leg) bool { asked = append(asked, leg); return true }
			s.up()
			s.req("INVITE", "B", "A", 1, "b2", bToA("x"))
			s.req("BYE", "A", "B", 2, "", aToB("y"))
			require.Equal(s, []flow.Leg{aToB("b1")}, asked)
		}},
		{"a delayed offer is decided at the reply", func(s *scene) {
			s.req("INVITE", "B", "", 1, "", bToC("b1"))
			leg := flow.Leg{In: peerB, Out: flow.Peer{Flow: peerC.Flow, NAT: true}, Branch: "b1"}
			s.res(200, "INVITE", "B", "C", 1, "c1", leg)
			require.Equal(s, "b1/2", s.req("ACK", "B", "C", 1, "b1", bToC("x")))
			s.engine("offer C>B  c1", "answer C>B  b1")
		}},
		{"forks are decided each on its own", func(s *scene) {
			require.Equal(s, "b1", s.req("INVITE", "B", "", 1, "b1", bToC("b1")))
			require.Equal(s, "b1/1", s.req("INVITE", "B", "", 1, "b1", bToA("b2")))
			require.Equal(s, "c1", s.res(183, "INVITE", "B", "C", 1, "c1", bToC("b1")))
			require.Equal(s, "a1/2", s.res(200, "INVITE", "B", "A", 1, "a1", bToA("b2")))
			s.res(487, "INVITE", "B", "C", 1, "", bToC("b1"))
			s.engine("offer B> b2 b1", "answer B>A b2 a1")
		}},
		{"Always relays", func(s *scene) {
			s.m.Relay = manage.Always
			s.req("INVITE", "B", "", 1, "b1", bToC("b1"))
			s.engine("offer B> b1 b1")
		}},
		{"between two networks, from either side", func(s *scene) {
			s.m.Direction = manage.ByRemote(map[netip.Prefix]string{
				netip.PrefixFrom(peerB.Flow.Remote.Addr(), 32): "internal",
				netip.PrefixFrom(peerC.Flow.Remote.Addr(), 32): "external",
			})
			require.Equal(s, "b1/1", s.req("INVITE", "B", "", 1, "b1", bToC("b1")))
			require.Equal(s, "c1/2", s.res(200, "INVITE", "B", "C", 1, "c1", bToC("b1")))
			require.Equal(s, "c2/3", s.req("INVITE", "C", "B", 1, "c2", flow.Leg{In: peerC, Out: peerB, Branch: "x"}))
			require.Contains(s, s.e.params[0].Flags.String(), "direction=internal direction=external")
			require.Contains(s, s.e.params[2].Flags.String(), "direction=external direction=internal")
		}},
		{"within a network", func(s *scene) {
			s.m.Direction = manage.ByRemote(map[netip.Prefix]string{netip.MustParsePrefix("0.0.0.0/0"): "external"})
			require.Equal(s, "b1", s.req("INVITE", "B", "", 1, "b1", bToC("b1")))
			s.engine()
		}},
		{"towards a network without a name", func(s *scene) {
			s.m.Direction = manage.ByRemote(map[netip.Prefix]string{netip.PrefixFrom(peerB.Flow.Remote.Addr(), 32): "internal"})
			require.Equal(s, "b1", s.req("INVITE", "B", "", 1, "b1", bToC("b1")))
			s.engine()
		}},
		{"after a restart: a re-INVITE of a NAT'd party finds the engine's session by both tags", func(s *scene) {
			s.req("INVITE", "B", "A", 5, "b2", bToA("x"))
			s.res(200, "INVITE", "B", "A", 5, "a2", bToA("x"))
			s.req("INVITE", "A", "B", 9, "a3", aToB("y"))
			s.res(488, "INVITE", "A", "B", 9, "", aToB("y"))
			s.engine("offer B>A  b2", "answer B>A  a2", "offer A>B  a3", "offer B>A  b2", "answer B>A  a2")
			s.req("BYE", "A", "B", 10, "", aToB("z"))
			s.engine("delete B>")
		}},
		{"after a restart: a public call stays unrelayed", func(s *scene) {
			require.Equal(s, "b2", s.req("INVITE", "B", "C", 5, "b2", bToC("x")))
			require.Equal(s, "c2", s.res(200, "INVITE", "B", "C", 5, "c2", bToC("x")))
			s.req("BYE", "B", "C", 6, "", bToC("y"))
			s.engine()
		}},
		{"after a restart: the ACK of a delayed offer is an answer", func(s *scene) {
			require.Equal(s, "a1/1", s.req("ACK", "A", "B", 1, "a1", aToB("x")))
			s.engine("answer B>A  a1")
		}},
		{"after a restart: a refused re-INVITE is forgotten, and deletes nothing", func(s *scene) {
			s.req("INVITE", "A", "B", 5, "a2", aToB("x"))
			s.res(481, "INVITE", "A", "B", 5, "", aToB("x"))
			s.engine("offer A>B  a2")
			require.Zero(s, s.m.Stats().Calls)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { play(t, tt.run) })
	}
}

func TestProfile(t *testing.T) {
	const nat = "SIP-source-address endpoint-learning-heuristic strict-source"
	const public = "trust-address endpoint-learning-heuristic strict-source"
	ice := "v=0\r\na=ice-ufrag:abcd\r\n"
	tests := []struct {
		name        string
		flags       string
		direction   bool
		sdp, answer string // answer: default "b1"
		offer, back string // flags of the offer from A, NAT'd, and of B's answer
	}{
		{
			name: "a NAT'd side is learned from its signalling address, a public one trusted", sdp: "a1",
			offer: nat + " replace-origin ICE=remove", back: public + " replace-origin ICE=remove",
		},
		{
			name: "the manager's own flags win", flags: "trust-address endpoint-learning=off ICE=force", sdp: "a1",
			offer: "trust-address endpoint-learning-off strict-source ICE=force",
			back:  "trust-address endpoint-learning-off strict-source ICE=force",
		},
		{
			name: "ICE that stays in the description finds the path by itself", flags: "ICE=force", sdp: ice,
			offer: "ICE=force", back: public + " ICE=force",
		},
		{
			name: "on both sides", flags: "ICE=force", sdp: ice, answer: ice,
			offer: "ICE=force", back: "trust-address ICE=force",
		},
		{
			name: "ICE that is removed does not", sdp: ice,
			offer: nat + " replace-origin ICE=remove", back: public + " replace-origin ICE=remove",
		},
		{
			name: "offers carry the direction", sdp: "a1", direction: true,
			offer: nat + " replace-origin ICE=remove direction=outside direction=inside",
			back:  public + " replace-origin ICE=remove",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(s *scene) {
				s.m.Flags = rtpengine.MustParseFlags(tt.flags)
				if tt.direction {
					s.m.Direction = func(f flow.Flow) string {
						return map[netip.AddrPort]string{peerA.Flow.Remote: "outside", peerB.Flow.Remote: "inside"}[f.Remote]
					}
				}
				s.req("INVITE", "A", "", 1, tt.sdp, aToB("b1"))
				s.res(200, "INVITE", "A", "B", 1, cmp.Or(tt.answer, "b1"), aToB("b1"))
				s.req("INVITE", "B", "A", 1, "b2", bToA("x"))
				got := s.e.params
				require.Equal(s, rtpengine.MustParseFlags(tt.offer).String(), got[0].Flags.String())
				require.Equal(s, peerA.Flow.Remote.Addr(), got[0].ReceivedFrom)
				require.Equal(s, rtpengine.MustParseFlags(tt.back).String(), got[1].Flags.String())
				require.Equal(s, peerB.Flow.Remote.Addr(), got[1].ReceivedFrom)
				if tt.direction {
					require.Contains(s, got[2].Flags.String(), "direction=inside direction=outside")
				}
			})
		})
	}
}
