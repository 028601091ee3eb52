// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// masked returns SDP lines with "\n", the relay's ports in the order of their
// appearance as P0, P1, ... and the ports behind them as P0+1, ...
func masked(t *testing.T, sdp []byte) string {
	t.Helper()
	require.True(t, strings.HasSuffix(string(sdp), "\r\n"))
	s := strings.ReplaceAll(string(sdp), "\r\n", "\n")
	require.NotContains(t, s, "\r")
	for i, m := range regexp.MustCompile(`m=\w+ (3\d{4}) `).FindAllStringSubmatch(s, -1) {
		at := netip.MustParseAddrPort("127.0.0.1:" + m[1])
		name := "P" + string(rune('0'+i))
		s = strings.ReplaceAll(s, m[1], name)
		s = strings.ReplaceAll(s, strings.TrimPrefix(next(at).String(), "127.0.0.1:"), name+"+1")
	}
	return s
}

func TestOfferedSDP(t *testing.T) {
	const head = "v=0\no=- 1 1 IN IP4 10.0.0.5\ns=-\nt=0 0\n"
	for _, tc := range []struct{ name, flags, in, want string }{
		{
			"session address", "", head + "c=IN IP4 10.0.0.5\nm=audio 4000 RTP/AVP 8\na=ptime:20\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\na=ptime:20\n",
		},
		{
			"unknown lines survive", "", "v=0\no=- 1 1 IN IP4 10.0.0.5\ns=Ä b\ni=x\nc=IN IP4 10.0.0.5\nb=AS:64\nt=0 0\na=tool:y\nm=audio 4000 RTP/AVP 8 101\nb=TIAS:1\na=fmtp:101 0-15\nx=?\n",
			"v=0\no=- 1 1 IN IP4 10.0.0.5\ns=Ä b\ni=x\nc=IN IP4 192.0.2.1\nb=AS:64\nt=0 0\na=tool:y\nm=audio P0 RTP/AVP 8 101\nb=TIAS:1\na=fmtp:101 0-15\nx=?\n",
		},
		{
			"media addresses", "", head + "m=audio 4000 RTP/AVP 8\nc=IN IP4 10.0.0.5\nm=video 4002 RTP/AVPF 96\nc=IN IP4 10.0.0.6\n",
			head + "m=audio P0 RTP/AVP 8\nc=IN IP4 192.0.2.1\nm=video P1 RTP/AVPF 96\nc=IN IP4 192.0.2.1\n",
		},
		{
			"IPv6 to IPv4", "", head + "c=IN IP6 2001:db8::5\nm=audio 4000 RTP/AVP 8\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\n",
		},
		{
			"hold by attribute", "", head + "c=IN IP4 10.0.0.5\nm=audio 4000 RTP/AVP 8\na=inactive\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\na=inactive\n",
		},
		{
			"hold by null address", "", head + "c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 8\n",
			head + "c=IN IP4 0.0.0.0\nm=audio P0 RTP/AVP 8\n",
		},
		{
			"hold by null address, replaced", "replace-zero-address", head + "c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 8\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\n",
		},
		{
			"origin", "replace-origin", head + "c=IN IP4 10.0.0.5\nm=audio 4000 RTP/AVP 8\n",
			"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\nc=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\n",
		},
		{
			"names", "replace-username replace-session-name", "v=0\no=alice 1 1 IN IP4 10.0.0.5\ns=secret\nc=IN IP4 10.0.0.5\nt=0 0\nm=audio 4000 RTP/AVP 8\n",
			"v=0\no=- 1 1 IN IP4 10.0.0.5\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio P0 RTP/AVP 8\n",
		},
		{
			"RTCP port", "", head + "c=IN IP4 10.0.0.5\nm=audio 4000 RTP/AVP 8\na=rtcp:9 IN IP4 10.0.0.5\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\na=rtcp:P0+1\n",
		},
		{
			"RTCP port out of place", "", head + "c=IN IP4 10.0.0.5\na=rtcp:9 IN IP4 10.0.0.5\nm=audio 4000 RTP/AVP 8\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\n",
		},
		{
			"RTCP port with address", "full-rtcp-attribute", head + "c=IN IP4 10.0.0.5\nm=audio 4000 RTP/AVP 8\na=rtcp:9\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\na=rtcp:P0+1 IN IP4 192.0.2.1\n",
		},
		{
			"no RTCP port", "no-rtcp-attribute", head + "c=IN IP4 10.0.0.5\nm=audio 4000 RTP/AVP 8\na=rtcp:9\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\n",
		},
		{
			"rtcp-mux passes", "", head + "c=IN IP4 10.0.0.5\nm=audio 4000 RTP/AVP 8\na=rtcp-mux\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\na=rtcp-mux\n",
		},
		{
			"rtcp-mux offered for him", "rtcp-mux-offer", head + "c=IN IP4 10.0.0.5\nm=audio 4000 RTP/AVP 8\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\na=rtcp-mux\n",
		},
		{
			"rtcp-mux ends here", "rtcp-mux-demux", head + "c=IN IP4 10.0.0.5\nm=audio 4000 RTP/AVP 8\na=rtcp-mux\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\n",
		},
		{
			"ICE, bundle and filters end here", "", head + "c=IN IP4 10.0.0.5\na=ice-lite\na=group:BUNDLE 0\na=group:LS 0\nm=audio 4000 RTP/AVP 8\na=ice-ufrag:x\na=ice-pwd:y\n" +
				"a=candidate:1 1 UDP 2 10.0.0.5 4000 typ host\na=Candidate:1 1 UDP 2 10.0.0.5 4000 typ host\na=end-of-candidates\na=remote-candidates:1 10.0.0.1 5\na=source-filter: incl IN IP4 * 10.0.0.5\na=mid:0\n",
			head + "c=IN IP4 192.0.2.1\na=group:LS 0\nm=audio P0 RTP/AVP 8\na=mid:0\n",
		},
		{
			"refused line", "", head + "c=IN IP4 10.0.0.5\nm=audio 4000 RTP/AVP 8\nm=video 0 RTP/AVP 96\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\nm=video 0 RTP/AVP 96\n",
		},
		{
			"line of another kind", "", head + "c=IN IP4 10.0.0.5\nm=audio 4000 RTP/AVP 8\nm=image 4006 udptl t38\nm=application 4008 UDP/BFCP *\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\nm=image 0 udptl t38\nm=application 0 UDP/BFCP *\n",
		},
		{
			"SRTP as it is", "", head + "c=IN IP4 10.0.0.5\nm=audio 4000 RTP/SAVP 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/SAVP 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\n",
		},
		{
			"another address", "media-address=192.0.2.99", head + "c=IN IP4 10.0.0.5\nm=audio 4000 RTP/AVP 8\n",
			head + "c=IN IP4 192.0.2.99\nm=audio P0 RTP/AVP 8\n",
		},
		{
			"host name", "", head + "c=IN IP4 phone.example\nm=audio 4000 RTP/AVP 8\n",
			head + "c=IN IP4 192.0.2.1\nm=audio P0 RTP/AVP 8\n",
		},
	} {
		for _, eol := range []string{"\r\n", "\n"} {
			t.Run(tc.name, func(t *testing.T) {
				inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
					sdp, err := l.Offer(t.Context(), rtpengine.Params{
						CallID: "c", FromTag: "A",
						SDP: []byte(strings.ReplaceAll(tc.in, "\n", eol)), Flags: flags(t, tc.flags),
					})
					require.NoError(t, err)
					require.Equal(t, tc.want, masked(t, sdp))
				})
			})
		}
	}
}

