// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"

	"github.com/sipnat/sipnat/rtpengine"
)

func Example() {
	engine, err := rtpengine.Dial("udp:127.0.0.1:2223")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = engine.Close() }()

	ctx := context.Background()
	body := []byte("v=0\r\n...")
	offer := rtpengine.Params{
		CallID: "a84b4c76e66710", FromTag: "1928301774", SDP: body,
		ReceivedFrom: netip.MustParseAddr("198.51.100.7"),
		Flags:        rtpengine.MustParseFlags("SIP-source-address replace-origin ICE=remove RTP/AVP"),
	}
	sdp, err := engine.Offer(ctx, offer)
	switch {
	case errors.Is(err, rtpengine.ErrLoadLimit), errors.Is(err, rtpengine.ErrTimeout):
		fmt.Println("503 no media relay")
	case err != nil:
		fmt.Println("500", err)
	default:
		fmt.Printf("forward %s\n", sdp)
	}
}

func ExampleClient_Do() {
	engine, err := rtpengine.Dial("udp:127.0.0.1:2223")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = engine.Close() }()
	reply, err := engine.Do(context.Background(), "play media", rtpengine.Dict{
		"call-id": "a84b4c76e66710", "from-tag": "1928301774", "file": "/announcements/wait.wav", "repeat-times": 3,
	})
	fmt.Println(reply["duration"], err)
}

func ExampleSet() {
	set := rtpengine.NewSet(rtpengine.SetConfig{
		Changed: func(e rtpengine.EngineStatus) { log.Println(e.Name, "is", e.State) },
	})
	defer func() { _ = set.Close() }()
	err := errors.Join(
		set.Dial("udp:127.0.0.1:2223", 2), // twice the calls
		set.Dial("udp:127.0.0.1:2224", 1),
		set.Dial("udp:127.0.0.1:2225", -1), // when neither is up
	)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = set.Run(ctx) }()

	// For maintenance: it keeps its calls and gets no more.
	err = errors.Join(err, set.Drain("udp:127.0.0.1:2224", true))
	fmt.Println(err)
	for _, e := range set.Engines() {
		fmt.Println(e.Name, e.State, e.Calls, "calls")
	}
}

func ExampleReadCall() {
	reply := rtpengine.Dict{ // of Client.Query
		"tags":   rtpengine.Dict{"1928301774": rtpengine.Dict{"tag": "1928301774"}},
		"totals": rtpengine.Dict{"RTP": rtpengine.Dict{"packets": int64(1500)}},
	}
	call := rtpengine.ReadCall(reply)
	fmt.Println(call.Tags[0].Tag, call.RTP.Packets)
	// Output: 1928301774 1500
}

func ExampleParseDTMF() {
	event, err := rtpengine.ParseDTMF([]byte(`{"callid":"c1","source_tag":"A","type":"DTMF","source_ip":"192.0.2.1","event":11,"duration":80}`))
	fmt.Printf("%s %c %v %v\n", event.CallID, event.Digit, event.Duration, err)
	// Output: c1 # 80ms <nil>
}

func ExampleParseFlags() {
	flags, err := rtpengine.ParseFlags("trust-address replace-origin ICE=remove SRTP AVPF")
	fmt.Println(flags, err)

	_, err = rtpengine.ParseFlags("ICE=remove trust-adress")
	fmt.Println(err)
	_, err = rtpengine.ParseFlags("RTP/AVP SRTP")
	fmt.Println(err)
	// Output:
	// trust-address replace-origin RTP/SAVPF ICE=remove <nil>
	// rtpengine: flag "trust-adress" is unknown, did you mean "trust-address"?
	// rtpengine: flag "SRTP" contradicts another word about the transport
}

func ExampleFlags_With() {
	profile := rtpengine.MustParseFlags("replace-origin trust-address ICE=force")
	phone := rtpengine.MustParseFlags("SIP-source-address ICE=remove")
	fmt.Println(profile.With(phone))
	// Output: SIP-source-address replace-origin ICE=remove
}

func ExampleParams_Dict() {
	p := rtpengine.Params{CallID: "a84b4c76e66710", FromTag: "1928301774", Flags: rtpengine.MustParseFlags("rtcp-mux-demux TOS=184")}
	fmt.Println(p.Dict())
	// Output: map[TOS:184 call-id:a84b4c76e66710 from-tag:1928301774 rtcp-mux:[demux]]
}
