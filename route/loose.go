// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package route

import (
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// Result is what Loose found.
type Result struct {
	// Driven says that a Route of ours was taken off.
	Driven bool
	// Signed says that the last of them bore our signature over this Call-ID: the
	// dialog was set up through us.
	Signed bool
	// More says that Routes are left: the first of them is the next hop.
	More bool
	// Next says that the first of them is the one that the signature names: it
	// stood next to ours when the dialog was set up.
	Next bool
	// Flow is the flow that the Path token of the last of them names; not valid if
	// it bore none, or one of a key that we do not have.
	Flow flow.Flow
	// Outbound says that the Route with the token had the ob parameter: a flow
	// that is gone is answered 430 (RFC 5626 section 5.3.1).
	Outbound bool
}

// maxOwn is how many Routes of ours Loose takes off at most: a double
// Record-Route, twice. A list of a thousand would cost more than it is worth; what
// is left sends the request to us again.
const maxOwn = 4

// Loose takes our own Routes off req (RFC 3261 section 16.4, Kamailio's
// loose_route): the top one if it is ours, and those of ours that follow, such as
// its twin of a double Record-Route. A strict router in front of us, which put our Route into the
// Request-URI, is undone. On an error req is unchanged. Do not hand it a request
// as it was received: clone it first, as Middleware does.
func (r *Router) Loose(req *sip.Request) (Result, error) {
	routes, target := routesOf(req), req.Recipient
	strict := r.isStrict(&target, routes)
	if strict {
		last := len(routes) - 1
		target, routes = routes[last], append([]sip.Uri{target}, routes[:last]...)
	}
	own := 0
	for own < min(len(routes), maxOwn) && r.isOurs(&routes[own]) {
		own++
	}
	res := Result{More: own < len(routes)}
	if own > 0 {
		res.Driven = true
		if err := r.judge(&res, req, &target, routes[own-1:]); err != nil {
			return Result{More: true}, err
		}
	}
	if !strict {
		for range own {
			req.RemoveHeader("Route")
		}
		return res, nil
	}
	req.Recipient = target
	for req.RemoveHeader("Route") {
	}
	for i := len(routes) - 1; i >= own; i-- {
		req.PrependHeader(&sip.RouteHeader{Address: routes[i]})
	}
	return res, nil
}

// judge reads what the first of routes, our own, says about those behind it and
// about the Request-URI.
func (r *Router) judge(res *Result, req *sip.Request, target *sip.Uri, routes []sip.Uri) error {
	own := &routes[0]
	var beyond *sip.Uri
	if len(routes) > 1 {
		beyond = &routes[1]
	}
	if text, ok := own.UriParams.Get(param); ok && req.CallID() != nil {
		sig, err := r.secrets().verify(text, req.CallID().Value(), beyond)
		if err != nil {
			return err
		}
		res.Signed, res.Next = sig.dialog, sig.beyond
	}
	f, err := r.pathFlow(own, target)
	if err != nil {
		return err
	}
	res.Flow = f
	res.Outbound = f.IsValid() && own.UriParams.Has("ob")
	return nil
}

// isStrict reports whether a strict router has put our Route into the Request-URI,
// and what stood there behind the others (RFC 3261 section 16.4).
func (r *Router) isStrict(target *sip.Uri, routes []sip.Uri) bool {
	return len(routes) > 0 && target.UriParams.Has(param) && r.isOurs(target)
}

// routesOf are the Routes of req, from the top.
func routesOf(req *sip.Request) []sip.Uri {
	var routes []sip.Uri
	for _, h := range req.GetHeaders("route") {
		if rh, ok := h.(*sip.RouteHeader); ok {
			routes = append(routes, *rh.Address.Clone())
		}
	}
	return routes
}
