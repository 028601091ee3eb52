// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package rtpengine talks to the media proxy rtpengine by its ng protocol: it
// does what Kamailio's and OpenSIPS' modules of that name do below the SIP
// level. What to ask for which SIP message is decided by the package manage.
//
//	engine, err := rtpengine.Dial("udp:127.0.0.1:2223")
//	...
//	flags, err := rtpengine.ParseFlags("replace-origin ICE=remove RTP/AVP")
//	...
//	sdp, err := engine.Offer(ctx, rtpengine.Params{
//		CallID: callID, FromTag: fromTag, SDP: body, Flags: flags,
//	})
//
// [Client] retransmits with a stable cookie, so that the engine executes a
// command once; keeps a bounded number of commands in flight, because the
// engine's socket loses bursts; and has at most one in flight per call, because
// the engine's threads overtake each other. Commands without a method of their
// own go through [Client.Do].
//
// Engines are reached by UDP, WebSocket or HTTP. UDP is the best of them inside a
// data centre; Config.Alternative names another way for what does not fit a
// datagram. Beyond a network's edge, WebSocket.
//
// [Set] spreads calls over several engines, keeps each call at its own, and goes
// to another only with the offer of a new call:
//
//	set := rtpengine.NewSet(rtpengine.SetConfig{})
//	err := set.Dial("udp:192.0.2.1:2223", 1)
//	...
//	go set.Run(ctx)
//
// The ng protocol has no authentication: the port belongs on loopback or a
// closed network.
package rtpengine
