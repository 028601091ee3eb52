// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"bytes"
	"context"
	"errors"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/rtpengine"
)

// kind is what a session description does.
type kind uint8

const (
	offer kind = iota
	answer
)

func (k kind) String() string { return [...]string{"offer", "answer"}[k] }

// step is one description's way through the engine.
type step struct {
	kind   kind
	by     string // tag of the party that wrote it
	params rtpengine.Params
	done   chan struct{} // closed when out and err are set
	out    []byte
	err    error
}

// errOver: the call ended while its command waited.
var errOver = errors.New("call is over")

// orient gives an engine command its tags. An offer names its author first; an
// answer keeps the orientation of the offer, whatever message it travels in. The
// engine takes the wrong way round without complaint and sends media nowhere.
func orient(k kind, author, peer string) (from, to string) {
	if k == offer {
		return author, peer
	}
	return peer, author
}

// task is a message's description, and where in the call it belongs.
type task struct {
	c *call
	d *dialog // nil for the offer of a dialog-creating INVITE
	b *branch
	x *exchange

	kind         kind
	author, peer string    // tags
	from, to     flow.Peer // the author's side, and the side that will read it
	sdp          []byte
	first2xx     bool
}

// viaBranch keeps forks apart at the engine: the initial INVITE's branch, as long
// as there are forks. Where the caller does not make the offer the engine would
// hang the branch on the caller, whom the forks share: there tags must do.
func (t task) viaBranch() string {
	switch {
	case t.x.initial && (t.d == nil || t.b.named):
		return t.b.id
	case !t.x.initial && !t.d.confirmed && t.b.named:
		return t.b.id
	}
	return ""
}

// negotiate takes a description to the engine and returns what goes in its
// place; nil when it is to stay. A description that was there before, in the same
// negotiation, is not taken there again: what is repeated must read the same.
func (m *Manager) negotiate(ctx context.Context, t task) ([]byte, error) {
	if len(t.sdp) > maxSDP {
		return nil, &Error{t.kind.String(), ErrTooLarge}
	}
	flags, err := m.flags(t.kind, t.sdp, t.from, t.to)
	if err != nil {
		return nil, &Error{t.kind.String(), err}
	}
	s, fresh, err := m.step(t, flags)
	if err != nil {
		return nil, &Error{t.kind.String(), err}
	}
	if s == nil {
		return nil, nil
	}
	if fresh {
		m.command(ctx, t, s)
		return s.result()
	}
	select {
	case <-s.done:
		m.stats.repeated.Add(1)
		return s.result()
	case <-ctx.Done():
		return nil, &Error{t.kind.String(), ctx.Err()}
	}
}

// result is what the step brought, once done.
func (s *step) result() ([]byte, error) {
	switch {
	case errors.Is(s.err, errOver):
		return nil, nil
	case s.err != nil:
		return nil, &Error{s.kind.String(), s.err}
	}
	return s.out, nil
}

// step finds the description's earlier way through the engine, or begins a new
// one. The first 2xx of a fork is taken there even if its answer came in a 18x
// before: the engine now follows the fork that answered last.
func (m *Manager) step(t task, flags rtpengine.Flags) (s *step, fresh bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s = t.x.find(t.kind, string(t.sdp))
	if s != nil {
		stale := t.first2xx && t.kind == answer && t.c.last != nil && t.c.last != t.d
		if !stale || t.c.over {
			return s, false, nil
		}
		t.x.drop(s)
	}
	switch {
	case t.c.over:
		return nil, false, nil
	case m.closed:
		return nil, false, ErrClosed
	}
	from, to := orient(t.kind, t.author, t.peer)
	s = &step{kind: t.kind, by: t.author, done: make(chan struct{}), params: rtpengine.Params{
		CallID: t.c.id, FromTag: from, ToTag: to, ViaBranch: t.viaBranch(),
		SDP: bytes.Clone(t.sdp), ReceivedFrom: t.from.Flow.Remote.Addr(), Flags: flags,
	}}
	t.x.add(s)
	return s, true, nil
}

// command runs a step and notes what came of it.
func (m *Manager) command(ctx context.Context, t task, s *step) {
	out, err := m.engine(ctx, t.c, s)
	if err == nil && len(out) == 0 {
		err = rtpengine.ErrNoSDP
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	defer close(s.done)
	s.out, s.err = out, err
	if err != nil {
		t.x.drop(s)
		if !errors.Is(err, errOver) {
			m.stats.failed.Add(1)
		}
		return
	}
	t.b.opened = true
	if s.kind == offer {
		m.stats.offers.Add(1)
		t.x.offer, t.x.answer = s, nil
		return
	}
	m.stats.answers.Add(1)
	t.x.answer, t.c.last = s, t.d
	if t.x.initial || t.x.final {
		t.d.agree(t.x)
	}
}

// agree notes what a failed negotiation later falls back to.
func (d *dialog) agree(x *exchange) {
	if x.offer != nil && x.answer != nil {
		d.good = &agreement{x.offer, x.answer}
	}
}

// engine runs one command. A call has one at a time: two on the way together may
// overtake each other.
func (m *Manager) engine(ctx context.Context, c *call, s *step) ([]byte, error) {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.turn }()
	m.mu.Lock()
	over := c.over
	m.mu.Unlock()
	if over {
		return nil, errOver
	}
	if s.kind == offer {
		return m.Engine.Offer(ctx, s.params)
	}
	return m.Engine.Answer(ctx, s.params)
}

// relayed reports whether the media of the dialogs of b is relayed, and decides
// it if this is the first time that it matters.
func (m *Manager) relayed(b *branch, leg flow.Leg) bool {
	m.mu.Lock()
	v := b.media
	m.mu.Unlock()
	if v != undecided {
		return v == relayed
	}
	v = direct
	if m.relays(leg) {
		v = relayed
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.media == undecided {
		b.media = v
	}
	return b.media == relayed
}
