// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package torture

import "strings"

// invalid is section 3.1.2, what breaks the grammar, and section 3.2, a branch
// without anything behind its cookie.
func invalid() []Message {
	const sdp = `v=0
o=u 3 3 IN IP4 192.0.2.1
s=-
c=IN IP4 192.0.2.1
t=0 0
m=audio 40010 RTP/AVP 0
`
	huge := strings.Repeat("9", 40)
	return []Message{
		{Name: "badinv01", Refused: true, text: `INVITE sip:user@example.org SIP/2.0
To: sip:j.user@example.org
From: sip:caller@example.net;tag=bad
Max-Forwards: 7
Call-ID: badinv01.0@192.0.2.1
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;;,;,,
Contact: "Joe" <sip:joe@example.org>;;;;
Content-Length: {len}
Content-Type: application/sdp

` + sdp},
		{Name: "clerr", Refused: true, text: request("INVITE", "sip:user@example.org", "clerr", "Contact: <sip:caller@example.net>", "Content-Type: application/sdp", "Content-Length: 9999") + sdp},
		{Name: "ncl", Refused: true, text: request("INVITE", "sip:user@example.org", "ncl", "Contact: <sip:caller@example.net>", "Content-Type: application/sdp", "Content-Length: -999") + sdp},
		{Name: "scalar02", Refused: true, text: `REGISTER sip:example.org SIP/2.0
Via: SIP/2.0/TCP h.example.net;branch=z9hG4bKsc
To: <sip:user@example.org>
From: <sip:user@example.org>;tag=sc
Call-ID: scalar02.2@example.net
CSeq: ` + huge + ` REGISTER
Max-Forwards: 300
Expires: 1` + huge + `
Contact: <sip:user@h.example.net>;expires=` + huge + `
Content-Length: 0

`},
		{Name: "scalarlg", Refused: true, text: `SIP/2.0 503 Service Unavailable
Via: SIP/2.0/TCP h.example.net;branch=z9hG4bKlg
To: <sip:user@example.org>;tag=lg2
From: <sip:user@example.org>;tag=lg1
Call-ID: scalarlg.3@example.net
CSeq: ` + huge + ` INVITE
Retry-After: ` + huge + `
Warning: 1812 overture "In Progress"
Content-Length: 0

`},
		{Name: "quotbal", Refused: true, text: `INVITE sip:user@example.org SIP/2.0
To: "Mr. J. User <sip:j.user@example.org>
From: sip:caller@example.net;tag=qb
Max-Forwards: 10
Call-ID: quotbal.4@192.0.2.1
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.59:5050;branch=z9hG4bKqb
Contact: "Joe" <sip:joe@example.org>
Content-Length: 0

`},
		{Name: "ltgtruri", Refused: true, text: request("INVITE", "<sip:user@example.org>", "ltgtruri", "Contact: <sip:caller@example.net>")},
		{Name: "lwsruri", Refused: true, text: request("INVITE", "sip:user@example.org; lr", "lwsruri", "Contact: <sip:caller@example.net>")},
		{Name: "lwsstart", Refused: true, text: strings.Replace(request("INVITE", "sip:user@example.org", "lwsstart", "Contact: <sip:caller@example.net>"), "INVITE sip:user@example.org SIP", "INVITE  sip:user@example.org  SIP", 1)},
		{Name: "trws", Refused: true, text: strings.Replace(request("OPTIONS", "sip:remote@example.org", "trws"), "SIP/2.0\n", "SIP/2.0  \n", 1)},
		{Name: "escruri", text: request("INVITE", "sip:user@example.org?Route=%3Csip:example.org%3E", "escruri", "Contact: <sip:caller@example.net>")},
		{Name: "baddate", text: request("INVITE", "sip:user@example.org", "baddate", "Date: Fri, 01 Jan 2010 16:00:00 EST", "Contact: <sip:caller@example.net>")},
		{Name: "regbadct", text: request("REGISTER", "sip:example.org", "regbadct", "Contact: sip:user@example.org?Route=%3Csip:sip.example.org%3E")},
		{Name: "badaspec", Refused: true, text: `OPTIONS sip:user@example.org SIP/2.0
Via: SIP/2.0/UDP host4.example.com:5060;branch=z9hG4bKas
Max-Forwards: 70
From: "Bell, Alexander" <sip:a.g.bell@example.net>;tag=as
To: "Watson, Thomas" < sip:t.watson@example.org >
Call-ID: badaspec.5@example.net
CSeq: 14 OPTIONS
Content-Length: 0

`},
		{Name: "baddn", text: `OPTIONS sip:t.watson@example.org SIP/2.0
Via: SIP/2.0/UDP c.example.com:5060;branch=z9hG4bKdn
Max-Forwards: 70
From: Bell, Alexander <sip:a.g.bell@example.net>;tag=dn
To: Watson, Thomas <sip:t.watson@example.org>
Call-ID: baddn.6@example.net
CSeq: 15 OPTIONS
l: 0

`},
		{Name: "badvers", text: strings.Replace(request("OPTIONS", "sip:t.watson@example.org", "badvers"), " SIP/2.0\n", " SIP/7.0\n", 1)},
		{Name: "mismatch01", text: strings.Replace(request("OPTIONS", "sip:user@example.org", "mismatch01"), "1 OPTIONS", "1 INVITE", 1)},
		{Name: "mismatch02", text: strings.Replace(request("NEWMETHOD", "sip:user@example.org", "mismatch02", "Contact: <sip:caller@example.net>"), "1 NEWMETHOD", "1 INVITE", 1)},
		{Name: "bigcode", Refused: true, text: `SIP/2.0 4294967301 better not break the receiver
Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bKbc
Call-ID: bigcode.7@example.net
CSeq: 353 INVITE
From: <sip:user@example.com>;tag=55
To: <sip:user@example.edu>;tag=66
Content-Length: 0
Contact: <sip:user@host105.example.com>

`},
		{Name: "badbranch", text: strings.Replace(request("OPTIONS", "sip:user@example.org", "badbranch"), "branch=z9hG4bKbadbranch", "branch=z9hG4bK", 1)},
	}
}

// request is a plain request with further header lines, up to its body.
func request(method, uri, name string, lines ...string) string {
	head := []string{
		method + " " + uri + " SIP/2.0",
		"Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bK" + name,
		"To: <sip:user@example.org>",
		"From: <sip:caller@example.net>;tag=" + name,
		"Max-Forwards: 70",
		"Call-ID: " + name + ".x@example.net",
		"CSeq: 1 " + method,
	}
	text := strings.Join(append(head, lines...), "\n")
	if !strings.Contains(text, "\nContent-Length:") && !strings.Contains(text, "\nl:") {
		text += "\nContent-Length: {len}"
	}
	return text + "\n\n"
}
