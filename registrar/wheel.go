// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import "time"

const (
	// rim is how many seconds a turn of the wheel takes: more than an hour,
	// which is how long most bindings live at most.
	rim = 4096
	// atOnce is how many entries a sweep looks at with the lock held.
	atOnce = 128
)

// wheel has the entries by the second that they end in, as ring of lists. An
// entry that is refreshed stays where it is, and is put in its place when its
// old one comes by: a refresh touches nobody else.
type wheel struct {
	slots [rim]*entry
	swept int64 // all slots up to this second are empty
	first int64 // as are all before this one
	count int
	looks int // how many entries take has looked at
}

// spoke is where an entry is on the wheel.
type spoke struct {
	on         bool
	due        int64 // the second that it ends in
	slot       int64 // the second that it is looked at, not later than due
	prev, next *entry
}

// fullSecond is the first one that is not before t: a wake-up costs more than
// what it does.
func fullSecond(t time.Time) int64 {
	s := t.Unix()
	if t.Nanosecond() > 0 {
		s++
	}
	return s
}

// set puts e where it is looked at in time.
func (w *wheel) set(e *entry, due int64) {
	if e.spoke.on && due >= e.spoke.slot {
		e.spoke.due = due
		return
	}
	w.remove(e)
	if w.count == 0 {
		w.swept = time.Now().Unix() - 1
		w.first = w.swept + rim
	}
	slot := min(max(due, w.swept+1), w.swept+rim)
	w.first = min(w.first, slot)
	first := &w.slots[slot%rim]
	e.spoke = spoke{on: true, due: due, slot: slot, next: *first}
	if *first != nil {
		(*first).spoke.prev = e
	}
	*first = e
	w.count++
}

func (w *wheel) remove(e *entry) {
	s := &e.spoke
	if !s.on {
		return
	}
	if s.next != nil {
		s.next.spoke.prev = s.prev
	}
	if s.prev != nil {
		s.prev.spoke.next = s.next
	} else {
		w.slots[s.slot%rim] = s.next
	}
	*s = spoke{}
	w.count--
}

// take takes out entries that are due at now, after looking at no more than
// atOnce. There may be more.
func (w *wheel) take(now int64) (ids []string, more bool) {
	looked := 0
	w.swept = max(w.swept, now-rim)
	for ; w.swept < now && w.count > 0; w.swept++ {
		for e := w.slots[(w.swept+1)%rim]; e != nil; e = w.slots[(w.swept+1)%rim] {
			if looked == atOnce {
				return ids, true
			}
			looked++
			w.looks++
			due := e.spoke.due
			w.remove(e)
			if due <= now {
				ids = append(ids, e.id)
				continue
			}
			w.set(e, due)
		}
	}
	return ids, false
}

// next is the first second that there is something to look at.
func (w *wheel) next() (second int64, ok bool) {
	if w.count == 0 {
		return 0, false
	}
	w.first = max(w.first, w.swept+1)
	for w.slots[w.first%rim] == nil {
		w.first++
	}
	return w.first, true
}

// expired takes out some of what has ended by now.
func (l *ledger) expired(now time.Time) (ids []string, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids, more = l.wheel.take(now.Unix())
	l.sweeps = true
	return ids, more
}

// rest ends what expired began: the timer may be set again.
func (l *ledger) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweeps, l.armed = false, 0
}

// arm sees to it that sweep runs when the next binding ends.
func (l *ledger) arm(sweep func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sweeps {
		return // it arms at its end
	}
	second, ok := l.wheel.next()
	if !ok {
		if l.timer != nil {
			l.timer.Stop()
		}
		l.armed = 0
		return
	}
	if l.armed != 0 && second >= l.armed {
		return
	}
	l.armed = second
	d := time.Until(time.Unix(second, 0))
	if l.timer == nil {
		l.timer = time.AfterFunc(d, sweep)
		return
	}
	l.timer.Reset(d)
}
