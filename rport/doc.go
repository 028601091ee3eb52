// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package rport sends every response back to where its request really came
// from (RFC 3581, RFC 3261 section 18.2; Kamailio's force_rport).
//
// It works under sipgo, as packet middleware: sipgo decides where the responses
// of a transaction go before any handler runs, and sends some of them by itself
// (100, 405, 487), so that only the request's bytes can steer them all:
//
//	err := layer.ServeUDP(srv, pc, rport.Always)
//
// Streams need none of it: there a response goes back on its connection.
package rport
