// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import "math/bits"

// none is the index of no record.
const none int32 = -1

// record is one id that is pinged, packed: there may be millions. What a flow
// has in common with others is in the paths table; rare things are in a map.
type record struct {
	id         string
	addr       [16]byte // of the flow's Remote
	conn       uint64
	link       links  // in a list of the wheel, or in that of its leader's followers
	group      int32  // of a leader: its first follower; of a follower: the leader
	nextID     int32  // chains of the indexes
	nextPeer   int32  //
	generation uint32 // of this slot: with its index it names the binding in a branch
	// sent is the number of the last ping, heard that of the last that was
	// answered. Replies to numbers between them count.
	sent, heard uint32
	due         uint32 // the tick, its low 32 bits
	interval    uint32 // in ticks
	// Microseconds: when the last ping was sent, on a clock that wraps; round
	// trip times, smoothed and last.
	sentAt, smooth, last uint32
	fed                  uint32 // the tick of the phone's last own ping
	path                 uint16
	port                 uint16
	misses               uint16
	kind                 Kind
	flags                flags
}

type flags uint8

const (
	inUse    flags = 1 << iota
	waiting        // for a reply to the last ping
	reserved       // the limits let it pass at due
	selfFed        // fed is set
	follower       // another binding on the same flow is pinged
	routed         // along a Path: see Pinger.routes
)

func (e *record) is(f flags) bool { return e.flags&f != 0 }

// A table holds records in chunks: growing moves none of them, and a record
// that is freed is used again.
type table struct {
	chunks []*[chunk]record
	free   int32 // chained by nextID
	next   int32 // the first one never used
	live   int
}

const (
	chunkBits = 10
	chunk     = 1 << chunkBits
)

func (t *table) at(i int32) *record { return &t.chunks[i>>chunkBits][i&(chunk-1)] }

// add is a new record. Its generation is never that of an earlier use.
func (t *table) add() int32 {
	i := t.free
	if i != none {
		t.free = t.at(i).nextID
	} else {
		i = t.next
		t.next++
		if int(i>>chunkBits) == len(t.chunks) {
			t.chunks = append(t.chunks, new([chunk]record))
		}
	}
	e := t.at(i)
	*e = record{
		link: links{i, i}, group: none, nextID: none, nextPeer: none,
		generation: e.generation + 1, flags: inUse,
	}
	t.live++
	return i
}

func (t *table) remove(i int32) {
	*t.at(i) = record{generation: t.at(i).generation, nextID: t.free}
	t.free = i
	t.live--
}

// named is the record that a branch names; none if it is gone.
func (t *table) named(serial uint64) int32 {
	i := uint32(serial)
	if i >= uint32(t.next) {
		return none
	}
	if e := t.at(int32(i)); !e.is(inUse) || e.generation != uint32(serial>>32) {
		return none
	}
	return int32(i)
}

func (t *table) serial(i int32) uint64 {
	return uint64(t.at(i).generation)<<32 | uint64(uint32(i))
}

// An index finds records by a hash, chained through a field of theirs. It is a
// linear hash table: a bucket is added for each record, so that a million do
// not wait for it to be built anew.
type index struct {
	heads []int32
	count int
	hash  func(i int32) uint64
	chain func(i int32) *int32
}

func (x *index) bucket(hash uint64) int {
	n := len(x.heads)
	size := 1 << bits.Len(uint(n-1))
	b := int(hash) & (size - 1)
	if b >= n {
		b -= size / 2
	}
	return b
}

// first is the first record of the hash's chain, which has others too.
func (x *index) first(hash uint64) int32 {
	if len(x.heads) == 0 {
		return none
	}
	return x.heads[x.bucket(hash)]
}

func (x *index) insert(i int32) {
	if x.count++; x.count > len(x.heads) {
		x.grow()
	}
	x.push(i)
}

func (x *index) push(i int32) {
	b := x.bucket(x.hash(i))
	*x.chain(i), x.heads[b] = x.heads[b], i
}

// grow adds a bucket and shares out the one that it is split from.
func (x *index) grow() {
	n := len(x.heads)
	x.heads = append(x.heads, none)
	if n == 0 {
		return
	}
	half := 1 << (bits.Len(uint(n)) - 1)
	i := x.heads[n-half]
	x.heads[n-half] = none
	for i != none {
		next := *x.chain(i)
		x.push(i)
		i = next
	}
}

func (x *index) remove(i int32) {
	for p := &x.heads[x.bucket(x.hash(i))]; *p != none; p = x.chain(*p) {
		if *p == i {
			*p = *x.chain(i)
			x.count--
			return
		}
	}
}
