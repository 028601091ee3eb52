// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"context"

	"github.com/sipnat/sipnat/rtpengine"
)

// failed handles the refusal of a re-INVITE, an UPDATE or a PRACK. The call
// lives; the engine goes back to what was agreed before.
func (m *Manager) failed(c *call, d *dialog, x *exchange) {
	m.withdraw(c, d, x)
	if x.offer != nil && d.good != nil {
		m.restore(c, d)
	}
}

// withdraw forgets a negotiation, and a dialog of which nothing else is known.
func (m *Manager) withdraw(c *call, d *dialog, x *exchange) {
	d.drop(x)
	if d.adopted && d.good == nil && len(d.exchanges) == 0 && c.dialogs[d.tag] == d {
		delete(c.dialogs, d.tag)
		m.forgetEmpty(c)
	}
}

// restore replays the last agreement, unless another offer waits for its answer
// by then: that will bring the next one. What the engine answers is of no use: both
// parties have their descriptions already, and the engine repeats its ports.
func (m *Manager) restore(c *call, d *dialog) {
	m.later(c, func(ctx context.Context) {
		m.mu.Lock()
		skip := c.over || d.over || d.waiting()
		offered, answered := d.replay()
		m.mu.Unlock()
		if skip {
			return
		}
		m.stats.restores.Add(1)
		if _, err := m.Engine.Offer(ctx, offered); err != nil {
			m.stats.failed.Add(1)
			return
		}
		if _, err := m.Engine.Answer(ctx, answered); err != nil {
			m.stats.failed.Add(1)
		}
	})
}

// follow brings the caller's media back to a dialog that lives when gone, which has
// ended, was the last to answer: the engine sends to who answered last.
func (m *Manager) follow(c *call, gone *dialog) {
	if c.over || c.last != gone {
		return
	}
	c.last = nil
	for _, d := range c.dialogs {
		if d == gone || d.over || d.good == nil {
			continue
		}
		if c.last == nil || d.confirmed && !c.last.confirmed {
			c.last = d
		}
	}
	if c.last != nil {
		m.restore(c, c.last)
	}
}

// replay is the last agreement as commands: both parties are known by now, and
// after the call is up the branch is not needed to tell them.
func (d *dialog) replay() (offered, answered rtpengine.Params) {
	offered, answered = d.good.offer.params, d.good.answer.params
	offered.ToTag = answered.ToTag
	if d.confirmed {
		offered.ViaBranch, answered.ViaBranch = "", ""
	}
	return offered, answered
}
