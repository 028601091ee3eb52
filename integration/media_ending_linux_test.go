// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMediaEndings has calls end in every way that SIP knows.
func TestMediaEndings(t *testing.T) {
	t.Parallel()
	need(t, "netns")
	onBothEngines(t, func(t *testing.T, l *mediaLab) {
		t.Run("BYE of the caller", func(t *testing.T) {
			x, y := l.connect(t, l.a, l.c)
			l.up(t, x, y)
			l.hangUp(t, x, y)
		})
		t.Run("BYE of the callee", func(t *testing.T) {
			x, y := l.connect(t, l.c, l.b)
			l.up(t, x, y)
			l.hangUp(t, y, x)
		})
		for _, s := range []struct {
			name string
			run  func(*testing.T, *mediaLab)
		}{
			{"BYE of both at once", bothHangUp},
			{"BYE to which nobody answers well", goneBye},
			{"BYE of one call leaves another", otherCall},
			{"refused", refusedCall},
			{"CANCEL while ringing", cancelRinging},
			{"200 crosses the CANCEL on the far side", crossFar},
			{"200 crosses the CANCEL on the near side", crossNear},
		} {
			t.Run(s.name, func(t *testing.T) { s.run(t, l) })
		}
	})
}

func bothHangUp(t *testing.T, l *mediaLab) {
	x, y := l.connect(t, l.a, l.b)
	l.up(t, x, y)
	x.send(t, "BYE", content{})
	y.send(t, "BYE", content{})
	atY, atX := y.incoming(t, "BYE"), x.incoming(t, "BYE")
	x.responds(t, atX, 200, content{})
	y.responds(t, atY, 200, content{})
	x.gets(t, "BYE", 200)
	y.gets(t, "BYE", 200)
	l.over(t, x, y)
}

// goneBye: the other side knows the call no more (RFC 3261 section 12.2.1.2).
func goneBye(t *testing.T, l *mediaLab) {
	x, y := l.connect(t, l.a, l.b)
	x.send(t, "BYE", content{})
	y.responds(t, y.incoming(t, "BYE"), 481, content{})
	x.gets(t, "BYE", 481)
	l.over(t, x, y)
}

func otherCall(t *testing.T, l *mediaLab) {
	x, y := l.connect(t, l.a, l.b)
	// The second call of the same two is answered, and ended, beside the first.
	second := l.a.invites(t, "bob", l.a.sdpOf(x.moved(t)))
	callee := l.b.called(t, second.callID)
	callee.answers(t, 200, l.b.sdp())
	second.gets(t, "INVITE", 200)
	second.send(t, "ACK", content{})
	callee.incoming(t, "ACK")
	l.live(t, x, second)
	bye(t, second, callee)
	l.up(t, x, y)
	l.hangUp(t, x, y)
}

func refusedCall(t *testing.T, l *mediaLab) {
	x := l.a.invites(t, "bob", l.a.sdp())
	y := l.b.called(t, x.callID)
	l.live(t, x)
	y.heeds(t, y.asked.Body())
	y.answers(t, 183, y.sdp())
	x.heeds(t, x.gets(t, "INVITE", 183).Body())
	converse(t, x.voice, y.voice)
	y.answers(t, 603, content{})
	y.incoming(t, "ACK")
	x.gets(t, "INVITE", 603)
	l.over(t, x, y)
}

func cancelRinging(t *testing.T, l *mediaLab) {
	x := l.a.invites(t, "bob", l.a.sdp())
	y := l.b.called(t, x.callID)
	y.heeds(t, y.asked.Body())
	y.answers(t, 183, y.sdp())
	x.heeds(t, x.gets(t, "INVITE", 183).Body())
	converse(t, x.voice, y.voice)
	x.repeat(t, "CANCEL", nil)
	x.gets(t, "CANCEL", 200)
	x.gets(t, "INVITE", 487)
	loses(t, y)
	y.speak(mediaAddr(t, y.asked.Body()))
	l.over(t, x, y)
}

// crossFar: the callee has sent its 200 before it reads the CANCEL. The caller
// was answered 487 by then, so that the edge hangs up.
func crossFar(t *testing.T, l *mediaLab) {
	x := l.a.invites(t, "bob", l.a.sdp())
	y := l.b.called(t, x.callID)
	y.heeds(t, y.asked.Body())
	y.answers(t, 183, y.sdp())
	x.heeds(t, x.gets(t, "INVITE", 183).Body())
	converse(t, x.voice, y.voice)
	x.repeat(t, "CANCEL", nil)
	x.gets(t, "INVITE", 487)
	cancel := y.incoming(t, "CANCEL")
	y.answers(t, 200, y.sdp())
	y.responds(t, cancel, 200, content{})
	y.incoming(t, "ACK")
	y.responds(t, y.incoming(t, "BYE"), 200, content{})
	l.over(t, x, y)
}

// crossNear: the CANCEL comes when the 200 has passed. The call stands.
func crossNear(t *testing.T, l *mediaLab) {
	x, y := l.connect(t, l.a, l.b)
	cancels := y.requests("CANCEL")
	x.repeat(t, "CANCEL", nil)
	require.Contains(t, []int{200, 481}, x.code(t, "CANCEL"))
	l.up(t, x, y)
	require.Equal(t, cancels, y.requests("CANCEL"), "CANCEL at the callee")
	l.hangUp(t, x, y)
}
