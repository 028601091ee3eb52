// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
)

// gone is a layer whose connections have all ended.
type gone struct{}

func (gone) Write([]byte, flow.Flow) error { return flow.ErrFlowGone }
func (gone) Name(flow.Flow) (string, int)  { return "edge.example.com", 5060 }

func ExamplePinger() {
	ctx, cancel := context.WithCancel(context.Background())
	// A real one sends by a *flow.Layer, and its PacketConn goes to ServeUDP.
	pinger := keepalive.New(gone{}, keepalive.Config{Interval: 10 * time.Millisecond, Tick: time.Millisecond})
	pinger.Dead = func(id string) {
		fmt.Println(id, "has gone")
		cancel()
	}
	pinger.Add("alice", flow.Flow{Transport: flow.TCP, Remote: netip.MustParseAddrPort("203.0.113.9:40112"), Conn: 1})
	fmt.Println(pinger.Run(ctx))
	// Output:
	// alice has gone
	// context canceled
}

func ExampleAnswerOptions() {
	handler := keepalive.AnswerOptions(func(req *sip.Request, _ sip.ServerTransaction) {
		fmt.Println("passed:", req.Method)
	})
	handler(sip.NewRequest(sip.MESSAGE, sip.Uri{User: "bob", Host: "example.com"}), nil)
	// Output:
	// passed: MESSAGE
}
