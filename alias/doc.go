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
//	forwarder.Branch = append(forwarder.Branch, signer.Branch)
//	forwarder.Reply = append(forwarder.Reply, signer.Reply)
//	handler = router.Middleware(signer.Middleware(forwarder.Handle))
//
// A user agent (B2BUA) calls [Signer.Add] on the messages that it passes on and
// [Signer.Resolve] on requests that it receives. [Legacy] speaks Kamailio's
// unsigned alias=ip~port~proto in a mixed fleet.
//
// Whether a Request-URI may be reached at all is the question of the relay
// policy in front: a valid alias only says how.
package alias
