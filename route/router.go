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

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/dialog"
)

// Layer is what a Router asks of the flow layer: our names. *flow.Layer is one.
type Layer interface {
	Name(f flow.Flow) (host string, port int)
	IsSelf(host string, port int) bool
}

// Router writes and reads our Record-Routes and Paths. Layer is required; set the
// fields before use. Its methods are safe for concurrent use.
type Router struct {
	Layer Layer

	// Key signs. Nodes that stand in for each other share it, and it must
	// outlive a restart for dialogs and registrations to. Empty: a random one per
	// process, with which a restart ends every dialog's claim to be forwarded, and
	// makes every phone behind a Path unreachable until it registers again.
	Key []byte

	// Domains are host names that are ours beside the Layer's own.
	Domains []string

	once        sync.Once
	key         *secrets
	droppedACKs atomic.Uint64
}

// DroppedACKs is how many ACKs were dropped because they may not be answered.
func (r *Router) DroppedACKs() uint64 { return r.droppedACKs.Load() }

func (r *Router) secrets() *secrets {
	r.once.Do(func() {
		key := slices.Clone(r.Key)
		if len(key) == 0 {
			key = []byte(rand.Text())
		}
		r.key = newSecrets(key)
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
// its Record-Route is kept (RFC 3261 section 12.1, RFC 3515). A NOTIFY sets up
// the subscriber's side wherever it comes before the response to SUBSCRIBE
// (RFC 6665 section 4.3).
func forms(req *sip.Request) bool {
	switch req.Method {
	case sip.NOTIFY:
		return true
	case sip.INVITE, sip.SUBSCRIBE, sip.REFER:
		return !dialog.Inside(req)
	}
	return false
}

// Branch is the forwarder's hook: it puts Record-Route on a request that may set
// up a dialog, Path on a REGISTER, and nothing on others.
func (r *Router) Branch(req *sip.Request, leg flow.Leg) error {
	switch {
	case req.Method == sip.REGISTER:
		return r.AddPath(req, leg.In.Flow, leg.Out.Flow)
	case forms(req):
		return r.RecordRoute(req, leg.In.Flow, leg.Out.Flow)
	}
	return nil
}

// RecordRoute puts our Record-Route on top of req: one, if both sides see us
// under the same name, transport and address family, else two, the outgoing
// side's on top (RFC 3261 section 16.6, RFC 5658; Kamailio's record_route). They
// bear our signature over the Call-ID and the Record-Route below them. On an error
// req is unchanged.
func (r *Router) RecordRoute(req *sip.Request, in, out flow.Flow) error {
	id := req.CallID()
	if id == nil {
		return ErrNoCallID
	}
	scheme := "sip"
	if req.Recipient.Scheme == "sips" {
		scheme = "sips"
	}
	var beyond *sip.Uri
	if rr := req.RecordRoute(); rr != nil {
		beyond = &rr.Address
	}
	token := r.secrets().sign(id.Value(), beyond)
	first := r.recordURI(scheme, token, in)
	if in.Transport == out.Transport && in.Local == out.Local {
		req.PrependHeader(&sip.RecordRouteHeader{Address: first})
		return nil
	}
	second := r.recordURI(scheme, token, out)
	if sameSide(first, second) { // two flows, one name
		req.PrependHeader(&sip.RecordRouteHeader{Address: first})
		return nil
	}
	first.UriParams.Add("r2", "on")
	second.UriParams.Add("r2", "on")
	req.PrependHeader(&sip.RecordRouteHeader{Address: first})
	req.PrependHeader(&sip.RecordRouteHeader{Address: second})
	return nil
}

func (r *Router) recordURI(scheme, token string, f flow.Flow) sip.Uri {
	u := r.uri(scheme, f)
	u.UriParams.Add(param, token)
	return u
}

// uri is what we are called on f, as a loose router.
func (r *Router) uri(scheme string, f flow.Flow) sip.Uri {
	host, port := r.Layer.Name(f)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		host = "[" + host + "]"
	}
	u := sip.Uri{Scheme: scheme, Host: host, Port: port, UriParams: sip.NewParams()}
	if f.Transport != flow.UDP && f.Transport != 0 {
		u.UriParams.Add("transport", f.Transport.String())
	}
	u.UriParams.Add("lr", "")
	return u
}

func sameSide(a, b sip.Uri) bool {
	return a.Host == b.Host && a.Port == b.Port && a.UriParams.GetOr("transport", "") == b.UriParams.GetOr("transport", "")
}
