// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMediaNegotiation has offer and answer travel in all the messages that
// RFC 6337 allows.
func TestMediaNegotiation(t *testing.T) {
	t.Parallel()
	need(t, "netns")
	onBothEngines(t, func(t *testing.T, l *mediaLab) {
		for _, s := range []struct {
			name string
			run  func(*testing.T, *mediaLab)
		}{
			{"delayed offer", delayedOffer},
			{"delayed offer in a reliable 183", delayedReliable},
			{"delayed offer in a re-INVITE", delayedReinvite},
			{"PRACK with an offer", prackOffer},
			{"UPDATE, early and confirmed", update},
			{"two 183s with one answer", twoProgress},
			{"two early dialogs on one branch", twoEarly},
			{"200 three times", repeatedOK},
			{"offer in a 200 three times", repeatedOffer},
		} {
			t.Run(s.name, func(t *testing.T) { s.run(t, l) })
		}
	})
}

// delayedOffer: the answer is in the ACK.
func delayedOffer(t *testing.T, l *mediaLab) {
	x := l.a.invites(t, "bob", content{})
	y := l.b.called(t, x.callID)
	require.Empty(t, y.asked.Body())
	y.answers(t, 180, content{})
	x.gets(t, "INVITE", 180)
	l.live(t) // nothing was offered yet
	y.answers(t, 200, y.sdp())
	x.heeds(t, x.gets(t, "INVITE", 200).Body())
	x.send(t, "ACK", x.sdp())
	y.heeds(t, y.incoming(t, "ACK").Body())
	l.up(t, x, y)
	l.hangUp(t, x, y)
}

// delayedReliable: the offer is in a 183, the answer in the PRACK, and neither
// the 200 nor the ACK has a description.
func delayedReliable(t *testing.T, l *mediaLab) {
	x := l.a.invites(t, "bob", content{})
	y := l.b.called(t, x.callID)
	y.answers(t, 183, y.sdp(), "Require: 100rel", "RSeq: 1")
	x.heeds(t, x.gets(t, "INVITE", 183).Body())
	prack(t, x, y, x.sdp(), content{})
	l.up(t, x, y)
	y.answers(t, 200, content{})
	x.gets(t, "INVITE", 200)
	x.send(t, "ACK", content{})
	y.incoming(t, "ACK")
	l.up(t, x, y)
	l.hangUp(t, y, x)
}

// prack acknowledges a 183. A description in it is an answer, or an offer that
// the reply answers.
func prack(t *testing.T, x, y *side, c, reply content) {
	t.Helper()
	x.send(t, "PRACK", c, fmt.Sprintf("RAck: 1 %d INVITE", x.inviteSeq))
	req := y.incoming(t, "PRACK")
	if c.kind != "" {
		y.heeds(t, req.Body())
	}
	y.responds(t, req, 200, reply)
	res := x.gets(t, "PRACK", 200)
	if reply.kind != "" {
		x.heeds(t, res.Body())
	}
}

// delayedReinvite: a callee re-INVITEs without a description, as third-party
// call control does.
func delayedReinvite(t *testing.T, l *mediaLab) {
	x, y := l.connect(t, l.a, l.b)
	y.send(t, "INVITE", content{})
	req := x.incoming(t, "INVITE")
	require.Empty(t, req.Body())
	moved := x.moved(t)
	x.responds(t, req, 200, x.sdpOf(moved))
	y.heeds(t, y.gets(t, "INVITE", 200).Body())
	y.send(t, "ACK", y.sdp())
	moved.speak(x.heeds(t, x.incoming(t, "ACK").Body()))
	x.speak()
	l.upWith(t, x, y, moved, y.voice)
	bye(t, y, x)
	l.overWith(t, moved, y.voice)
}

// prackOffer: the 183 answers the INVITE, so that a description in the PRACK is
// a new offer.
func prackOffer(t *testing.T, l *mediaLab) {
	x := l.a.invites(t, "bob", l.a.sdp())
	y := l.b.called(t, x.callID)
	y.heeds(t, y.asked.Body())
	y.answers(t, 183, y.sdp(), "Require: 100rel", "RSeq: 1")
	x.heeds(t, x.gets(t, "INVITE", 183).Body())
	l.up(t, x, y)
	moved := x.moved(t)
	prack(t, x, y, x.sdpOf(moved), y.sdp())
	moved.speak(x.told())
	x.speak()
	l.upWith(t, x, y, moved, y.voice)
	y.answers(t, 200, content{})
	x.gets(t, "INVITE", 200)
	x.send(t, "ACK", content{})
	y.incoming(t, "ACK")
	l.upWith(t, x, y, moved, y.voice)
	bye(t, x, y)
	l.overWith(t, moved, y.voice)
}

// moved is another port of the phone's, open until the end of the test.
func (s *side) moved(t *testing.T) *voice { return s.host.voice(t, actorRTP+100, 'M') }

