// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/proxy"
	"github.com/sipnat/sipnat/route"
)

// ownNames is a router's layer by the name of the fake one.
type ownNames struct{}

func (ownNames) Name(flow.Flow) (host string, port int) { return "192.0.2.1", 5060 }
func (ownNames) IsSelf(host string, _ int) bool         { return host == "192.0.2.1" }

// TestDeadFlowAlongPath: a flow that is gone is 430 to a registrar that knows of
// flows (RFC 5626 section 5.3.1), else 480.
func TestDeadFlowAlongPath(t *testing.T) {
	router := &route.Router{Layer: ownNames{}, Key: []byte("k")}
	phone := flow.Flow{Transport: flow.TCP, Conn: 7, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("203.0.113.9:40112")}
	for _, tt := range []struct {
		name string
		vias int
		fail error
		want int
	}{
		{"ob, gone", 1, flow.ErrFlowGone, 430},
		{"ob, no listener", 1, flow.ErrNoListener, 500},
		{"not the first hop, gone", 2, flow.ErrFlowGone, 480},
		{"ob, alive", 1, nil, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			register := message(t, "REGISTER", "Contact: <sip:b1@10.0.0.1>")
			for range tt.vias - 1 {
				register.PrependHeader(register.Via().Clone())
			}
			require.NoError(t, router.AddPath(register, phone, phone))
			req := message(t, "OPTIONS", fmt.Sprint("Route: ", register.GetHeader("Path").Value()))
			req.Recipient = sip.Uri{Scheme: "sip", User: "b1", Host: "10.0.0.1"}
			net := phones(200)
			net.fail = func(flow.Flow) error { return tt.fail }
			tx := siptest.NewServerTxRecorder(req)
			router.Middleware(proxy.WithFake(&proxy.Forwarder{}, net).Handle)(req, tx)
			require.Equal(t, tt.want, tx.Result()[0].StatusCode)
		})
	}
}
