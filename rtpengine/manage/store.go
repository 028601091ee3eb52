// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import "time"

// linger is how long a call that has ended is remembered: what is repeated
// comes within 64*T1 (RFC 3261 section 17).
const linger = 32 * time.Second

// calling finds the call that the party with the tag caller began.
func (m *Manager) calling(callID, caller string) *call {
	for c := m.calls[callID]; c != nil; c = c.next {
		if c.caller == caller {
			return c
		}
	}
	return nil
}

// lookup finds the call and the dialog of a message, whichever side sent it. The
// dialog is nil when the call is known and the callee's tag is not.
func (m *Manager) lookup(id ident) (*call, *dialog) {
	if c := m.calling(id.callID, id.from); c != nil {
		return c, c.dialogs[id.to]
	}
	if c := m.calling(id.callID, id.to); c != nil {
		return c, c.dialogs[id.from]
	}
	return nil, nil
}

// open returns the call of a caller, a new one if need be.
func (m *Manager) open(callID, caller string) (*call, error) {
	if m.closed {
		return nil, ErrClosed
	}
	if c := m.calling(callID, caller); c != nil {
		if !c.over {
			m.touch(c)
			return c, nil
		}
		m.forget(c)
	}
	m.sweep()
	if m.live.Len()+m.ended.Len() >= m.maxCalls() {
		return nil, ErrTooMany
	}
	c := &call{
		id: callID, caller: caller,
		turn:     make(chan struct{}, 1),
		heard:    time.Now(),
		branches: map[string]*branch{},
		dialogs:  map[string]*dialog{},
	}
	if m.calls == nil {
		m.calls = map[string]*call{}
	}
	c.next = m.calls[callID]
	m.calls[callID] = c
	c.place = m.live.PushBack(c)
	return c, nil
}

func (m *Manager) touch(c *call) {
	if c.place == nil || c.over {
		return
	}
	c.heard = time.Now()
	m.live.MoveToBack(c.place)
}

// finish marks a call as hung up. It is remembered for what is repeated.
func (m *Manager) finish(c *call) {
	if c.over || c.place == nil {
		return
	}
	c.over = true
	c.heard = time.Now()
	m.live.Remove(c.place)
	c.place = m.ended.PushBack(c)
}

// forget takes a call out of the books.
func (m *Manager) forget(c *call) {
	if c.place == nil {
		return
	}
	if c.over {
		m.ended.Remove(c.place)
	} else {
		m.live.Remove(c.place)
	}
	c.place = nil
	head := m.calls[c.id]
	if head == c {
		if c.next == nil {
			delete(m.calls, c.id)
			return
		}
		m.calls[c.id] = c.next
		return
	}
	for ; head != nil; head = head.next {
		if head.next == c {
			head.next = c.next
			return
		}
	}
}

// forgetEmpty forgets a call of which nothing is left: every branch failed.
func (m *Manager) forgetEmpty(c *call) {
	if !c.over && len(c.branches) == 0 && len(c.dialogs) == 0 && c.jobs == 0 {
		m.forget(c)
	}
}

// sweep forgets what has been silent for too long. Both lists are in the order
// of time, so that only what goes is looked at.
func (m *Manager) sweep() {
	now := time.Now()
	for e := m.ended.Front(); e != nil; e = m.ended.Front() {
		c := e.Value.(*call)
		if now.Sub(c.heard) < linger {
			break
		}
		m.forget(c)
	}
	for e := m.live.Front(); e != nil; e = m.live.Front() {
		c := e.Value.(*call)
		if now.Sub(c.heard) < m.ttl() {
			break
		}
		m.forget(c)
	}
}
