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

// register is a REGISTER of usual size whose only Via is the header via.
func register(via string, before ...string) []byte {
	return []byte("REGISTER sip:example.com SIP/2.0\r\n" + strings.Join(append(before, via), "\r\n") + "\r\n" +
		strings.Join([]string{
			"Max-Forwards: 70",
			"From: \"Alice\" <sip:alice@example.com>;tag=9fxced76sl",
			"To: \"Alice\" <sip:alice@example.com>",
			"Call-ID: 2xTb9vxSit55XU7p8@example.com",
			"CSeq: 2 REGISTER",
			`Contact: <sip:alice@10.0.0.5:5060;transport=udp>;+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"`,
			"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, MESSAGE, UPDATE, INFO",
			"Supported: path, outbound, gruu",
			"User-Agent: phone/1.2.3",
			"Expires: 3600",
			"Content-Length: 0",
		}, "\r\n") + "\r\n\r\n")
}

// work is what there may be to do with a Via.
var work = []struct {
	name string
	in   []byte
}{
	{"nochange", register("Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKnashds7;rport")},
	{"add", register("Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKnashds7")},
	{"replace", register("Via: SIP/2.0/UDP 10.0.0.5:5060;rport=17;received=9.9.9.9;branch=z9hG4bKnashds7")},
	{"mend", register("Via: SIP/2.0/UDP 10.0.0.5:5060 ; branch=z9hG4bKnashds7")},
	{"honest", register("Via: SIP/2.0/UDP 203.0.113.9:40112;branch=z9hG4bKnashds7")},
	{"last of 12", register("Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKnashds7", strings.Split(strings.TrimSuffix(strings.Repeat("Accept: application/sdp\n", 11), "\n"), "\n")...)},
	{"two in one line", register("Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKnashds7, SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKp")},
}

var ways = []struct {
	name string
	mw   func(net.PacketConn) net.PacketConn
}{{"Always", rport.Always}, {"OnMismatch", rport.OnMismatch}}

func TestNoAllocations(t *testing.T) {
	for _, way := range ways {
		for _, w := range work {
			t.Run(way.name+"/"+w.name, func(t *testing.T) {
				pc := way.mw(&onePacket{data: w.in, from: source})
				buf := make([]byte, 2048)
				require.Zero(t, testing.AllocsPerRun(100, func() { _, _, _ = pc.ReadFrom(buf) }))
			})
		}
	}
}

func BenchmarkReadFrom(b *testing.B) {
	for _, way := range ways {
		for _, w := range work {
			b.Run(way.name+"/"+w.name, func(b *testing.B) {
				pc := way.mw(&onePacket{data: w.in, from: source})
				buf := make([]byte, 2048)
				b.ReportAllocs()
				for b.Loop() {
					_, _, _ = pc.ReadFrom(buf)
				}
			})
		}
	}
}
