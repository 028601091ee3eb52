// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy_test

import (
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/proxy"
)

// What Locate refuses is answered as its error says.
func ExampleForwarder_Handle() {
	edge := &proxy.Forwarder{
		Layer: &flow.Layer{},
		Locate: func(req *sip.Request) ([]flow.Target, error) {
			if req.Recipient.User != "bob" {
				return nil, &flow.Refusal{Code: 404, Reason: "Not Found"}
			}
			return nil, nil // known, but not registered
		},
	}
	for _, user := range []string{"bob", "carol"} {
		req := exampleRequest(user)
		tx := siptest.NewServerTxRecorder(req)
		edge.Handle(req, tx) // srv.OnInvite(edge.Handle)
		fmt.Println(tx.Result()[0].StartLine())
	}
	// Output:
	// SIP/2.0 480 Temporarily Unavailable
	// SIP/2.0 404 Not Found
}

// Gateways that are tried one after the other. A Reply hook sees how each
// branch ended, also those that sent nothing; here no listener was opened.
func ExampleForwarder_Forward() {
	edge := &proxy.Forwarder{
		Layer: &flow.Layer{},
		Reply: []proxy.ReplyHook{func(res *sip.Response, leg flow.Leg) error {
			fmt.Println(leg.Out.NAT, res.StatusCode)
			return nil
		}},
	}
	req := exampleRequest("bob")
	tx := siptest.NewServerTxRecorder(req)
	edge.Forward(req, tx, []flow.Target{
		{URI: sip.Uri{Scheme: "sip", User: "bob", Host: "192.0.2.11"}, Q: 900},
		{URI: sip.Uri{Scheme: "sip", User: "bob", Host: "192.0.2.12"}, Q: 800},
	})
	fmt.Println(tx.Result()[0].StartLine())
	// Output:
	// false 503
	// false 503
	// SIP/2.0 500 Server Internal Error
}

func exampleRequest(user string) *sip.Request {
	msg, err := sip.ParseMessage([]byte(strings.Join([]string{
		"OPTIONS sip:" + user + "@example.com SIP/2.0",
		"Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK" + user,
		"From: <sip:alice@example.com>;tag=1",
		"To: <sip:" + user + "@example.com>",
		"Call-ID: " + user,
		"CSeq: 1 OPTIONS",
		"Content-Length: 0", "", "",
	}, "\r\n")))
	if err != nil {
		panic(err)
	}
	return msg.(*sip.Request)
}
