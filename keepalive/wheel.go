// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

// links chain a list: not negative, they are the indexes of records; negative,
// the complements of those of list heads. Alone, a node links to itself.
type links struct{ next, prev int32 }

// wheel is a timing wheel over the records of a table. All operations are O(1);
// a delay of more than a revolution is looked at once in each.
type wheel struct {
	table *table
	heads []links // of the slots, and, the last one, of what is being fired
	now   uint64  // ticks
	phase uint32  // where the first record's is
}

// newWheel makes one with a power of two of slots, if it can one for each tick
// of the interval.
func newWheel(t *table, interval uint32, phase uint32) wheel {
	slots := uint32(1)
	for slots < interval && slots < 1<<16 {
		slots *= 2
	}
	w := wheel{table: t, heads: make([]links, slots+1), phase: phase}
	for i := range w.heads {
		w.heads[i] = links{^int32(i), ^int32(i)}
	}
	return w
}

func (w *wheel) firing() int32 { return ^int32(len(w.heads) - 1) }

func (w *wheel) slot(tick uint32) int32 { return ^int32(tick & uint32(len(w.heads)-2)) }

func (w *wheel) node(n int32) *links {
	if n < 0 {
		return &w.heads[^n]
	}
	return &w.table.at(n).link
}

// unlink takes n out of its list, whichever that is.
func (w *wheel) unlink(n int32) {
	l := w.node(n)
	w.node(l.prev).next, w.node(l.next).prev = l.next, l.prev
	l.next, l.prev = n, n
}

// append puts n at the end of a list.
func (w *wheel) append(n, head int32) {
	h := w.node(head)
	w.node(n).next, w.node(n).prev = head, h.prev
	w.node(h.prev).next = n
	h.prev = n
}

// after puts a record ticks from now, at least 1.
func (w *wheel) after(i int32, ticks uint32) { w.at(i, uint32(w.now)+ticks) }

func (w *wheel) at(i int32, tick uint32) {
	w.unlink(i)
	w.table.at(i).due = tick
	w.append(i, w.slot(tick))
}

// regular puts a record where its phase comes round next.
func (w *wheel) regular(i int32) {
	w.after(i, w.table.at(i).interval-w.past(i))
}

// past is how many ticks ago the record's phase was, fewer than its interval.
// Phases are a golden section apart, which spreads any number of records more
// evenly than chance does (Knuth, volume 3, section 6.4).
func (w *wheel) past(i int32) uint32 {
	interval := uint64(w.table.at(i).interval)
	phase := uint64(uint32(i)*2654435769+w.phase) * interval >> 32
	return uint32((w.now%interval + interval - phase) % interval)
}

// advance moves on by a tick; what is due then is to be taken by next.
func (w *wheel) advance() {
	w.now++
	slot, firing := w.slot(uint32(w.now)), w.firing()
	s, f := w.node(slot), w.node(firing)
	if s.next == slot {
		return
	}
	w.node(f.prev).next, w.node(s.next).prev = s.next, f.prev
	w.node(s.prev).next, f.prev = firing, s.prev
	s.next, s.prev = slot, slot
}

// next takes a record that is due; none if no more is.
func (w *wheel) next() int32 {
	for {
		i := w.node(w.firing()).next
		if i < 0 {
			return none
		}
		due := w.table.at(i).due
		if int32(due-uint32(w.now)) <= 0 {
			w.unlink(i)
			return i
		}
		w.at(i, due)
	}
}
