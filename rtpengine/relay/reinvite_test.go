// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// renew is a re-INVITE of A's and its answer; it returns where each is to send.
func (l *lab) renew(a, b []byte) (forA, forB []byte) {
	l.t.Helper()
	p := rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: a}
	forB, err := l.Offer(l.t.Context(), p)
	require.NoError(l.t, err)
	p.SDP = b
	forA, err = l.Answer(l.t.Context(), p)
	require.NoError(l.t, err)
	return forA, forB
}

// A call gets video, and then goes on with video alone.
func TestVideoComesAndAudioGoes(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		const videoA, videoB = "198.51.100.10:4010", "203.0.113.20:5010"
		a, b := l.net.peer(t, addrA), l.net.peer(t, addrB)
		va, vb := l.net.peer(t, videoA), l.net.peer(t, videoB)
		forA, forB := l.call()
		l.talkBetween(a, b, forA, forB)

		toA, toB := l.renew(audio(addrA, "m=video 4010 RTP/AVP 96"), audio(addrB, "m=video 5010 RTP/AVP 96"))
		l.talkBetween(a, b, ports(t, toA)[0], ports(t, toB)[0])
		l.talkBetween(va, vb, ports(t, toA)[1], ports(t, toB)[1])
		require.Equal(t, 8+4, l.net.count())

		video := ports(t, toA)[1]
		off := func(addr, line string) []byte { return replace(audio(addr, line), "m=audio 4000", "m=audio 0") }
		toA, toB = l.renew(off(addrA, "m=video 4010 RTP/AVP 96"), replace(off(addrB, "m=video 5010 RTP/AVP 96"), "m=audio 5000", "m=audio 0"))
		require.Equal(t, video, ports(t, toA)[1], "video keeps its port")
		require.Zero(t, ports(t, toA)[0].Port())
		l.talkBetween(va, vb, ports(t, toA)[1], ports(t, toB)[1])
		require.Equal(t, 4+4, l.net.count())
	})
}

// A phone that renegotiates on another port, as after a network change.
func TestReinviteFromAnotherPort(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		a, b := l.net.peer(t, addrA), l.net.peer(t, addrB)
		forA, forB := l.call()
		l.talkBetween(a, b, forA, forB)
		a.send(forA, repeat(10, rtpPacket(1, "x"))...) // locked
		const elsewhere = "198.51.100.77:4400"
		moved := l.net.peer(t, elsewhere)
		l.renew(audio(elsewhere), audio(addrB))
		b.send(forB, rtpPacket(2, "y"))
		require.Equal(t, []string{"y"}, moved.got())
		l.talkBetween(moved, b, forA, forB)
		b.got()
		a.send(forA, rtpPacket(1, "old"))
		require.Empty(t, b.got())
	})
}

// Hold with sendonly and back; nothing is lost to a change of direction.
func TestHoldAndResume(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		a, b := l.net.peer(t, addrA), l.net.peer(t, addrB)
		forA, forB := l.call()
		for _, mode := range [][2]string{{"sendonly", "recvonly"}, {"inactive", "inactive"}, {"sendrecv", "sendrecv"}} {
			toA, toB := l.renew(audio(addrA, "a="+mode[0]), audio(addrB, "a="+mode[1]))
			require.Contains(t, string(toB), "a="+mode[0])
			require.Contains(t, string(toA), "a="+mode[1])
			require.Equal(t, forA, ports(t, toA)[0])
			require.Equal(t, forB, ports(t, toB)[0])
			l.talkBetween(a, b, forA, forB)
		}
	})
}

// RTCP leaves the port of RTP when a re-INVITE ends rtcp-mux.
func TestMuxEndsWithReinvite(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		a, b := l.net.peer(t, addrA), l.net.peer(t, addrB)
		bctl := l.net.peer(t, "203.0.113.20:5001")
		l.call()
		toA, _ := l.renew(audio(addrA, "a=rtcp-mux"), audio(addrB, "a=rtcp-mux"))
		forA := ports(t, toA)[0]
		a.send(forA, rtcpPacket(1, "muxed"))
		require.Equal(t, []string{"muxed"}, b.got())
		l.renew(audio(addrA), audio(addrB))
		actl := l.net.peer(t, "198.51.100.10:4001")
		actl.send(next(forA), rtcpPacket(1, "apart"))
		require.Equal(t, []string{"apart"}, bctl.got())
		require.Empty(t, b.got())
	})
}
