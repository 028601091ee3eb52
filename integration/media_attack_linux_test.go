// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	attackerIP = "203.0.113.66"
	attackMark = '!'
	// learning is for how long after signalling rtpengine may change its mind about
	// where a party is, and some.
	learning = 4500 * time.Millisecond
)

// attacker is a host on the public network that knows every port of the engine:
// it sprays them with RTP, from the port that the victims' SDP names, which is
// one better than from any other.
type attacker struct {
	*voice
	bled     *counter // what the engine's host sends to it, of any kind
	injected *counter // its packets as the engine's host passes them on
}

func (l *mediaLab) attacker(t *testing.T) *attacker {
	t.Helper()
	l.ip(l.public, "addr add "+attackerIP+"/24 dev br0\n")
	h := &host{name: "attacker", ns: l.public.ns, ip: attackerIP}
	return &attacker{
		voice:    h.voice(t, actorRTP, attackMark),
		bled:     l.edge.count(t, "output", "ip daddr "+attackerIP+" meta l4proto udp"),
		injected: l.edge.count(t, "output", fmt.Sprintf("ip daddr != %s udp length 180 @th,160,8 %d", edgeIP, attackMark)),
	}
}

// sprays adds a port of the engine, and so many behind it, to the attacked ones.
func (a *attacker) sprays(addr netip.AddrPort, more uint16) {
	a.mu.Lock()
	to := a.to[:len(a.to):len(a.to)]
	a.mu.Unlock()
	for n := range more + 1 {
		to = append(to, netip.AddrPortFrom(addr.Addr(), addr.Port()+n))
	}
	a.speak(to...)
}

// sees checks what came of the attack so far: nothing.
func (a *attacker) sees(t *testing.T, when string) {
	t.Helper()
	require.Zero(t, a.bled.packets(t), "packets to the attacker, %s", when)
	require.Zero(t, a.injected.packets(t), "packets of the attacker passed on, %s", when)
}

// TestMediaAttack has an attacker try to hear a call, and to be heard in it.
func TestMediaAttack(t *testing.T) {
	t.Parallel()
	need(t, "netns")
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		l := embeddedLab(t)
		mallory := l.attacker(t)
		t.Run("phones behind NATs", func(t *testing.T) { attackAtOnce(t, l, mallory, l.a, l.b) })
		t.Run("callee on the public network", func(t *testing.T) { attackAtOnce(t, l, mallory, l.a, l.c) })
		t.Run("caller on the public network", func(t *testing.T) { attackAtOnce(t, l, mallory, l.c, l.b) })
	})
	t.Run("rtpengine", func(t *testing.T) {
		t.Parallel()
		l := daemonLab(t, 0)
		mallory := l.attacker(t)
		t.Run("phones behind NATs", func(t *testing.T) { attackLater(t, l, mallory, l.a, l.b) })
		t.Run("callee on the public network", func(t *testing.T) { attackLater(t, l, mallory, l.a, l.c) })
		t.Run("during the first seconds", func(t *testing.T) { attackEarly(t, l, mallory) })
	})
}

// attackAtOnce attacks each port as soon as anybody is told of it.
func attackAtOnce(t *testing.T, l *mediaLab, mallory *attacker, from, to *actor) {
	defer mallory.speak()
	x := from.invites(t, to.user, from.sdp())
	y := to.called(t, x.callID)
	atY := mediaAddr(t, y.asked.Body())
	mallory.sprays(atY, 3) // RTCP too, and the next pair
	silence(t, time.Second/2)
	mallory.sees(t, "before the answer")
	y.answers(t, 200, y.sdp())
	atX := mediaAddr(t, x.gets(t, "INVITE", 200).Body())
	mallory.sprays(atX, 3)
	x.send(t, "ACK", content{})
	y.incoming(t, "ACK")
	silence(t, learning)
	mallory.sees(t, "while both are silent")
	y.speak(atY)
	silence(t, time.Second/2)
	mallory.sees(t, "while one is silent")
	x.speak(atX)
	l.up(t, x, y)
	acceptedMove(t, x, y, x.voice)
	l.up(t, x, y)
	mallory.sees(t, "while both talk")
	l.hangUp(t, x, y)
	mallory.sees(t, "after the call")
}

// attackLater attacks a call that stands, at its RTP ports: rtpengine learns RTCP
// apart, and to a phone that sends none anybody may be its source.
func attackLater(t *testing.T, l *mediaLab, mallory *attacker, from, to *actor) {
	defer mallory.speak()
	x, y := l.connect(t, from, to)
	silence(t, learning)
	mallory.forget(t)
	mallory.sprays(x.told(), 0)
	mallory.sprays(y.told(), 0)
	silence(t, time.Second)
	l.up(t, x, y)
	mallory.sees(t, "once rtpengine has confirmed both")
	l.hangUp(t, x, y)
}

// forget begins the counts anew.
func (a *attacker) forget(t *testing.T) {
	t.Helper()
	a.bled.reset(t)
	a.injected.reset(t)
}

// attackEarly attacks while rtpengine learns. Debian's version may then take the
// attacker for the phone: what it guarantees is that it believes one of them only
// when it has learned.
func attackEarly(t *testing.T, l *mediaLab, mallory *attacker) {
	defer mallory.speak()
	mallory.forget(t)
	x := l.a.invites(t, "bob", l.a.sdp())
	y := l.b.called(t, x.callID)
	y.answers(t, 200, y.sdp())
	atX := mediaAddr(t, x.gets(t, "INVITE", 200).Body())
	x.send(t, "ACK", content{})
	mallory.sprays(atX, 0)
	y.heeds(t, y.asked.Body())
	silence(t, time.Second/2)
	t.Logf("before the phone talks: %d packets to the attacker, %d of its own passed on", mallory.bled.packets(t), mallory.injected.packets(t))
	mallory.forget(t)
	x.speak(atX)
	silence(t, learning)
	t.Logf("while rtpengine learns: %d packets to the attacker, %d of its own passed on", mallory.bled.packets(t), mallory.injected.packets(t))
	mallory.forget(t)
	heard, spoken := x.count(y.voice), y.count(x.voice)
	silence(t, time.Second)
	heard, spoken = x.count(y.voice)-heard, y.count(x.voice)-spoken
	t.Logf("in the second after: %d packets to the attacker, %d of its own passed on; the phone heard %d and was heard %d times",
		mallory.bled.packets(t), mallory.injected.packets(t), heard, spoken)
	if heard+spoken > 0 {
		mallory.sees(t, "when the phone was believed")
	}
	bye(t, x, y)
	x.speak()
	y.speak()
	l.live(t)
}
