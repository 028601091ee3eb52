// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package route

import (
	"crypto/rand"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// Layer is what a Router asks of the flow layer: our names. *flow.Layer is one.
type Layer interface {
	Name(f flow.Flow) (host string, port int)
	IsSelf(host string, port int) bool
}

// Router writes and reads our Record-Routes. Layer is required; set the fields
// before use. Its methods are safe for concurrent use.
type Router struct {
	Layer Layer

	// Key signs. Nodes that stand in for each other share it, and it must
	// outlive a restart for dialogs to. Empty: a random one per process, with
	// which a restart ends every dialog's claim to be forwarded.
	Key []byte

	// Domains are host names that are ours beside the Layer's own.
	Domains []string

	once        sync.Once
	key         []byte
	droppedACKs atomic.Uint64
}

// DroppedACKs is how many ACKs were dropped because they may not be answered.
func (r *Router) DroppedACKs() uint64 { return r.droppedACKs.Load() }

func (r *Router) signingKey() []byte {
	r.once.Do(func() {
		r.key = slices.Clone(r.Key)
		if len(r.key) == 0 {
			r.key = []byte(rand.Text())
		}
	})
	return r.key
}

// isOurs reports whether a URI's host and port name us.
func (r *Router) isOurs(u *sip.Uri) bool {
	if r.Layer.IsSelf(u.Host, u.Port) {
		return true
	}
	return slices.ContainsFunc(r.Domains, func(d string) bool { return strings.EqualFold(d, u.Host) })
}

// forms reports whether a request of that method may set up a dialog, so that
// its Record-Route is kept (RFC 3261 section 12.1, RFC 6665, RFC 3515).
func forms(req *sip.Request) bool {
	switch req.Method {
	case sip.INVITE, sip.SUBSCRIBE, sip.REFER, sip.NOTIFY:
		return !inDialog(req)
	}
	return false
}

// inDialog reports whether the request has a To tag.
func inDialog(req *sip.Request) bool {
	to := req.To()
	if to == nil {
		return false
	}
	_, ok := to.Params.Get("tag")
	return ok
}

// Branch is the forwarder's hook: it puts Record-Route on a request that may set
// up a dialog, and nothing on others.
func (r *Router) Branch(req *sip.Request, leg flow.Leg) error {
	if !forms(req) {
		return nil
	}
	return r.RecordRoute(req, leg.In.Flow, leg.Out.Flow)
}

// RecordRoute puts our Record-Route on top of req: one, if both sides see us
// under the same name, transport and address family, else two, the outgoing
// side's on top (RFC 3261 section 16.6, RFC 5658; Kamailio's record_route). On
// an error req is unchanged.
func (r *Router) RecordRoute(req *sip.Request, in, out flow.Flow) error {
	id := req.CallID()
	if id == nil {
		return ErrNoCallID
	}
	scheme := "sip"
	if req.Recipient.Scheme == "sips" {
		scheme = "sips"
	}
	token := r.sign(id.Value())
	first, second := r.uri(scheme, token, in), r.uri(scheme, token, out)
	if sameSide(first, second) {
		req.PrependHeader(&sip.RecordRouteHeader{Address: first})
		return nil
	}
	first.UriParams.Add("r2", "on")
	second.UriParams.Add("r2", "on")
	req.PrependHeader(&sip.RecordRouteHeader{Address: first})
	req.PrependHeader(&sip.RecordRouteHeader{Address: second})
	return nil
}

func (r *Router) uri(scheme, token string, f flow.Flow) sip.Uri {
	host, port := r.Layer.Name(f)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		host = "[" + host + "]"
	}
	u := sip.Uri{Scheme: scheme, Host: host, Port: port, UriParams: sip.NewParams()}
	if f.Transport != flow.UDP && f.Transport != 0 {
		u.UriParams.Add("transport", f.Transport.String())
	}
	u.UriParams.Add("lr", "")
	u.UriParams.Add(param, token)
	return u
}

func sameSide(a, b sip.Uri) bool {
	return a.Host == b.Host && a.Port == b.Port && a.UriParams.GetOr("transport", "") == b.UriParams.GetOr("transport", "")
}

// Middleware takes our own Routes off every request, before it is forwarded
// (Kamailio's loose_route). A request inside a dialog that our signature vouches
// for gets a flow.Target: its Request-URI, and with it the Routes that are left.
// A tampered signature is answered 403, and so is a request that wants to be
// routed on to somewhere else without one, unless middleware in front has given
// it a target; an ACK gets no answer and is counted. The next handler sees a
// clone where something was taken off: sipgo reads the received INVITE meanwhile.
func (r *Router) Middleware(next sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		if req.Route() == nil {
			next(req, tx)
			return
		}
		req = req.Clone()
		res, err := r.Loose(req)
		if _, allowed := flow.TargetOf(tx); err == nil && res.More && !res.Signed && !allowed {
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
		if res.Signed && inDialog(req) {
			tx = flow.WithTarget(tx, flow.Target{URI: *req.Recipient.Clone()})
		}
		next(req, tx)
	}
}
