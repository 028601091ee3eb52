// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"sync"
	"time"

	"github.com/sipnat/sipnat/flow"
)

// ledger is what this process knows of bindings beside the store: when they
// end, which connection they die with, and what OnBind was told of them. IDs
// are never used again, so that an entry that is gone stays gone whatever else
// is still under way.
type ledger struct {
	mu      sync.Mutex
	entries map[string]*entry
	conns   map[uint64]map[string]struct{}
	wheel   wheel
	timer   *time.Timer
	armed   int64 // the second that the timer waits for; 0: for none
	sweeps  bool  // the timer has gone off, and what it began goes on
}

type entry struct {
	id      string
	holds   int   // updates under way that may touch it
	busy    bool  // somebody is telling about it
	gone    bool  // it has ended
	version int64 // Updated of the binding that the rest is from; 0: none
	spoke   spoke
	// want is the flow that OnBind should know, told the one that it does.
	want, told flow.Flow
}

// hold keeps the entry of id, which it makes if need be, until release: an
// update that ends the binding can then not be overtaken by the one that made
// it.
func (l *ledger) hold(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[id]
	if e == nil {
		if l.entries == nil {
			l.entries, l.conns = make(map[string]*entry), make(map[uint64]map[string]struct{})
		}
		e = &entry{id: id}
		l.entries[id] = e
	}
	e.holds++
}

func (l *ledger) release(ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		e := l.entries[id]
		e.holds--
		l.tidy(e)
	}
}

// tidy forgets an entry that nobody needs any more.
func (l *ledger) tidy(e *entry) {
	if e.holds == 0 && !e.busy && (e.gone || e.version == 0) {
		delete(l.entries, e.id)
	}
}

// settle notes a binding that the store has accepted, unless a later state of
// it has been noted. The entry must be held.
func (l *ledger) settle(b Binding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(l.entries[b.ID], b)
}

// renew is settle for a binding that may not be known, which it tells.
func (l *ledger) renew(b Binding) (known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[b.ID]
	if e == nil {
		return false
	}
	l.note(e, b)
	return true
}

func (l *ledger) note(e *entry, b Binding) {
	at := max(1, b.Updated.UnixNano())
	if e.gone || at <= e.version {
		return
	}
	e.version = at
	l.lead(e, b.direct())
	l.wheel.set(e, fullSecond(b.Expires))
}

// bury notes that a binding has ended.
func (l *ledger) bury(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[id]
	if e == nil || e.gone {
		return
	}
	e.gone = true
	l.lead(e, flow.Flow{})
	l.wheel.remove(e)
}

// lead sets the flow of an entry.
func (l *ledger) lead(e *entry, f flow.Flow) {
	if old := e.want.Conn; old != f.Conn {
		if delete(l.conns[old], e.id); len(l.conns[old]) == 0 {
			delete(l.conns, old)
		}
		if f.Conn != 0 {
			if l.conns[f.Conn] == nil {
				l.conns[f.Conn] = make(map[string]struct{})
			}
			l.conns[f.Conn][e.id] = struct{}{}
		}
	}
	e.want = f
}

// on lists the bindings that a connection leads to.
func (l *ledger) on(conn uint64) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make([]string, 0, len(l.conns[conn]))
	for id := range l.conns[conn] {
		ids = append(ids, id)
	}
	return ids
}

// again looks at id once more at t, if nothing else does.
func (l *ledger) again(id string, t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.entries[id]; e != nil && !e.gone && !e.spoke.on {
		l.wheel.set(e, fullSecond(t))
	}
}

// tell calls bind and unbind until they know what there is to know about id.
// One goroutine at a time does that for an id, others leave it to that one.
func (l *ledger) tell(id string, bind func(string, flow.Flow), unbind func(string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[id]
	if e == nil || e.busy {
		return
	}
	e.busy = true
	for e.told != e.want {
		f := e.want
		e.told = f
		l.mu.Unlock()
		switch {
		case f.IsValid() && bind != nil:
			bind(id, f)
		case !f.IsValid() && unbind != nil:
			unbind(id)
		}
		l.mu.Lock()
	}
	e.busy = false
	l.tidy(e)
}
