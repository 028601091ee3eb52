// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"
)

// streamPhone is a hand-made phone on a TLS or WSS connection of its own.
type streamPhone struct {
	host      *host
	transport string
	user      string
	tcp       *net.TCPConn
	conn      net.Conn
	mapped    string // its address as the edge sees it
	ended     chan struct{}

	mu   sync.Mutex
	got  []sip.Message
	seen int
	seq  int
}

var streamSerial atomic.Int32

// stream connects a phone to the edge.
func (h *host) stream(t *testing.T, transport string, trust *tls.Config, user string) *streamPhone {
	t.Helper()
	port := map[string]string{"tls": ":5061", "wss": ":443"}[transport]
	p := &streamPhone{host: h, transport: transport, user: user, ended: make(chan struct{})}
	eventually(t, answerWithin, "a connection", func() (ok bool) {
		c, err := h.dialTCP(edgeIP + port)
		p.tcp = c
		return err == nil
	})
	p.conn = tls.Client(p.tcp, trust)
	if transport == "wss" {
		_, _, err := ws.Dialer{Protocols: []string{"sip"}}.Upgrade(p.conn, &url.URL{Scheme: "wss", Host: "example.com", Path: "/"})
		require.NoError(t, err)
	}
	go func() {
		defer close(p.ended)
		p.read()
	}()
	t.Cleanup(p.hangUp)
	return p
}

// hangUp ends the connection.
func (p *streamPhone) hangUp() {
	_ = p.tcp.Close()
	<-p.ended
}

func (p *streamPhone) read() {
	parser := sip.NewParser().NewSIPStream()
	take := func(msg sip.Message) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.got = append(p.got, msg)
	}
	buf := make([]byte, 65535)
	for {
		if p.transport == "wss" {
			text, err := wsutil.ReadServerText(p.conn) // answers pings
			if err != nil {
				return
			}
			if msg, err := sip.ParseMessage(text); err == nil {
				take(msg)
			}
			continue
		}
		n, err := p.conn.Read(buf)
		if err != nil {
			return
		}
		if strings.Trim(string(buf[:n]), "\r\n") == "" {
			continue // a ping
		}
		if err := parser.ParseSIPStream(buf[:n], take); err != nil && !errors.Is(err, sip.ErrParseSipPartial) {
			return
		}
	}
}

func (p *streamPhone) aor() string { return "sip:" + p.user + "@" + edgeIP }

func (p *streamPhone) contact() string {
	return fmt.Sprintf("Contact: <sip:%s@%s;transport=%s>", p.user, p.tcp.LocalAddr(), strings.TrimSuffix(p.transport, "s"))
}

// send sends a text with lines that end in \n and no body.
func (p *streamPhone) send(t *testing.T, head string) {
	t.Helper()
	p.write(t, strings.ReplaceAll(head, "\n", "\r\n")+"\r\nContent-Length: 0\r\n\r\n")
}

func (p *streamPhone) write(t *testing.T, text string) {
	t.Helper()
	if p.transport == "wss" {
		require.NoError(t, wsutil.WriteClientText(p.conn, []byte(text)))
		return
	}
	_, err := io.WriteString(p.conn, text)
	require.NoError(t, err)
}

func (p *streamPhone) request(method, uri string, more ...string) string {
	p.seq++
	id := fmt.Sprintf("%s-%d", p.user, streamSerial.Add(1))
	return strings.Join(append([]string{
		method + " " + uri + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/%s %s;rport;branch=z9hG4bK-%s", strings.ToUpper(p.transport), p.tcp.LocalAddr(), id),
		"From: <" + p.aor() + ">;tag=" + id, "To: <" + uri + ">", "Call-ID: " + id, fmt.Sprintf("CSeq: %d %s", p.seq, method), p.contact(), "Max-Forwards: 70",
	}, more...), "\n")
}

// register binds the phone, and learns its mapped address from the answer.
func (p *streamPhone) register(t *testing.T) {
	t.Helper()
	head := p.request("REGISTER", "sip:"+edgeIP, "Expires: 600")
	p.send(t, strings.Replace(head, "To: <sip:"+edgeIP+">", "To: <"+p.aor()+">", 1))
	res := p.response(t, sip.REGISTER)
	require.Equal(t, 200, res.StatusCode)
	host, _ := res.Via().Params.Get("received")
	port, _ := res.Via().Params.Get("rport")
	require.Equal(t, natAIP, host)
	p.mapped = net.JoinHostPort(host, port)
}

func (p *streamPhone) answer(t *testing.T, req *sip.Request) {
	t.Helper()
	res := sip.NewResponseFromRequest(req, 200, "OK", nil)
	res.AppendHeader(sip.NewHeader("Contact", strings.TrimPrefix(p.contact(), "Contact: ")))
	res.AppendHeader(sip.NewHeader("Content-Length", "0"))
	p.write(t, res.String())
}

func (p *streamPhone) expect(t *testing.T, what string, match func(sip.Message) bool) sip.Message {
	t.Helper()
	var found sip.Message
	eventually(t, answerWithin, what+" at "+p.user, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := p.seen; i < len(p.got); i++ {
			if match(p.got[i]) {
				found, p.seen = p.got[i], i+1
				return true
			}
		}
		return false
	})
	return found
}

func (p *streamPhone) incoming(t *testing.T, method sip.RequestMethod) *sip.Request {
	t.Helper()
	return p.expect(t, string(method), func(msg sip.Message) bool {
		req, ok := msg.(*sip.Request)
		return ok && req.Method == method
	}).(*sip.Request)
}

func (p *streamPhone) response(t *testing.T, method sip.RequestMethod) *sip.Response {
	t.Helper()
	return p.expect(t, "the final response to "+string(method), func(msg sip.Message) bool {
		res, ok := msg.(*sip.Response)
		return ok && res.StatusCode >= 200 && res.CSeq().MethodName == method
	}).(*sip.Response)
}
