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

// TestStrictNextHop: RFC 3261 section 16.6 step 6.
func TestStrictNextHop(t *testing.T) {
	const target = "sip:b1@198.51.100.7"
	for _, tt := range []struct {
		name   string
		routes []string
		uri    string
		left   []string
	}{
		{"loose", []string{"<sip:198.51.100.9;lr>", "<sip:198.51.100.8>"}, target, []string{"<sip:198.51.100.9;lr>", "<sip:198.51.100.8>"}},
		{"loose, the old way", []string{"<sip:198.51.100.9;LR=on>"}, target, []string{"<sip:198.51.100.9;LR=on>"}},
		{"strict", []string{"<sip:198.51.100.9;x=y>"}, "sip:198.51.100.9;x=y", []string{"<" + target + ">"}},
		{"strict, more behind", []string{"<sip:p@198.51.100.9>", "<sip:198.51.100.8;lr>"}, "sip:p@198.51.100.9", []string{"<sip:198.51.100.8;lr>", "<" + target + ">"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			net := phones(200)
			var lines []string
			for _, r := range tt.routes {
				lines = append(lines, "Route: "+r)
			}
			req := message(t, "OPTIONS", lines...)
			before := req.String()
			to := flow.Target{}
			require.NoError(t, sip.ParseUri(target, &to.URI))
			got := handle(t, proxy.WithFake(&proxy.Forwarder{}, net), req, to)
			require.Equal(t, 200, got[0].StatusCode)
			require.Equal(t, []string{"198.51.100.9"}, net.outs, "the next hop is the first Route, strict or not")
			sent := net.txs[0].req
			require.Equal(t, tt.uri, sent.Recipient.String())
			var left []string
			for _, h := range sent.GetHeaders("Route") {
				left = append(left, h.Value())
			}
			require.Equal(t, tt.left, left)
			require.Equal(t, before, req.String(), "the received request is not edited")
		})
	}
}
