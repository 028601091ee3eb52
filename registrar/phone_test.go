// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/registrar"
)

// phone writes REGISTERs. Its fields are what tells one from the other.
type phone struct {
	user, callID string
	cseq         int
	transport    string // upper case; empty: UDP
	source       string
	headers      []string // whole lines
}

func (p phone) with(headers ...string) phone {
	p.headers = headers
	return p
}

// next is the same phone's next REGISTER.
func (p phone) next(headers ...string) phone {
	p.cseq++
	return p.with(headers...)
}

func (p phone) from(source string) phone {
	p.source = source
	return p
}

func alice() phone {
	return phone{user: "alice", callID: "c1", cseq: 1, source: "203.0.113.9:40112"}
}

func (p phone) request(t testing.TB) *sip.Request {
	t.Helper()
	if p.transport == "" {
		p.transport = "UDP"
	}
	text := fmt.Sprintf("REGISTER sip:example.com SIP/2.0\r\n"+
		"Via: SIP/2.0/%s 192.168.1.2:5060;branch=z9hG4bK%s%d\r\n"+
		"Max-Forwards: 70\r\nFrom: <sip:%s@example.com>;tag=f1\r\nTo: <sip:%s@example.com>\r\n"+
		"Call-ID: %s\r\nCSeq: %d REGISTER\r\n", p.transport, p.callID, p.cseq, p.user, p.user, p.callID, p.cseq)
	for _, h := range p.headers {
		text += h + "\r\n"
	}
	return parse(t, text+"Content-Length: 0\r\n\r\n", p.transport, p.source)
}

func parse(t testing.TB, text, transport, source string) *sip.Request {
	t.Helper()
	msg, err := sip.NewParser().ParseSIP([]byte(text))
	require.NoError(t, err)
	req := msg.(*sip.Request)
	req.SetTransport(transport)
	req.SetSource(source)
	return req
}

// send passes req to r and returns the only response.
func send(t testing.TB, r *registrar.Registrar, req *sip.Request) *sip.Response {
	t.Helper()
	all := sendAll(t, r, req)
	require.Len(t, all, 1)
	return all[0]
}

func sendAll(t testing.TB, r *registrar.Registrar, req *sip.Request) []*sip.Response {
	t.Helper()
	tx := siptest.NewServerTxRecorder(req)
	defer tx.Terminate()
	var next sipgo.RequestHandler = func(*sip.Request, sip.ServerTransaction) { t.Error("passed on") }
	r.Middleware(next)(req, tx)
	return tx.Result()
}

// register sends what p writes and returns status and Contact values.
func (p phone) register(t testing.TB, r *registrar.Registrar) (int, []string) {
	t.Helper()
	res := send(t, r, p.request(t))
	return res.StatusCode, values(res, "Contact")
}

func values(msg interface{ GetHeaders(string) []sip.Header }, name string) []string {
	list := []string{}
	for _, h := range msg.GetHeaders(name) {
		list = append(list, h.Value())
	}
	return list
}

// open is a Registrar that lets everybody in, on a store that tests look into.
func open() (*registrar.Registrar, *registrar.Memory) {
	store := &registrar.Memory{}
	return &registrar.Registrar{AOR: registrar.Unauthenticated, TrustPath: anybody, Store: store}, store
}

func stored(t testing.TB, s registrar.Store, aor string) []registrar.Binding {
	t.Helper()
	list, err := s.Lookup(t.Context(), aor)
	require.NoError(t, err)
	return list
}

// hooks records calls as "bind ID address" and "unbind ID", IDs by number.
type hooks struct {
	mu    sync.Mutex
	ids   []string
	calls []string
}

func (h *hooks) number(id string) string {
	for i, known := range h.ids {
		if known == id {
			return fmt.Sprint(i)
		}
	}
	h.ids = append(h.ids, id)
	return fmt.Sprint(len(h.ids) - 1)
}

func (h *hooks) bind(id string, f flow.Flow) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, "bind "+h.number(id)+" "+f.Remote.String())
}

func (h *hooks) unbind(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, "unbind "+h.number(id))
}

// take returns the calls since the last take.
func (h *hooks) take() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := strings.Join(h.calls, ", ")
	h.calls = nil
	return s
}

func anybody(flow.Flow) bool { return true }
