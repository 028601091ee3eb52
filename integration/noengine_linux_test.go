// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNoEngine has phones behind NATs call a latching peer, and be called by it,
// without a media engine: the edge only writes the NAT's address into the SDP.
func TestNoEngine(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip")
	l := edgeLab(t, labConfig{}, edgeConfig{media: "none"})
	a := l.phoneA.phone(t, phoneConfig{user: "alice"})
	b := l.phoneB.phone(t, phoneConfig{user: "bob"})
	peer := l.phoneC.softphone(t, true)
	peer.register(t, "peer", edgeIP+":5060")
	relayed := l.edge.count(t, "output", "udp length 180")

	for _, leg := range []struct {
		phone *phone
		nat   *host
	}{
		{a, l.natA},
		{b, l.natB},
	} {
		here, there := leg.phone.host.countRTP(t, l.phoneC.ip), l.phoneC.countRTP(t, leg.nat.ip)
		t.Run(leg.phone.cfg.user+" calls", func(t *testing.T) {
			leg.phone.do(t, "dial", "sip:peer@"+edgeIP)
			invite := peer.answer(t)
			require.Equal(t, "c=IN IP4 "+leg.nat.ip, mediaLine(invite.Body(), "c="))
			leg.phone.expect(t, "CALL_ESTABLISHED")
			receive(t, 100, here, there)
			leg.phone.do(t, "hangup", "")
			peer.ended(t)
			leg.phone.expect(t, "CALL_CLOSED")
		})
		t.Run(leg.phone.cfg.user+" is called", func(t *testing.T) {
			res := peer.call(t, leg.phone.uri(), edgeIP+":5060")
			require.Equal(t, "c=IN IP4 "+leg.nat.ip, mediaLine(res.Body(), "c="))
			leg.phone.expect(t, "CALL_ESTABLISHED")
			receive(t, 100, here, there)
			peer.bye(t)
			leg.phone.expect(t, "CALL_CLOSED")
		})
	}
	require.Zero(t, relayed.packets(t), "RTP through the edge")
}
