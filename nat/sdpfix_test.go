// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat_test

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/pion/sdp/v3"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

const (
	co   = nat.SDPConnection | nat.SDPOrigin
	sess = "v=0\no=- 1 1 IN IP4 10.0.0.5\ns=-\n"
)

var seen = netip.MustParseAddr("203.0.113.9")

func withSDP(t testing.TB, sdp string) *sip.Request {
	t.Helper()
	req := request(t, public, "UDP", "Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa\nContent-Type: application/sdp\n\n")
	req.SetBody([]byte(strings.ReplaceAll(sdp, "\n", "\r\n")))
	return req
}

func body(msg sip.Message) string { return strings.ReplaceAll(string(msg.Body()), "\r\n", "\n") }

// requireLength holds Content-Length against the body: one header, the right
// number.
func requireLength(t testing.TB, msg sip.Message) {
	t.Helper()
	lengths := msg.GetHeaders("Content-Length")
	require.Len(t, lengths, 1)
	require.Equal(t, strconv.Itoa(len(msg.Body())), lengths[0].Value())
}

func TestFixSDP(t *testing.T) {
	tests := []struct {
		name  string
		flags nat.SDPFlags
		addr  string
		in    string
		want  string // empty: unchanged
	}{
		{
			"2: session level", nat.SDPConnection, "", sess + "c=IN IP4 10.0.0.5\nt=0 0\nm=audio 9 RTP/AVP 0\n",
			sess + "c=IN IP4 203.0.113.9\nt=0 0\nm=audio 9 RTP/AVP 0\n",
		},
		{
			"2: media level, both", nat.SDPConnection, "", sess + "t=0 0\nm=audio 9 RTP/AVP 0\nc=IN IP4 10.0.0.5\nm=video 8 RTP/AVP 31\nc=IN IP4 10.0.0.6\n",
			sess + "t=0 0\nm=audio 9 RTP/AVP 0\nc=IN IP4 203.0.113.9\nm=video 8 RTP/AVP 31\nc=IN IP4 203.0.113.9\n",
		},
		{
			"8: origin only", nat.SDPOrigin, "", sess + "c=IN IP4 10.0.0.5\nt=0 0\n",
			"v=0\no=- 1 1 IN IP4 203.0.113.9\ns=-\nc=IN IP4 10.0.0.5\nt=0 0\n",
		},
		{
			"8: origin with blanks in the user name", nat.SDPOrigin, "", "v=0\no=My Phone 1 1 IN IP4 10.0.0.5\ns=-\nt=0 0\n",
			"v=0\no=My Phone 1 1 IN IP4 203.0.113.9\ns=-\nt=0 0\n",
		},
		{
			"2: a=rtcp with an address", nat.SDPConnection, "", sess + "t=0 0\nm=audio 9 RTP/AVP 0\na=rtcp:53020 IN IP4 10.0.0.5\n",
			sess + "t=0 0\nm=audio 9 RTP/AVP 0\na=rtcp:53020 IN IP4 203.0.113.9\n",
		},
		{
			"8: a=rtcp too", nat.SDPOrigin, "", "v=0\no=- 1 1 IN IP4 203.0.113.9\ns=-\nt=0 0\nm=audio 9 RTP/AVP 0\na=rtcp:53020 IN IP4 10.0.0.5\n",
			"v=0\no=- 1 1 IN IP4 203.0.113.9\ns=-\nt=0 0\nm=audio 9 RTP/AVP 0\na=rtcp:53020 IN IP4 203.0.113.9\n",
		},
		{"a=rtcp without address, and what only looks like it", co, "", "v=0\no=- 1 1 IN IP4 203.0.113.9\ns=-\nt=0 0\nm=audio 9 RTP/AVP 0\na=rtcp:53020\na=rtcp-mux\na=rtcp-fb:* nack\na=rtcp:\na=rtcp:x IN\n", ""},
		{
			"IPv6 for IPv4", co, "2001:db8::9", sess + "c=IN IP4 10.0.0.5\nt=0 0\n",
			"v=0\no=- 1 1 IN IP6 2001:db8::9\ns=-\nc=IN IP6 2001:db8::9\nt=0 0\n",
		},
		{"IPv4 for IPv6", nat.SDPConnection, "", sess + "c=IN IP6 fd00::5\nt=0 0\n", sess + "c=IN IP4 203.0.113.9\nt=0 0\n"},
		{"mapped address", nat.SDPConnection, "::ffff:203.0.113.9", sess + "c=IN IP4 10.0.0.5\nt=0 0\n", sess + "c=IN IP4 203.0.113.9\nt=0 0\n"},
		{
			"mixed families", nat.SDPConnection, "", sess + "t=0 0\nm=audio 9 RTP/AVP 0\nc=IN IP4 10.0.0.5\nm=video 8 RTP/AVP 31\nc=IN IP6 fd00::6\n",
			sess + "t=0 0\nm=audio 9 RTP/AVP 0\nc=IN IP4 203.0.113.9\nm=video 8 RTP/AVP 31\nc=IN IP4 203.0.113.9\n",
		},
		{"name", nat.SDPConnection, "", sess + "c=IN IP4 phone.example.com\nt=0 0\n", sess + "c=IN IP4 203.0.113.9\nt=0 0\n"},
		{"odd blanks stay", nat.SDPConnection, "", sess + "c=IN  IP4\t10.0.0.5 \nt=0 0\n", sess + "c=IN  IP4\t203.0.113.9 \nt=0 0\n"},
		{"hold is left alone", co, "", "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\nm=audio 9 RTP/AVP 0\nc=IN IP6 ::\na=rtcp:9 IN IP4 0.0.0.0\n", ""},
		{
			"16: hold too", co | nat.SDPNullIP, "", "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nc=IN IP4 0.0.0.0\nt=0 0\n",
			"v=0\no=- 1 1 IN IP4 203.0.113.9\ns=-\nc=IN IP4 203.0.113.9\nt=0 0\n",
		},
		{"16 alone", nat.SDPNullIP, "", sess + "c=IN IP4 0.0.0.0\nt=0 0\n", ""},
		{"multicast stays", nat.SDPConnection, "", sess + "c=IN IP4 233.252.0.1/127\nt=0 0\n", ""},
		{"suffix of a unicast address goes", nat.SDPConnection, "", sess + "c=IN IP4 10.0.0.5/127\nt=0 0\n", sess + "c=IN IP4 203.0.113.9\nt=0 0\n"},
		{"another network stays", nat.SDPConnection, "", sess + "c=ATM NSAP 47.0091.8100\nt=0 0\n", ""},
		{"candidates stay", nat.SDPConnection, "", sess + "c=IN IP4 203.0.113.9\nt=0 0\na=candidate:1 1 UDP 1 10.0.0.5 9 typ host\n", ""},
		{
			"1: each media section", nat.SDPActive, "", sess + "t=0 0\nm=audio 9 RTP/AVP 0\na=sendrecv\nm=video 8 RTP/AVP 31\n",
			sess + "t=0 0\nm=audio 9 RTP/AVP 0\na=sendrecv\na=direction:active\nm=video 8 RTP/AVP 31\na=direction:active\n",
		},
		{
			"1: one is there, one says otherwise", nat.SDPActive, "", sess + "t=0 0\nm=audio 9 RTP/AVP 0\na=direction:active\na=sendrecv\nm=video 8 RTP/AVP 31\na=direction:passive\n",
			sess + "t=0 0\nm=audio 9 RTP/AVP 0\na=direction:active\na=sendrecv\nm=video 8 RTP/AVP 31\na=direction:active\n",
		},
		{"1: no media", nat.SDPActive, "", sess + "t=0 0\n", ""},
		{"4: at the end", nat.SDPNoProxy, "", sess + "t=0 0\nm=audio 9 RTP/AVP 0\n", sess + "t=0 0\nm=audio 9 RTP/AVP 0\na=nortpproxy:yes\n"},
		{"4: it is there", nat.SDPNoProxy, "", sess + "t=0 0\na=nortpproxy:yes\nm=audio 9 RTP/AVP 0\n", ""},
		{
			"1 and 4, last line without end", nat.SDPActive | nat.SDPNoProxy, "", sess + "t=0 0\nm=audio 9 RTP/AVP 0",
			sess + "t=0 0\nm=audio 9 RTP/AVP 0\na=direction:active\na=nortpproxy:yes",
		},
		{"4: before empty lines", nat.SDPNoProxy, "", sess + "t=0 0\n\n\n", sess + "t=0 0\na=nortpproxy:yes\n\n\n"},
		{"no flag", 0, "", sess + "c=IN IP4 10.0.0.5\nt=0 0\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr := seen
			if tt.addr != "" {
				addr = netip.MustParseAddr(tt.addr)
			}
			req := withSDP(t, tt.in)
			shared := req.Clone() // shares the body and Content-Length
			before := shared.String()
			changed, err := nat.FixSDP(req, tt.flags, addr)
			require.NoError(t, err)
			want := tt.want
			if want == "" {
				want = tt.in
			}
			require.Equal(t, want, body(req))
			require.Equal(t, tt.want != "", changed)
			requireLength(t, req)
			require.Equal(t, before, shared.String(), "a clone changed")

			changed, err = nat.FixSDP(req, tt.flags, addr)
			require.NoError(t, err)
			require.False(t, changed, "the second time")
			require.Equal(t, want, body(req))
		})
	}
}

