// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package torture

import "strings"

// semantic is section 3.3, what only makes no sense, and section 3.4, a request
// of the days of RFC 2543.
func semantic() []Message {
	const sdp = `v=0
o=u 5 5 IN IP4 192.0.2.5
s=-
c=IN IP4 192.0.2.5
t=0 0
m=audio 40020 RTP/AVP 0
`
	return []Message{
		{Name: "insuf", text: `INVITE sip:user@example.org SIP/2.0
CSeq: 193942 INVITE
Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKis
Content-Type: application/sdp
l: {len}

` + sdp},
		{Name: "unkscm", text: request("OPTIONS", "nobodyKnowsThisScheme:totallyopaquecontent", "unkscm")},
		{Name: "novelsc", Refused: true, text: request("OPTIONS", "soap.beep://192.0.2.103:3002", "novelsc")},
		{Name: "unksm2", text: `REGISTER sip:example.org SIP/2.0
To: isbn:2983792873
From: <http://www.example.net>;tag=us
Max-Forwards: 70
Call-ID: unksm2.1@example.net
CSeq: 234902 REGISTER
Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bKus
Contact: <name:John_Smith>
l: 0

`},
		{Name: "bext01", text: request("OPTIONS", "sip:user@example.org", "bext01", "Proxy-Require: nothingSupportsThis, nothingSupportsThisEither", "Require: nothingSupportsThis, nothingSupportsThisEither")},
		{Name: "invut", text: request("INVITE", "sip:user@example.org", "invut", "Contact: <sip:caller@host5.example.net>", "Content-Type: application/unknownformat", "Content-Length: {len}") + "<audio>\n <pcmu port=\"443\"/>\n</audio>\n"},
		{Name: "regaut01", text: request("REGISTER", "sip:example.org", "regaut01", "Contact: <sip:user@host5.example.net>", `Authorization: NoOneKnowsThisScheme opaque-data=here`)},
		{Name: "multi01", text: `INVITE sip:user@company.example.org SIP/2.0
Contact: <sip:caller@host25.example.net>
Via: SIP/2.0/UDP 192.0.2.25;branch=z9hG4bKmu
Max-Forwards: 70
CSeq: 5 INVITE
Call-ID: multi01.1@example.net
CSeq: 59 INVITE
Call-ID: multi01.2@example.net
From: sip:caller@example.net;tag=3413415
To: sip:user@example.org
To: sip:other@example.net
From: sip:caller@example.net;tag=2923420123
Content-Type: application/sdp
l: {len}
Contact: <sip:caller@host36.example.net>
Max-Forwards: 5

` + sdp},
		{Name: "mcl01", text: strings.Replace(request("OPTIONS", "sip:user@example.org", "mcl01", "Content-Length: 13", "Accept: text/plain", "Content-Length: 5", "Content-Type: text/plain"), "\n\n", "\n\nThere's no way to know\n", 1)},
		{Name: "bcast", text: `SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bKb1
Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKb2;received=255.255.255.255
Call-ID: bcast.1@example.net
CSeq: 25 INVITE
From: <sip:user@example.com>;tag=b3
To: <sip:user@example.edu>;tag=b4
Contact: <sip:user@host28.example.com>
Content-Type: application/sdp
Content-Length: {len}

` + sdp},
		{Name: "zeromf", text: strings.Replace(request("OPTIONS", "sip:user@example.org", "zeromf"), "Max-Forwards: 70", "Max-Forwards: 0", 1)},
		{Name: "cparam01", text: request("REGISTER", "sip:example.org", "cparam01", "Contact: sip:+19725552222@gw1.example.net;unknownparam")},
		{Name: "cparam02", text: request("REGISTER", "sip:example.org", "cparam02", "Contact: <sip:+19725552222@gw1.example.net;unknownparam>")},
		{Name: "regescrt", text: request("REGISTER", "sip:example.org", "regescrt", "Contact: <sip:user@example.org?Route=%3Csip:sip.example.org%3E>")},
		{Name: "sdp01", text: request("INVITE", "sip:user@example.org", "sdp01", "Contact: <sip:caller@host15.example.net>", "Accept: text/nobodyKnowsThis", "Content-Type: application/sdp", "Content-Length: {len}") + sdp},
		{Name: "inv2543", text: `INVITE sip:UserB@example.org SIP/2.0
Via: SIP/2.0/UDP iftgw.example.net
From: <sip:+13035551111@ift.client.example.net;user=phone>
Record-Route: <sip:UserB@example.org;maddr=ss1.example.org>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: inv2543.1717@ift.client.example.net
CSeq: 56 INVITE
Content-Type: application/sdp

` + sdp},
	}
}
