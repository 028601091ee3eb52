// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// fiveSeconds is the number of RTP packets in five seconds of G.711.
const fiveSeconds = 250

func TestCallsThroughRtpengine(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip", "rtpengine")
	calls(t, edgeLab(t, labConfig{}, edgeConfig{}))
}

func TestCallsThroughEmbeddedRelay(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip")
	calls(t, edgeLab(t, labConfig{}, edgeConfig{media: "embedded"}))
}

// calls has phones behind NATs and one without call each other in all
// directions.
func calls(t *testing.T, l *lab) {
	a := l.phoneA.phone(t, phoneConfig{user: "alice"})
	b := l.phoneB.phone(t, phoneConfig{user: "bob"})
	c := l.phoneC.phone(t, phoneConfig{user: "carol"})
	for _, leg := range []struct {
		name     string
		from, to *phone
	}{
		{"NAT A to NAT B", a, b},
		{"NAT B to NAT A", b, a},
		{"NAT A to public", a, c},
		{"public to NAT A", c, a},
	} {
		t.Run(leg.name, func(t *testing.T) {
			acks, answers := leg.to.received("ACK "), leg.to.sent("SIP/2.0 200 Answering")
			talk(t, leg.from, leg.to, fiveSeconds)
			require.Equal(t, 1, leg.to.received("ACK ")-acks, "ACK at the callee")
			require.Equal(t, 1, leg.to.sent("SIP/2.0 200 Answering")-answers, "200 of the callee: a second one means that the ACK was late")
			hangup(t, leg.from, leg.to)

			talk(t, leg.from, leg.to, 25)
			hangup(t, leg.to, leg.from)
		})
	}
	for _, n := range []*host{l.natA, l.natB} {
		require.Zero(t, n.misdirected().packets(t), "SIP to wrong ports of %s", n.name)
	}
}

// TestSameNAT has two phones behind one NAT call each other: neither may be
// sent to the other's private address, and the NAT does not hairpin.
func TestSameNAT(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip", "rtpengine")
	l := edgeLab(t, labConfig{}, edgeConfig{})
	a := l.phoneA.phone(t, phoneConfig{user: "alice"})
	d := l.phoneA2.phone(t, phoneConfig{user: "dave"})
	talk(t, a, d, 100)
	hangup(t, d, a)
	talk(t, d, a, 100)
	hangup(t, d, a)
}

// TestTCP has a phone on TCP and one on UDP behind their NATs call each other.
// The edge must use the connection that the phone opened: no other gets in.
func TestTCP(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip", "rtpengine")
	l := edgeLab(t, labConfig{}, edgeConfig{listen: []string{"udp:" + edgeIP + ":5060", "tcp:" + edgeIP + ":5060"}})
	dialled := l.edge.count(t, "output", "tcp flags & (syn | ack) == syn")
	a := l.phoneA.phone(t, phoneConfig{user: "alice", transport: "tcp"})
	b := l.phoneB.phone(t, phoneConfig{user: "bob"})
	talk(t, a, b, 100)
	hangup(t, b, a)
	talk(t, b, a, 100)
	hangup(t, b, a)
	require.Zero(t, dialled.packets(t), "connections that the edge tried to open")
}
