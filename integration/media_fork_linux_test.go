// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keepDeleted is for how many seconds the daemon of TestMediaForks keeps what
// was deleted, if it is not told otherwise: an attempt that follows a failed one
// must not meet that one's remains.
const keepDeleted = 1

// TestMediaForks has a user with two phones: what ends for the one must not end
// for the other.
func TestMediaForks(t *testing.T) {
	t.Parallel()
	need(t, "netns")
	run := func(t *testing.T, l *mediaLab) {
		l.b.bind(t, "team", ";q=0.5")
		l.c.bind(t, "team", ";q=0.5")
		l.b.bind(t, "queue", ";q=0.9")
		l.c.bind(t, "queue", ";q=0.1")
		for _, s := range []struct {
			name string
			run  func(*testing.T, *mediaLab)
		}{
			{"the loser is cancelled", loserCancelled},
			{"the loser refuses first", loserRefuses},
			{"the loser had early media", loserEarly},
			{"the loser had early media, and gave up", loserGone},
			{"both answer", bothAnswer200},
			{"delayed offer to two", delayedFork},
			{"all refuse", allRefuse},
			{"one after the other", serialFork},
		} {
			t.Run(s.name, func(t *testing.T) { s.run(t, l) })
		}
		l.live(t)
	}
	t.Run("rtpengine", func(t *testing.T) {
		t.Parallel()
		run(t, daemonLab(t, keepDeleted))
	})
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		run(t, embeddedLab(t))
	})
}

// fork calls the team; both phones ring.
func (l *mediaLab) fork(t *testing.T) (x, y, z *side) {
	t.Helper()
	x = l.a.invites(t, "team", l.a.sdp())
	y, z = l.b.called(t, x.callID), l.c.called(t, x.callID)
	toY, toZ := y.heeds(t, y.asked.Body()), z.heeds(t, z.asked.Body())
	require.NotEqual(t, toY, toZ, "each fork has its own port")
	y.answers(t, 180, content{})
	z.answers(t, 180, content{})
	x.gets(t, "INVITE", 180)
	x.gets(t, "INVITE", 180)
	return x, y, z
}

// wins has a callee's 200 reach the caller.
func (l *mediaLab) wins(t *testing.T, x, winner *side, c content) {
	t.Helper()
	winner.answers(t, 200, c)
	x.heeds(t, x.gets(t, "INVITE", 200).Body())
	x.send(t, "ACK", content{})
	winner.incoming(t, "ACK")
}

// loses has a callee take a CANCEL.
func loses(t *testing.T, loser *side) {
	t.Helper()
	loser.responds(t, loser.incoming(t, "CANCEL"), 200, content{})
	loser.answers(t, 487, content{})
	loser.incoming(t, "ACK")
	loser.speak()
}

// alone checks that the call stands between the winner and the caller, and that
// nothing is left of the other fork at the daemon.
func (l *mediaLab) alone(t *testing.T, x, winner *side) {
	t.Helper()
	l.up(t, x, winner)
	if l.engine == nil {
		return
	}
	var ports map[string][]int
	eventually(t, answerWithin, "the end of the losing fork", func() bool {
		ports = l.engine.ports(t, x.callID)
		return len(ports) == 2
	})
	require.Contains(t, ports, tagOf(x.local))
	require.Contains(t, ports, winner.tag)
	l.up(t, x, winner)
}

// end hangs up. The daemon keeps the call for a while: whether it goes is seen
// when the next one is looked for.
func (l *mediaLab) end(t *testing.T, x, y *side) {
	t.Helper()
	bye(t, x, y)
	if l.engine == nil {
		deaf(t, x.voice, y.voice)
	}
	x.speak()
	y.speak()
}

func loserCancelled(t *testing.T, l *mediaLab) {
	x, y, z := l.fork(t)
	l.wins(t, x, y, y.sdp())
	loses(t, z)
	l.alone(t, x, y)
	l.end(t, x, y)
}

