// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/leak"
	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

func TestMain(m *testing.M) { leak.Main(m) }

const relayIP = "192.0.2.1"

// lab is a relay on a network in memory.
type lab struct {
	*relay.Relay
	t   *testing.T
	net *memNet
}

// inLab runs a test in a bubble.
func inLab(t *testing.T, cfg relay.Config, test func(t *testing.T, l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, net: newMemNet()}
		if !cfg.Address.IsValid() {
			cfg.Address = netip.MustParseAddr(relayIP)
		}
		cfg.Listen = l.net.listen
		r, err := relay.New(cfg)
		require.NoError(t, err)
		l.Relay = r
		defer func() { require.NoError(t, r.Close()) }()
		test(t, l)
	})
}

// audio is the SDP of a phone.
func audio(addr string, more ...string) []byte {
	at := netip.MustParseAddrPort(addr)
	lines := append([]string{
		"v=0", "o=phone 1 1 IN IP4 " + at.Addr().String(), "s=call", "c=IN IP4 " + at.Addr().String(), "t=0 0",
		fmt.Sprintf("m=audio %d RTP/AVP 8 0", at.Port()), "a=rtpmap:8 PCMA/8000",
	}, more...)
	return []byte(strings.Join(lines, "\r\n") + "\r\n")
}

// ports returns the relay's address for each media line of an SDP.
func ports(t testing.TB, sdp []byte) (at []netip.AddrPort) {
	t.Helper()
	var ip netip.Addr
	for line := range strings.Lines(string(sdp)) {
		var s string
		var port uint16
		if _, err := fmt.Sscanf(line, "c=IN IP4 %s", &s); err == nil {
			ip = netip.MustParseAddr(s)
		}
		if _, err := fmt.Sscanf(line, "m=audio %d", &port); err == nil {
			at = append(at, netip.AddrPortFrom(ip, port))
		}
		if _, err := fmt.Sscanf(line, "m=video %d", &port); err == nil {
			at = append(at, netip.AddrPortFrom(ip, port))
		}
	}
	require.NotEmpty(t, at)
	return at
}

func flags(t *testing.T, s string) rtpengine.Flags {
	t.Helper()
	f, err := rtpengine.ParseFlags(s)
	require.NoError(t, err)
	return f
}

// offer and answer return where the other party is to send.
func (l *lab) offer(p rtpengine.Params) netip.AddrPort {
	l.t.Helper()
	sdp, err := l.Offer(l.t.Context(), p)
	require.NoError(l.t, err)
	return ports(l.t, sdp)[0]
}

func (l *lab) answer(p rtpengine.Params) netip.AddrPort {
	l.t.Helper()
	sdp, err := l.Answer(l.t.Context(), p)
	require.NoError(l.t, err)
	return ports(l.t, sdp)[0]
}

const (
	addrA = "198.51.100.10:4000"
	addrB = "203.0.113.20:5000"
)

// call sets a call between A and B up; forA is where A sends to.
func (l *lab) call() (forA, forB netip.AddrPort) {
	l.t.Helper()
	forB = l.offer(rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA)})
	forA = l.answer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrB)})
	return forA, forB
}

func next(at netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(at.Addr(), at.Port()+1) }

func TestCall(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		a, b := l.net.peer(t, addrA), l.net.peer(t, addrB)
		actl, bctl := l.net.peer(t, "198.51.100.10:4001"), l.net.peer(t, "203.0.113.20:5001")

		forB := l.offer(rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA)})
		require.Equal(t, relayIP, forB.Addr().String())
		require.Zero(t, forB.Port()%2, "RTP ports are even")
		b.send(forB, rtpPacket(2, "too early"))
		require.Empty(t, a.got(), "nothing passes before the answer")

		forA := l.answer(rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrB)})
		require.NotEqual(t, forA, forB)
		b.send(forB, rtpPacket(2, "hello A"))
		require.Equal(t, []string{"hello A"}, a.got(), "to the signalled address, before A spoke")
		a.send(forA, rtpPacket(1, "hello B"))
		require.Equal(t, []string{"hello B"}, b.got())
		actl.send(next(forA), rtcpPacket(1, "report"))
		require.Equal(t, []string{"report"}, bctl.got())
		require.Empty(t, b.got())

		// The callee holds and resumes: From and To of the request are swapped.
		reA := l.offer(rtpengine.Params{CallID: "c", FromTag: "B", ToTag: "A", ViaBranch: "z9hG4bKre", SDP: audio(addrB, "a=sendonly")})
		require.Equal(t, forA, reA, "ports stay")
		reB := l.answer(rtpengine.Params{CallID: "c", FromTag: "B", ToTag: "A", ViaBranch: "z9hG4bKre", SDP: audio(addrA, "a=recvonly")})
		require.Equal(t, forB, reB)
		a.send(forA, rtpPacket(1, "still here"))
		require.Equal(t, []string{"still here"}, b.got())

		require.NoError(t, l.Delete(t.Context(), rtpengine.Params{CallID: "c", FromTag: "B", ToTag: "A"}))
		require.Equal(t, 4, l.net.count(), "only the phones' sockets are left")
		require.ErrorIs(t, l.Delete(t.Context(), rtpengine.Params{CallID: "c"}), rtpengine.ErrUnknownCall)
	})
}

