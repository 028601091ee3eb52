// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package route

import (
	"github.com/emiago/sipgo/sip"
)

// Result is what Loose found.
type Result struct {
	// Driven says that a Route of ours was taken off.
	Driven bool
	// Signed says that it bore our signature over this Call-ID: the dialog was
	// set up through us.
	Signed bool
	// More says that Routes are left: the first of them is the next hop.
	More bool
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
	routes := routesOf(req)
	if id := req.CallID(); len(routes) > 0 && id != nil {
		for i := range min(len(routes), maxOwn) {
			if !r.isOurs(&routes[i]) {
				break
			}
			if err := r.check(&routes[i], id.Value()); err != nil {
				return Result{More: true}, err
			}
		}
	}
	r.undoStrict(req, routes)

	var res Result
	for range maxOwn {
		top := req.Route()
		if top == nil || !r.isOurs(&top.Address) {
			break
		}
		res.Driven = true
		res.Signed = res.Signed || r.signed(&top.Address, req)
		if !req.RemoveHeader("Route") {
			break
		}
	}
	res.More = req.Route() != nil
	return res, nil
}

func (r *Router) check(u *sip.Uri, callID string) error {
	text, ok := u.UriParams.Get(param)
	if !ok {
		return nil
	}
	_, err := r.verify(text, callID)
	return err
}

func (r *Router) signed(u *sip.Uri, req *sip.Request) bool {
	text, ok := u.UriParams.Get(param)
	id := req.CallID()
	if !ok || id == nil {
		return false
	}
	signed, err := r.verify(text, id.Value())
	return err == nil && signed
}

// undoStrict moves the last Route back into the Request-URI, where a strict
// router has put the Route that it took us from, and that one to the top.
func (r *Router) undoStrict(req *sip.Request, routes []sip.Uri) {
	own := req.Recipient
	if _, ok := own.UriParams.Get(param); !ok || len(routes) == 0 || !r.isOurs(&own) {
		return
	}
	for range routes {
		req.RemoveHeader("Route")
	}
	req.Recipient = routes[len(routes)-1]
	for i := len(routes) - 2; i >= 0; i-- {
		req.PrependHeader(&sip.RouteHeader{Address: routes[i]})
	}
	req.PrependHeader(&sip.RouteHeader{Address: own})
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
