// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"container/heap"
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
	due     schedule
	timer   *time.Timer
	armed   time.Time
}

type entry struct {
	id      string
	holds   int       // updates under way that may touch it
	busy    bool      // somebody is telling about it
	gone    bool      // it has ended
	version time.Time // Updated of the binding that the rest is from
	ends    time.Time
	index   int // in ledger.due; -1 if not there
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
		e = &entry{id: id, index: -1}
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
	if e.holds == 0 && !e.busy && (e.gone || e.version.IsZero()) {
		delete(l.entries, e.id)
	}
}

// settle notes a binding that the store has accepted, unless a later state of
// it has been noted. The entry must be held.
func (l *ledger) settle(b Binding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[b.ID]
	if e.gone || !b.Updated.After(e.version) {
		return
	}
	e.version = b.Updated
	l.lead(e, b.direct())
	l.setEnd(e, b.Expires)
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
	if e.index >= 0 {
		heap.Remove(&l.due, e.index)
	}
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
	if e := l.entries[id]; e != nil && !e.gone && e.index < 0 {
		l.setEnd(e, t)
	}
}

func (l *ledger) setEnd(e *entry, ends time.Time) {
	e.ends = ends
	if e.index >= 0 {
		heap.Fix(&l.due, e.index)
		return
	}
	heap.Push(&l.due, e)
}

// expired takes out what has ended by now.
func (l *ledger) expired(now time.Time) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = time.Time{}
	var ids []string
	for len(l.due) > 0 && !l.due[0].ends.After(now) {
		ids = append(ids, heap.Pop(&l.due).(*entry).id)
	}
	return ids
}

// arm sees to it that sweep runs when the next binding ends, at full seconds:
// a wake-up costs more than what it does.
func (l *ledger) arm(sweep func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.due) == 0 {
		if l.timer != nil {
			l.timer.Stop()
		}
		l.armed = time.Time{}
		return
	}
	at := l.due[0].ends.Add(time.Second - 1).Truncate(time.Second)
	if !l.armed.IsZero() && !at.Before(l.armed) {
		return
	}
	l.armed = at
	if l.timer == nil {
		l.timer = time.AfterFunc(time.Until(at), sweep)
		return
	}
	l.timer.Reset(time.Until(at))
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

// schedule is a heap of entries, the first to end on top (container/heap).
type schedule []*entry

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].ends.Before(s[j].ends) }
func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

// Push is for container/heap.
func (s *schedule) Push(x any) {
	e := x.(*entry)
	e.index = len(*s)
	*s = append(*s, e)
}

// Pop is for container/heap.
func (s *schedule) Pop() any {
	last := len(*s) - 1
	e := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	e.index = -1
	return e
}
