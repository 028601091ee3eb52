// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package manage brings the media of SIP calls to a relay: it finds the session
// descriptions in the messages of a call, takes them to the engine in the right
// role, and ends at the engine what has ended in SIP. It is the SIP side of
// package rtpengine, and does what Kamailio's rtpengine_manage does.
//
// In a proxy, two hooks are all:
//
//	media := &manage.Manager{Engine: client}
//	edge := &proxy.Forwarder{
//		Branch: []proxy.BranchHook{media.Branch},
//		Reply:  []proxy.ReplyHook{media.Reply},
//	}
//
// A B2BUA calls Request and Response, with a context of its own, and always with
// the messages of one of its two dialogs, say the one towards the callee,
// whichever way they go there: the engine knows the call by that dialog's Call-ID
// and tags. leg says whose description it is.
//
//	err = media.Request(ctx, invite, flow.Leg{In: caller, Out: callee}) // the INVITE about to be sent
//	err = media.Response(ctx, ok, leg)                                  // the 200 that came for it
//	err = media.Request(ctx, reinvite, flow.Leg{In: callee, Out: caller})
//
// # Roles
//
// Offer and answer are told apart by what went before in the dialog (RFC 3264,
// RFC 6337), not by the method: an INVITE without a description makes the 200
// the offer and the ACK the answer; a PRACK answers an offer in a reliable 18x,
// and is an offer itself otherwise. Forks are kept apart by the Via branch, each
// ends alone. A refused re-INVITE or UPDATE leaves the call as it was, and sets
// the engine back to it. Nothing is deleted at a CANCEL, which a 200 may cross,
// but at the final response.
//
// # Which calls
//
// Whether a dialog's media is relayed is decided once, at its first offer, over
// both legs, and holds for its life: a re-INVITE from the public side of a
// relayed call is relayed, one of an unrelayed call is not touched. Calls are
// known by Call-ID and tags, in memory; a dialog that began before the program
// did is decided at the first offer that is seen of it, which for the default
// policy comes to the same and finds the engine's session again.
//
// # Between two networks
//
// Where the engine has an interface in each of two networks, Direction says which
// one faces whom, for calls in both directions. Beside a proxy that has an address
// in each network too:
//
//	media := &manage.Manager{Engine: client, Direction: manage.ByLocal(map[netip.Prefix]string{
//		netip.MustParsePrefix("10.0.0.0/8"): "internal", // our own addresses there
//		netip.MustParsePrefix("0.0.0.0/0"):  "external",
//	})}
//
// with rtpengine --interface=internal/10.0.0.5 --interface=external/10.9.0.5!192.0.2.1,
// or relay.Config.Interfaces, where the external one is behind a 1:1 NAT and
// advertises what the NAT has outside. A proxy that has one address only, behind
// such a NAT, tells its peers apart by theirs: ByRemote. Calls from one network to
// the other are relayed also where nobody is behind NAT.
//
// # What the engine is told
//
// Each description goes with the profile of the side that wrote it: behind NAT,
// the relay learns the media address from packets of the signalling's address
// (SIP-source-address, endpoint-learning-heuristic, strict-source); otherwise it
// trusts the description (trust-address), and learns a port at most: a peer
// whose media comes from an address that neither its description nor its
// signalling names is not heard by package relay. ICE, where it is not removed,
// finds and checks the path itself: then nothing is learned. received-from
// is always sent. Manager.Flags win over the profile.
//
// # Bodies
//
// A description is a body of type application/sdp, or the only such part of a
// multipart body. Others, and descriptions with another disposition than session
// or with an encoding, are left alone and counted (Stats.Unread).
package manage
