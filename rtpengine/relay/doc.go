// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package relay is an RTP relay for calls whose phones sit behind NAT, in pure
// Go: it stands where rtpengine stands, in the same process or, by
// [Relay.ServeNG], as a daemon that Kamailio, OpenSIPS and rtpengine.Client talk
// to over UDP.
//
//	engine, err := relay.New(relay.Config{Address: netip.MustParseAddr("192.0.2.1")})
//	if err != nil {
//		return err
//	}
//	defer engine.Close()
//	media := &manage.Manager{Engine: engine}
//
// An offer opens two pairs of UDP ports for each audio or video line, one pair
// for each party, and writes them into the SDP; the answer binds them. What a
// party sends to its port leaves from the other party's port.
//
// # Where media goes (latching)
//
// A phone behind NAT does not know the address that its media comes from, so
// the relay sends to where it hears the phone from. Whoever finds the port may
// try to be that phone. Each source is therefore ranked by what signalling said:
//
//  1. the address and port of the SDP
//  2. the IP address of the SDP, or received-from, and another port
//  3. another IP address, the port of the SDP
//  4. anything else
//
// Nothing is relayed before both parties were signalled. From the first packet
// on a better rank takes over at once, an equal one only from a source that
// fell silent. Five packets of one SSRC from rank 1 or 2, or the end of a window
// of three seconds, lock the port: from then on only the locked source is
// heard. A lock opens again only with the next offer or answer of its party.
// With the flag strict-source and received-from known, ranks 3 and 4 are never
// heard; pass both for phones behind NAT, with SIP-source-address where the SDP
// lies. Without them a source of rank 3 or 4 wins if the phone itself is silent
// during the window, as the address in the SDP is then all that there is to
// judge by. A source of rank 3 or 4 gets media, and is relayed, before its lock
// only where signalling named no public address at all, and at a limited rate.
// With the flag asymmetric nothing is learned: media goes to the signalled
// address.
//
// # What it does and does not
//
// RTP/AVP, AVPF, SAVP, SAVPF and their DTLS forms pass as they are, the same on
// both sides. RTCP uses the next port, or the one that a=rtcp names; a=rtcp-mux
// passes, and is added, taken away, accepted and refused by the rtcp-mux
// option, since the relay can tell RTCP from RTP. ICE is always removed, and so
// are a=group:BUNDLE and a=source-filter: every line has its own ports. A media
// line of another kind (T.38, BFCP, data channels) leaves with port 0; if there
// is no other the offer is refused.
//
// Whatever else an option asks for, transcoding, SRTP from or to RTP, T.38,
// recording, is refused by an [rtpengine.Error] that names it. Options that say
// what the relay does anyway are accepted: trust-address, symmetric, ICE=remove,
// and, where it has but one address, a direction from one interface to the same
// one, and so on.
//
// # Several networks, both families
//
// A relay between networks has an [Interface] for each:
//
//	relay.Config{Interfaces: []relay.Interface{
//		{Name: "internal", Address: inside},
//		{Name: "external", Address: outside, Advertise: public}, // behind a 1:1 NAT
//		{Name: "external", Address: outside6},
//	}}
//
// The option direction of an offer names the interface that faces the offerer,
// then the one that faces the other party; manage.Manager.Direction sends it. A
// name that the relay does not have is refused, where rtpengine silently takes
// its default. Without direction a party keeps its interface, and in a new call
// gets the first one of its family. Each party's ports are of the family that its
// own SDP is in; the other party's of that of address-family, else the same if
// its interface has it: so a call may pass from IPv4 to IPv6. If a party moves to
// another interface or family by a re-INVITE, it gets new ports there, and the
// old ones work until the answer.
//
// [rtpengine.Error]: https://pkg.go.dev/github.com/sipnat/sipnat/rtpengine#Error
package relay
