// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy_test

import (
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/proxy"
)

// TestNATOfWhoAnswers: a reply that came by way of another proxy says nothing about
// that proxy. Taken for its own, a request that passes us twice would get the flow
// of the proxy in between onto the phone's Contact.
func TestNATOfWhoAnswers(t *testing.T) {
	record := func(n int) []string {
		lines := make([]string, n)
		for i := range lines {
			lines[i] = "Record-Route: <sip:192.0.2.1;lr>"
		}
		return lines
	}
	for _, tt := range []struct {
		name   string
		lines  []string // of the request
		extra  int      // Record-Routes that came on top
		target flow.Peer
		want   bool
	}{
		{"the next hop", nil, 0, flow.Peer{}, true},
		{"the next hop, with Record-Routes of before", record(2), 0, flow.Peer{}, true},
		{"somebody behind a proxy", record(1), 1, flow.Peer{}, false},
		{"somebody along a Route", []string{"Route: <sip:198.51.100.9;lr>"}, 0, flow.Peer{}, false},
		{"what the target says stays", record(1), 1, target("b1", 0).Peer, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			net := &fakeLayer{}
			net.auto = func(tx *clientTx) {
				tx.answer(200, func(res *sip.Response) {
					for range tt.extra {
						res.PrependHeader(sip.NewHeader("Record-Route", "<sip:192.0.2.1;lr>"))
					}
				})
			}
			var nat bool
			fwd := proxy.WithFake(&proxy.Forwarder{
				NAT:   func(sip.Message, flow.Flow) bool { return true },
				Reply: []proxy.ReplyHook{func(_ *sip.Response, leg flow.Leg) error { nat = leg.Out.NAT; return nil }},
			}, net)
			to := flow.Target{URI: sip.Uri{Scheme: "sip", User: "b1", Host: "198.51.100.7"}, Peer: tt.target}
			got := handle(t, fwd, message(t, "SUBSCRIBE", tt.lines...), to)
			require.Equal(t, 200, got[0].StatusCode)
			require.Equal(t, tt.want, nat)
		})
	}
}
