// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// TestTwoAddresses has phones, each on one socket, talk to both addresses of
// the edge: an answer comes from the address that was asked, and a call goes out
// from the address that the phone registered at. The NAT lets nothing else in.
func TestTwoAddresses(t *testing.T) {
	t.Parallel()
	need(t, "netns")
	for _, edge := range []struct {
		name   string
		listen []string
	}{
		{"wildcard", []string{"udp:0.0.0.0:5060"}},
		{"two listeners", []string{"udp:" + edgeIP + ":5060", "udp:" + edgeIP2 + ":5060"}},
	} {
		t.Run(edge.name, func(t *testing.T) {
			t.Parallel()
			l := edgeLab(t, labConfig{}, edgeConfig{listen: edge.listen, media: "none"})
			for _, h := range []*host{l.phoneA, l.phoneC} {
				t.Run("answers to "+h.name, func(t *testing.T) { bothAnswer(t, h.ua(t, 5070)) })
			}
			t.Run("calls", func(t *testing.T) { bothCall(t, l) })
			require.Zero(t, l.natA.misdirected().packets(t), "SIP from the wrong address")
		})
	}
}

// bothAnswer asks both addresses in turn, more than once.
func bothAnswer(t *testing.T, u *ua) {
	for range 3 {
		for _, addr := range []string{edgeIP + ":5060", edgeIP2 + ":5060"} {
			u.send(t, addr, u.request("OPTIONS", "sip:"+addr), "")
			_, from := u.response(t, sip.OPTIONS)
			require.Equal(t, addr, from.String(), "source of the answer to OPTIONS")
			u.send(t, addr, u.request("INVITE", "sip:nobody@"+addr), "")
			res, from := u.response(t, sip.INVITE)
			require.Equal(t, 404, res.StatusCode)
			require.Equal(t, addr, from.String(), "source of the answer to INVITE")
			u.send(t, addr, u.request("ACK", "sip:nobody@"+addr), "")
		}
	}
}

// bothCall has two users register from one socket, one at each address, and be
// called from a socket that asks either address.
func bothCall(t *testing.T, l *lab) {
	phone, caller := l.phoneA.ua(t, 5071), l.phoneC.ua(t, 5071)
	for user, at := range map[string]string{"one": edgeIP, "two": edgeIP2} {
		phone.register(t, user, at+":5060")
		for _, asked := range []string{edgeIP + ":5060", edgeIP2 + ":5060"} {
			caller.send(t, asked, caller.request("INVITE", "sip:"+user+"@"+at), "")
			invite, from := phone.incoming(t, sip.INVITE)
			require.Equal(t, at+":5060", from.String(), "source of the call to %s, asked of %s", user, asked)
			phone.reply(t, invite, from, 486, "Busy Here", "")
			res, from := caller.response(t, sip.INVITE)
			require.Equal(t, 486, res.StatusCode)
			require.Equal(t, asked, from.String(), "source of the answer, asked of %s", asked)
		}
	}
}
