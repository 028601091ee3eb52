// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"context"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/registrar"
)

const register = "REGISTER sip:example.com SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.168.1.2:5060;rport;branch=z9hG4bK1\r\n" +
	"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\n" +
	"Call-ID: 1\r\nCSeq: 1 REGISTER\r\nContact: <sip:alice@192.168.1.2>;q=0.5\r\nContent-Length: 0\r\n\r\n"

// A phone behind NAT registers its private address; requests for its user go
// where the REGISTER came from.
func Example() {
	location := &registrar.Registrar{
		AOR:     registrar.Unauthenticated,
		Expires: registrar.Expires{Max: 10 * time.Minute},
		OnBind:  func(_ string, f flow.Flow) { fmt.Println("bound to", f.Remote) },
	}
	handler := location.Middleware(func(*sip.Request, sip.ServerTransaction) {})

	msg, err := sip.NewParser().ParseSIP([]byte(register)) // as sipgo does
	if err != nil {
		panic(err)
	}
	req := msg.(*sip.Request)
	req.SetSource("203.0.113.9:40112")
	handler(req, printer{})

	targets, err := location.Lookup(context.Background(), "alice")
	if err != nil {
		panic(err)
	}
	for _, t := range targets {
		fmt.Println(t.URI.String(), "by way of", t.Peer.Flow.Remote)
	}
	// Output:
	// bound to 203.0.113.9:40112
	// 200 <sip:alice@192.168.1.2>;expires=600;q=0.5
	// sip:alice@192.168.1.2 by way of 203.0.113.9:40112
}

// printer is a transaction that shows what it is answered.
type printer struct{ sip.ServerTransaction }

func (printer) Respond(res *sip.Response) error {
	fmt.Println(res.StatusCode, res.GetHeader("Contact").Value())
	return nil
}

// An AOR hook authenticates first, and then says whose bindings change.
func ExampleRegistrar_Address() {
	location := &registrar.Registrar{Domains: []string{"example.com"}}
	location.AOR = func(req *sip.Request, _ sip.ServerTransaction) (string, error) {
		// Check the credentials here, answer 401 and return
		// registrar.ErrAnswered if there are none.
		return location.Address(req.To().Address)
	}
	var to sip.Uri
	_ = sip.ParseUri("sip:%61lice@EXAMPLE.com:5060", &to)
	fmt.Println(location.Address(to))
	_ = sip.ParseUri("sip:alice@example.org", &to)
	_, err := location.Address(to)
	fmt.Println(flow.Status(err))
	// Output:
	// alice@example.com <nil>
	// 403 Domain Not Served
}
