// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package route keeps us in the path of a dialog (RFC 3261 section 16; what
// Kamailio's rr module does): Record-Route on what passes for the first time,
// and our own Routes off again on what follows. And in the path of what a
// registrar behind us sends to a phone (RFC 3327; the path module): Path with a
// flow token on a REGISTER that is forwarded.
//
//	router := &route.Router{Layer: layer, Key: key}
//	forwarder.Branch = append(forwarder.Branch, router.Branch)
//	sipnat.Handle(srv, forwarder.Handle, router.Middleware)
//
// # What a Route of ours is good for
//
// The Record-Route is signed over the dialog's Call-ID, and over the Record-Route
// next to it on the far side, if there is one: for the callee that of the request,
// for the caller that of the response, which is signed anew on its way back. A
// request that comes back with the signature belongs to a dialog that was set up
// through us. If Routes are left behind ours, the first must be the one that was
// signed: so no party can route requests to places of its own choice. If none is
// left, the Request-URI is where the request goes: it is the sender's word, which
// alias.Signer's middleware checks. Without a Signer (alias.Legacy, or no alias at
// all) it is followed, and proxy.Forwarder's Allow is all that bounds it.
//
// The user part of a Path is a signed token of the flow that the REGISTER came on:
// a request along it goes to that flow, and to no other user than the one who
// registered. It is a bearer token for the registrar and whoever it shows it to.
package route
