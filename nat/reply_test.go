// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat_test

import (
	"net/netip"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

var (
	edge   = netip.MustParseAddrPort("192.0.2.1:5060")
	branch = flow.Flow{Transport: flow.UDP, Local: edge, Remote: netip.MustParseAddrPort(public)}
)

const ownVia = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKus\n"

func TestDetectReply(t *testing.T) {
	const all = nat.TestAll
	tests := []struct {
		name  string
		f     flow.Flow
		lines string
		want  nat.Test
		nated bool
	}{
		{
			"clean reply: our own Via is not held against the sender (the 18 trap)", branch,
			ownVia + "Contact: <sip:b@203.0.113.9:40112>", 0, false,
		},
		{"a reply without Contact proves nothing", branch, ownVia, 0, false},
		{
			"private Contact", branch, ownVia + "Contact: <sip:b@10.0.0.7:5060>",
			nat.TestContact | nat.TestReceived | nat.TestPort | nat.TestContactPort, true,
		},
		{"public Contact of another host", branch, ownVia + "Contact: <sip:b@198.51.100.3:40112>", nat.TestReceived, true},
		{"Contact with the inner port", branch, ownVia + "Contact: <sip:b@203.0.113.9>", nat.TestPort | nat.TestContactPort, true},
		{"a name may stand for the source", branch, ownVia + "Contact: <sip:b@pbx.example.com:40112>", 0, false},
		{"a name under .invalid may not", branch, ownVia + "Contact: <sip:b@x7.invalid:40112>", nat.TestReceived, true},
		{
			"private SDP", branch, ownVia + "Contact: <sip:b@203.0.113.9:40112>" + sdpHead + "c=IN IP4 10.0.0.7\nt=0 0\n",
			nat.TestSDP | nat.TestSDPSource, false,
		},
		{
			"LAN",
			flow.Flow{Transport: flow.UDP, Local: edge, Remote: netip.MustParseAddrPort("192.168.1.9:5060")},
			ownVia + "Contact: <sip:b@192.168.1.9>", nat.TestContact | nat.TestSource, false,
		},
		{
			"WebSocket",
			flow.Flow{Transport: flow.WSS, Local: edge, Remote: netip.MustParseAddrPort(public)},
			ownVia + "Contact: <sips:b@x7.invalid:40112;transport=ws>", nat.TestReceived | nat.TestWebSocket, true,
		},
		{"no path", flow.Flow{}, ownVia + "Contact: <sip:b@10.0.0.7>", nat.TestContact, false},
		{
			"a client's private Via is below ours", branch,
			ownVia + "Via: SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKc\nContact: <sip:b@203.0.113.9:40112>", 0, false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := reply(t, tt.lines)
			wire := res.String()
			v := nat.DetectReply(res, tt.f)
			require.Equal(t, tt.want, v.Fired()&all, "%v", v)
			require.Equal(t, tt.nated, v.NATed)
			require.False(t, v.Proxied)
			require.Equal(t, wire, res.String())

			var zero nat.Detector
			require.Equal(t, tt.nated, zero.Behind(res, tt.f))
			require.Equal(t, tt.nated, zero.DetectReply(res, tt.f).NATed)
		})
	}
}

func TestDetectReplyForeignContacts(t *testing.T) {
	private := ownVia + "Contact: <sip:b@10.0.0.7:5060>"
	for name, change := range map[string]func(*sip.Response){
		"3xx names other places": func(res *sip.Response) { res.StatusCode = 302 },
		"485 names alternatives": func(res *sip.Response) { res.StatusCode = 485 },
		"200 to REGISTER lists everybody's bindings": func(res *sip.Response) {
			res.CSeq().MethodName = sip.REGISTER
		},
	} {
		t.Run(name, func(t *testing.T) {
			res := reply(t, private)
			change(res)
			require.Zero(t, nat.DetectReply(res, branch).Fired())
		})
	}
}

func TestDetectReplyProxied(t *testing.T) {
	const contact = "\nContact: <sip:b@10.0.0.7:5060>"
	tests := []struct {
		name    string
		lines   string
		self    func(string, int) bool
		proxied bool
	}{
		{"our listener on top", "Record-Route: <sip:192.0.2.1;lr>", nil, false},
		{"ours, and one before us", "Record-Route: <sip:192.0.2.1:5060;lr>, <sip:198.51.100.99;lr>", nil, false},
		{"a proxy beyond us", "Record-Route: <sip:198.51.100.99;lr>, <sip:192.0.2.1;lr>", nil, true},
		{"our address, another port", "Record-Route: <sip:192.0.2.1:5062;lr>", nil, true},
		{"our name stands in our Via", "Via: SIP/2.0/UDP edge.example.com:5060;branch=z9hG4bKus\nRecord-Route: <sip:Edge.example.com;lr>", nil, false},
		{"we wrote none, the proxy before us did", "Via: SIP/2.0/UDP 198.51.100.99;branch=z9hG4bKup\nRecord-Route: <sip:198.51.100.99;lr>", nil, false},
		{"advertised name, own Via gone, no Self", "Record-Route: <sip:edge.example.com;lr>", nil, true},
		{"advertised name, Self", "Record-Route: <sip:edge.example.com;lr>", func(host string, port int) bool {
			return host == "edge.example.com" && port == 0
		}, false},
		{"IPv6 spelling", "Via: SIP/2.0/UDP [2001:db8::1];branch=z9hG4bKus\nRecord-Route: <sip:[2001:DB8:0::1];lr>", nil, false},
		{"star", "Record-Route: <sip:*>", nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := nat.Detector{Self: tt.self}
			v := d.DetectReply(reply(t, tt.lines+contact), branch)
			require.Equal(t, tt.proxied, v.Proxied)
			require.Equal(t, !tt.proxied, v.NATed)
		})
	}
}

func TestDetectReplyWildcardListener(t *testing.T) {
	f := branch
	f.Local = netip.MustParseAddrPort("[::]:5060")
	res := reply(t, "Record-Route: <sip:192.0.2.1;lr>\nContact: <sip:b@10.0.0.7:5060>")
	require.True(t, nat.DetectReply(res, f).NATed)
	f.Local = netip.MustParseAddrPort("[::]:5070")
	require.True(t, nat.DetectReply(res, f).Proxied)
}

func TestDetectReplyNothing(t *testing.T) {
	require.Equal(t, nat.Verdict{}, nat.DetectReply(nil, branch))
	v := nat.DetectReply(&sip.Response{}, branch)
	require.False(t, v.NATed)
	require.Zero(t, v.Fired())
}
