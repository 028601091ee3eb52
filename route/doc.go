// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package route keeps us in the path of a dialog (RFC 3261 section 16; what
// Kamailio's rr module does): Record-Route on what passes for the first time,
// and our own Routes off again on what follows.
//
// The Record-Route is signed over the dialog's Call-ID. A request that comes
// back with the signature belongs to a dialog that was set up through us, and
// may go where its Request-URI or next Route says; one without it may not, so
// that a Route header in our name does not make an open relay of us.
//
//	router := &route.Router{Layer: layer, Key: key}
//	forwarder.Branch = append(forwarder.Branch, router.Branch)
//	sipnat.Handle(srv, forwarder.Handle, router.Middleware)
package route
