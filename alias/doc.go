// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package alias makes a NAT'd phone reachable inside a dialog: the flow that its
// message really took is put on its Contact as a URI parameter, and taken off
// the Request-URI again when the other side sends a request to that Contact.
// The Contact that the phone wrote is otherwise kept, so that what arrives at
// the phone is what it expects (RFC 3261 section 12.2.1.1).
//
// It replaces add_contact_alias, set_contact_alias and handle_ruri_alias of
// Kamailio's nathelper, with two differences. The parameter of a [Signer] is
// signed: a Request-URI is written by the caller, so an unsigned alias lets
// anybody send from our socket to any address. And it is written idempotently:
// a phone that echoes an old one does not stack them.
//
//	signer, err := alias.New(key)
//	forwarder.Branch = append(forwarder.Branch, router.Branch, signer.Branch)
//	forwarder.Reply = append(forwarder.Reply, signer.Reply)
//	handler = router.Middleware(signer.Middleware(forwarder.Handle))
//
// # What may be followed
//
// A party of a dialog may send requests to any Request-URI that it likes, by way of
// our Record-Route. So a Signer signs every Contact that it passes on: of a peer
// behind NAT with its flow, of any other without one, over the place that the URI
// names. Its middleware lets a request inside a dialog go where its Request-URI
// says only if that is signed, by us, in one of the two ways. A Contact that one
// peer made up is followed as before, since that is what a Contact is for; but it
// takes a call through us to have it signed, and each signature is for one place.
//
// With a Route left behind ours the Request-URI is not where we send: then the
// signature of the Record-Route says which Route may be followed (package route).
// Middleware of your own that lets requests inside dialogs go to URIs that nobody
// signed sets its targets in front (another URI than the Request-URI, a flow, or a
// Route); contacts that reach a dialog past the hooks are signed by [Signer.Vouch].
//
// A user agent (B2BUA) calls [Signer.Add] on the messages that it passes on and
// [Signer.Resolve] on requests that it receives; it needs no Vouch, since nothing
// that it receives is sent on. [Legacy] speaks Kamailio's unsigned
// alias=ip~port~proto in a mixed fleet, and can restrict no Request-URI.
package alias
