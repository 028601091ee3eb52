// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRepliesWithoutRport has phones that do not ask for rport register and
// call: every reply must reach the port that the NAT mapped. The NAT drops, and
// counts, what goes to any other.
func TestRepliesWithoutRport(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip", "sipp")
	l := edgeLab(t, labConfig{}, edgeConfig{media: "embedded", ping: "0"})
	for _, h := range []*host{l.phoneA, l.phoneB} {
		t.Run("registration of "+h.name, func(t *testing.T) {
			passes(t, h.sipp(t, sippRun{scenario: sippRegister, port: 5070, user: h.name}))
		})
	}
	t.Run("404 for an unknown user", func(t *testing.T) {
		passes(t, l.phoneA.sipp(t, sippRun{scenario: sippRefused, port: 5071, user: "nobody", expect: 404}))
	})
	t.Run("call with hold and resume", func(t *testing.T) {
		b := l.phoneB.phone(t, phoneConfig{user: "bob"})
		passes(t, l.phoneA.sipp(t, sippRun{scenario: sippCall, port: 5072, user: "bob"}))
		b.expect(t, "CALL_CLOSED")
		require.Equal(t, 3, b.received("INVITE "))
		require.Equal(t, 3, b.received("ACK "))
		require.Equal(t, 1, b.received("BYE "))
	})
	require.Zero(t, l.natA.misdirected().packets(t), "replies to wrong ports of NAT A")
	require.Zero(t, l.natB.misdirected().packets(t), "replies to wrong ports of NAT B")
}

// TestAuthentication does the same where the registrar challenges.
func TestAuthentication(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip", "sipp")
	l := edgeLab(t, labConfig{}, edgeConfig{media: "none", users: "erin:secret\nalice:secret\nbob:hidden\n"})
	t.Run("401, then 200", func(t *testing.T) {
		passes(t, l.phoneA.sipp(t, sippRun{scenario: sippRegister, port: 5070, user: "erin", password: "secret"}))
	})
	t.Run("401 twice", func(t *testing.T) {
		passes(t, l.phoneA.sipp(t, sippRun{scenario: sippRegister, port: 5071, user: "erin", password: "wrong", expect: 401}))
	})
	t.Run("real phones call, and are challenged again", func(t *testing.T) {
		a := l.phoneA.phone(t, phoneConfig{user: "alice", password: "secret"})
		b := l.phoneB.phone(t, phoneConfig{user: "bob", password: "hidden"})
		dial(t, a, b)
		require.Equal(t, 1, a.received("SIP/2.0 407"))
		require.Equal(t, 1, b.received("INVITE "))
		hangup(t, b, a)
	})
	require.Zero(t, l.natA.misdirected().packets(t), "replies to wrong ports of NAT A")
}
