// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"context"
	"hash/maphash"
	"iter"
	"sync"
	"time"
)

// Memory is a Store in memory. The zero value is ready; it must not be copied.
// A Registrar removes what has expired; without one it stays until its
// address-of-record is updated, unseen.
//
// A binding of usual size takes some 320 bytes. No lock is held for longer than
// it takes to copy or change the bindings of one address, and, in All, to list
// those of 1/256 of all.
type Memory struct {
	once   sync.Once
	seed   maphash.Seed
	epoch  time.Time // records count time from here
	places places
	shards [256]shard

	collide bool // tests: all addresses have one hash
}

// shard is the records of some hashes. Those of one hash are a chain: the
// bindings of one address, unless two have the same hash.
type shard struct {
	mu     sync.RWMutex
	chains map[uint64]*record
}

// version names a state of a chain. Its first record is never used again once
// it has been replaced, and counts what changes behind it.
type version struct {
	first   *record
	changes uint32
}

func (m *Memory) shard(aor string) (*shard, uint64) {
	m.once.Do(func() { m.seed, m.epoch = maphash.MakeSeed(), time.Now() })
	hash := uint64(0)
	if !m.collide {
		hash = maphash.String(m.seed, aor)
	}
	return &m.shards[hash>>56], hash
}

// copy appends the records of aor to list, as they are now.
func (s *shard) copy(hash uint64, aor string, list []record) ([]record, version) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	first := s.chains[hash]
	if first == nil {
		return list, version{}
	}
	for r := first; r != nil; r = r.next {
		if r.aor() == aor {
			list = append(list, *r)
		}
	}
	return list, version{first, first.changes}
}

// swap replaces the records of aor by a chain of others, unless the version is
// another one by now.
func (s *shard) swap(hash uint64, aor string, old version, first, last *record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	cur := s.chains[hash]
	if cur != old.first || cur != nil && cur.changes != old.changes {
		return false
	}
	for r := cur; r != nil; {
		next := r.next
		if r.aor() != aor { // of the same hash: they stay, in their order
			if r.next = nil; last == nil {
				first = r
			} else {
				last.next = r
			}
			last = r
		}
		r = next
	}
	if first == nil {
		delete(s.chains, hash)
		return true
	}
	first.changes = old.changes + 1
	if s.chains == nil {
		s.chains = make(map[uint64]*record)
	}
	s.chains[hash] = first
	return true
}

// live makes bindings of the records that have not expired.
func (m *Memory) live(recs []record) []Binding {
	now := m.offset(time.Now())
	n := 0
	for i := range recs {
		if recs[i].expires > now {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	list := make([]Binding, n)
	n = 0
	for i := range recs {
		if recs[i].expires > now {
			m.unpack(&recs[i], &list[n])
			n++
		}
	}
	return list
}

// Update implements Store. It runs edit again when another Update of the same
// aor came in between.
func (m *Memory) Update(ctx context.Context, aor string, edit func([]Binding) ([]Binding, error)) error {
	s, hash := m.shard(aor)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var room [4]record
		recs, old := s.copy(hash, aor, room[:0])
		list, err := edit(m.live(recs))
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		var first, last *record
		for i := range list {
			r := m.pack(aor, &list[i], recs)
			if last == nil {
				first = r
			} else {
				last.next = r
			}
			last = r
		}
		if s.swap(hash, aor, old, first, last) {
			return nil
		}
	}
}

// Lookup implements Store. It allocates the slice and nothing else, but for
// Paths.
func (m *Memory) Lookup(ctx context.Context, aor string) ([]Binding, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, hash := m.shard(aor)
	var room [4]record
	recs, _ := s.copy(hash, aor, room[:0])
	return m.live(recs), nil
}

// Refresh implements Refresher. It does not allocate.
func (m *Memory) Refresh(ctx context.Context, b *Binding) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s, hash := m.shard(b.AOR)
	now := m.offset(time.Now())
	var at *place
	for {
		done, again := m.refresh(s, hash, b, now, at)
		if !again {
			return done, nil
		}
		at = m.places.of(b)
	}
}

// refresh does it if the place of b is the one that is stored, or at.
func (m *Memory) refresh(s *shard, hash uint64, b *Binding, now int64, at *place) (done, again bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.chains[hash]
	var r *record
	for c := first; c != nil; c = c.next {
		if c.aor() == b.AOR {
			if r != nil {
				return false, false
			}
			r = c
		}
	}
	if r == nil || r.expires <= now || !r.refreshes(b) {
		return false, false
	}
	if r.place.is(b) {
		at = r.place
	} else if at == nil {
		return false, true
	}
	updated := m.offset(b.Updated)
	if updated <= r.updated {
		updated = r.updated + 1
		b.Updated = m.time(updated)
	}
	b.ID = r.id()
	r.place, r.updated, r.expires = at, updated, m.offset(b.Expires)
	r.setFlow(b)
	r.cseq = b.CSeq
	first.changes++
	return true, false
}

// All implements Scanner. It lists one of 256 shards at a time.
func (m *Memory) All(ctx context.Context) iter.Seq2[Binding, error] {
	return func(yield func(Binding, error) bool) {
		var aors []string
		for i := range m.shards {
			aors = m.shards[i].addresses(aors[:0])
			for _, aor := range aors {
				list, err := m.Lookup(ctx, aor)
				if err != nil {
					yield(Binding{}, err)
					return
				}
				for _, b := range list {
					if !yield(b, nil) {
						return
					}
				}
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Binding{}, err)
		}
	}
}

// addresses appends each address of the shard, once.
func (s *shard) addresses(list []string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, first := range s.chains {
		from := len(list)
	chain:
		for r := first; r != nil; r = r.next {
			aor := r.aor()
			for _, seen := range list[from:] {
				if seen == aor {
					continue chain
				}
			}
			list = append(list, aor)
		}
	}
	return list
}
