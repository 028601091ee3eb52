// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMediaRefusals has re-INVITEs and UPDATEs refused in calls that stand: the
// media goes on where it went before.
func TestMediaRefusals(t *testing.T) {
	t.Parallel()
	need(t, "netns")
	onBothEngines(t, func(t *testing.T, l *mediaLab) {
		x, y := l.connect(t, l.c, l.b)
		for _, r := range []struct {
			method string
			code   int
		}{
			{"INVITE", 488}, {"INVITE", 491}, {"INVITE", 407}, {"UPDATE", 500},
		} {
			t.Run(fmt.Sprintf("%s to another port is answered %d", r.method, r.code), func(t *testing.T) {
				moved := refusedMove(t, x, y, r.method, r.code)
				l.up(t, x, y)
				require.Less(t, moved.count(y.voice), halfSecond, "RTP at the port that was refused")
			})
		}
		t.Run("hold from behind NAT is answered 488", func(t *testing.T) {
			hold := y.sdp()
			hold.text = strings.Replace(hold.text, "a=sendrecv", "a=sendonly", 1)
			y.send(t, "INVITE", hold)
			x.responds(t, x.incoming(t, "INVITE"), 488, content{})
			y.gets(t, "INVITE", 488)
			l.up(t, x, y)
		})
		// Debian's rtpengine believes the port of the last SDP for three seconds,
		// whatever it had learned: media to the phone pauses for so long.
		t.Run("another port from behind NAT is answered 491", func(t *testing.T) {
			refusedMove(t, y, x, "UPDATE", 491)
			l.up(t, x, y)
		})
		t.Run("407, then accepted", func(t *testing.T) {
			moved := refusedMove(t, x, y, "INVITE", 407)
			acceptedMove(t, x, y, moved)
			l.upWith(t, x, y, moved, y.voice)
			moved.speak()
			acceptedMove(t, x, y, x.voice)
			l.up(t, x, y)
		})
		t.Run("a re-INVITE that meets another", func(t *testing.T) {
			x.send(t, "INVITE", x.sdp())
			y.send(t, "INVITE", y.sdp())
			fromX, fromY := y.incoming(t, "INVITE"), x.incoming(t, "INVITE")
			y.responds(t, fromX, 491, content{})
			x.responds(t, fromY, 491, content{})
			x.gets(t, "INVITE", 491)
			y.gets(t, "INVITE", 491)
			l.up(t, x, y)
		})
		t.Run("CANCEL of a re-INVITE", func(t *testing.T) {
			x.send(t, "INVITE", x.sdpOf(x.moved(t)))
			req := y.incoming(t, "INVITE")
			y.responds(t, req, 180, content{})
			x.gets(t, "INVITE", 180)
			x.repeat(t, "CANCEL", nil)
			y.responds(t, y.incoming(t, "CANCEL"), 200, content{})
			y.responds(t, req, 487, content{})
			x.gets(t, "INVITE", 487)
			l.up(t, x, y)
		})
		l.hangUp(t, x, y)
	})
}

// refusedMove has one side ask for media at another port, and be refused.
func refusedMove(t *testing.T, by, other *side, method string, code int) *voice {
	t.Helper()
	moved := by.moved(t)
	by.send(t, method, by.sdpOf(moved))
	req := other.incoming(t, method)
	other.responds(t, req, code, content{})
	by.gets(t, method, code)
	return moved
}

func acceptedMove(t *testing.T, by, other *side, moved *voice) {
	t.Helper()
	by.send(t, "INVITE", by.sdpOf(moved))
	req := other.incoming(t, "INVITE")
	other.heeds(t, req.Body())
	other.responds(t, req, 200, other.sdp())
	moved.speak(by.heeds(t, by.gets(t, "INVITE", 200).Body()))
	if moved != by.voice {
		by.speak()
	}
	by.send(t, "ACK", content{})
	other.incoming(t, "ACK")
}
