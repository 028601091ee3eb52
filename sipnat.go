// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package sipnat

import (
	"slices"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Chain makes one middleware of several. The first one sees a request first.
func Chain(mw ...func(sipgo.RequestHandler) sipgo.RequestHandler) func(sipgo.RequestHandler) sipgo.RequestHandler {
	return func(h sipgo.RequestHandler) sipgo.RequestHandler {
		for _, m := range slices.Backward(mw) {
			h = m(h)
		}
		return h
	}
}

// If applies mw only to requests for which pred reports true.
func If(pred func(*sip.Request, sip.ServerTransaction) bool, mw func(sipgo.RequestHandler) sipgo.RequestHandler) func(sipgo.RequestHandler) sipgo.RequestHandler {
	return func(next sipgo.RequestHandler) sipgo.RequestHandler {
		wrapped := mw(next)
		return func(req *sip.Request, tx sip.ServerTransaction) {
			if pred(req, tx) {
				wrapped(req, tx)
				return
			}
			next(req, tx)
		}
	}
}

// Handle sends every request that srv receives through mw to h: all methods,
// known and unknown, ACK among them (which sipgo would answer with 405 if
// nobody took it). Call it before serving; handlers that are set on srv for a
// method afterwards take that method away again.
func Handle(srv *sipgo.Server, h sipgo.RequestHandler, mw ...func(sipgo.RequestHandler) sipgo.RequestHandler) {
	srv.OnNoRoute(Chain(mw...)(h))
}
