// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat_test

import (
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/nat"
)

const sdpHead = "\nContent-Type: application/sdp\n\nv=0\no=- 1 1 IN IP4 198.51.100.1\ns=-\n"

func TestDetectTests(t *testing.T) {
	const (
		goodVia     = "Via: SIP/2.0/UDP 203.0.113.9:40112;branch=z9hG4bKa"
		goodContact = "\nContact: <sip:a@203.0.113.9:40112>"
		none        = nat.Test(0)
	)
	tests := []struct {
		name      string
		source    string
		transport string
		lines     string
		want      nat.Test // of those in about
		about     nat.Test
	}{
		{"clean public phone", public, "UDP", goodVia + goodContact, none, nat.TestAll},
		{
			"plain NAT", public, "UDP", "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKa\nContact: <sip:a@10.0.0.5:5060>",
			nat.TestContact | nat.TestReceived | nat.TestVia | nat.TestPort | nat.TestContactPort, nat.TestAll,
		},

		// 1
		{"1: name in Contact", public, "UDP", goodVia + "\nContact: <sip:a@phone.example.com>", none, nat.TestContact},
		{"1: star", public, "UDP", goodVia + "\nContact: *", none, nat.TestContact | nat.TestContactPort},
		{"1: no Contact", public, "UDP", goodVia, none, nat.TestContact | nat.TestContactPort},
		{"1: second of two in one header", public, "UDP", goodVia + "\nContact: <sip:a@203.0.113.9:40112>, <sip:a@10.0.0.1>", nat.TestContact, nat.TestContact},
		{"1: first of two in one header", public, "UDP", goodVia + "\nContact: <sip:a@10.0.0.1>, <sip:a@203.0.113.9:40112>", nat.TestContact, nat.TestContact},
		{"1: first of two headers", public, "UDP", goodVia + "\nm: <sip:a@10.0.0.1>" + goodContact, nat.TestContact, nat.TestContact},
		{"1: bare address", public, "UDP", goodVia + "\nContact: sip:a@10.0.0.1;expires=5", nat.TestContact, nat.TestContact},
		{"1: blank behind a bare address", public, "UDP", goodVia + "\nContact: sip:a@10.0.0.1 ;expires=5", nat.TestContact, nat.TestContact},
		{"1: unique local", public, "UDP", goodVia + "\nContact: <sip:a@[fd00::1]>", nat.TestContact, nat.TestContact},
		{"1: mapped", public, "UDP", goodVia + "\nContact: <sip:a@[::ffff:10.0.0.1]>", nat.TestContact, nat.TestContact},
		{"1: octal is no address", public, "UDP", goodVia + "\nContact: <sip:a@010.0.0.1>", none, nat.TestContact},
		{"1: hex is no address", public, "UDP", goodVia + "\nContact: <sip:a@0x0a.0.0.1>", none, nat.TestContact},
		{"1: short form is no address", public, "UDP", goodVia + "\nContact: <sip:a@10.1>", none, nat.TestContact},
		{"1: tel", public, "UDP", goodVia + "\nContact: <tel:10.0.0.1>", none, nat.TestContact | nat.TestContactPort},
		{"1: alias and quoted bracket", public, "UDP", goodVia + "\nContact: \"a<b\" <sip:a@10.0.0.1;alias=1~2~1?X=y>", nat.TestContact, nat.TestContact},

		// 2
		{"2: name in Via", public, "UDP", "Via: SIP/2.0/UDP phone.example.com:40112;branch=z9hG4bKa", nat.TestReceived, nat.TestReceived},
		{"2: .invalid", public, "WSS", "Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bKa", nat.TestReceived, nat.TestReceived},
		{"2: received of the client is not believed", public, "UDP", "Via: SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKa;received=203.0.113.9", nat.TestReceived, nat.TestReceived},
		{"2: received of the client does no harm", public, "UDP", goodVia + ";received=9.9.9.9", none, nat.TestReceived},
		{"2: spelling of IPv6", "[2001:db8::9]:5060", "UDP", "Via: SIP/2.0/UDP [2001:0DB8:0:0::9];branch=z9hG4bKa", none, nat.TestReceived | nat.TestPort},
		{"2: mapped source", "[::ffff:203.0.113.9]:40112", "UDP", goodVia, none, nat.TestReceived | nat.TestPort},
		{"2: zone of the source", "[fe80::1%eth0]:5060", "UDP", "Via: SIP/2.0/UDP [fe80::1];branch=z9hG4bKa", none, nat.TestReceived},

		// 4
		{"4: name", public, "UDP", "Via: SIP/2.0/UDP localhost;branch=z9hG4bKa", none, nat.TestVia},
		{"4: loopback", public, "UDP", "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa", nat.TestVia, nat.TestVia},
		{"4: unique local, no brackets in Via.Host", public, "UDP", "Via: SIP/2.0/UDP [fd00::5]:5060;branch=z9hG4bKa", nat.TestVia, nat.TestVia},

		// 8 and 256
		{"8: session level", public, "UDP", goodVia + sdpHead + "c=IN IP4 10.0.0.5\nt=0 0\nm=audio 1 RTP/AVP 0\n", nat.TestSDP | nat.TestSDPSource, nat.TestSDP | nat.TestSDPSource},
		{"8: media level, second", public, "UDP", goodVia + sdpHead + "t=0 0\nm=audio 1 RTP/AVP 0\nc=IN IP4 203.0.113.9\nm=video 3 RTP/AVP 31\nc=IN IP4 10.0.0.5\n", nat.TestSDP | nat.TestSDPSource, nat.TestSDP | nat.TestSDPSource},
		{"8: after a held stream", public, "UDP", goodVia + sdpHead + "t=0 0\nm=audio 1 RTP/AVP 0\nc=IN IP4 0.0.0.0\nm=video 3 RTP/AVP 31\nc=IN IP4 10.0.0.5\n", nat.TestSDP, nat.TestSDP},
		{"8: IPv6", public, "UDP", goodVia + sdpHead + "c=IN IP6 fd00::5\nt=0 0\n", nat.TestSDP, nat.TestSDP},
		{"8: o= does not count", public, "UDP", goodVia + "\nContent-Type: application/sdp\n\nv=0\no=- 1 1 IN IP4 10.0.0.5\ns=-\nc=IN IP4 203.0.113.9\nt=0 0\n", none, nat.TestSDP | nat.TestSDPSource},
		{"8: a candidate does not count", public, "UDP", goodVia + sdpHead + "c=IN IP4 203.0.113.9\nt=0 0\na=candidate:1 1 UDP 1 10.0.0.5 9 typ host\n", none, nat.TestSDP | nat.TestSDPSource},
		{"8: name", public, "UDP", goodVia + sdpHead + "c=IN IP4 media.example.com\nt=0 0\n", none, nat.TestSDP | nat.TestSDPSource},
		{"8: not SDP", public, "UDP", goodVia + "\nContent-Type: text/plain\n\nc=IN IP4 10.0.0.5\n", none, nat.TestSDP | nat.TestSDPSource},
		{"8: compact and parametrised Content-Type", public, "UDP", goodVia + "\nc: Application/SDP ; charset=utf-8\n\nv=0\nc=IN IP4 10.0.0.5\n", nat.TestSDP, nat.TestSDP},
		{"8: malformed", public, "UDP", goodVia + "\nContent-Type: application/sdp\n\nc=\nc=IN\nc=IN IP4\no=\n=\n\nc=IN IP4 10.0.0.5", nat.TestSDP, nat.TestSDP},
		{"256: public media server", public, "UDP", goodVia + sdpHead + "c=IN IP4 198.51.100.7\nt=0 0\n", nat.TestSDPSource, nat.TestSDP | nat.TestSDPSource},
		{"256: hold", public, "UDP", goodVia + sdpHead + "c=IN IP4 0.0.0.0\nt=0 0\n", none, nat.TestSDPSource},

		// 16 and 128
		{"16: no port means 5060", "203.0.113.9:5060", "UDP", "Via: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKa\nContact: <sip:a@203.0.113.9>", none, nat.TestAll},
		{"16: no port means 5061 on TLS", "203.0.113.9:5061", "TLS", "Via: SIP/2.0/TLS 203.0.113.9;branch=z9hG4bKa\nContact: <sips:a@203.0.113.9>", none, nat.TestAll},
		{"16: rport of the client is not believed", public, "UDP", "Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bKa;rport=40112", nat.TestPort, nat.TestPort},
		{"16: TCP phone that listens on 5060", public, "TCP", "Via: SIP/2.0/TCP 203.0.113.9;branch=z9hG4bKa", nat.TestPort, nat.TestPort},
		{"16: absurd port", public, "UDP", "Via: SIP/2.0/UDP 203.0.113.9:105648;branch=z9hG4bKa", nat.TestPort, nat.TestPort},
		{"128: transport=tls", "203.0.113.9:5061", "TLS", "Via: SIP/2.0/TLS 203.0.113.9;branch=z9hG4bKa\nContact: <sip:a@203.0.113.9;transport=TLS>", none, nat.TestContactPort},
		{"128: name", public, "UDP", goodVia + "\nContact: <sip:a@phone.example.com:5060>", nat.TestContactPort, nat.TestContactPort},

		// 32, 64
		{"32: LAN", "192.168.1.7:5060", "UDP", "Via: SIP/2.0/UDP 192.168.1.7;branch=z9hG4bKa", nat.TestSource, nat.TestSource | nat.TestReceived | nat.TestPort},
		{"64: WS", public, "WS", goodVia, nat.TestWebSocket, nat.TestWebSocket},
		{"64: claimed in the Via only", public, "TCP", "Via: SIP/2.0/WS 203.0.113.9:40112;branch=z9hG4bKa", none, nat.TestWebSocket},

		// no source: what is claimed can still be judged
		{"no source", "", "UDP", "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKa\nContact: <sip:a@10.0.0.5>", nat.TestVia | nat.TestContact, nat.TestAll},
		{"source that is no address", "pipe", "UDP", "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKa", nat.TestVia, nat.TestAll},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := request(t, tt.source, tt.transport, tt.lines)
			wire := req.String()
			v := nat.Detect(req, nat.TestAll)
			require.Equal(t, tt.want, v.Fired()&tt.about, "%v", v)
			require.Equal(t, wire, req.String(), "Detect changed the request")
			for one := range nat.TestAll.Each() {
				alone := nat.Detect(req, one)
				require.Equal(t, v.Fired()&one, alone.Fired(), "%v asked alone", one)
				require.Equal(t, alone.Fired() != 0, alone.NATed)
			}
		})
	}
}

