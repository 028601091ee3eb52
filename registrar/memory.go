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
type Memory struct {
	once   sync.Once
	seed   maphash.Seed
	shards [64]shard
}

type shard struct {
	mu   sync.RWMutex
	aors map[string]*record
}

// record is what an Update stored. It is never changed, so that its address
// tells whether somebody else has been there in between.
type record struct{ bindings []Binding }

// live copies the bindings that have not expired.
func (rec *record) live() []Binding {
	if rec == nil {
		return nil
	}
	now := time.Now()
	list := make([]Binding, 0, len(rec.bindings))
	for i := range rec.bindings {
		if rec.bindings[i].Live(now) {
			list = append(list, rec.bindings[i])
		}
	}
	return list
}

func (m *Memory) shard(aor string) *shard {
	m.once.Do(func() { m.seed = maphash.MakeSeed() })
	return &m.shards[maphash.String(m.seed, aor)%uint64(len(m.shards))]
}

func (s *shard) load(aor string) *record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.aors[aor]
}

// swap replaces old by list, unless something else is there by now.
func (s *shard) swap(aor string, old *record, list []Binding) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aors[aor] != old {
		return false
	}
	if len(list) == 0 {
		delete(s.aors, aor)
		return true
	}
	if s.aors == nil {
		s.aors = make(map[string]*record)
	}
	s.aors[aor] = &record{list}
	return true
}

// Update implements Store. It runs edit again when another Update of the same
// aor came in between.
func (m *Memory) Update(ctx context.Context, aor string, edit func([]Binding) ([]Binding, error)) error {
	s := m.shard(aor)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		old := s.load(aor)
		list, err := edit(old.live())
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.swap(aor, old, list) {
			return nil
		}
	}
}

// Lookup implements Store.
func (m *Memory) Lookup(ctx context.Context, aor string) ([]Binding, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m.shard(aor).load(aor).live(), nil
}

// All implements Scanner. It copies the addresses of one of 64 shards at a
// time.
func (m *Memory) All(ctx context.Context) iter.Seq2[Binding, error] {
	return func(yield func(Binding, error) bool) {
		for i := range m.shards {
			if err := ctx.Err(); err != nil {
				yield(Binding{}, err)
				return
			}
			for _, rec := range m.shards[i].records() {
				for _, b := range rec.live() {
					if !yield(b, nil) {
						return
					}
				}
			}
		}
	}
}

func (s *shard) records() []*record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]*record, 0, len(s.aors))
	for _, rec := range s.aors {
		list = append(list, rec)
	}
	return list
}
