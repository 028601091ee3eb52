// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"fmt"
	"net"
	"strings"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

func ExampleLayer_Stateless() {
	ua, _ := sipgo.NewUA()
	srv, _ := sipgo.NewServer(ua)
	pc, _ := net.ListenPacket("udp", "127.0.0.1:0")
	phone, _ := net.Dial("udp", pc.LocalAddr().String())

	handler := func(req *sip.Request, tx sip.ServerTransaction) {
		fmt.Println(req.Method, "from the phone:", flow.Of(req, tx).Remote.String() == phone.LocalAddr().String())
		_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
	}
	srv.OnNoRoute(handler) // all other methods, with transactions
	layer := &flow.Layer{}
	served := make(chan error)
	go func() { served <- layer.ServeUDP(srv, pc, layer.Stateless(handler)) }()

	_, _ = phone.Write([]byte(options("1", "SIP/2.0/UDP 10.0.0.1:5060;rport")))
	answer := make([]byte, 1500)
	n, _ := phone.Read(answer)
	fmt.Println(strings.SplitN(string(answer[:n]), "\r\n", 2)[0])
	fmt.Println("without a transaction:", layer.Stats().Stateless)

	_ = pc.Close()
	fmt.Println(<-served)
	_ = ua.Close()
	_ = phone.Close()
	// Output:
	// OPTIONS from the phone: true
	// SIP/2.0 200 OK
	// without a transaction: 1
	// <nil>
}
