// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReinvite holds and resumes a call from either side, by re-INVITE, and
// counts RTP after each.
func TestReinvite(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip", "rtpengine")
	l := edgeLab(t, labConfig{}, edgeConfig{})
	a := l.phoneA.phone(t, phoneConfig{user: "alice"})
	b := l.phoneB.phone(t, phoneConfig{user: "bob"})
	c := l.phoneC.phone(t, phoneConfig{user: "carol"})
	for _, leg := range []struct {
		name     string
		from, to *phone
	}{
		{"NAT A and public", a, c},
		{"public and NAT B", c, b},
		{"NAT B and NAT A", b, a},
	} {
		t.Run(leg.name, func(t *testing.T) {
			talk(t, leg.from, leg.to, 25)
			holdAndResume(t, leg.from, leg.to)
			holdAndResume(t, leg.to, leg.from)
			hangup(t, leg.from, leg.to)
		})
	}
}

// holdAndResume has one phone hold the call, which ends RTP (baresip sends no
// music), and resume it, which brings it back.
func holdAndResume(t *testing.T, by, other *phone) {
	t.Helper()
	here, there := by.host.countRTP(t, edgeIP), other.host.countRTP(t, edgeIP)
	reinvite(t, by, other, "hold", "a=sendonly")
	quiet(t, here, there)
	reinvite(t, by, other, "resume", "a=sendrecv")
	receive(t, 50, here, there)
}

// TestReinviteWithMusic holds and resumes a call from a phone that sends music
// while it holds: RTP goes one way, then both ways again.
func TestReinviteWithMusic(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip", "rtpengine")
	for _, media := range []string{"udp:" + engineNG, "embedded"} {
		t.Run("media "+media, func(t *testing.T) {
			t.Parallel()
			holdWithMusic(t, edgeLab(t, labConfig{}, edgeConfig{media: media}))
		})
	}
}

func holdWithMusic(t *testing.T, l *lab) {
	a := l.phoneA.phone(t, phoneConfig{user: "alice"})
	b := l.phoneB.phone(t, phoneConfig{user: "bob"})
	for _, leg := range []struct {
		name string
		by   *host
		to   *phone
	}{
		{"from the NAT'd side", l.phoneA2, b},
		{"from the public side", l.phoneC, a},
	} {
		t.Run(leg.name, func(t *testing.T) {
			s := leg.by.softphone(t, false)
			here, there := leg.by.countRTP(t, edgeIP), leg.to.host.countRTP(t, edgeIP)
			s.call(t, leg.to.uri(), edgeIP+":5060")
			leg.to.expect(t, "CALL_ESTABLISHED")
			receive(t, 50, here, there)
			held := s.reinvite(t, "sendonly")
			require.Equal(t, "a=recvonly", mediaLine(held.Body(), "a=recvonly"))
			quiet(t, here)
			receive(t, 50, there)
			s.reinvite(t, "sendrecv")
			receive(t, 50, here, there)
			leg.to.do(t, "hangup", "")
			s.ended(t)
		})
	}
}

// reinvite gives a phone a command that makes it send a re-INVITE with that
// line, and checks that the other gets one, and one ACK.
func reinvite(t *testing.T, by, other *phone, command, line string) {
	t.Helper()
	invites, acks, answers := other.received("INVITE "), other.received("ACK "), by.answers("INVITE")
	by.do(t, command, "")
	eventually(t, answerWithin, "ACK of the "+command+" at "+other.name, func() bool {
		return other.received("ACK ") > acks
	})
	require.Equal(t, 1, other.received("INVITE ")-invites, "re-INVITE at %s", other.name)
	require.Equal(t, 1, other.received("ACK ")-acks, "ACK at %s", other.name)
	require.Equal(t, 1, by.answers("INVITE")-answers, "200 at %s", by.name)
	var last string
	for _, m := range other.traced(true) {
		if strings.HasPrefix(m, "INVITE ") {
			last = m
		}
	}
	require.Contains(t, last, line, "the %s as %s got it", command, other.name)
}