func TestDetectDestination(t *testing.T) {
	for uri, want := range map[string]bool{
		"sip:bob@192.0.2.1;transport=ws": true, "sip:bob@192.0.2.1;TRANSPORT=WSS": true, "sips:bob@192.0.2.1;transport=ws": true,
		"sip:bob@192.0.2.1": false, "sip:bob@192.0.2.1;transport=tcp": false, "tel:+1;transport=ws": false,
	} {
		t.Run(uri, func(t *testing.T) {
			req := request(t, public, "UDP", "Via: SIP/2.0/UDP 203.0.113.9:40112;branch=z9hG4bKa")
			req.Recipient = sip.Uri{}
			require.NoError(t, sip.ParseUri(uri, &req.Recipient))
			require.Equal(t, want, nat.Detect(req, nat.TestAll).Fired() == nat.TestDestination)
		})
	}
}

func TestDetectFlags(t *testing.T) {
	const natted = "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKa"
	v := nat.Detect(request(t, public, "UDP", natted+"\nVia: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKb"), nat.TestAll)
	require.True(t, v.Proxied, "two Vias")
	require.False(t, v.NATed, "a proxied message is not behind NAT by its own words")
	require.True(t, v.Fired()&nat.TestVia != 0, "the tests are run all the same")

	v = nat.Detect(request(t, public, "UDP", "Via: SIP/2.0/UDP 100.64.3.4;branch=z9hG4bKa"), nat.TestPort)
	require.True(t, v.CGNAT, "RFC 6598 in the Via, whatever was asked")
	v = nat.Detect(request(t, public, "UDP", natted+"\nContact: <sip:a@192.0.0.4>"), nat.TestPort)
	require.True(t, v.CGNAT, "RFC 7335 in the Contact")
	v = nat.Detect(request(t, "100.99.1.2:5060", "UDP", natted), nat.TestPort)
	require.True(t, v.CGNAT, "the source itself")
	v = nat.Detect(request(t, public, "UDP", natted), nat.TestAll)
	require.False(t, v.CGNAT, "RFC 1918 is not the carrier's")

	v = nat.Detect(request(t, public, "WSS", "Via: SIP/2.0/WSS x.invalid;branch=z9hG4bKa"), nat.TestReceived)
	require.True(t, v.WebSocket)
	require.True(t, v.NATed)
}

