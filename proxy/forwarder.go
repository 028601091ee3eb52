// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// BranchHook is called on the outgoing clone of a request, before our Via is put
// on, for initial and in-dialog requests and for the ACK of a 2xx; not for
// CANCEL. It may edit req. An error ends the branch, which then counts as
// answered by flow.Status(err); an ACK is dropped. Hooks of the branches of one
// fork run concurrently.
type BranchHook func(req *sip.Request, leg flow.Leg) error

// ReplyHook is called for each response of a branch but 100, after our Via was
// taken off. It may edit res. An error is reported to Trace; the reply passes
// on. Hooks of the branches of one fork run concurrently.
//
// Each branch has exactly one final response through the hooks: when it ends
// without one (timeout, refused by a hook, flow gone, cancelled and silent) the
// response that the forwarder makes in its place; where no way to the target was
// found, leg.Out.Flow is not valid then. Two things come on top: a 2xx
// to an INVITE comes again each time the phone repeats it, and a 2xx that a
// CANCEL overtook while its hooks ran is followed by the 487 that the caller got.
type ReplyHook func(res *sip.Response, leg flow.Leg) error

// Trace has callbacks for what happens without an answer telling it. Any of
// them may be nil. They must not block.
type Trace struct {
	// Dropped is called with a message that goes nowhere and must not be
	// answered (an ACK, a response that does not name us), and why.
	Dropped func(msg sip.Message, why error)
	// HookFailed is called with the error of a Reply hook.
	HookFailed func(leg flow.Leg, err error)
}

// Forwarder forwards requests to targets and their responses back. Layer is
// required; set the fields before the first request. It is safe for concurrent
// use and must not be copied.
type Forwarder struct {
	// Layer sends.
	Layer *flow.Layer

	// NAT judges who sent a message: it fills the NAT flag of Leg.In, and of
	// Leg.Out on replies, where a target's own flag stays set. It is not asked about
	// a reply that came by way of another proxy. Nil: nobody is behind NAT but whom a
	// target says so of.
	NAT func(msg sip.Message, f flow.Flow) bool

	// Locate finds where a request goes that no middleware set a target for
	// (flow.WithTarget). Its error is answered by flow.Status; no targets and no
	// error is 480. Nil: such requests are answered 404.
	Locate func(req *sip.Request) ([]flow.Target, error)

	// Allow says whether a request may be sent to a place that a URI names (its
	// Request-URI or Route), as against a flow that was observed; an error ends
	// the branch, answered by flow.Status. Nil: no multicast or link-local
	// address, not our own loopback unless we listen on it, and not ourselves.
	Allow func(out flow.Flow) error

	// Branch and Reply are the features' hooks, called in order.
	Branch []BranchHook
	Reply  []ReplyHook

	// TimerC is how long an INVITE may ring without news before its branch is
	// cancelled and counts as answered by 408 (RFC 3261 section 16.8). Zero
	// means 3 minutes and a second. A phone that sends no provisional response
	// at all is given up after 64*T1 anyhow.
	TimerC time.Duration

	// Logger gets Debug lines; nil: none.
	Logger *slog.Logger

	Trace Trace

	spent memory
	fake  layer
}

// layer is what is used of flow.Layer.
type layer interface {
	Resolve(ctx context.Context, uri *sip.Uri) (flow.Flow, error)
	Find(t flow.Transport, remote netip.AddrPort) (flow.Flow, error)
	Do(ctx context.Context, req *sip.Request, f flow.Flow) (sip.ClientTransaction, error)
	Send(req *sip.Request, f flow.Flow) error
	Via(f flow.Flow, branch string) *sip.ViaHeader
	IsSelf(host string, port int) bool
}

func (f *Forwarder) layer() layer {
	if f.fake != nil {
		return f.fake
	}
	return f.Layer
}

// defaultTimerC is more than 3 minutes (RFC 3261 section 16.6 step 11).
const defaultTimerC = 3*time.Minute + time.Second

func (f *Forwarder) timerC() time.Duration {
	if f.TimerC > 0 {
		return f.TimerC
	}
	return defaultTimerC
}

func (f *Forwarder) logger() *slog.Logger {
	if f.Logger != nil {
		return f.Logger
	}
	return slog.New(slog.DiscardHandler)
}

func (f *Forwarder) behind(msg sip.Message, fl flow.Flow) bool {
	return f.NAT != nil && f.NAT(msg, fl)
}

// Handle is a sipgo.RequestHandler for every method: it forwards req to the
// target that middleware has set, else to what Locate finds. It returns when
// all branches are done, since sipgo ends the transaction then. An ACK is
// forwarded without a transaction and never answered; a CANCEL that gets here
// matched no INVITE and is answered 481.
func (f *Forwarder) Handle(req *sip.Request, tx sip.ServerTransaction) {
	a, err := f.admit(req, tx)
	if err != nil {
		f.refuse(req, tx, err)
		return
	}
	targets, err := f.targets(req, tx)
	if err != nil {
		f.refuse(req, tx, err)
		return
	}
	f.forward(a, targets)
}

// Forward is Handle with targets chosen by the caller. Those of equal Q are
// tried in parallel, those of lower Q after them. No targets is 480.
func (f *Forwarder) Forward(req *sip.Request, tx sip.ServerTransaction, targets []flow.Target) {
	a, err := f.admit(req, tx)
	if err != nil {
		f.refuse(req, tx, err)
		return
	}
	f.forward(a, targets)
}

var (
	errNotFound    = &flow.Refusal{Code: sip.StatusNotFound, Reason: "Not Found"}
	errUnavailable = &flow.Refusal{Code: sip.StatusTemporarilyUnavailable, Reason: "Temporarily Unavailable"}
)

func (f *Forwarder) targets(req *sip.Request, tx sip.ServerTransaction) ([]flow.Target, error) {
	if t, ok := flow.TargetOf(tx); ok {
		return []flow.Target{t}, nil
	}
	if f.Locate == nil {
		return nil, errNotFound
	}
	return f.Locate(req)
}

func (f *Forwarder) forward(a *admitted, targets []flow.Target) {
	switch {
	case len(targets) == 0:
		f.refuse(a.req, a.tx, errUnavailable)
	case a.req.IsAck():
		if err := f.passAck(a, groups(targets)[0][0]); err != nil {
			f.dropped(a.req, err)
		}
	default:
		newExchange(f, a).run(groups(targets))
	}
}

// groups sorts targets into what is tried together, the preferred first.
func groups(targets []flow.Target) [][]flow.Target {
	sorted := slices.Clone(targets)
	slices.SortStableFunc(sorted, func(a, b flow.Target) int { return cmp.Compare(b.Q, a.Q) })
	var out [][]flow.Target
	for i, t := range sorted {
		if i == 0 || t.Q != sorted[i-1].Q {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], t)
	}
	return out
}

func (f *Forwarder) dropped(msg sip.Message, why error) {
	f.logger().Debug("proxy: dropped", "error", why)
	if f.Trace.Dropped != nil {
		f.Trace.Dropped(msg, why)
	}
}

func (f *Forwarder) hookFailed(leg flow.Leg, err error) {
	f.logger().Debug("proxy: reply hook failed", "branch", leg.Branch, "error", err)
	if f.Trace.HookFailed != nil {
		f.Trace.HookFailed(leg, err)
	}
}
