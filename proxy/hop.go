// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// connectTimeout bounds name resolution and the opening of a stream.
const connectTimeout = 10 * time.Second

// hop is the way to a target: its flow, else the first Route, else the
// Request-URI, if the policy allows that.
func (f *Forwarder) hop(ctx context.Context, req *sip.Request, t flow.Target) (flow.Flow, error) {
	if t.Peer.Flow.IsValid() {
		return t.Peer.Flow, nil
	}
	uri := &req.Recipient
	if r := req.Route(); r != nil {
		uri = &r.Address
	}
	out, err := f.layer().Resolve(ctx, uri)
	if err != nil {
		return flow.Flow{}, err
	}
	return out, f.allowed(out)
}

// dress makes req, a clone, ready to leave for t: Request-URI and Route, the
// hooks, our Via. The leg is valid as far as it got when there is an error.
func (f *Forwarder) dress(ctx context.Context, req *sip.Request, a *admitted, t flow.Target) (flow.Leg, error) {
	leg := flow.Leg{In: a.in, Out: t.Peer, Branch: newBranchID(a.cookie)}
	t.Apply(req)
	setHops(req, a.hops)
	stamp(req.Via(), a.in.Flow)
	out, err := f.hop(ctx, req, t)
	if err != nil {
		return leg, &wayError{err}
	}
	leg.Out.Flow = out
	swapStrict(req)
	for _, hook := range f.Branch {
		if err := hook(req, leg); err != nil {
			return leg, err
		}
	}
	req.PrependHeader(f.layer().Via(out, leg.Branch))
	return leg, nil
}

// swapStrict makes req, a clone, ready for a next hop that is a strict router,
// which its Route without lr says: that goes into the Request-URI, and what stood
// there becomes the last Route (RFC 3261 section 16.6 step 6).
func swapStrict(req *sip.Request) {
	first := req.Route()
	if first == nil || slices.ContainsFunc(first.Address.UriParams, func(p sip.HeaderKV) bool { return strings.EqualFold(p.K, "lr") }) {
		return
	}
	target := req.Recipient
	req.Recipient = *first.Address.Clone()
	req.Recipient.Headers = nil // section 19.1.1
	req.RemoveHeader(first.Name())
	req.AppendHeader(&sip.RouteHeader{Address: target})
}

// wayError is a failure to reach a target. It is a 503 unless it says itself
// what it is (RFC 3261 section 16.9).
type wayError struct{ error }

func (e *wayError) Unwrap() error { return e.error }

// stamp writes on the Via of the previous hop, in a clone, where its request
// really came from (RFC 3261 section 18.2.1, RFC 3581 section 4): sipgo does so
// only in responses that it makes itself.
func stamp(v *sip.ViaHeader, in flow.Flow) {
	if v == nil || !in.IsValid() {
		return
	}
	source := in.Remote.Addr().String()
	asked := false
	for i, p := range v.Params {
		if strings.EqualFold(p.K, "rport") {
			v.Params[i].V = fmt.Sprint(in.Remote.Port())
			asked = true
		}
	}
	host, err := netip.ParseAddr(strings.Trim(v.Host, "[]"))
	if asked || err != nil || host.Unmap() != in.Remote.Addr() || v.Params.Has("received") {
		v.Params.Add("received", source)
	}
}
