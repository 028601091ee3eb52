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

func ExamplePinger_AddWith() {
	pinger := keepalive.New(gone{}, keepalive.Config{})
	f := flow.Flow{Transport: flow.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("203.0.113.9:40112")}
	// A call on the flow of a registration: pinged once, each ten seconds, as
	// long as the call lasts.
	pinger.Add("alice", f)
	pinger.AddWith("dialog:1-4711", f, keepalive.Ping{Interval: 10 * time.Second})
	pinger.Remove("dialog:1-4711")
	// A binding behind another proxy, which the flow leads to.
	along := keepalive.Ping{
		URI:   sip.Uri{Scheme: "sip", User: "bob", Host: "10.0.0.5"},
		Route: []sip.Uri{{Scheme: "sip", Host: "edge.example.net", UriParams: sip.HeaderParams{{K: "lr"}}}},
	}
	pinger.AddWith("bob", f, along)
	for s := range pinger.All() {
		fmt.Println(s.ID, s.Flow, s.RTT)
	}
	// Output:
	// alice udp 192.0.2.1:5060 <- 203.0.113.9:40112 0s
	// bob udp 192.0.2.1:5060 <- 203.0.113.9:40112 0s
}

func ExampleFlowTimer() {
	register := func(_ *sip.Request, tx sip.ServerTransaction) { fmt.Println("registering") }
	handler := keepalive.FlowTimer(25 * time.Second)(register)
	handler(sip.NewRequest(sip.REGISTER, sip.Uri{Host: "example.com"}), nil)
	// Output:
	// registering
}

func ExampleAnswerOptions() {
	handler := keepalive.AnswerOptions(func(req *sip.Request, _ sip.ServerTransaction) {
		fmt.Println("passed:", req.Method)
	})
	handler(sip.NewRequest(sip.MESSAGE, sip.Uri{User: "bob", Host: "example.com"}), nil)
	// Output:
	// passed: MESSAGE
}
