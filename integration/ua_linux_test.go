// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// ua is a hand-made SIP user agent on one UDP socket: it sends what a test
// writes, and keeps what comes with the address it came from.
type ua struct {
	host *host
	conn *net.UDPConn
	addr netip.AddrPort

	mu   sync.Mutex
	got  []datagram
	seen int // those that expect has passed
	seq  int
}

// datagram is a SIP message that a ua received.
type datagram struct {
	from netip.AddrPort
	msg  sip.Message
	text string
}

// ua opens a user agent on a port of the host.
func (h *host) ua(t testing.TB, port int) *ua {
	t.Helper()
	u := &ua{host: h, conn: h.listenUDP(t, fmt.Sprintf("%s:%d", h.ip, port))}
	u.addr = u.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.read()
	}()
	t.Cleanup(func() {
		_ = u.conn.Close()
		<-ended
		if t.Failed() {
			for _, d := range u.got {
				t.Logf("%s received from %v:\n%s", h.name, d.from, d.text)
			}
		}
	})
	return u
}

func (u *ua) read() {
	b := make([]byte, 65535)
	for {
		n, from, err := u.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		text := string(b[:n])
		msg, err := sip.ParseMessage([]byte(text))
		if err != nil {
			continue
		}
		u.mu.Lock()
		u.got = append(u.got, datagram{from, msg, text})
		u.mu.Unlock()
	}
}

// send sends a text with lines that end in \n; an empty line and the body are
// added, with their length.
func (u *ua) send(t testing.TB, to, head, body string) {
	t.Helper()
	body = strings.ReplaceAll(body, "\n", "\r\n")
	head = strings.ReplaceAll(strings.TrimSpace(head), "\n", "\r\n")
	text := fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
	_, err := u.conn.WriteToUDPAddrPort([]byte(text), netip.MustParseAddrPort(to))
	require.NoError(t, err)
}

// request is a request out of dialog, from the ua's own, private, address. It
// does not ask for rport.
func (u *ua) request(method, uri string, more ...string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seq++
	lines := []string{
		method + " " + uri + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK-ua-%s-%d", u.addr, u.host.ns, u.seq),
		fmt.Sprintf("From: <sip:ua@%s>;tag=%d", u.addr, u.seq),
		"To: <" + strings.SplitN(uri, ";", 2)[0] + ">",
		fmt.Sprintf("Call-ID: %s-%d-%d", u.host.ns, u.addr.Port(), u.seq),
		fmt.Sprintf("CSeq: %d %s", u.seq, method),
		"Contact: <sip:ua@" + u.addr.String() + ">",
		"Max-Forwards: 70",
	}
	return strings.Join(append(lines, more...), "\n")
}

// expect waits for the next message that matches, after those it returned before.
func (u *ua) expect(t testing.TB, what string, match func(datagram) bool) datagram {
	t.Helper()
	var d datagram
	eventually(t, answerWithin, what+" at "+u.host.name, func() bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		for i := u.seen; i < len(u.got); i++ {
			if match(u.got[i]) {
				d, u.seen = u.got[i], i+1
				return true
			}
		}
		return false
	})
	return d
}

// response waits for the final response to that method, and says where it came from.
func (u *ua) response(t testing.TB, method sip.RequestMethod) (*sip.Response, netip.AddrPort) {
	t.Helper()
	d := u.expect(t, "the final response to "+string(method), func(d datagram) bool {
		res, ok := d.msg.(*sip.Response)
		return ok && res.CSeq().MethodName == method && res.StatusCode >= 200
	})
	return d.msg.(*sip.Response), d.from
}

// incoming waits for a request.
func (u *ua) incoming(t testing.TB, method sip.RequestMethod) (*sip.Request, netip.AddrPort) {
	t.Helper()
	d := u.expect(t, string(method), func(d datagram) bool {
		req, ok := d.msg.(*sip.Request)
		return ok && req.Method == method
	})
	return d.msg.(*sip.Request), d.from
}

// requests is the number of requests with that method so far.
func (u *ua) requests(method sip.RequestMethod) int {
	return u.number(func(msg sip.Message) bool {
		req, ok := msg.(*sip.Request)
		return ok && req.Method == method
	})
}

// responses is the number of final responses to that method so far.
func (u *ua) responses(method sip.RequestMethod) int {
	return u.number(func(msg sip.Message) bool {
		res, ok := msg.(*sip.Response)
		return ok && res.StatusCode >= 200 && res.CSeq().MethodName == method
	})
}

func (u *ua) number(match func(sip.Message) bool) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := 0
	for _, d := range u.got {
		if match(d.msg) {
			n++
		}
	}
	return n
}

// register binds a user to the ua at the registrar and checks where the answer
// came from.
func (u *ua) register(t testing.TB, user, at string) {
	t.Helper()
	host, _, _ := strings.Cut(at, ":")
	head := u.request("REGISTER", "sip:"+host, "Expires: 600")
	aor := "<sip:" + user + "@" + host + ">"
	lines := strings.Split(head, "\n")
	lines[2] = fmt.Sprintf("From: %s;tag=%d", aor, u.seq)
	lines[3] = "To: " + aor
	lines[6] = "Contact: <sip:" + user + "@" + u.addr.String() + ">"
	u.send(t, at, strings.Join(lines, "\n"), "")
	res, from := u.response(t, sip.REGISTER)
	require.Equal(t, 200, res.StatusCode, "REGISTER")
	require.Equal(t, at, from.String(), "the answer comes from the address that was asked")
}

// reply answers a request and returns the response.
func (u *ua) reply(t testing.TB, req *sip.Request, to netip.AddrPort, code int, reason, body string) *sip.Response {
	t.Helper()
	res := sip.NewResponseFromRequest(req, code, reason, []byte(strings.ReplaceAll(body, "\n", "\r\n")))
	res.AppendHeader(sip.NewHeader("Contact", "<sip:ua@"+u.addr.String()+">"))
	if body != "" {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	_, err := u.conn.WriteToUDPAddrPort([]byte(res.String()), to)
	require.NoError(t, err)
	return res
}
