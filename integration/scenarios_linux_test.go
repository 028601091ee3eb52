// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

// Scenarios for sipp, templates of sippRun. Everything that they say about their
// own address is private, and no Via asks for rport.

const sippHead = `Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
`

// sippRegister registers; with a password it expects to be challenged first.
const sippRegister = `<?xml version="1.0" encoding="UTF-8"?>
<scenario name="register">
<send retrans="500"><![CDATA[
REGISTER sip:[remote_ip] SIP/2.0
` + sippHead + `From: <sip:{{.User}}@[remote_ip]>;tag=r[call_number]
To: <sip:{{.User}}@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:{{.User}}@[local_ip]:[local_port]>
Expires: 600
Content-Length: 0

]]></send>
{{if .Password}}
<recv response="401" auth="true"/>
<send retrans="500"><![CDATA[
REGISTER sip:[remote_ip] SIP/2.0
` + sippHead + `From: <sip:{{.User}}@[remote_ip]>;tag=r[call_number]
To: <sip:{{.User}}@[remote_ip]>
Call-ID: [call_id]
CSeq: 2 REGISTER
Contact: <sip:{{.User}}@[local_ip]:[local_port]>
[authentication username={{.User}} password={{.Password}}]
Expires: 600
Content-Length: 0

]]></send>
{{end}}
<recv response="{{.Expect}}"/>
</scenario>
`

const sippInvite = `INVITE sip:{{.User}}@[remote_ip] SIP/2.0
` + sippHead + `From: <sip:sipp@[remote_ip]>;tag=i[call_number]
To: <sip:{{.User}}@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:sipp@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

` + sippSDP + `a=sendrecv
`

const sippSDP = `v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
`

// sippRefused calls and expects a refusal.
const sippRefused = `<?xml version="1.0" encoding="UTF-8"?>
<scenario name="refused call">
<send retrans="500"><![CDATA[
` + sippInvite + `
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="{{.Expect}}"/>
<send><![CDATA[
ACK sip:{{.User}}@[remote_ip] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-2]
Max-Forwards: 70
From: <sip:sipp@[remote_ip]>;tag=i[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Content-Length: 0

]]></send>
</scenario>
`

const sippInDialog = sippHead + `From: <sip:sipp@[remote_ip]>;tag=i[call_number]
[last_To:]
[routes]
Call-ID: [call_id]
`

// sippCall calls, holds, resumes and hangs up.
const sippCall = `<?xml version="1.0" encoding="UTF-8"?>
<scenario name="call with hold and resume">
<send retrans="500"><![CDATA[
` + sippInvite + `
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="200" rrs="true"/>
` + sippAck + sippReinvite + `a=sendonly

]]></send>
<recv response="100" optional="true"/>
<recv response="200"/>
` + sippAck + sippReinvite + `a=sendrecv

]]></send>
<recv response="100" optional="true"/>
<recv response="200"/>
` + sippAck + `
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
` + sippInDialog + `CSeq: [cseq] BYE
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
`

const sippAck = `
<send><![CDATA[
ACK [next_url] SIP/2.0
` + sippInDialog + `CSeq: [cseq] ACK
Content-Length: 0

]]></send>
`

const sippReinvite = `
<send retrans="500"><![CDATA[
INVITE [next_url] SIP/2.0
` + sippInDialog + `CSeq: [cseq] INVITE
Contact: <sip:sipp@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

` + sippSDP

// sippBusy answers a call with 486.
const sippBusy = `<?xml version="1.0" encoding="UTF-8"?>
<scenario name="busy">
<recv request="INVITE"/>
<send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_Record-Route:]
[last_From:]
[last_To:];tag=b[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:sipp@[local_ip]:[local_port]>
Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 486 Busy Here
[last_Via:]
[last_From:]
[last_To:];tag=b[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<recv request="ACK"/>
</scenario>
`
