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
// The ng protocol has no authentication: the port belongs on loopback or a
// closed network.
package rtpengine
