// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rport_test

import (
	"fmt"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rport"
)

func TestReply(t *testing.T) {
	tests := []struct{ name, via, source, want string }{
		{"rport asked", "SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z", "203.0.113.9:40112", "SIP/2.0/UDP 10.0.0.1:5060;rport=40112;branch=z;received=203.0.113.9"},
		{"no rport, other address (RFC 3261 18.2.1)", "SIP/2.0/UDP 10.0.0.1:5060;branch=z", "203.0.113.9:40112", "SIP/2.0/UDP 10.0.0.1:5060;branch=z;received=203.0.113.9"},
		{"no rport, same address", "SIP/2.0/UDP 203.0.113.9:5060;branch=z", "203.0.113.9:5060", "SIP/2.0/UDP 203.0.113.9:5060;branch=z"},
		{"host name", "SIP/2.0/UDP phone.invalid;branch=z", "203.0.113.9:40112", "SIP/2.0/UDP phone.invalid;branch=z;received=203.0.113.9"},
		{"IPv6", "SIP/2.0/UDP [2001:db8::1]:5060;rport;branch=z", "[2001:db8::5]:999", "SIP/2.0/UDP [2001:db8::1]:5060;rport=999;branch=z;received=2001:db8::5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			msg, err := sip.NewParser().ParseSIP([]byte("SIP/2.0 200 OK\r\nVia: " + tt.via + "\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"))
			require.NoError(t, err)
			res := msg.(*sip.Response)
			req := sip.NewRequest(sip.INVITE, sip.Uri{User: "b", Host: "example.com"})
			req.SetSource(tt.source)
			req.SetTransport("UDP")
			rport.Reply(req, res)
			require.Equal(t, tt.source, res.Destination())
			require.Equal(t, tt.want, res.Via().Value())
		})
	}
	t.Run("no Via, no source", func(t *testing.T) {
		rport.Reply(sip.NewRequest(sip.INVITE, sip.Uri{}), sip.NewResponse(200, "OK"))
	})
}

// A response that a proxy passes on has no destination of its own; sipgo takes
// a host name in the Via for the unspecified address, that is, for us. When this
// fails, upstream has mended it.
func TestSipgoSendsProxiedResponseToHostName(t *testing.T) {
	msg, err := sip.NewParser().ParseSIP([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP phone.invalid:5060;branch=z\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"))
	require.NoError(t, err)
	require.Equal(t, "phone.invalid:5060", msg.(*sip.Response).Destination())
}

func TestLocal(t *testing.T) {
	req := sip.NewRequest(sip.INVITE, sip.Uri{})
	rport.Local(req)
	require.Nil(t, req.Via())
	req.AppendHeader(&sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "UDP", Host: "edge", Params: sip.NewParams()})
	rport.Local(req)
	rport.Local(req)
	require.Equal(t, "SIP/2.0/UDP edge;rport", req.Via().Value())
}

func ExampleReply() {
	req := sip.NewRequest(sip.INVITE, sip.Uri{User: "bob", Host: "example.com"})
	req.SetSource("203.0.113.9:40112") // where the packet came from
	req.SetTransport("UDP")
	msg, _ := sip.NewParser().ParseSIP([]byte("SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"))
	res := msg.(*sip.Response)
	rport.Reply(req, res)
	fmt.Println(res.Destination())
	fmt.Println(res.Via())
	// Output:
	// 203.0.113.9:40112
	// Via: SIP/2.0/UDP 10.0.0.1:5060;rport=40112;branch=z9hG4bK1;received=203.0.113.9
}
