// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"net/netip"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// TestLab pins what the scenarios take for granted about their network.
func TestLab(t *testing.T) {
	t.Parallel()
	l := newLab(t, labConfig{})
	inside, outside, stranger := l.phoneA.ua(t, 5070), l.phoneC.ua(t, 5070), l.phoneC.ua(t, 5071)

	inside.send(t, outside.addr.String(), inside.request("OPTIONS", "sip:outside"), "")
	req, mapped := outside.incoming(t, sip.OPTIONS)
	inside.send(t, stranger.addr.String(), inside.request("INFO", "sip:stranger"), "")
	_, second := stranger.incoming(t, sip.INFO)

	t.Run("the NAT maps each destination to another port", func(t *testing.T) {
		require.Equal(t, natAIP, mapped.Addr().String())
		require.Equal(t, natAIP, second.Addr().String())
		require.NotEqual(t, mapped.Port(), second.Port())
	})
	t.Run("an answer comes in", func(t *testing.T) {
		outside.reply(t, req, mapped, 200, "OK", "")
		_, from := inside.response(t, sip.OPTIONS)
		require.Equal(t, outside.addr, from)
		require.Zero(t, l.natA.unsolicited().packets(t))
	})
	t.Run("another's packet to that port does not", func(t *testing.T) {
		stranger.send(t, mapped.String(), stranger.request("OPTIONS", "sip:inside"), "")
		eventually(t, answerWithin, "a drop at the NAT", func() bool { return l.natA.unsolicited().packets(t) == 1 })
		require.Zero(t, inside.requests(sip.OPTIONS))
	})
	t.Run("what goes to a private address from outside is lost, and counted", func(t *testing.T) {
		sent := l.phoneC.count(t, "output", "ip daddr "+l.phoneA.ip)
		outside.send(t, inside.addr.String(), outside.request("OPTIONS", "sip:inside"), "")
		require.Equal(t, 1, sent.packets(t))
		require.Zero(t, inside.requests(sip.OPTIONS))
	})
	t.Run("a phone behind the same NAT has its own mapping", func(t *testing.T) {
		l.phoneA2.ua(t, 5070).send(t, outside.addr.String(), inside.request("MESSAGE", "sip:outside"), "")
		_, from := outside.incoming(t, sip.MESSAGE)
		require.Equal(t, netip.MustParseAddr(natAIP), from.Addr())
		require.NotEqual(t, mapped, from)
	})
}
