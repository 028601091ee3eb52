// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat_test

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

// fromPhone is a REGISTER as it arrives from a phone behind NAT.
func fromPhone() *sip.Request {
	msg, err := sip.NewParser().ParseSIP([]byte(strings.Join([]string{
		"REGISTER sip:example.com SIP/2.0",
		"Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bKffe427d2",
		"From: <sip:alice@example.com>;tag=B84E1216",
		"To: <sip:alice@example.com>",
		"Call-ID: 4ae7899d1cc396640e440df7c72662d3",
		"CSeq: 1 REGISTER",
		"Contact: <sip:alice@192.168.1.20:5060>",
		"Content-Length: 0", "", "",
	}, "\r\n")))
	if err != nil {
		panic(err)
	}
	req := msg.(*sip.Request)
	req.SetTransport("UDP")
	req.SetSource("203.0.113.9:40112")
	return req
}

func ExampleDetect() {
	tests, _ := nat.ParseTests("18") // as in nat_uac_test("18")
	v := nat.Detect(fromPhone(), tests)
	fmt.Println(v.NATed, v.Fired())
	for _, e := range v.Evidence() {
		fmt.Println(e)
	}
	// Output:
	// true received|port
	// received: Via says 192.168.1.20, seen 203.0.113.9
	// port: Via says 192.168.1.20:5060, seen 203.0.113.9:40112
}

func ExampleDetector_Middleware() {
	detector := &nat.Detector{Tests: nat.TestReceived | nat.TestPort}
	handler := detector.Middleware(func(req *sip.Request, tx sip.ServerTransaction) {
		if v, ok := nat.VerdictOf(tx); ok && v.NATed {
			fmt.Println(req.Method, "from behind NAT, seen at", v.Source)
		}
	})
	req := fromPhone()
	handler(req, siptest.NewServerTxRecorder(req))
	// Output: REGISTER from behind NAT, seen at 203.0.113.9:40112
}

func ExampleFixContact() {
	req := fromPhone()
	changed, err := nat.FixContact(req, flow.Flow{
		Transport: flow.UDP,
		Remote:    netip.MustParseAddrPort("203.0.113.9:40112"),
	})
	fmt.Println(changed, err)
	fmt.Println(req.Contact())
	// Output:
	// true <nil>
	// Contact: <sip:alice@203.0.113.9:40112>
}

func ExampleFixSDP() {
	req := fromPhone()
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody([]byte("v=0\r\no=- 1 1 IN IP4 192.168.1.20\r\ns=-\r\nc=IN IP4 192.168.1.20\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"))
	_, err := nat.FixSDP(req, nat.SDPConnection|nat.SDPOrigin, netip.MustParseAddr("203.0.113.9"))
	fmt.Println(err)
	fmt.Println(strings.ReplaceAll(string(req.Body()), "\r", ""))
	// Output:
	// <nil>
	// v=0
	// o=- 1 1 IN IP4 203.0.113.9
	// s=-
	// c=IN IP4 203.0.113.9
	// t=0 0
	// m=audio 4000 RTP/AVP 0
}

func ExampleIsPrivate() {
	for _, host := range []string{"192.168.1.20", "100.64.0.1", "203.0.113.9", "fd00::1", "64:ff9b::10.0.0.1"} {
		fmt.Println(host, nat.IsPrivate(netip.MustParseAddr(host)))
	}
	// Output:
	// 192.168.1.20 true
	// 100.64.0.1 true
	// 203.0.113.9 false
	// fd00::1 true
	// 64:ff9b::10.0.0.1 true
}