func TestFixSDPLineEnds(t *testing.T) {
	req := withSDP(t, "")
	req.SetBody([]byte("v=0\nc=IN IP4 10.0.0.5\r\nm=audio 9 RTP/AVP 0\n"))
	_, err := nat.FixSDP(req, nat.SDPConnection|nat.SDPActive, seen)
	require.NoError(t, err)
	require.Equal(t, "v=0\nc=IN IP4 203.0.113.9\r\nm=audio 9 RTP/AVP 0\na=direction:active\n", string(req.Body()))
}

func TestFixSDPMultipart(t *testing.T) {
	req := fixture(t, "multipart")
	before := string(req.Body())
	changed, err := nat.FixSDP(req, co, seen)
	require.NoError(t, err)
	require.True(t, changed)
	want := strings.NewReplacer(
		"o=- 3890 3890 IN IP4 10.0.0.5", "o=- 3890 3890 IN IP4 203.0.113.9",
		"\ns=-\r\nc=IN IP4 10.0.0.5", "\ns=-\r\nc=IN IP4 203.0.113.9",
		"Content-Length: 116", "Content-Length: 122",
	).Replace(before)
	require.Equal(t, want, string(req.Body()), "the text part, too, keeps its c= line")
	require.NotEqual(t, before, want)
	requireLength(t, req)
	require.True(t, nat.Detect(fixture(t, "multipart"), nat.TestAll).Fired()&nat.TestSDP != 0)

	changed, err = nat.FixSDP(req, co, seen)
	require.NoError(t, err)
	require.False(t, changed)
}

