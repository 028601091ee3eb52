// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"context"
	"errors"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/rtpengine"
)

// End ends all calls of a Call-ID at the engine, in the background: for calls
// that end without a BYE, because a connection or the program does.
func (m *Manager) End(callID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := m.calls[callID]; c != nil; c = c.next {
		m.hangUp(c)
	}
}

// Close waits for what runs in the background, 5 seconds at most. Afterwards
// nothing is negotiated (ErrClosed) or deleted any more. It is idempotent and
// does not close the engine; the error is always nil.
func (m *Manager) Close() error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.background.close()
	return nil
}

// bye ends a dialog, and with the last one its call.
func (m *Manager) bye(id ident, leg flow.Leg) {
	m.mu.Lock()
	c, d := m.lookup(id)
	m.mu.Unlock()
	if c == nil {
		m.stranger(id, leg)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case c.over || d != nil && d.over:
		return
	case (d == nil || !d.confirmed) && c.alive(d):
		return // an early dialog: its INVITE's final response is still to come
	case d == nil || !c.alive(d):
		m.hangUp(c)
		return
	}
	// Two forks answered, and the caller keeps the other.
	d.over = true
	if d.origin.opened {
		m.remove(c, rtpengine.Params{ToTag: d.tag, Flags: atOnce()})
	}
	m.follow(c, d)
}

// stranger ends a dialog that we have not seen begin: the engine may know it.
func (m *Manager) stranger(id ident, leg flow.Leg) {
	if id.to == "" || !m.relays(leg) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c, err := m.open(id.callID, id.from)
	if err != nil {
		return
	}
	m.finish(c)
	m.remove(c, rtpengine.Params{})
}

// hangUp ends a call, once.
func (m *Manager) hangUp(c *call) {
	if c.over {
		return
	}
	m.finish(c)
	if c.opened() {
		m.remove(c, rtpengine.Params{})
	}
}

// lost ends a branch that came to nothing. The other branches live: the delete is
// bound to the branch, and goes out only for one that the engine knows, which
// otherwise takes the whole call of the tag.
func (m *Manager) lost(c *call, b *branch) {
	if b.invite.final || c.over {
		return // a 2xx went before
	}
	delete(c.branches, b.id)
	for tag, d := range c.dialogs {
		if d.origin != b {
			continue
		}
		delete(c.dialogs, tag)
		if b.opened && !b.named {
			m.remove(c, rtpengine.Params{ToTag: tag, Flags: atOnce()})
		}
	}
	if b.opened && b.named {
		m.remove(c, rtpengine.Params{ViaBranch: b.id, Flags: atOnce()})
	}
	if len(c.dialogs) > 0 && !c.alive(nil) {
		m.hangUp(c) // the fork that won was hung up before this one gave in
	}
	if c.last != nil && c.last.origin == b {
		m.follow(c, c.last)
	}
	m.forgetEmpty(c)
}

// atOnce skips the daemon's delete delay: what follows in the same call must not
// meet the dying part, nor bring it back to life.
func atOnce() rtpengine.Flags { return rtpengine.MustParseFlags("delete-delay=0") }

// refused cleans up after an offer or an answer in a request that the engine did
// not take, and says how the request goes on.
func (m *Manager) refused(c *call, d *dialog, b *branch, x *exchange, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	unsure := mayHaveRun(err)
	if m.Optional && !b.opened {
		b.media = direct
		m.stats.passed.Add(1)
		err = nil
	}
	switch {
	case d == nil:
		if err != nil {
			delete(c.branches, b.id)
		}
		if unsure {
			m.exorcise(c, b)
		}
		m.forgetEmpty(c)
	case err != nil:
		if x.offer == nil && x.answer == nil {
			m.withdraw(c, d, x)
		}
		if unsure && d.good != nil {
			m.restore(c, d)
		}
	}
	return err
}

// mayHaveRun reports whether the engine may have done what it did not confirm.
func mayHaveRun(err error) bool {
	var refusal *rtpengine.Error
	var unfit *rtpengine.ParamError
	var flag *rtpengine.FlagError
	switch {
	case errors.As(err, &refusal), errors.As(err, &unfit), errors.As(err, &flag):
		return false
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrClosed), errors.Is(err, ErrTooMany):
		return false
	}
	return true
}

// exorcise deletes the session that a timed-out first offer may have left. With
// another branch alive it stays until the call ends: a delete for a branch that
// the engine does not know would take the living ones.
func (m *Manager) exorcise(c *call, b *branch) {
	m.later(c, func(ctx context.Context) {
		m.mu.Lock()
		alive := c.opened() || c.over
		m.mu.Unlock()
		if !alive {
			m.erase(ctx, rtpengine.Params{CallID: c.id, FromTag: c.caller, ViaBranch: b.id, Flags: atOnce()})
		}
	})
}
