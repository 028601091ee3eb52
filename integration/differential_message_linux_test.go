// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"strconv"
	"strings"
)

// diffMessage is one message of the differential test: what it is made of, for
// the classes to look at, and its text.
type diffMessage struct {
	id       int
	peer     *diffPeer
	method   string
	reply    bool // a 200, which Kamailio relays to where it came from
	ruri     diffURI
	vias     []diffVia
	contacts []diffContact
	sdp      *diffSDP
	text     string
}

// diffURI is a SIP URI, or with a raw text another one.
type diffURI struct {
	raw     string
	scheme  string
	user    string
	host    string
	port    int // 0: none
	params  []string
	headers string
}

func (u diffURI) String() string {
	if u.raw != "" {
		return u.raw
	}
	var b strings.Builder
	b.WriteString(u.scheme + ":")
	if u.user != "" {
		b.WriteString(u.user + "@")
	}
	b.WriteString(u.host)
	if u.port != 0 {
		b.WriteString(":" + strconv.Itoa(u.port))
	}
	for _, p := range u.params {
		b.WriteString(";" + p)
	}
	if u.headers != "" {
		b.WriteString("?" + u.headers)
	}
	return b.String()
}

// param is the value of a parameter of the URI.
func (u diffURI) param(name string) (value string, ok bool) {
	for _, p := range u.params {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return "", false
}

// diffContact is one Contact value; with bare its URI has no brackets.
type diffContact struct {
	display  string
	uri      diffURI
	bare     bool
	params   string
	nextLine bool // starts a header field of its own
	compact  bool // named m
}

func (c diffContact) String() string {
	switch {
	case c.uri.raw == "*":
		return "*"
	case c.bare:
		return c.uri.String() + c.params
	}
	return c.display + "<" + c.uri.String() + ">" + c.params
}

// diffVia is one Via value.
type diffVia struct {
	transport string
	host      string
	port      int
	params    string
	nextLine  bool
	compact   bool
}

func (v diffVia) String() string {
	s := "SIP/2.0/" + v.transport + " " + v.host
	if v.port != 0 {
		s += ":" + strconv.Itoa(v.port)
	}
	return s + v.params
}

// diffSDP is a body and how it is declared.
type diffSDP struct {
	contentType string
	origin      string
	session     string // the address of the session's c= line; "" for none
	media       []diffMedia
	multipart   bool
}

type diffMedia struct {
	conn string // the address of its own c= line; "" for none
	port int
}

func (s *diffSDP) String() string {
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\r\n") }
	line("v=0")
	line("o=- 3 1 IN " + sdpFamily(s.origin) + " " + s.origin)
	line("s=-")
	if s.session != "" {
		line("c=IN " + sdpFamily(s.session) + " " + s.session)
	}
	line("t=0 0")
	for _, m := range s.media {
		line(fmt.Sprintf("m=audio %d RTP/AVP 0 8", m.port))
		if m.conn != "" {
			line("c=IN " + sdpFamily(m.conn) + " " + m.conn)
		}
		line("a=rtpmap:0 PCMU/8000")
		line("a=sendrecv")
	}
	if !s.multipart {
		return b.String()
	}
	return "--cut\r\nContent-Type: application/sdp\r\n\r\n" + b.String() +
		"\r\n--cut\r\nContent-Type: application/isup\r\n\r\n\x01\x02\r\n--cut--\r\n"
}

func sdpFamily(addr string) string {
	if strings.Contains(addr, ":") {
		return "IP6"
	}
	return "IP4"
}

// callID tells the messages apart.
func (m *diffMessage) callID() string { return fmt.Sprintf("diff-%d", m.id) }

// write makes the text.
func (m *diffMessage) write() {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	if m.reply {
		line("SIP/2.0 200 OK")
	} else {
		line("%s %s SIP/2.0", m.method, m.ruri)
	}
	name, value := "", ""
	flush := func() {
		if name != "" {
			line("%s: %s", name, value)
		}
		name, value = "", ""
	}
	add := func(field, short string, compact, nextLine bool, v string) {
		if name != "" && !nextLine {
			value += ", " + v
			return
		}
		flush()
		if name = field; compact {
			name = short
		}
		value = v
	}
	for _, v := range m.vias {
		add("Via", "v", v.compact, v.nextLine, v.String())
	}
	flush()
	line("From: \"A \\\"<b>\" <sip:alice@example.com>;tag=f%d", m.id)
	line("To: <sip:bob@example.com>")
	line("Call-ID: %s", m.callID())
	line("CSeq: %d %s", m.id%1000+1, m.method)
	line("Max-Forwards: 70")
	for _, c := range m.contacts {
		add("Contact", "m", c.compact, c.nextLine, c.String())
	}
	flush()
	body := ""
	if m.sdp != nil {
		line("Content-Type: %s", m.sdp.contentType)
		body = m.sdp.String()
	}
	line("Content-Length: %d", len(body))
	m.text = b.String() + "\r\n" + body
}
