// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy_test

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/proxy"
)

// phones answers each request with a code.
func phones(code int) *fakeLayer {
	return &fakeLayer{auto: func(tx *clientTx) { tx.answer(code) }}
}

// handle runs one request through Handle and returns what was sent back.
func handle(t testing.TB, fwd *proxy.Forwarder, req *sip.Request, targets ...flow.Target) []*sip.Response {
	t.Helper()
	rec := siptest.NewServerTxRecorder(req)
	var tx sip.ServerTransaction = rec
	for _, to := range targets {
		tx = flow.WithTarget(tx, to)
	}
	fwd.Handle(req, tx)
	rec.Terminate()
	return rec.Result()
}

func TestHandleAnswers(t *testing.T) {
	without := func(req *sip.Request, name string) *sip.Request {
		require.True(t, req.RemoveHeader(name))
		return req
	}
	found := func(*sip.Request) ([]flow.Target, error) { return []flow.Target{target("b1", 0)}, nil }
	tests := []struct {
		name   string
		req    *sip.Request
		locate func(*sip.Request) ([]flow.Target, error)
		want   int
	}{
		{"located", message(t, "OPTIONS"), found, 200},
		{"nobody to ask", message(t, "OPTIONS"), nil, 404},
		{"located nowhere", message(t, "OPTIONS"), func(*sip.Request) ([]flow.Target, error) { return nil, nil }, 480},
		{"not allowed", message(t, "OPTIONS"), func(*sip.Request) ([]flow.Target, error) {
			return nil, &flow.Refusal{Code: 403, Reason: "Forbidden"}
		}, 403},
		{"unknown method", message(t, "FROBNICATE"), found, 200},
		{"Max-Forwards 1 is forwarded", message(t, "OPTIONS", "Max-Forwards: 1"), found, 200},
		{"Max-Forwards 0", message(t, "OPTIONS", "Max-Forwards: 0"), found, 483},
		{"the least of two Max-Forwards", message(t, "OPTIONS", "Max-Forwards: 0", "Max-Forwards: 70"), found, 483},
		{"Proxy-Require", message(t, "OPTIONS", "Proxy-Require: sec-agree, foo"), found, 420},
		{"CANCEL of nothing", message(t, "CANCEL"), found, 481},
		{"no From", without(message(t, "OPTIONS"), "From"), found, 400},
		{"no To", without(message(t, "OPTIONS"), "To"), found, 400},
		{"no Call-ID", without(message(t, "OPTIONS"), "Call-ID"), found, 400},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			fwd := proxy.WithFake(&proxy.Forwarder{Locate: test.locate}, phones(200))
			before := test.req.String()
			got := handle(t, fwd, test.req)
			require.Len(t, got, 1)
			require.Equal(t, test.want, got[0].StatusCode)
			require.Equal(t, before, test.req.String(), "the received request is never edited")
			if test.want == 420 {
				require.Equal(t, "sec-agree, foo", got[0].GetHeader("Unsupported").Value())
			}
		})
	}
}

func TestMaxForwardsOfTheClone(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"missing", nil, "70"},
		{"less by one", []string{"Max-Forwards: 12"}, "11"},
		{"one", []string{"Max-Forwards: 1"}, "0"},
		{"two", []string{"Max-Forwards: 70", "Max-Forwards: 5"}, "4"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			net := phones(200)
			handle(t, proxy.WithFake(&proxy.Forwarder{}, net), message(t, "OPTIONS", test.lines...), target("b1", 0))
			sent := net.to(t, "OPTIONS", "b1").req
			require.Equal(t, test.want, sent.MaxForwards().Value())
			for _, h := range sent.GetHeaders("Max-Forwards") {
				require.Equal(t, test.want, h.Value())
			}
		})
	}
}

// sipgo shares Max-Forwards between a request and its clone: facts/sipgo.md 6.
// When this fails, setHops has become simpler.
func TestSipgoSharesMaxForwards(t *testing.T) {
	req := message(t, "OPTIONS", "Max-Forwards: 70")
	req.Clone().MaxForwards().Dec()
	require.Equal(t, "69", req.MaxForwards().Value())
}

func TestWhatIsForwarded(t *testing.T) {
	net := phones(200)
	req := message(t, "OPTIONS", "Via: SIP/2.0/TCP far.example.com;branch=z9hG4bKfar", "X-One: 1", "Max-Forwards: 70", "x-two: a, b", "X-One: 2")
	to := target("b1", 0)
	to.Route = []sip.Uri{{Scheme: "sip", Host: "path.example.com", UriParams: sip.HeaderParams{{K: "lr"}}}}
	handle(t, proxy.WithFake(&proxy.Forwarder{}, net), req, to)

	tx := net.to(t, "OPTIONS", "b1")
	require.Equal(t, to.Peer.Flow, tx.flow)
	branch, _ := tx.req.Via().Params.Get("branch")
	var got []string
	for _, h := range tx.req.Headers() {
		got = append(got, h.Name()+": "+h.Value())
	}
	require.Equal(t, []string{
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=" + branch,
		"Route: <sip:path.example.com;lr>",
		"Via: SIP/2.0/UDP 10.0.0.7:5060;rport=40112;branch=z9hG4bKaliceOPTIONS;received=203.0.113.9",
		"From: <sip:alice@example.com>;tag=a1",
		"To: <sip:bob@example.com>",
		"Call-ID: call-1",
		"CSeq: 1 OPTIONS",
		"Via: SIP/2.0/TCP far.example.com;branch=z9hG4bKfar",
		"X-One: 1", "Max-Forwards: 69", "x-two: a, b", "X-One: 2",
		"Content-Length: 0",
	}, got)
}

