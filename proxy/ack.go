// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy

import (
	"context"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// passAck forwards the ACK of a 2xx: a request of its own that has no
// transaction and no answer.
func (f *Forwarder) passAck(a *admitted, t flow.Target) error {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	ack := a.req.Clone()
	leg, err := f.dress(ctx, ack, a, t)
	if err != nil {
		return err
	}
	return f.layer().Send(ack, leg.Out.Flow)
}

// memory knows the INVITEs that failed a while ago. Over UDP sipgo consumes the
// ACK of a failure; over streams, whose transaction ends with the handler, it
// arrives like that of a 2xx and must not be forwarded. The zero value is
// ready.
type memory struct {
	mu     sync.Mutex
	now    map[string]struct{}
	before map[string]struct{}
	turned time.Time
}

// maxSpent bounds each of the two generations.
const maxSpent = 1 << 15

func (m *memory) add(invite *sip.Request) {
	key, err := sip.ServerTxKeyMake(invite)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(time.Now())
	m.now[key] = struct{}{}
}

// has reports whether the ACK belongs to a failed INVITE: it has its branch.
func (m *memory) has(ack *sip.Request) bool {
	key, err := sip.ServerTxKeyMake(ack)
	if err != nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(time.Now())
	_, now := m.now[key]
	_, before := m.before[key]
	return now || before
}

// turn forgets what is older than Timer H, the time that a server waits for an
// ACK.
func (m *memory) turn(now time.Time) {
	age := now.Sub(m.turned)
	if m.now != nil && age < sip.Timer_H && len(m.now) < maxSpent {
		return
	}
	m.before = m.now
	if age >= 2*sip.Timer_H {
		m.before = nil
	}
	m.now = make(map[string]struct{})
	m.turned = now
}
