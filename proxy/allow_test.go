// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy_test

import (
	"net/netip"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/proxy"
)

func TestAllow(t *testing.T) {
	tests := []struct {
		name, uri string
		code      int
	}{
		{"public", "sip:b1@198.51.100.7", 200},
		{"private: a network of ours may be", "sip:b1@10.0.0.7", 200},
		{"loopback", "sip:b1@127.0.0.1", 403},
		{"loopback, IPv6", "sip:b1@::1", 403},
		{"cloud metadata", "sip:b1@169.254.169.254", 403},
		{"link-local, IPv6", "sip:b1@fe80::1", 403},
		{"multicast", "sip:b1@224.0.1.75", 403},
		{"unspecified", "sip:b1@0.0.0.0", 403},
		{"ourselves", "sip:b1@192.0.2.1", 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			net := phones(200)
			to := flow.Target{URI: sip.Uri{Scheme: "sip", User: "b1", Host: tt.uri[len("sip:b1@"):]}}
			got := handle(t, proxy.WithFake(&proxy.Forwarder{}, net), message(t, "OPTIONS"), to)
			require.Equal(t, tt.code, got[0].StatusCode)
			require.Equal(t, tt.code == 200, len(net.sent()) == 1)
		})
	}
	t.Run("a policy of the user's own", func(t *testing.T) {
		net := phones(200)
		var asked netip.AddrPort
		fwd := &proxy.Forwarder{Allow: func(out flow.Flow) error {
			asked = out.Remote
			return &flow.Refusal{Code: 488, Reason: "No"}
		}}
		got := handle(t, proxy.WithFake(fwd, net), message(t, "OPTIONS"), flow.Target{URI: sip.Uri{Scheme: "sip", Host: "198.51.100.7"}})
		require.Equal(t, 488, got[0].StatusCode)
		require.Equal(t, "198.51.100.7:5060", asked.String())
		require.Empty(t, net.sent())
	})
	t.Run("an observed flow is not asked about", func(t *testing.T) {
		net := phones(200)
		fwd := &proxy.Forwarder{Allow: func(flow.Flow) error { return flow.ErrFlowGone }}
		require.Equal(t, 200, handle(t, proxy.WithFake(fwd, net), message(t, "OPTIONS"), target("b1", 0))[0].StatusCode)
	})
}
