// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// A call in process: what manage.Manager does with the relay.
func Example() {
	engine, err := relay.New(relay.Config{Address: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.Close()

	ctx := context.Background()
	flags, err := rtpengine.ParseFlags("SIP-source-address strict-source replace-origin")
	if err != nil {
		fmt.Println(err)
		return
	}
	sdp, err := engine.Offer(ctx, rtpengine.Params{
		CallID: "3c26", FromTag: "alice", Flags: flags, ReceivedFrom: netip.MustParseAddr("203.0.113.5"),
		SDP: []byte("v=0\r\no=- 1 1 IN IP4 192.168.1.10\r\ns=-\r\nc=IN IP4 192.168.1.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Contains(string(sdp), "c=IN IP4 127.0.0.1"))
	fmt.Println(engine.Delete(ctx, rtpengine.Params{CallID: "3c26"}))
	// Output:
	// true
	// <nil>
}

// A relay between an inside network and the Internet, which the host meets by a
// 1:1 NAT.
func ExampleInterface() {
	engine, err := relay.New(relay.Config{Interfaces: []relay.Interface{
		{Name: "internal", Address: netip.MustParseAddr("127.0.0.1")},
		{Name: "external", Address: netip.MustParseAddr("127.0.0.1"), Advertise: netip.MustParseAddr("192.0.2.1")},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer engine.Close()

	sdp, err := engine.Offer(context.Background(), rtpengine.Params{
		CallID: "3c26", FromTag: "alice", Flags: rtpengine.MustParseFlags("direction=internal direction=external"),
		SDP: []byte("v=0\r\no=- 1 1 IN IP4 10.0.0.10\r\ns=-\r\nc=IN IP4 10.0.0.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"),
	})
	fmt.Println(strings.Contains(string(sdp), "c=IN IP4 192.0.2.1"), err)
	// Output: true <nil>
}

// A relay for Kamailio: rtpengine_sock "udp:127.0.0.1:2223".
func ExampleRelay_ServeNG() {
	engine, err := relay.New(relay.Config{Advertise: netip.MustParseAddr("192.0.2.1"), MaxCalls: 1000})
	if err != nil {
		fmt.Println(err)
		return
	}
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- engine.ServeNG(pc) }()

	client, err := rtpengine.Dial("udp:" + pc.LocalAddr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.Ping(context.Background()))
	client.Close()
	engine.Close()
	fmt.Println(<-done)
	// Output:
	// <nil>
	// <nil>
}
