// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rport_test

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rport"
)

// onePacket is a socket that reads the same datagram for ever.
type onePacket struct {
	net.PacketConn
	data []byte
	from net.Addr
}

func (o *onePacket) ReadFrom(b []byte) (int, net.Addr, error) { return copy(b, o.data), o.from, nil }

func request(vias ...string) string {
	return "REGISTER sip:example.com SIP/2.0\r\nMax-Forwards: 70\r\n" + strings.Join(vias, "\r\n") + "\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"
}

var source = &net.UDPAddr{IP: net.IPv4(203, 0, 113, 9), Port: 40112}

func TestPacketMiddleware(t *testing.T) {
	response := "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h:5060;rport=1\r\n\r\n"
	tests := []struct {
		name, in, always, onMismatch string
	}{
		{"no rport", request("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z"), request("Via: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z"), request("Via: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z")},
		{"as it should be", request("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z;rport"), request("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z;rport"), request("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z;rport")},
		{"client-written values", request("Via: SIP/2.0/UDP 10.0.0.1;rport=17;received=9.9.9.9;branch=z"), request("Via: SIP/2.0/UDP 10.0.0.1;rport;branch=z"), request("Via: SIP/2.0/UDP 10.0.0.1;rport;branch=z")},
		{"empty value", request("Via: SIP/2.0/UDP 10.0.0.1;rport=;branch=z"), request("Via: SIP/2.0/UDP 10.0.0.1;rport;branch=z"), request("Via: SIP/2.0/UDP 10.0.0.1;rport;branch=z")},
		{"RPORT", request("Via: SIP/2.0/UDP 10.0.0.1;RPORT;branch=z"), request("Via: SIP/2.0/UDP 10.0.0.1;rport;branch=z"), request("Via: SIP/2.0/UDP 10.0.0.1;rport;branch=z")},
		{"blank before a parameter", request("Via: SIP/2.0/UDP 10.0.0.1:5060 ;rport; branch=z"), request("Via: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z"), request("Via: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z")},
		{"several in one line", request("v: SIP/2.0/UDP 10.0.0.1;branch=z,SIP/2.0/UDP p;branch=y"), request("v: SIP/2.0/UDP 10.0.0.1;rport;branch=z,SIP/2.0/UDP p;branch=y"), request("v: SIP/2.0/UDP 10.0.0.1;rport;branch=z,SIP/2.0/UDP p;branch=y")},
		{"honest address, no rport", request("Via: SIP/2.0/UDP 203.0.113.9:40112;branch=z"), request("Via: SIP/2.0/UDP 203.0.113.9:40112;rport;branch=z"), request("Via: SIP/2.0/UDP 203.0.113.9:40112;branch=z")},
		{"honest address, client's received", request("Via: SIP/2.0/UDP 203.0.113.9:40112;received=1.2.3.4;branch=z"), request("Via: SIP/2.0/UDP 203.0.113.9:40112;rport;branch=z"), request("Via: SIP/2.0/UDP 203.0.113.9:40112;branch=z")},
		{"honest address, other port", request("Via: SIP/2.0/UDP 203.0.113.9;branch=z"), request("Via: SIP/2.0/UDP 203.0.113.9;rport;branch=z"), request("Via: SIP/2.0/UDP 203.0.113.9;rport;branch=z")},
		{"response untouched", response, response, response},
		{"no Via untouched", "OPTIONS sip:x SIP/2.0\r\n\r\n", "OPTIONS sip:x SIP/2.0\r\n\r\n", "OPTIONS sip:x SIP/2.0\r\n\r\n"},
		{"no SIP untouched", "\r\n\r\n", "\r\n\r\n", "\r\n\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			buf := make([]byte, 2048)
			n, from, err := rport.Always(&onePacket{data: []byte(tt.in), from: source}).ReadFrom(buf)
			require.NoError(t, err)
			require.Equal(t, source, from)
			require.Equal(t, tt.always, string(buf[:n]))
			n, _, err = rport.OnMismatch(&onePacket{data: []byte(tt.in), from: source}).ReadFrom(buf)
			require.NoError(t, err)
			require.Equal(t, tt.onMismatch, string(buf[:n]))
		})
	}
}

func TestIPv6Matches(t *testing.T) {
	in := request("Via: SIP/2.0/UDP [2001:DB8::5]:5062;branch=z")
	buf := make([]byte, 2048)
	n, _, err := rport.OnMismatch(&onePacket{data: []byte(in), from: &net.UDPAddr{IP: net.ParseIP("2001:db8::5"), Port: 5062}}).ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, in, string(buf[:n]))
}

func TestFullBufferPassesUnchanged(t *testing.T) {
	in := request("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z")
	buf := make([]byte, len(in))
	n, _, err := rport.Always(&onePacket{data: []byte(in), from: source}).ReadFrom(buf)
	require.NoError(t, err)
	require.Equal(t, in, string(buf[:n]))
}
