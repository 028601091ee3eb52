// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package sipnat is server-side (far-end) NAT traversal for SIP servers that
// are built on github.com/emiago/sipgo: what Kamailio's nathelper, registrar,
// rr and rtpengine modules do for a proxy script, as Go packages.
//
// Phones behind NAT write addresses into SIP that nobody can reach. Each
// package here disbelieves one kind of them, and sends back along the path that
// the packet really took:
//
//	flow       which path that was, and sending along it
//	rport      responses go to the request's source (RFC 3581)
//	nat        who is behind NAT, with the evidence; repair of Contact and SDP
//	alias      the caller's flow on its Contact, signed, and off the Request-URI again
//	route      Record-Route and loose routing
//	registrar  REGISTER, and lookup to targets that know their flow
//	keepalive  pings that hold pinholes open, answers to the phones' own
//	rtpengine  the media relay's client; manage: its SIP side; relay: one in Go
//	proxy      the forwarder that sipgo lacks
//
// They are independent: values of package flow and hooks of two shapes connect
// them, in your main. The example of this package is a whole edge;
// examples/minimal is the same as a program.
package sipnat