func TestBadSDP(t *testing.T) {
	const bad, partial = "Failed to parse SDP", "Incomplete SDP specification"
	good := string(audio(addrA))
	for _, tc := range []struct{ name, sdp, reason string }{
		{"not SDP", "hello", bad},
		{"a line without type", good + "hello\r\n", bad},
		{"a type in upper case", good + "A=x\r\n", bad},
		{"another version", strings.Replace(good, "v=0", "v=1", 1), bad},
		{"no media", "v=0\r\nc=IN IP4 1.2.3.4\r\n", bad},
		{"no port", strings.Replace(good, "4000", "x", 1), bad},
		{"port too large", strings.Replace(good, "4000", "65536", 1), bad},
		{"several ports", strings.Replace(good, "4000", "4000/2", 1), bad},
		{"no formats", strings.Replace(good, " 8 0", "", 1), bad},
		{"broken c=", strings.Replace(good, "c=IN IP4", "c=IN", 1), bad},
		{"broken a=rtcp", good + "a=rtcp:x\r\n", bad},
		{"a line within a line", good + "a=x\rc=IN IP4 10.0.0.1\r\n", bad},
		{"17 media lines", good + strings.Repeat("m=audio 4000 RTP/AVP 8\r\n", 16), bad},
		{"no address", strings.Replace(good, "c=", "b=", 1), partial},
		{
			"fax only", strings.Replace(good, "m=audio 4000 RTP/AVP 8 0", "m=image 4000 udptl t38", 1),
			"m=image udptl not supported by this relay",
		},
		{"nothing to relay", strings.Replace(good, "4000", "0", 1), "nothing to relay in the offer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
				_, err := l.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", SDP: []byte(tc.sdp)})
				require.EqualError(t, err, "rtpengine: offer: "+tc.reason)
				require.Zero(t, l.net.count())
				reply, err := l.Do(t.Context(), "list", nil)
				require.NoError(t, err)
				require.Empty(t, reply["calls"], "a refused offer leaves no call")
			})
		})
	}
}

