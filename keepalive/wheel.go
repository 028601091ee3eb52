// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import "github.com/sipnat/sipnat/flow"

// entry is a binding that is pinged.
type entry struct {
	id     string
	flow   flow.Flow
	serial uint64 // never used again: names the binding in a branch
	// sent is the number of the last ping, heard that of the last that was
	// answered. Replies to numbers between them count.
	sent, heard uint32
	misses      int32
	waiting     bool  // for a reply to the last ping
	phase       int32 // the slot of its regular pings
	slot, index int32 // where it is now; slot -1 while it is fired
}

// wheel is a timing wheel of one revolution: no delay is longer than it has
// slots. All operations but advance are O(1).
type wheel struct {
	slots [][]*entry
	now   int32 // the slot that was fired last
	spare []*entry
}

func newWheel(slots int) wheel { return wheel{slots: make([][]*entry, slots)} }

// size is the number of ticks in a revolution.
func (w *wheel) size() int32 { return int32(len(w.slots)) }

// after puts e ticks from now, at least 1 and at most a revolution.
func (w *wheel) after(e *entry, ticks int32) {
	e.slot = (w.now + ticks) % w.size()
	e.index = int32(len(w.slots[e.slot]))
	w.slots[e.slot] = append(w.slots[e.slot], e)
}

// regular puts e where its phase comes round next.
func (w *wheel) regular(e *entry) {
	ticks := (e.phase - w.now + w.size()) % w.size()
	if ticks == 0 {
		ticks = w.size()
	}
	w.after(e, ticks)
}

// remove takes e out; nothing happens if it is out already.
func (w *wheel) remove(e *entry) {
	if e.slot < 0 {
		return
	}
	list := w.slots[e.slot]
	last := list[len(list)-1]
	list[e.index], last.index = last, e.index
	list[len(list)-1] = nil
	w.slots[e.slot] = list[:len(list)-1]
	e.slot = -1
}

// advance moves on by a tick and takes out the entries that are due. The list
// is valid until the next call.
func (w *wheel) advance() []*entry {
	w.now = (w.now + 1) % w.size()
	clear(w.spare)
	due := w.slots[w.now]
	w.slots[w.now] = w.spare[:0]
	w.spare = due
	for _, e := range due {
		e.slot = -1
	}
	return due
}
