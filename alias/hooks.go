// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias

import (
	"errors"
	"sync/atomic"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/dialog"
)

// Stats counts what a middleware did since the start.
type Stats struct {
	// Resolved requests were given the flow of their alias.
	Resolved uint64
	// Refused requests were answered because of their alias: forged, malformed,
	// not allowed, or its flow gone.
	Refused uint64
	// Dropped are the ACKs among those: an ACK is never answered.
	Dropped uint64
}

type counters struct {
	resolved, refused, dropped atomic.Uint64
}

func (c *counters) stats() Stats {
	return Stats{Resolved: c.resolved.Load(), Refused: c.refused.Load(), Dropped: c.dropped.Load()}
}

// targets reports whether the Contact of a request, and of the 1xx and 2xx
// replies to it, is where the peer wants the requests of the dialog
// (RFC 3261 section 12, RFC 3311, 3515, 6665).
func targets(m sip.RequestMethod) bool {
	switch m {
	case sip.INVITE, sip.SUBSCRIBE, sip.UPDATE, sip.REFER, sip.NOTIFY:
		return true
	}
	return false
}

func branch(c codec, req *sip.Request, leg flow.Leg) error {
	if leg.In.NAT && targets(req.Method) {
		if err := add(c, req, leg.In.Flow); err != nil {
			return err
		}
	}
	// With a Route left the next hop is another proxy, and the alias may be
	// its: that of another edge with our key.
	if req.Route() == nil {
		strip(c, req)
	}
	return nil
}

func reply(c codec, res *sip.Response, leg flow.Leg) error {
	if !leg.Out.NAT || !replies(res) {
		return nil
	}
	return add(c, res, leg.Out.Flow)
}

// replies reports whether res is a 1xx or 2xx whose Contact is the peer's target.
func replies(res *sip.Response) bool {
	cseq := res.CSeq()
	return cseq != nil && targets(cseq.MethodName) && res.StatusCode > 100 && res.StatusCode < 300
}

// lead is where the alias of req's Request-URI leads; the alias is taken off.
func lead(c codec, req *sip.Request) (flow.Target, error) {
	f, err := resolve(c, req)
	if err != nil {
		return flow.Target{}, err
	}
	return flow.Target{URI: *req.Recipient.Clone(), Peer: flow.Peer{Flow: f, NAT: true}}, nil
}

// middleware is what the two kinds of alias have in common.
type middleware struct {
	codec codec
	count *counters
	lead  func(req *sip.Request) (flow.Target, error)
	// signed says that a Contact that was passed on bears an alias.
	signed bool
}

func (m middleware) wrap(next sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		if req.Route() != nil {
			next(req, tx)
			return
		}
		given, ok := flow.TargetOf(tx)
		if ok && given.Peer.Flow.IsValid() {
			strip(m.codec, req)
			next(req, tx)
			return
		}
		target, err := m.lead(req)
		if errors.Is(err, ErrNone) && m.signed && ok && dialog.Inside(req) && byItself(req, given) {
			err = ErrUnsigned
		}
		switch {
		case err == nil:
			m.count.resolved.Add(1)
			next(req, flow.WithTarget(tx, target))
		case errors.Is(err, ErrNone):
			next(req, tx)
		case req.IsAck():
			m.count.dropped.Add(1)
		default:
			m.count.refused.Add(1)
			code, reason := flow.Status(err)
			// A failed write is the transaction's to report.
			_ = tx.Respond(sip.NewResponseFromRequest(req, code, reason, nil))
		}
	}
}

// byItself reports whether t sends req nowhere but where its own Request-URI
// says.
func byItself(req *sip.Request, t flow.Target) bool {
	return len(t.Route) == 0 && t.URI.String() == req.Recipient.String()
}