// Who muxes with whom: RTCP arrives on the port that each side agreed to.
func TestRTCPMux(t *testing.T) {
	mux := func(addr string, on bool) []byte {
		if on {
			return audio(addr, "a=rtcp-mux")
		}
		return audio(addr)
	}
	for _, tc := range []struct {
		name         string
		a, b         bool // has a=rtcp-mux in its SDP
		flags        string
		muxA, muxB   bool // in effect
		answered     bool // A's answer has a=rtcp-mux
		answerFlagsB string
	}{
		{name: "nobody"},
		{name: "both", a: true, b: true, muxA: true, muxB: true, answered: true},
		{name: "B does not", a: true},
		{name: "accepted for B", a: true, flags: "rtcp-mux-accept", muxA: true, answered: true},
		{name: "ends here", a: true, flags: "rtcp-mux-demux", muxA: true, answered: true},
		{name: "offered for A", b: true, flags: "rtcp-mux-offer", muxB: true},
		{name: "refused", a: true, b: true, flags: "rtcp-mux-reject", muxB: true},
		{name: "refused by the answer", a: true, b: true, answerFlagsB: "rtcp-mux-reject", muxB: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inLab(t, relay.Config{}, func(t *testing.T, l *lab) {
				a, b := l.net.peer(t, addrA), l.net.peer(t, addrB)
				actl, bctl := l.net.peer(t, "198.51.100.10:4001"), l.net.peer(t, "203.0.113.20:5001")
				forB := l.offer(rtpengine.Params{CallID: "c", FromTag: "A", SDP: mux(addrA, tc.a), Flags: flags(t, tc.flags)})
				sdp, err := l.Answer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: mux(addrB, tc.b), Flags: flags(t, tc.answerFlagsB)})
				require.NoError(t, err)
				require.Equal(t, tc.answered, strings.Contains(string(sdp), "a=rtcp-mux"))
				forA := ports(t, sdp)[0]

				if tc.muxA {
					a.send(forA, rtcpPacket(1, "from A"))
				} else {
					actl.send(next(forA), rtcpPacket(1, "from A"))
				}
				if tc.muxB {
					b.send(forB, rtcpPacket(2, "from B"))
					require.Equal(t, []string{"from A"}, b.got())
				} else {
					bctl.send(next(forB), rtcpPacket(2, "from B"))
					require.Equal(t, []string{"from A"}, bctl.got())
				}
				if tc.muxA {
					require.Equal(t, []string{"from B"}, a.got())
				} else {
					require.Equal(t, []string{"from B"}, actl.got())
				}
				a.send(forA, rtpPacket(1, "media"))
				require.Equal(t, []string{"media"}, b.got())
			})
		})
	}
}