// Connections without the netip methods, as pion's vnet has them.
func TestCallOnPlainConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		n.plain = true
		r, err := relay.New(relay.Config{Address: netip.MustParseAddr(relayIP), Listen: n.listen})
		require.NoError(t, err)
		defer r.Close()
		l := &lab{Relay: r, t: t, net: n}
		forA, _ := l.call()
		a, b := n.peer(t, addrA), n.peer(t, addrB)
		a.send(forA, rtpPacket(1, "x"))
		require.Equal(t, []string{"x"}, b.got())
	})
}

func TestForks(t *testing.T) {
	offer := func(branch string) rtpengine.Params {
		return rtpengine.Params{CallID: "c", FromTag: "A", ViaBranch: branch, SDP: audio(addrA)}
	}
	answer := func(branch, tag, addr string) rtpengine.Params {
		return rtpengine.Params{CallID: "c", FromTag: "A", ToTag: tag, ViaBranch: branch, SDP: audio(addr)}
	}

	t.Run("each branch has its own ports, the loser's deletion leaves the winner", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			one, two := l.offer(offer("b1")), l.offer(offer("b2"))
			require.NotEqual(t, one, two)
			forA2 := l.answer(answer("b2", "B2", "203.0.113.22:5000"))
			forA1 := l.answer(answer("b1", "B1", addrB))
			require.NotEqual(t, forA1, forA2)
			require.NoError(t, l.Delete(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B2", ViaBranch: "b2"}))
			require.Equal(t, 4, l.net.count())
			a, b := l.net.peer(t, addrA), l.net.peer(t, addrB)
			a.send(forA1, rtpPacket(1, "x"))
			require.Equal(t, []string{"x"}, b.got())
			// A BYE has a branch of its own: the tags say what ends.
			require.NoError(t, l.Delete(t.Context(), rtpengine.Params{CallID: "c", FromTag: "B1", ToTag: "A", ViaBranch: "bye"}))
			require.Equal(t, 2, l.net.count())
		})
	})
	t.Run("a branch that was never offered deletes no other", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			l.offer(offer("b1"))
			l.answer(answer("b1", "B1", addrB))
			l.offer(offer("b2"))
			reply, err := l.Do(t.Context(), "delete", rtpengine.Params{CallID: "c", FromTag: "A", ViaBranch: "b3"}.Dict())
			require.NoError(t, err)
			require.Equal(t, "Call-ID not found or tags didn't match", reply["warning"])
			require.Equal(t, 8, l.net.count())
		})
	})
	t.Run("phones that share an offer: the last to answer has the media", func(t *testing.T) {
		for _, branch := range []string{"", "b1"} {
			inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
				a, b1, b2 := l.net.peer(t, addrA), l.net.peer(t, addrB), l.net.peer(t, "203.0.113.22:5000")
				forB := l.offer(offer(branch))
				forA := l.answer(answer(branch, "B1", addrB))
				b1.send(forB, repeat(6, rtpPacket(2, "one"))...)
				require.Len(t, a.got(), 6)
				require.Equal(t, forA, l.answer(answer(branch, "B2", "203.0.113.22:5000")))
				b2.send(forB, rtpPacket(3, "two"))
				require.Equal(t, []string{"two"}, a.got())
				b1.send(forB, rtpPacket(2, "one"))
				require.Empty(t, a.got())
				a.send(forA, rtpPacket(1, "x"))
				require.Equal(t, []string{"x"}, b2.got())
				require.Empty(t, b1.got())
			})
		}
	})
	t.Run("the same offer again keeps the ports", func(t *testing.T) {
		inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
			require.Equal(t, l.offer(offer("")), l.offer(offer("")))
			require.Equal(t, l.offer(offer("b1")), l.offer(offer("b1")))
		})
	})
}

