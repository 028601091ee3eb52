// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// maxCallID bounds a Call-ID that is stored, maxUserAgent what is kept of a
// User-Agent, in bytes.
const (
	maxCallID    = 256
	maxUserAgent = 128
)

// registration is a REGISTER that was read and found well-formed.
type registration struct {
	aor       string
	contacts  []contact
	star      bool
	callID    string
	cseq      uint32
	flow      flow.Flow
	nat       bool
	path      []string
	userAgent string
	most, def time.Duration
	limit     int // bindings that the address may have
	node      string
	boot      uint64
}

// answer carries req out and makes the response; nil if the AOR hook has
// answered.
func (r *Registrar) answer(req *sip.Request, tx sip.ServerTransaction) *sip.Response {
	bindings, err := r.register(req, tx)
	if err == nil {
		res := accept(req, bindings, time.Now())
		if r.trustsPath(flow.Of(req, tx)) {
			echoPath(res, req)
		}
		return res
	}
	if errors.Is(err, ErrAnswered) {
		return nil
	}
	r.logger().LogAttrs(context.Background(), slog.LevelDebug, "registrar: refused",
		slog.String("source", req.Source()), slog.Any("err", err))
	return refuse(req, err)
}

// register carries req out and returns the bindings that there are then.
func (r *Registrar) register(req *sip.Request, tx sip.ServerTransaction) ([]Binding, error) {
	if req.From() == nil || req.To() == nil || req.CallID() == nil || req.CSeq() == nil {
		return nil, bad("Missing Header")
	}
	if r.AOR == nil {
		return nil, errNoHook
	}
	address, err := r.AOR(req, tx)
	if err != nil {
		return nil, err
	}
	aor, err := r.resolve(address)
	if err != nil {
		// RFC 3261 section 10.3 step 5: not an address of ours is 404 here.
		return nil, ErrNotFound
	}
	g, err := r.read(req, tx)
	if err != nil {
		return nil, err
	}
	g.aor = aor
	ctx, cancel := r.context()
	defer cancel()
	if len(g.contacts) == 0 && !g.star {
		list, err := r.store().Lookup(ctx, aor)
		return slices.DeleteFunc(list, r.dead), err
	}
	if b, ok, err := r.refresh(ctx, g); ok || err != nil {
		return []Binding{b}, err
	}
	return r.update(ctx, aor, g.edit)
}

// read checks everything about req that does not depend on other bindings.
func (r *Registrar) read(req *sip.Request, tx sip.ServerTransaction) (g *registration, err error) {
	if tags := unsupported(req); tags != "" {
		return nil, badExtension(tags)
	}
	g = &registration{callID: req.CallID().Value(), cseq: req.CSeq().SeqNo, limit: r.maxContacts()}
	if len(g.callID) > maxCallID {
		return nil, bad("Call-ID Too Long")
	}
	// Each binding may be replaced by another contact in one request.
	if g.contacts, g.star, err = readContacts(req, 2*g.limit); err != nil {
		return nil, err
	}
	header := -1 // the Expires header, in seconds
	if h := req.GetHeader("expires"); h != nil {
		var ok bool
		if header, ok = parseSeconds(h.Value()); !ok {
			return nil, bad("Bad Expires")
		}
	}
	if g.star && header != 0 {
		return nil, bad("Contact * Without Expires 0") // RFC 3261 section 10.3 step 6
	}
	if g.path, err = readPath(req); err != nil {
		return nil, err
	}
	if h := req.GetHeader("user-agent"); h != nil {
		g.userAgent = strings.Clone(h.Value()[:min(len(h.Value()), maxUserAgent)])
	}
	g.flow = flow.Of(req, tx)
	if !r.trustsPath(g.flow) {
		g.path = nil
	}
	g.nat = r.NAT != nil && r.NAT(req, g.flow)
	g.node, g.boot = r.Node, r.life.boot()

	var least time.Duration
	least, g.most, g.def = r.Expires.bounds(g.nat)
	for i := range g.contacts {
		c := &g.contacts[i]
		if c.expires < 0 {
			c.expires = header
		}
		// RFC 3261 section 10.3 step 7: too brief is more than zero, less
		// than an hour and less than our minimum.
		if asked := time.Duration(c.expires) * time.Second; asked > 0 && asked < min(least, time.Hour) {
			return nil, tooBrief(least)
		}
	}
	return g, nil
}

// lifetime is how long a contact that asked for so many seconds gets; zero for
// one that is to be removed.
func (g *registration) lifetime(seconds int) time.Duration {
	if seconds < 0 {
		return min(g.def, g.most)
	}
	return min(time.Duration(seconds)*time.Second, g.most)
}

// unsupported lists the option tags of Require that are not ours (RFC 3261
// section 10.3 step 2). Path is; outbound needs a second flow, which is not.
func unsupported(req *sip.Request) string {
	var list []string
	for _, h := range req.GetHeaders("require") {
		for tag := range strings.SplitSeq(h.Value(), ",") {
			if tag = strings.TrimSpace(tag); tag != "" && !strings.EqualFold(tag, "path") {
				list = append(list, tag)
			}
		}
	}
	return strings.Join(list, ", ")
}
