// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage_test

import (
	"context"
	"fmt"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/manage"
)

// printer is an engine that says what it is asked.
type printer struct{}

func (printer) Offer(_ context.Context, p rtpengine.Params) ([]byte, error) {
	fmt.Println("offer ", p.FromTag, p.ToTag, p.ReceivedFrom)
	return []byte("rewritten offer"), nil
}

func (printer) Answer(_ context.Context, p rtpengine.Params) ([]byte, error) {
	fmt.Println("answer", p.FromTag, p.ToTag, p.ReceivedFrom)
	return []byte("rewritten answer"), nil
}

func (printer) Delete(_ context.Context, p rtpengine.Params) error {
	fmt.Println("delete", p.FromTag)
	return nil
}

func ExampleManager() {
	media := &manage.Manager{Engine: printer{}}
	leg := flow.Leg{In: peerA, Out: peerB, Branch: "z9hG4bK1"} // A is behind NAT

	invite := message("INVITE sip:b@example.net SIP/2.0", "call", "INVITE", "A", "", 1, "offer").(*sip.Request)
	fmt.Println(media.Branch(invite, leg), string(invite.Body()))

	ok := message("SIP/2.0 200 OK", "call", "INVITE", "A", "B", 1, "answer").(*sip.Response)
	fmt.Println(media.Reply(ok, leg), string(ok.Body()))

	bye := message("BYE sip:b@example.net SIP/2.0", "call", "BYE", "A", "B", 2, "").(*sip.Request)
	fmt.Println(media.Branch(bye, leg))
	fmt.Println(media.Close())
	// Output:
	// offer  A  203.0.113.9
	// <nil> rewritten offer
	// answer A B 198.51.100.7
	// <nil> rewritten answer
	// <nil>
	// delete A
	// <nil>
}

func ExampleAlways() {
	media := manage.Manager{Relay: manage.Always}
	fmt.Println(media.Relay(flow.Leg{}))
	// Output: true
}