func TestLoop(t *testing.T) {
	net := phones(200)
	fwd := proxy.WithFake(&proxy.Forwarder{}, net)
	handle(t, fwd, message(t, "OPTIONS"), target("b1", 0))
	back := net.to(t, "OPTIONS", "b1").req.Clone()
	back.SetSource("203.0.113.9:9")

	// What came back with our Via, from where it came first, to the same URI.
	back.Recipient = message(t, "OPTIONS").Recipient
	got := handle(t, fwd, back, target("b2", 0))
	require.Equal(t, 482, got[0].StatusCode)

	// RFC 3261 section 16.6 step 8: a spiral is no loop.
	back.Recipient.User = "carol"
	got = handle(t, fwd, back, target("b2", 0))
	require.Equal(t, 200, got[0].StatusCode)
}

func TestACK(t *testing.T) {
	found := func(*sip.Request) ([]flow.Target, error) { return []flow.Target{target("b1", 0)}, nil }
	failing := func(*sip.Request, flow.Leg) error { return flow.ErrFlowGone }
	tests := []struct {
		name string
		fwd  *proxy.Forwarder
		req  *sip.Request
		want []string
	}{
		{"forwarded", &proxy.Forwarder{Locate: found}, message(t, "ACK"), []string{"ACK b1"}},
		{"nobody to ask", &proxy.Forwarder{}, message(t, "ACK"), nil},
		{"not found", &proxy.Forwarder{Locate: func(*sip.Request) ([]flow.Target, error) { return nil, flow.ErrFlowGone }}, message(t, "ACK"), nil},
		{"hook refuses", &proxy.Forwarder{Locate: found, Branch: []proxy.BranchHook{failing}}, message(t, "ACK"), nil},
		{"Max-Forwards 0", &proxy.Forwarder{Locate: found}, message(t, "ACK", "Max-Forwards: 0"), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			net := &fakeLayer{}
			var dropped []error
			test.fwd.Trace.Dropped = func(_ sip.Message, why error) { dropped = append(dropped, why) }
			require.Empty(t, handle(t, proxy.WithFake(test.fwd, net), test.req), "an ACK is never answered")
			require.Equal(t, test.want, net.sent())
			require.Len(t, dropped, 1-len(test.want))
			if len(test.want) > 0 {
				require.Len(t, net.acks[0].GetHeaders("Via"), 2)
			}
		})
	}
}

// Over streams sipgo ends the transaction with the handler, and the ACK of a
// failure arrives at it like that of a 2xx.
func TestACKOfAFailureIsSwallowed(t *testing.T) {
	for _, code := range []int{486, 200} {
		net := phones(code)
		fwd := proxy.WithFake(&proxy.Forwarder{}, net)
		handle(t, fwd, message(t, "INVITE"), target("b1", 0))
		ack := message(t, "ACK")
		ack.Via().Params.Add("branch", "z9hG4bKaliceINVITE") // the INVITE's
		handle(t, fwd, ack, target("b1", 0))
		require.Equal(t, code == 486, len(net.sent()) == 1, "%d: %v", code, net.sent())
	}
}

func TestNextHop(t *testing.T) {
	tests := []struct {
		name  string
		uri   string
		route string
		want  string // empty: refused
		code  int
	}{
		{"the Request-URI", "sip:b1@198.51.100.7", "", "198.51.100.7", 200},
		{"the first Route before it", "sip:b1@198.51.100.7", "sip:198.51.100.9:5080;lr", "198.51.100.9", 200},
		{"refused by the layer", "sip:b1@nosuch.example", "", "", 416},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			net := phones(200)
			var to flow.Target
			require.NoError(t, sip.ParseUri(test.uri, &to.URI))
			if test.route != "" {
				to.Route = make([]sip.Uri, 1)
				require.NoError(t, sip.ParseUri(test.route, &to.Route[0]))
			}
			got := handle(t, proxy.WithFake(&proxy.Forwarder{}, net), message(t, "OPTIONS"), to)
			require.Equal(t, test.code, got[0].StatusCode)
			if test.want != "" {
				require.Contains(t, net.outs, test.want)
			}
		})
	}
}

func TestLegs(t *testing.T) {
	net := phones(200)
	var sent, back flow.Leg
	phone := target("b1", 0)
	fwd := proxy.WithFake(&proxy.Forwarder{
		NAT:    func(_ sip.Message, f flow.Flow) bool { return f.Remote.Addr() == netip.MustParseAddr("203.0.113.9") },
		Branch: []proxy.BranchHook{func(_ *sip.Request, leg flow.Leg) error { sent = leg; return nil }},
		Reply: []proxy.ReplyHook{
			func(*sip.Response, flow.Leg) error { return flow.ErrFlowGone },
			func(_ *sip.Response, leg flow.Leg) error { back = leg; return nil },
		},
	}, net)
	failed := 0
	fwd.Trace.HookFailed = func(flow.Leg, error) { failed++ }
	got := handle(t, fwd, message(t, "OPTIONS"), phone)

	require.Equal(t, 200, got[0].StatusCode, "a reply hook's error does not stop the reply")
	require.Equal(t, 1, failed)
	require.Equal(t, netip.MustParseAddrPort("203.0.113.9:40112"), sent.In.Flow.Remote)
	require.True(t, sent.In.NAT)
	require.Equal(t, phone.Peer, sent.Out)
	require.Equal(t, sent, back, "what the target says stays")
	branch, _ := net.to(t, "OPTIONS", "b1").req.Via().Params.Get("branch")
	require.Equal(t, branch, sent.Branch)
}

func TestMemoryForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		require.True(t, proxy.MemoryKeeps(message(t, "INVITE"), sip.Timer_H-1))
		require.False(t, proxy.MemoryKeeps(message(t, "INVITE"), 2*sip.Timer_H))
	})
}