func loserRefuses(t *testing.T, l *mediaLab) {
	x, y, z := l.fork(t)
	y.answers(t, 486, content{})
	y.incoming(t, "ACK")
	y.speak()
	l.wins(t, x, z, z.sdp())
	l.alone(t, x, z)
	l.end(t, z, x)
}

// loserEarly: both forks answer in a 183, and the one that did it last loses.
func loserEarly(t *testing.T, l *mediaLab) {
	x, y, z := l.fork(t)
	answer := y.sdp()
	y.answers(t, 183, answer)
	x.heeds(t, x.gets(t, "INVITE", 183).Body())
	converse(t, x.voice, y.voice)
	z.answers(t, 183, z.sdp())
	x.heeds(t, x.gets(t, "INVITE", 183).Body())
	converse(t, x.voice, z.voice)
	l.wins(t, x, y, answer)
	loses(t, z)
	l.alone(t, x, y)
	l.end(t, y, x)
}

// loserGone: as before, but the last to answer early gives up while the other
// goes on with its early media.
func loserGone(t *testing.T, l *mediaLab) {
	x, y, z := l.fork(t)
	answer := y.sdp()
	y.answers(t, 183, answer)
	early := x.heeds(t, x.gets(t, "INVITE", 183).Body())
	converse(t, x.voice, y.voice)
	z.answers(t, 183, z.sdp())
	x.gets(t, "INVITE", 183)
	z.answers(t, 486, content{})
	z.incoming(t, "ACK")
	z.speak()
	x.speak(early)
	l.up(t, x, y)
	l.wins(t, x, y, answer)
	l.alone(t, x, y)
	l.end(t, y, x)
}

// bothAnswer200: the second 200 crosses the CANCEL. The caller takes both, and
// ends the second.
func bothAnswer200(t *testing.T, l *mediaLab) {
	x, y, z := l.fork(t)
	second := *x // the caller's side of the other dialog
	l.wins(t, x, y, y.sdp())
	first := x.told()
	z.responds(t, z.incoming(t, "CANCEL"), 200, content{})
	l.wins(t, &second, z, z.sdp())
	l.live(t, x)
	bye(t, &second, z)
	z.speak()
	x.speak(first)
	l.alone(t, x, y)
	l.end(t, x, y)
}

// delayedFork: both 200s are offers. Kept apart by their tags alone.
func delayedFork(t *testing.T, l *mediaLab) {
	x := l.a.invites(t, "team", content{})
	y, z := l.b.called(t, x.callID), l.c.called(t, x.callID)
	z.answers(t, 486, content{})
	z.incoming(t, "ACK")
	y.answers(t, 200, y.sdp())
	x.heeds(t, x.gets(t, "INVITE", 200).Body())
	x.send(t, "ACK", x.sdp())
	y.heeds(t, y.incoming(t, "ACK").Body())
	l.alone(t, x, y)
	l.end(t, y, x)
}

func allRefuse(t *testing.T, l *mediaLab) {
	x, y, z := l.fork(t)
	y.answers(t, 486, content{})
	z.answers(t, 486, content{})
	y.incoming(t, "ACK")
	z.incoming(t, "ACK")
	x.gets(t, "INVITE", 486)
	l.live(t)
	y.speak()
	z.speak()
}

// serialFork: the second phone is tried when the first has refused, after early
// media, under the same Call-ID and tag.
func serialFork(t *testing.T, l *mediaLab) {
	x := l.a.invites(t, "queue", l.a.sdp())
	y := l.b.called(t, x.callID)
	y.heeds(t, y.asked.Body())
	y.answers(t, 183, y.sdp())
	x.heeds(t, x.gets(t, "INVITE", 183).Body())
	converse(t, x.voice, y.voice)
	y.answers(t, 486, content{})
	y.incoming(t, "ACK")
	y.speak()
	z := l.c.called(t, x.callID)
	z.heeds(t, z.asked.Body())
	l.wins(t, x, z, z.sdp())
	l.alone(t, x, z)
	if l.engine != nil {
		silence(t, (keepDeleted+1)*time.Second) // what is deleted late must not take the call along
	}
	l.alone(t, x, z)
	l.end(t, x, z)
}
