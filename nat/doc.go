// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package nat says whether a SIP message came from behind a NAT, why, and
// repairs what such a message claims about its sender: what Kamailio's
// nathelper does with nat_uac_test, fix_nated_contact and fix_nated_sdp.
//
// Detection compares what a message claims (Via, Contact, SDP) with the path
// that it really took, and never changes the message:
//
//	detector := &nat.Detector{Tests: nat.TestReceived | nat.TestPort}
//	srv.OnInvite(detector.Middleware(func(req *sip.Request, tx sip.ServerTransaction) {
//		if v, ok := nat.VerdictOf(tx); ok && v.NATed {
//			log.Print(v) // natted: received (Via 10.0.0.5, seen 203.0.113.9:40112)
//		}
//	}))
//
// A message is judged as the user agent's own only on its first hop. What came
// through another proxy says nothing about the path between that proxy and us:
// it is marked as proxied, and not taken for NATed.
//
// Nothing here trusts the network: malformed messages are judged by what can be
// read of them, and the mutators return an *Error and leave them as they were.
package nat