func TestFixSDPErrors(t *testing.T) {
	multi := "\nContent-Type: multipart/mixed;boundary=b\n\n"
	tests := []struct{ name, lines, field string }{
		{"no version", "\nContent-Type: application/sdp\n\no=- 1 1 IN IP4 10.0.0.5\n", "SDP"},
		{"prose", "\nContent-Type: application/sdp\n\nv=0\nthis is no SDP\n", "SDP"},
		{"bare line type", "\nContent-Type: application/sdp\n\nv=0\nc\n", "SDP"},
		{"short o=", "\nContent-Type: application/sdp\n\nv=0\no=- 1 1 IN IP4\n", "SDP"},
		{"short c=", "\nContent-Type: application/sdp\n\nv=0\nc=IN IP4\n", "SDP"},
		{"empty c=", "\nContent-Type: application/sdp\n\nv=0\nc=\n", "SDP"},
		{"unknown address type", "\nContent-Type: application/sdp\n\nv=0\nc=IN IP5 10.0.0.5\n", "SDP"},
		{"short m=", "\nContent-Type: application/sdp\n\nv=0\nm=audio 9\n", "SDP"},
		{"a line behind an empty one", "\nContent-Type: application/sdp\n\nv=0\n\nc=IN IP4 10.0.0.5\n", "SDP"},
		{"no boundary", "\nContent-Type: multipart/mixed\n\n--b\n", "multipart"},
		{"not terminated", multi + "--b\nContent-Type: application/sdp\n\nv=0\nc=IN IP4 10.0.0.5\n", "multipart"},
		{"empty part", multi + "--b\nContent-Type: application/sdp\n\n--b--\n", "SDP"},
		{"second part is bad", multi + "--b\nContent-Type: application/sdp\n\nv=0\nc=IN IP4 10.0.0.5\n--b\nContent-Type: application/sdp\n\nx\n--b--\n", "SDP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := request(t, public, "UDP", "Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa"+tt.lines)
			wire := req.String()
			changed, err := nat.FixSDP(req, co, seen)
			var malformed *nat.Error
			require.ErrorAs(t, err, &malformed)
			require.Equal(t, tt.field, malformed.Field)
			require.False(t, changed)
			require.Equal(t, wire, req.String())
			code, _ := flow.Status(err)
			require.Equal(t, 400, code)
		})
	}
	for _, addr := range []netip.Addr{{}, netip.IPv4Unspecified(), netip.MustParseAddr("233.252.0.1")} {
		_, err := nat.FixSDP(withSDP(t, sess+"c=IN IP4 10.0.0.5\nt=0 0\n"), co, addr)
		require.ErrorIs(t, err, nat.ErrAddress)
	}
}

func TestFixSDPNothing(t *testing.T) {
	plain := request(t, public, "UDP", "Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa")
	text := request(t, public, "UDP", "Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa\nContent-Type: text/plain\n\nc=IN IP4 10.0.0.5\n")
	untyped := request(t, public, "UDP", "Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa\n\nv=0\nc=IN IP4 10.0.0.5\n")
	for _, msg := range []sip.Message{nil, (*sip.Request)(nil), (*sip.Response)(nil), &sip.Request{}, &sip.Response{}, plain, text, untyped} {
		changed, err := nat.FixSDP(msg, co, seen)
		require.NoError(t, err)
		require.False(t, changed)
	}
}