// The offer is in the 200, the answer in the ACK.
func TestDelayedOffer(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		a, b := l.net.peer(t, addrA), l.net.peer(t, addrB)
		forA := l.offer(rtpengine.Params{CallID: "c", FromTag: "B", ToTag: "A", SDP: audio(addrB)})
		forB := l.answer(rtpengine.Params{CallID: "c", FromTag: "B", ToTag: "A", SDP: audio(addrA)})
		a.send(forA, rtpPacket(1, "x"))
		require.Equal(t, []string{"x"}, b.got())
		b.send(forB, rtpPacket(2, "y"))
		require.Equal(t, []string{"y"}, a.got())
	})
}

func TestRefusals(t *testing.T) {
	both := func(from, to string) rtpengine.Params {
		return rtpengine.Params{CallID: "c", FromTag: from, ToTag: to, SDP: audio(addrB)}
	}
	for _, tc := range []struct {
		name, command string
		p             rtpengine.Params
		reason        string
	}{
		{"unknown call", "answer", rtpengine.Params{CallID: "x", FromTag: "A", ToTag: "B", SDP: audio(addrB)}, "Unknown call-id"},
		{"answer with its tags the wrong way round", "answer", both("B", "A"), "Invalid dialogue association"},
		{"answer to nobody's offer", "answer", both("X", "B"), "Invalid dialogue association"},
		{"answer without to-tag", "answer", both("A", ""), "No to-tag in message"},
		{"both tags the same", "offer", both("A", "A"), "Invalid dialogue association"},
		{"no call-id", "offer", rtpengine.Params{FromTag: "A", SDP: audio(addrA)}, "No call-id in message"},
		{"no from-tag", "offer", rtpengine.Params{CallID: "c", SDP: audio(addrA)}, "No from-tag in message"},
		{"no SDP", "offer", rtpengine.Params{CallID: "c", FromTag: "A"}, "No SDP body in message"},
		{"more media in the answer", "answer", rtpengine.Params{
			CallID: "c", FromTag: "A", ToTag: "B",
			SDP: audio(addrB, "m=video 5002 RTP/AVP 96"),
		}, "answer has more media lines than the offer"},
		{"SRTP for RTP", "answer", rtpengine.Params{
			CallID: "c", FromTag: "A", ToTag: "B",
			SDP: []byte(strings.Replace(string(audio(addrB)), "RTP/AVP", "RTP/SAVP", 1)),
		}, "RTP/AVP to RTP/SAVP not supported by this relay"},
		{"query of an unknown tag", "query", both("X", ""), "From-tag given, but no such tag exists"},
		{
			"delete of unknown tags, fatal", "delete",
			rtpengine.Params{CallID: "c", FromTag: "X", Flags: flags(t, "fatal")},
			"Call-ID not found or tags didn't match",
		},
		{"unknown command", "dance", rtpengine.Params{}, "Unrecognized command"},
		{"recording", "start recording", rtpengine.Params{CallID: "c"}, "start recording not supported by this relay"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
				l.offer(rtpengine.Params{CallID: "c", FromTag: "A", SDP: audio(addrA)})
				_, err := l.Do(t.Context(), tc.command, tc.p.Dict())
				var refusal *rtpengine.Error
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, rtpengine.Error{Command: tc.command, Reason: tc.reason}, *refusal)
				require.Equal(t, 4, l.net.count(), "nothing has changed")
			})
		})
	}
}

func TestMediaLinesChange(t *testing.T) {
	inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
		p := func(more ...string) rtpengine.Params {
			return rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrA, more...)}
		}
		q := p
		forA, forB := l.call()
		sdp, err := l.Offer(t.Context(), p("m=video 4002 RTP/AVP 96"))
		require.NoError(t, err)
		at := ports(t, sdp)
		require.Equal(t, forB, at[0], "audio keeps its port")
		require.Len(t, at, 2)
		require.NotZero(t, at[1].Port())
		sdp, err = l.Answer(t.Context(), q("m=video 0 RTP/AVP 96"))
		require.NoError(t, err)
		require.Equal(t, forA, ports(t, sdp)[0])
		require.Zero(t, ports(t, sdp)[1].Port(), "video was refused")
		require.Equal(t, 8, l.net.count())

		sdp, err = l.Offer(t.Context(), p("m=video 0 RTP/AVP 96"))
		require.NoError(t, err)
		require.Zero(t, ports(t, sdp)[1].Port())
		l.answer(q("m=video 0 RTP/AVP 96"))
		require.Equal(t, 4, l.net.count(), "video's ports are closed when its end is agreed")

		require.Equal(t, forB, l.offer(p()), "fewer lines than before")
		require.Equal(t, forA, l.answer(q()))
	})
}
