// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"context"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// Response takes the session description of a 1xx or 2xx of INVITE, UPDATE or
// PRACK to the engine and puts the engine's in its place. A final refusal of a
// dialog-creating INVITE ends its branch at the engine; one of a later request
// leaves the call alive and brings the engine back to what was agreed before.
// Both happen in the background.
//
// leg is that of the request: leg.Out is who sent the response. On an error,
// always an *Error, the response is unchanged and may be passed on: its media
// then goes where its author says.
func (m *Manager) Response(ctx context.Context, res *sip.Response, leg flow.Leg) error {
	if m.Engine == nil || res.StatusCode <= 100 {
		return nil
	}
	id, ok := identify(res)
	in := bodyOf(res)
	if ok {
		switch id.method {
		case sip.INVITE, sip.UPDATE, sip.PRACK:
		default:
			return nil
		}
	}
	if !ok || in.opaque {
		m.unread(in)
	}
	if !ok {
		return nil
	}
	t, err := m.outcome(res.StatusCode, id, leg.Branch, in.found)
	if err != nil {
		return &Error{t.kind.String(), err}
	}
	if !in.found || res.StatusCode >= 300 {
		return nil
	}
	if t.x == nil {
		m.unread(in)
		return nil
	}
	if !m.relayed(t.b, leg) {
		return nil
	}
	t.from, t.to, t.sdp = leg.Out, leg.In, in.sdp
	out, err := m.negotiate(ctx, t)
	if err != nil {
		return err
	}
	put(res, in, out)
	return nil
}

// outcome notes what a response decides, and finds where its description, if
// any, belongs.
func (m *Manager) outcome(code int, id ident, branchID string, described bool) (task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.calling(id.callID, id.from); c != nil && id.method == sip.INVITE {
		if b := c.branches[branchID]; b != nil && b.cseq == id.cseq {
			return m.answered(c, b, code, id, described)
		}
	}
	c, d := m.lookup(id)
	if d == nil {
		return task{}, nil
	}
	x := d.exchange(id.method, id.cseq, id.from)
	if x == nil {
		return task{}, nil
	}
	m.touch(c)
	t := task{c: c, d: d, b: d.origin, x: x, author: id.to, peer: id.from}
	switch {
	case code >= 300:
		m.failed(c, d, x)
		return t, nil
	case code >= 200:
		d.adopted = false
		if !x.final {
			x.final = true
			d.agree(x) // the answer may have come in a reliable 18x
		}
	}
	switch {
	case x.offer != nil && x.offer.by == id.from:
		t.kind = answer
	case x.unread:
		t.x = nil
	}
	return t, nil
}

// answered handles a response to a dialog-creating INVITE.
func (m *Manager) answered(c *call, b *branch, code int, id ident, described bool) (task, error) {
	m.touch(c)
	if code >= 300 {
		m.lost(c, b)
		return task{}, nil
	}
	if id.to == "" || code < 200 && !described {
		return task{}, nil
	}
	d := c.dialogs[id.to]
	if d == nil {
		if len(c.dialogs) >= maxDialogs {
			return task{}, ErrTooMany
		}
		d = &dialog{tag: id.to, origin: b}
		c.dialogs[id.to] = d
	}
	x := d.begin(&exchange{
		method: sip.INVITE, cseq: id.cseq, sender: id.from, initial: true, offer: b.invite.offer,
	})
	t := task{c: c, d: d, b: b, x: x, author: id.to, peer: id.from}
	if code >= 200 {
		t.first2xx = !d.confirmed
		d.confirmed, b.invite.final, x.final = true, true, true
	}
	if x.offer != nil && x.offer.by == id.from {
		t.kind = answer
	}
	return t, nil
}
