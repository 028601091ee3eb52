// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pastTimeout is more than three times what the NATs of TestSilence keep a
// mapping.
const pastTimeout = 35 * time.Second

// TestSilence has a phone do nothing for longer than its NAT keeps a mapping.
func TestSilence(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip", "rtpengine")
	t.Run("pings hold the pinhole", func(t *testing.T) {
		t.Parallel()
		l := edgeLab(t, labConfig{udpTimeout: 10}, edgeConfig{ping: "4s"})
		a := l.phoneA.phone(t, phoneConfig{user: "alice"})
		c := l.phoneC.phone(t, phoneConfig{user: "carol"})
		silence(t, pastTimeout)
		require.NotZero(t, a.received("OPTIONS "), "pings")
		require.Zero(t, l.natA.misdirected().packets(t), "pings to a closed port")
		talk(t, c, a, 25)
		hangup(t, a, c)
	})
	t.Run("without pings it closes", func(t *testing.T) {
		t.Parallel()
		l := edgeLab(t, labConfig{udpTimeout: 10}, edgeConfig{ping: "0"})
		a := l.phoneA.phone(t, phoneConfig{user: "alice"})
		c := l.phoneC.phone(t, phoneConfig{user: "carol"})
		silence(t, pastTimeout)
		c.do(t, "dial", a.uri())
		// The INVITE and a retransmission of it, at the closed port.
		eventually(t, answerWithin, "INVITEs dropped by the NAT", func() bool {
			return l.natA.misdirected().packets(t) >= 2
		})
		require.Zero(t, a.received("INVITE "))
	})
}