func TestDetectNothing(t *testing.T) {
	require.Equal(t, nat.Verdict{}, nat.Detect(nil, nat.TestAll))
	require.Equal(t, nat.Verdict{}, nat.Detect(&sip.Request{}, nat.TestAll))
	req := request(t, public, "UDP", "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKa")
	require.False(t, nat.Detect(req, 0).NATed, "no test was asked")

	bare := sip.NewRequest(sip.OPTIONS, sip.Uri{Host: "example.com"})
	bare.SetSource(public)
	require.Zero(t, nat.Detect(bare, nat.TestAll).Fired(), "no header at all")
	bare.AppendHeader(sip.NewHeader("Via", "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa"))
	require.Equal(t, nat.TestReceived|nat.TestVia|nat.TestPort, nat.Detect(bare, nat.TestAll).Fired(), "a Via that sipgo has not parsed")
}

func TestDetectTorture(t *testing.T) {
	wide := nat.Detect(fixture(t, "torture-wide"), nat.TestAll)
	require.True(t, wide.Proxied, "two Vias, folded")
	require.False(t, wide.NATed)
	require.Equal(t, nat.TestReceived|nat.TestPort|nat.TestContactPort|nat.TestSDPSource, wide.Fired())

	contacts := nat.Detect(fixture(t, "torture-contacts"), nat.TestAll)
	require.Equal(t, nat.TestContact|nat.TestReceived|nat.TestPort|nat.TestContactPort, contacts.Fired())
	require.Equal(t, "Contact says [fe80::1], seen 203.0.113.9", contacts.Evidence()[0].String()[len("contact: "):],
		"neither the octal host nor the short one")
}

// Traps of sipgo 1.7.2 that the package steps around. When one of these fails,
// upstream has changed.
func TestSipgoTraps(t *testing.T) {
	req := request(t, public, "UDP", "Via: SIP/2.0/UDP [2001:db8::1];branch=z9hG4bKa\nContact: <sip:a@[2001:db8::1]> ; Q = 1\nContact: <sip:b@10.0.0.2>")
	require.Equal(t, "10.0.0.2", req.Contact().Address.Host, "Contact() is the last one")
	require.Equal(t, "2001:db8::1", req.Via().Host, "Via.Host has no brackets")
	first := req.GetHeaders("Contact")[0].(*sip.ContactHeader)
	require.Equal(t, "[2001:db8::1]", first.Address.Host, "Uri.Host has")
	_, ok := first.Params.Get("Q")
	require.False(t, ok, "keys of header parameters keep their blanks")
	req.SetSource("")
	require.NotEmpty(t, req.Source(), "Source() makes one up from the Via")
}
