// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package route

import (
	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/dialog"
	"github.com/sipnat/sipnat/internal/flowtoken"
	"github.com/sipnat/sipnat/internal/txval"
)

// Middleware takes our own Routes off every request, before it is forwarded
// (Kamailio's loose_route), and sets the target of those that one of them speaks
// for (flow.WithTarget):
//
//   - with a flow token of a Path, its flow;
//   - inside a dialog that our signature vouches for, the Request-URI without a
//     flow: it may follow the Routes that are left, if the first of them is the
//     one that the signature names, and go to its Request-URI if none is left.
//     What the Request-URI says is the sender's word: alias.Signer's middleware,
//     behind this one, lets only those pass that were signed as Contacts.
//
// What was tampered with is answered 403, and so is a request that wants to be
// routed on to somewhere else, unless middleware in front has given it a target;
// an ACK gets no answer and is counted. The next handler sees a clone where
// something was taken off: sipgo reads the received INVITE meanwhile. Responses to
// requests that set up a dialog are edited on their way back: our Record-Route is
// signed anew, for the caller, with the Record-Route above it.
func (r *Router) Middleware(next sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		if id := req.CallID(); id != nil && forms(req) {
			tx = &recording{tx, r, id.Value(), len(req.GetHeaders("Record-Route"))}
		}
		if req.Route() == nil {
			next(req, tx)
			return
		}
		req = req.Clone()
		res, err := r.Loose(req)
		if _, allowed := flow.TargetOf(tx); err == nil && res.More && !res.Next && !allowed {
			err = ErrNotOurs
		}
		if err != nil {
			if req.IsAck() {
				r.droppedACKs.Add(1)
				return
			}
			code, reason := flow.Status(err)
			_ = tx.Respond(sip.NewResponseFromRequest(req, code, reason, nil))
			return
		}
		next(req, grant(req, tx, res))
	}
}

// grant sets the target that a Route of ours speaks for.
func grant(req *sip.Request, tx sip.ServerTransaction, res Result) sip.ServerTransaction {
	target := flow.Target{URI: *req.Recipient.Clone()}
	switch {
	case res.Flow.IsValid():
		target.Peer = flow.Peer{Flow: res.Flow, NAT: true}
		if res.Outbound {
			tx = txval.With(tx, flowtoken.Outbound{})
		}
	case res.Signed && dialog.Inside(req) && (res.Next || !res.More):
	default:
		return tx
	}
	return flow.WithTarget(tx, target)
}

// recording is the transaction of a request that we put Record-Route on.
type recording struct {
	sip.ServerTransaction
	router *Router
	callID string
	below  int // Record-Routes that the request came with
}

// Unwrap returns the transaction below.
func (t *recording) Unwrap() sip.ServerTransaction { return t.ServerTransaction }

// Connection passes through sipgo's accessor.
func (t *recording) Connection() sip.Connection { return txval.Connection(t.ServerTransaction) }

// Respond signs our Record-Route anew (RFC 3261 section 16.7 step 8).
func (t *recording) Respond(res *sip.Response) error {
	if res.StatusCode > 100 && res.StatusCode < 300 {
		t.router.resign(res, t.callID, t.below)
	}
	return t.ServerTransaction.Respond(res)
}

// resign replaces what our Record-Routes in res, above the lowest ones, say about
// the far side: in the request that was the caller's, here it is the callee's.
func (r *Router) resign(res *sip.Response, callID string, below int) {
	var list []*sip.Uri
	for _, h := range res.GetHeaders("Record-Route") {
		rr, ok := h.(*sip.RecordRouteHeader)
		if !ok {
			return
		}
		list = append(list, &rr.Address)
	}
	end := len(list) - below
	start := end
	for start > 0 && end-start < maxRecorded && r.recorded(list[start-1], callID) {
		start--
	}
	var beyond *sip.Uri
	if start > 0 {
		beyond = list[start-1]
	}
	for i := max(start, 0); i < end; i++ {
		token := r.secrets().sign(callID, beyond)
		list[i].UriParams = append(sip.HeaderParams(nil), list[i].UriParams...)
		list[i].UriParams.Add(param, token)
	}
}

// maxRecorded is how many Record-Routes we put on one request.
const maxRecorded = 2

// recorded reports whether u is a Record-Route that we wrote in that dialog.
func (r *Router) recorded(u *sip.Uri, callID string) bool {
	text, ok := u.UriParams.Get(param)
	if !ok || !r.isOurs(u) {
		return false
	}
	sig, err := r.secrets().verify(text, callID, nil)
	return err == nil && sig.dialog
}