func TestFixSDPOneContentLength(t *testing.T) {
	req := withSDP(t, sess+"c=IN IP4 10.0.0.5\nt=0 0\n")
	stale := sip.ContentLengthHeader(1)
	req.AppendHeader(&stale)
	_, err := nat.FixSDP(req, co, seen)
	require.NoError(t, err)
	requireLength(t, req)

	bare := sip.NewRequest(sip.INVITE, sip.Uri{Host: "example.com"})
	bare.AppendHeader(sip.NewHeader("content-type", "application/sdp"))
	bare.SetBody([]byte(sess + "c=IN IP4 10.0.0.5\nt=0 0\n"))
	bare.RemoveHeader("Content-Length")
	changed, err := nat.FixSDP(bare, co, seen)
	require.NoError(t, err)
	require.True(t, changed)
	requireLength(t, bare)
}

// What we write, a stricter reader accepts and understands.
func TestFixSDPReadsBack(t *testing.T) {
	req := withSDP(t, sess+"c=IN IP4 10.0.0.5\nt=0 0\nm=audio 9 RTP/AVP 0\na=rtcp:10 IN IP4 10.0.0.5\nm=video 8 RTP/AVP 31\nc=IN IP6 fd00::1\n")
	_, err := nat.FixSDP(req, co|nat.SDPActive|nat.SDPNoProxy, seen)
	require.NoError(t, err)
	var d sdp.SessionDescription
	require.NoError(t, d.Unmarshal(req.Body()))
	require.Equal(t, "203.0.113.9", d.Origin.UnicastAddress)
	require.Equal(t, "203.0.113.9", d.ConnectionInformation.Address.Address)
	require.Equal(t, "203.0.113.9", d.MediaDescriptions[1].ConnectionInformation.Address.Address)
	require.Equal(t, "IP4", d.MediaDescriptions[1].ConnectionInformation.AddressType)
	for _, m := range d.MediaDescriptions {
		direction, _ := m.Attribute("direction")
		require.Equal(t, "active", direction)
	}
	rtcp, _ := d.MediaDescriptions[0].Attribute("rtcp")
	require.Equal(t, "10 IN IP4 203.0.113.9", rtcp)
}

func TestSDPFlags(t *testing.T) {
	for flag, value := range map[nat.SDPFlags]int{nat.SDPActive: 1, nat.SDPConnection: 2, nat.SDPNoProxy: 4, nat.SDPOrigin: 8, nat.SDPNullIP: 16} {
		require.EqualValues(t, value, flag)
	}
	require.Equal(t, "connection|origin", co.String())
	require.Equal(t, "none", nat.SDPFlags(0).String())
}

func TestSDPRepair(t *testing.T) {
	peer := func(nated bool, remote string) flow.Peer {
		return flow.Peer{NAT: nated, Flow: flow.Flow{Transport: flow.UDP, Remote: netip.MustParseAddrPort(remote)}}
	}
	offer := sess + "c=IN IP4 10.0.0.5\nt=0 0\n"
	var repair nat.SDPRepair

	req := withSDP(t, offer)
	require.NoError(t, repair.Branch(req, flow.Leg{In: peer(false, public), Out: peer(true, "198.51.100.7:5060")}))
	require.Equal(t, offer, body(req), "the sender is not behind NAT")
	require.NoError(t, repair.Branch(req, flow.Leg{In: peer(true, public)}))
	require.Equal(t, strings.ReplaceAll(offer, "10.0.0.5", "203.0.113.9"), body(req))

	res := sip.NewSDPResponseFromRequest(withSDP(t, offer), []byte(strings.ReplaceAll(offer, "\n", "\r\n")))
	require.NoError(t, repair.Reply(res, flow.Leg{In: peer(true, public), Out: peer(false, "198.51.100.7:5060")}))
	require.Equal(t, offer, body(res))
	only := nat.SDPRepair{Flags: nat.SDPConnection}
	require.NoError(t, only.Reply(res, flow.Leg{Out: peer(true, "198.51.100.7:5060")}))
	require.Equal(t, sess+"c=IN IP4 198.51.100.7\nt=0 0\n", body(res))

	bad := withSDP(t, "no SDP\n")
	var malformed *nat.Error
	require.ErrorAs(t, repair.Branch(bad, flow.Leg{In: peer(true, public)}), &malformed)
	require.ErrorIs(t, repair.Branch(req, flow.Leg{In: flow.Peer{NAT: true}}), nat.ErrAddress)
	require.NoError(t, repair.Branch(nil, flow.Leg{In: peer(true, public)}))
	require.NoError(t, repair.Reply(nil, flow.Leg{Out: peer(true, public)}))
}
