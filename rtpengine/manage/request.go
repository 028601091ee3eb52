// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"bytes"
	"context"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// Request takes the session description of a request to the engine and puts the
// engine's in its place: of INVITE, UPDATE, PRACK and ACK. A BYE ends the call at
// the engine, in the background. All else, CANCEL included, is left alone: what a
// CANCEL ends is seen by the final response.
//
// leg.In is who sent the request. On an error, always an *Error, the request is
// unchanged and must not be passed on. It waits for one engine command, as long
// as ctx allows.
func (m *Manager) Request(ctx context.Context, req *sip.Request, leg flow.Leg) error {
	if m.Engine == nil {
		return nil
	}
	switch req.Method {
	case sip.INVITE, sip.UPDATE, sip.PRACK, sip.ACK, sip.BYE:
	default:
		return nil
	}
	b := bodyOf(req)
	id, ok := identify(req)
	if !ok || b.opaque {
		m.unread(b)
	}
	switch {
	case !ok:
		return nil
	case req.Method == sip.BYE:
		m.bye(id, leg)
		return nil
	case req.Method == sip.INVITE && id.to == "":
		return m.invite(ctx, req, id, leg, b)
	}
	return m.within(ctx, req, id, leg, b)
}

func (m *Manager) unread(b body) {
	if b.found || b.opaque {
		m.stats.unread.Add(1)
	}
}

// invite handles one copy of a dialog-creating INVITE.
func (m *Manager) invite(ctx context.Context, req *sip.Request, id ident, leg flow.Leg, in body) error {
	c, b, err := m.start(id, leg.Branch)
	if err != nil {
		return &Error{offer.String(), err}
	}
	if in.opaque {
		m.pass(b)
	}
	if !in.found || !m.relayed(b, leg) {
		return nil
	}
	m.mu.Lock()
	b.named = true
	m.mu.Unlock()
	out, err := m.negotiate(ctx, task{
		c: c, b: b, x: b.invite, kind: offer, author: id.from,
		from: leg.In, to: leg.Out, sdp: in.sdp,
	})
	if err != nil {
		return m.refused(c, nil, b, b.invite, err)
	}
	put(req, in, out)
	return nil
}

// pass leaves the dialogs of a branch alone for life: half a relayed call is worse
// than none.
func (m *Manager) pass(b *branch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b.media = direct
}

// start notes a branch of a dialog-creating INVITE.
func (m *Manager) start(id ident, branchID string) (*call, *branch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, err := m.open(id.callID, id.from)
	if err != nil {
		return nil, nil, err
	}
	if b := c.branches[branchID]; b != nil && b.cseq == id.cseq {
		return c, b, nil
	}
	if len(c.branches) >= maxBranches {
		return nil, nil, ErrTooMany
	}
	b := &branch{id: branchID, cseq: id.cseq}
	b.invite = &exchange{method: sip.INVITE, cseq: id.cseq, sender: id.from, initial: true}
	c.branches[branchID] = b
	return c, b, nil
}

// within handles a request of a dialog, early or confirmed.
func (m *Manager) within(ctx context.Context, req *sip.Request, id ident, leg flow.Leg, in body) error {
	if id.to == "" || !in.found && req.Method != sip.INVITE {
		if in.found {
			m.unread(in)
		}
		return nil
	}
	t, err := m.place(req.Method, id)
	if err != nil {
		return &Error{t.kind.String(), err}
	}
	if !in.found {
		m.mu.Lock()
		defer m.mu.Unlock()
		if t.x != nil {
			t.x.unread = in.opaque
		}
		return nil
	}
	if t.x == nil {
		m.unread(in)
		return nil
	}
	if !m.relayed(t.b, leg) {
		return nil
	}
	t.from, t.to, t.sdp = leg.In, leg.Out, in.sdp
	out, err := m.negotiate(ctx, t)
	if err != nil {
		return m.refused(t.c, t.d, t.b, t.x, err)
	}
	put(req, in, out)
	return nil
}

// place finds where in its dialog a request belongs. A dialog that we have not
// seen begin (we were restarted, or it slept longer than the TTL) is taken up as
// if this were its first offer: a call that was relayed then comes to the same
// decision, and to the same session at the engine.
func (m *Manager) place(method sip.RequestMethod, id ident) (task, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := task{author: id.from, peer: id.to}
	t.c, t.d = m.lookup(id)
	if t.c != nil && t.c.over {
		return t, nil
	}
	if t.d == nil {
		if err := m.adopt(&t, id); err != nil {
			return t, err
		}
	}
	t.b = t.d.origin
	m.touch(t.c)
	switch method {
	case sip.ACK:
		t.kind = answer
		t.x = t.d.exchange(sip.INVITE, id.cseq, id.from)
		if t.x == nil && t.d.adopted {
			t.x = t.d.begin(&exchange{method: sip.INVITE, cseq: id.cseq, sender: id.from})
			return t, nil
		}
		if t.x != nil && (t.x.offer == nil || t.x.offer.by != id.to) {
			t.x = nil
		}
		return t, nil
	case sip.PRACK:
		if t.x = t.d.asked(id); t.x != nil {
			t.kind = answer
			return t, nil
		}
	}
	t.x = t.d.begin(&exchange{method: method, cseq: id.cseq, sender: id.from})
	return t, nil
}

// adopt takes up a dialog.
func (m *Manager) adopt(t *task, id ident) error {
	peer := id.to
	if t.c == nil {
		c, err := m.open(id.callID, id.from)
		if err != nil {
			return err
		}
		t.c = c
	} else if t.c.caller == id.to {
		peer = id.from
	}
	if len(t.c.dialogs) >= maxDialogs {
		return ErrTooMany
	}
	t.d = &dialog{tag: peer, origin: &branch{}, confirmed: true, adopted: true}
	if b := t.c.only(); b != nil {
		// Its 18x had no description, so that we did not note it.
		t.d = &dialog{tag: peer, origin: b, confirmed: b.invite.final}
	}
	t.c.dialogs[peer] = t.d
	return nil
}

// asked finds the INVITE whose offer, made by the other side in a reliable 18x, a
// PRACK may answer. When it has its answer a PRACK's description is an offer
// (RFC 3262 section 5), which Kamailio's table misreads.
func (d *dialog) asked(id ident) *exchange {
	for _, x := range d.exchanges {
		if x.method == sip.INVITE && x.sender == id.from && x.open() && x.offer.by == id.to {
			return x
		}
	}
	return nil
}

// put gives a message the engine's description.
func put(msg sip.Message, in body, sdp []byte) {
	if sdp == nil || bytes.Equal(sdp, in.sdp) {
		return
	}
	msg.SetBody(in.with(sdp))
}
