// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

func TestResolve(t *testing.T) {
	e := newEdge(t)
	e.listenUDP(t, "127.0.0.1:0")
	e.listenUDP(t, "[::1]:0")
	tests := []struct {
		name, uri string
		want      string // transport and remote; empty: refused
		code      int
	}{
		{"address", "sip:b@198.51.100.7", "udp 198.51.100.7:5060", 0},
		{"port", "sip:b@198.51.100.7:5070", "udp 198.51.100.7:5070", 0},
		{"transport", "sip:b@198.51.100.7;transport=TCP", "tcp 198.51.100.7:5060", 0},
		{"IPv6", "sip:b@[2001:db8::7]:5070", "udp [2001:db8::7]:5070", 0},
		{"mapped", "sip:b@[::ffff:198.51.100.7]", "udp 198.51.100.7:5060", 0},
		{"sips", "sips:b@198.51.100.7", "tls 198.51.100.7:5061", 0},
		{"sips over TCP is TLS", "sips:b@198.51.100.7;transport=tcp", "tls 198.51.100.7:5061", 0},
		{"sips over WebSocket", "sips:b@198.51.100.7;transport=ws", "wss 198.51.100.7:443", 0},
		{"maddr", "sip:b@example.com;maddr=198.51.100.8", "udp 198.51.100.8:5060", 0},
		{"name", "sip:b@localhost", "udp 127.0.0.1:5060", 0},
		{"sips over UDP", "sips:b@198.51.100.7;transport=udp", "", 503},
		{"unknown transport", "sip:b@198.51.100.7;transport=sctp", "", 503},
		{"no SIP URI", "tel:+3312345", "", 416},
		{"never resolves", "sip:b@df7jal23ls0d.INVALID", "", 480},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var uri sip.Uri
			require.NoError(t, sip.ParseUri(tt.uri, &uri))
			f, err := e.layer.Resolve(t.Context(), &uri)
			if tt.want == "" {
				code, _ := flow.Status(err)
				require.Equal(t, tt.code, code)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, f.Transport.String()+" "+f.Remote.String())
			require.Zero(t, f.Conn)
		})
	}
	t.Run("port out of range", func(t *testing.T) {
		_, err := e.layer.Resolve(t.Context(), &sip.Uri{Scheme: "sip", Host: "198.51.100.7", Port: 70000})
		code, _ := flow.Status(err)
		require.Equal(t, 400, code)
	})
}