// update: offers travel in UPDATEs of the early dialog, from the caller, and of
// the confirmed one, from the callee.
func update(t *testing.T, l *mediaLab) {
	x := l.a.invites(t, "bob", l.a.sdp())
	y := l.b.called(t, x.callID)
	y.heeds(t, y.asked.Body())
	y.answers(t, 183, y.sdp(), "Require: 100rel", "RSeq: 1")
	x.heeds(t, x.gets(t, "INVITE", 183).Body())
	prack(t, x, y, content{}, content{})
	moved := x.moved(t)
	exchangeUpdate(t, x, y, x.sdpOf(moved), y.sdp())
	moved.speak(x.told())
	x.speak()
	l.upWith(t, x, y, moved, y.voice)

	y.answers(t, 200, content{})
	x.gets(t, "INVITE", 200)
	x.send(t, "ACK", content{})
	y.incoming(t, "ACK")
	l.upWith(t, x, y, moved, y.voice)
	exchangeUpdate(t, y, x, y.sdp(), x.sdp()) // back to the first port
	moved.speak()
	l.up(t, x, y)
	l.hangUp(t, x, y)
}

func exchangeUpdate(t *testing.T, by, other *side, offer, answer content) {
	t.Helper()
	by.send(t, "UPDATE", offer)
	req := other.incoming(t, "UPDATE")
	other.heeds(t, req.Body())
	other.responds(t, req, 200, answer)
	by.heeds(t, by.gets(t, "UPDATE", 200).Body())
}

// twoProgress: a callee changes its mind about the early media's port, and sends
// the last answer again in the 200.
func twoProgress(t *testing.T, l *mediaLab) {
	x := l.a.invites(t, "bob", l.a.sdp())
	y := l.b.called(t, x.callID)
	announcement := y.moved(t)
	announcement.speak(y.heeds(t, y.asked.Body()))
	y.speak()
	y.answers(t, 183, y.sdpOf(announcement))
	x.heeds(t, x.gets(t, "INVITE", 183).Body())
	converse(t, x.voice, announcement)
	announcement.speak()
	own := y.sdp()
	y.answers(t, 183, own)
	y.heeds(t, y.asked.Body())
	x.heeds(t, x.gets(t, "INVITE", 183).Body())
	l.up(t, x, y)
	y.answers(t, 200, own)
	x.heeds(t, x.gets(t, "INVITE", 200).Body())
	x.send(t, "ACK", content{})
	y.incoming(t, "ACK")
	l.up(t, x, y)
	l.hangUp(t, x, y)
}

// twoEarly: a proxy behind the callee's address forked, so that two dialogs
// come of one branch. Each answers early; the first wins although the second
// answered last.
func twoEarly(t *testing.T, l *mediaLab) {
	x := l.c.invites(t, "bob", l.c.sdp())
	y := l.b.called(t, x.callID)
	first := y.sdp()
	y.heeds(t, y.asked.Body())
	y.answers(t, 183, first)
	x.heeds(t, x.gets(t, "INVITE", 183).Body())
	converse(t, x.voice, y.voice)

	second := *y
	second.tag = y.tag + "-fork"
	other := y.moved(t)
	y.speak()
	other.speak(mediaAddr(t, y.asked.Body()))
	second.answers(t, 183, y.sdpOf(other))
	x.heeds(t, x.gets(t, "INVITE", 183).Body())
	converse(t, x.voice, other)
	other.speak()

	y.heeds(t, y.asked.Body())
	y.answers(t, 200, first)
	x.heeds(t, x.gets(t, "INVITE", 200).Body())
	x.send(t, "ACK", content{})
	y.incoming(t, "ACK")
	l.up(t, x, y)
	l.hangUp(t, y, x)
}

// repeatedOK: each copy of a 200 reads the same, and the engine is not asked
// again.
func repeatedOK(t *testing.T, l *mediaLab) {
	x := l.a.invites(t, "bob", l.a.sdp())
	y := l.b.called(t, x.callID)
	y.heeds(t, y.asked.Body())
	before := l.asked(t)
	c := y.sdp()
	copies(t, x, y, c)
	l.asks(t, before+1)
	x.send(t, "ACK", content{})
	y.incoming(t, "ACK")
	l.up(t, x, y)
	l.hangUp(t, x, y)
}

func repeatedOffer(t *testing.T, l *mediaLab) {
	x := l.a.invites(t, "bob", content{})
	y := l.b.called(t, x.callID)
	before := l.asked(t)
	copies(t, x, y, y.sdp())
	l.asks(t, before+1)
	answer := x.sdp()
	for range 2 { // the first one got lost beyond the edge
		x.send(t, "ACK", answer)
		y.heeds(t, y.incoming(t, "ACK").Body())
	}
	l.asks(t, before+2)
	l.up(t, x, y)
	l.hangUp(t, y, x)
}

// copies has a callee send its 200 three times.
func copies(t *testing.T, x, y *side, c content) {
	t.Helper()
	var body string
	for n := range 3 {
		y.answers(t, 200, c)
		res := x.gets(t, "INVITE", 200)
		if n == 0 {
			body = string(res.Body())
			x.heeds(t, res.Body())
		}
		require.Equal(t, body, string(res.Body()), "copy %d", n)
	}
}

// asks checks how many offers and answers the daemon got since it started.
func (l *mediaLab) asks(t *testing.T, want int64) {
	t.Helper()
	if l.engine != nil {
		require.Equal(t, want, l.asked(t), "offers and answers that the engine got")
	}
}
