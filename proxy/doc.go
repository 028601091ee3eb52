// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package proxy forwards requests: the stateful proxy core of RFC 3261 section
// 16 that sipgo leaves to its user, and what Kamailio's tm module does for a
// script. It forks, cancels the losers, passes every 2xx on, chooses the best
// failure, and calls hooks for each branch so that Contacts, Record-Routes and
// media can be treated by who is at either end.
//
//	edge := &proxy.Forwarder{
//		Layer:  layer,
//		Locate: location.Locate,
//		Branch: []proxy.BranchHook{router.Branch, signer.Branch},
//		Reply:  []proxy.ReplyHook{signer.Reply},
//	}
//	srv.OnInvite(edge.Handle)
//	srv.OnAck(edge.Handle) // without it sipgo answers an ACK with 405
//
// It sends nowhere but to targets: there is no "just follow the Request-URI",
// so it is no open relay. A target comes from middleware in front
// (flow.WithTarget) or from Locate.
//
// # A CANCEL that crosses a 200
//
// sipgo answers a CANCEL with 200 and the INVITE with 487 by itself, before
// anybody is asked. A 2xx that arrives after that would reach a caller whose
// transaction is completed and who has no place for it (RFC 3261 section
// 17.1.1.2), while the phone that answered would repeat it for 32 seconds and
// show a live call. The forwarder therefore ends such a call itself: ACK and
// BYE to the phone, on the branch's own flow. The same is done with any 2xx to
// an INVITE that cannot be passed on.
//
// # Large messages
//
// sip.UDPMTUSize guards what sipgo sends over UDP, responses too; flow.Layer
// has a field for it.
package proxy
