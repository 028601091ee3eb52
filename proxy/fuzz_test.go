// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy_test

import (
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/proxy"
)

// Whatever sipgo parses: the request is not edited, an ACK gets no answer,
// anything else exactly one final, a clone that leaves has one hop less.
func FuzzHandle(f *testing.F) {
	f.Add([]byte(request("INVITE", "bob", "f1", "Proxy-Require: a,,b")))
	f.Add([]byte(request("ACK", "bob", "f2", "Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK1.0;rport=1;received=::1")))
	f.Add([]byte(request("BYE", "bob", "f3", "Max-Forwards: 0", "Route: <sip:x;lr>, <sip:y>")))
	f.Add([]byte(request("MESSAGE", "bob", "f4", "Max-Forwards: 4294967296")))
	f.Fuzz(func(t *testing.T, b []byte) {
		msg, err := sip.ParseMessage(b)
		if err != nil {
			return
		}
		req, ok := msg.(*sip.Request)
		if !ok || req.Via() == nil || req.CSeq() == nil {
			return // sipgo answers those itself
		}
		if _, err := sip.ServerTxKeyMake(req); err != nil {
			return
		}
		req.SetSource("203.0.113.9:40112")
		before := req.String()
		net := phones(200)
		got := handle(t, proxy.WithFake(&proxy.Forwarder{}, net), req, target("b1", 0))
		if req.String() != before {
			t.Fatalf("edited:\n%s\n%s", before, req)
		}
		finals := 0
		for _, res := range got {
			if !res.IsProvisional() {
				finals++
			}
		}
		if want := map[bool]int{true: 0, false: 1}[req.IsAck()]; finals != want {
			t.Fatalf("%d final responses to %s", finals, req.Method)
		}
		for _, tx := range net.txs {
			if hops := tx.req.MaxForwards(); hops == nil || *hops == 0xffffffff {
				t.Fatalf("Max-Forwards %v", hops)
			}
		}
	})
}

func BenchmarkHandle(b *testing.B) {
	net := phones(200)
	fwd := proxy.WithFake(&proxy.Forwarder{}, net)
	fwd.Branch = []proxy.BranchHook{func(*sip.Request, flow.Leg) error { return nil }}
	req := message(b, "OPTIONS", "Max-Forwards: 70")
	b.ReportAllocs()
	for b.Loop() {
		handle(b, fwd, req, target("b1", 0))
		net.txs = net.txs[:0]
	}
}
