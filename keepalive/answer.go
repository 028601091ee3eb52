// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// allow is what sipnat.Handle takes: every method that sipgo knows.
const allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, " +
	"REFER, MESSAGE, INFO, PRACK, UPDATE"

// AnswerOptions is handler middleware: it answers every OPTIONS outside a
// dialog with 200, so that phones which ping their server learn that it is
// there (RFC 3261 section 11.2). With or without a user part: most phones write
// one, and options_reply of Kamailio's siputils, which goes by the book, fails
// them. OPTIONS inside a dialog, and everything else, passes.
//
// An edge that is to forward OPTIONS between users does not put this in front.
func AnswerOptions(next sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		if req.Method != sip.OPTIONS || inDialog(req) {
			next(req, tx)
			return
		}
		res := sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil)
		res.AppendHeader(sip.NewHeader("Allow", allow))
		res.AppendHeader(sip.NewHeader("Accept", "application/sdp"))
		res.AppendHeader(sip.NewHeader("Supported", "path"))
		// A failed write is the transaction's to report.
		_ = tx.Respond(res)
	}
}

func inDialog(req *sip.Request) bool {
	to := req.To()
	if to == nil {
		return false
	}
	tag, _ := to.Params.Get("tag")
	return tag != ""
}
