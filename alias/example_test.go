// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias_test

import (
	"fmt"
	"net/netip"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
)

func Example() {
	signer := alias.Ephemeral()
	seen := flow.Flow{
		Transport: flow.UDP,
		Local:     netip.MustParseAddrPort("192.0.2.1:5060"),
		Remote:    netip.MustParseAddrPort("203.0.113.9:40112"),
	}
	// The phone's INVITE leaves us with the flow on its Contact.
	invite := sip.NewRequest(sip.INVITE, sip.Uri{User: "bob", Host: "example.com"})
	invite.AppendHeader(&sip.ContactHeader{Address: sip.Uri{User: "alice", Host: "10.0.0.1", Port: 5060}})
	if err := signer.Add(invite, seen); err != nil {
		fmt.Println(err)
		return
	}
	// The other side hangs up: its BYE goes to that Contact.
	bye := sip.NewRequest(sip.BYE, invite.Contact().Address)
	f, err := signer.Resolve(bye)
	fmt.Println(f, err)
	fmt.Println(bye.Recipient.String())
	// Output:
	// udp 192.0.2.1:5060 <- 203.0.113.9:40112 <nil>
	// sip:alice@10.0.0.1:5060
}

func ExampleLegacy() {
	legacy := &alias.Legacy{Allow: alias.AllowPrefixes(netip.MustParsePrefix("203.0.113.0/24"))}
	for _, value := range []string{"203.0.113.9~40112~1", "10.0.0.1~5060~1"} {
		bye := sip.NewRequest(sip.BYE, sip.Uri{User: "alice", Host: "10.0.0.1", UriParams: sip.HeaderParams{{K: "alias", V: value}}})
		f, err := legacy.Resolve(bye)
		fmt.Println(f.Remote, err)
	}
	// Output:
	// 203.0.113.9:40112 <nil>
	// invalid AddrPort alias: destination not allowed
}
