// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// TestMediaOutage has the engine die, or hang, and come back. What was meanwhile
// asked of the edge is answered.
func TestMediaOutage(t *testing.T) {
	t.Parallel()
	need(t, "netns")
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		l := daemonLab(t, 0)
		x, y := l.connect(t, l.a, l.b)
		l.up(t, x, y)
		l.engine.process.stop()
		deadEngine(t, l, x, y)
		l.engine = startEngine(t, l.lab, 0)
		l.live(t)
		t.Run("new calls work", func(t *testing.T) {
			x, y := l.connect(t, l.a, l.b)
			l.up(t, x, y)
			l.hangUp(t, x, y)
		})
	})
	t.Run("a call survives by re-INVITE", func(t *testing.T) {
		t.Parallel()
		l := daemonLab(t, 0)
		x, y := l.connect(t, l.c, l.b)
		l.up(t, x, y)
		l.engine.process.stop()
		x.send(t, "INVITE", x.sdp())
		x.gets(t, "INVITE", 503)
		deaf(t, x.voice, y.voice)
		l.engine = startEngine(t, l.lab, 0)
		acceptedMove(t, x, y, x.voice)
		l.up(t, x, y)
		l.hangUp(t, x, y)
	})
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		l := daemonLab(t, 0)
		x, y := l.connect(t, l.a, l.b)
		l.up(t, x, y)
		pid := l.engine.process.cmd.Process.Pid
		require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
		deadEngine(t, l, x, y)
		require.NoError(t, syscall.Kill(pid, syscall.SIGCONT))
		// It now does what it was asked meanwhile: an offer whose INVITE was refused,
		// and the deletes of both calls.
		l.live(t)
		x, y = l.connect(t, l.a, l.b)
		l.up(t, x, y)
		l.hangUp(t, x, y)
	})
}

// deadEngine has carol call bob, which fails, while alice hangs up, which does
// not wait for that.
func deadEngine(t *testing.T, l *mediaLab, x, y *side) {
	t.Helper()
	start := time.Now()
	refused := l.c.invites(t, "bob", l.c.sdp())
	x.send(t, "BYE", content{})
	y.responds(t, y.incoming(t, "BYE"), 200, content{})
	x.gets(t, "BYE", 200)
	ended := time.Since(start)
	l.c.bind(t, "carol", "")
	require.Zero(t, l.c.responses(sip.INVITE), "BYE and REGISTER are answered before the INVITE, which waits for the engine")
	refused.gets(t, "INVITE", 503)
	t.Logf("503 after %v, 200 to BYE after %v", time.Since(start).Round(time.Millisecond), ended.Round(time.Millisecond))
	require.Less(t, time.Since(start), 3*time.Second, "time to the 503")
	require.Zero(t, l.b.number(func(msg sip.Message) bool {
		req, ok := msg.(*sip.Request)
		return ok && req.CallID().Value() == refused.callID
	}), "INVITE at the callee")
	x.speak()
	y.speak()
}
