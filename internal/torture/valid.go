// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package torture

import "strings"

// valid is section 3.1.1: hard to read, but right.
func valid() []Message {
	return []Message{
		{Name: "wsinv", text: `INVITE sip:carla@quince.example.org;unknown SIP/2.0
TO :
 sip:carla@quince.example.org ;   tag    = 8877zz
from   : "M Rosen \\\""       <sip:mrosen@example.net>
  ;
  tag = 77ff
MaX-fOrWaRdS: 0069
Call-ID: wsinv.oddspaces@192.0.2.40
Content-Length   : {len}
cseq: 0008
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.40;branch=390ax
s :
NewFangled:   new line
 goes on; p=1;;,,;;
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:proxy.example.net;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     second.example.com   ;
  branch  =   z9hG4bK8fk ;  received  =  192.0.2.254  , SIP/2.0/TLS  third.example.com;branch=z9hG4bK1
m:"Quote \"here\\\"" <sip:mrosen@example.net> ; newparam =
      newvalue ;
  secondparam ; q = 0.25

v=0
o=mrosen 111 222 IN IP4 192.0.2.41
s=-
c=IN IP4 192.0.2.41
t=0 0
m=audio 40000 RTP/AVP 0
`},
		{Name: "intmeth", text: "!x9m%Zy_*.+`'~foo SIP:1_odd.Name!~*'()&=+$,;?/:%00f@example.org:5999 SIP/2.0\n" +
			`Via: SIP/2.0/UDP h1.example.net;branch=z9hG4bK-.!%66*_+` + "`'~\n" +
			`To: "BEL:\` + "\a" + ` NUL:\` + "\x00" + ` DEL:\` + "\x7f" + `" <sip:1_odd.Name!~*'()&=+$,;?/:@example.org>
From: strange~name <sip:alice@example.net>;weird` + "`'" + `param=v;tag=_t~1'
Call-ID: int%meth.word%ZK-!.*_+'@w` + "`~)(><:\\/\"][?}{\n" + `CSeq: 4711 !x9m%Zy_*.+` + "`'~foo\n" + `Max-Forwards: 255
extensionHeader-!.%*+_` + "`'~:\xef\xbb\xbf\xe5\xa4\xa7\xe9\x9b\xbb" + `
Content-Length: 0

`},
		{Name: "esc01", text: `INVITE sip:sips%3Auser%40example.org@example.com SIP/2.0
To: sip:%75ser@example.org
From: <sip:I%20was%20here@example.net>;tag=e1
Max-Forwards: 80
Call-ID: esc01.5@example.net
CSeq: 31 INVITE
Via: SIP/2.0/UDP pc.example.net;branch=z9hG4bKe1
Content-Type: application/sdp
Contact: <sip:caller%2furi@pc.example.net;%6C%72;n%61me=v%61lue%25%34%31>
Content-Length: {len}

v=0
o=u 9 9 IN IP4 192.0.2.1
s=-
c=IN IP4 192.0.2.1
t=0 0
m=audio 40002 RTP/AVP 0
`},
		{Name: "escnull", text: `REGISTER sip:example.org SIP/2.0
To: sip:null-%00-null@example.org
From: sip:null-%00-null@example.org;tag=en
Max-Forwards: 70
Call-ID: escnull.3@example.net
CSeq: 14 REGISTER
Via: SIP/2.0/UDP pc.example.net;branch=z9hG4bKen
Contact: <sip:%00@pc.example.net>
Contact: <sip:%00%00@pc.example.net>
L:0

`},
		{Name: "esc02", text: `RE%47IST%45R sip:reg.example.org SIP/2.0
To: "%Z%45" <sip:target@example.org>
From: "%Z%45" <sip:target@example.org>;tag=f%31
Max-Forwards: 70
Call-ID: esc02.6@example.net
CSeq: 29 RE%47IST%45R
Via: SIP/2.0/TCP pc.example.net;branch=z9hG4bK%2e1
Contact: <sip:alias1@pc.example.net>
C%6Fntact: <sip:alias2@pc.example.net>
Contact: <sip:alias3@pc.example.net>
l: 0

`},
		{Name: "lwsdisp", text: `OPTIONS sip:user@example.org SIP/2.0
To: sip:user@example.org
From: caller<sip:caller@example.net>;tag=nolws
Max-Forwards: 70
Call-ID: lwsdisp.2@example.net
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP pc.example.net;branch=z9hG4bKlw
l: 0

`},
		{Name: "longreq", text: longreq()},
		{Name: "dblreq", text: `REGISTER sip:example.org SIP/2.0
To: sip:j@example.org
From: sip:j@example.org;tag=dbl
Max-Forwards: 8
Call-ID: dblreq.1@example.net
CSeq: 8 REGISTER
Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKdbl
Content-Length: 0

INVITE sip:joe@example.org SIP/2.0
To: sip:joe@example.org
From: sip:caller@example.net;tag=second
Call-ID: dblreq.2@example.net
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKsec
Content-Length: 0

`},
		{Name: "semiuri", text: `OPTIONS sip:user;par=u%40example.net@example.org SIP/2.0
To: sip:j_user@example.org
From: sip:caller@example.com;tag=sem
Max-Forwards: 3
Call-ID: semiuri.8@example.net
CSeq: 8 OPTIONS
Accept: application/sdp, application/pkcs7-mime,
 multipart/mixed, multipart/signed,
        message/sip, message/sipfrag
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKsem
l: 0

`},
		{Name: "transports", text: `OPTIONS sip:user@example.org SIP/2.0
To: sip:user@example.org
From: <sip:caller@example.net>;tag=tr
Max-Forwards: 70
Call-ID: transports.9@example.net
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP t1.example.net;branch=z9hG4bKt1
Via: SIP/2.0/SCTP t2.example.net;branch=z9hG4bKt2
Via: SIP/2.0/TLS t3.example.net;branch=z9hG4bKt3
Via: SIP/2.0/UNKNOWN t4.example.net;branch=z9hG4bKt4
Via: SIP/2.0/TCP t5.example.net;branch=z9hG4bKt5
l: 0

`},
		{Name: "mpart01", text: `MESSAGE sip:kumiko@example.org SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKmp
Max-Forwards: 70
Route: <sip:127.0.0.1:5080;lr>
Identity: r5mwreLuyDRYBi/0TiPwEsY3rEVsk/G2WxhgTV1PF7hHuLI
From: <sip:fluffy@example.com>;tag=mp
To: <sip:kumiko@example.org>
Call-ID: mpart01.4@127.0.0.1
CSeq: 1 MESSAGE
Contact: <sip:fluffy@127.0.0.1:5070>
Content-Type: multipart/mixed;boundary=7a9cbec02ceef655
Content-Length: {len}

--7a9cbec02ceef655
Content-Type: text/plain
Content-Transfer-Encoding: binary

Hello
--7a9cbec02ceef655
Content-Type: application/octet-stream
Content-Transfer-Encoding: binary

` + "0\x82\x01R\x06\t*\x86H\x86\xf7\r\x01\a\x02\xa0\x82\x00--7a9\x00" + `
--7a9cbec02ceef655--
`},
		{Name: "unreason", text: "SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe \xd1\x81\xd1\x82\xd0\xbe\n" + `Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bKun
Call-ID: unreason.1@example.com
CSeq: 35 INVITE
From: sip:user@example.com;tag=11
To: sip:user@example.edu;tag=22
Content-Length: {len}
Content-Type: application/sdp
Contact: <sip:user@host198.example.com>

v=0
o=u 2 2 IN IP4 192.0.2.198
s=-
c=IN IP4 192.0.2.198
t=0 0
m=audio 40004 RTP/AVP 0
`},
		{Name: "noreason", text: `SIP/2.0 100 
Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bKno
Call-ID: noreason.2@example.com
CSeq: 35 INVITE
From: sip:user@example.com;tag=33
To: sip:user@example.edu;tag=44
Content-Length: 0
Contact: <sip:user@host105.example.com>

`},
	}
}

// longreq has long values everywhere.
func longreq() string {
	long := strings.Repeat("long", 60)
	var b strings.Builder
	b.WriteString("INVITE sip:user@example.org SIP/2.0\n")
	b.WriteString("To: \"I have a user name of " + long + " proportion\"<sip:user@example.org:6000;p" + long + "=v" + long + ";short=v>\n")
	b.WriteString("F: sip:a" + long + "user@example.net;tag=1" + long + ";p" + long + "=v" + long + ";shortParam=v;p2" + long + "\n")
	b.WriteString("Call-ID: longreq.one" + strings.Repeat("really", 20) + "longcallid\n")
	b.WriteString("CSeq: 3882340 INVITE\nUnknown-" + strings.Repeat("Long-", 30) + "Name: unknown-" + long + "-value; p=unquoted\n")
	for i := range 34 {
		b.WriteString("Via: SIP/2.0/TCP sip" + string(rune('a'+i%26)) + ".example.com\n")
	}
	b.WriteString("v: SIP/2.0/TCP 192.0.2.1;" + long + "=" + long + ";branch=very" + long + "\n")
	b.WriteString("Max-Forwards: 70\nContact: <sip:a" + long + "user@host5.example.net>\nContent-Type: application/sdp\nl: {len}\n\n")
	b.WriteString("v=0\no=u 2 2 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 40006 RTP/AVP 0\n")
	return b.String()
}
