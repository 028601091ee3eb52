// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package boltstore

import (
	"context"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/sipnat/sipnat/registrar"
)

// behind is what a store that writes later keeps: all bindings, and which
// addresses the file does not have right.
type behind struct {
	window time.Duration
	memory registrar.Memory
	wake   chan struct{} // of one: something is dirty

	mu    sync.Mutex
	dirty map[string]struct{}
	err   error // of the last flush
}

func (b *behind) failing() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// mark notes that the file must be written.
func (b *behind) mark(aors map[string]struct{}, err error) {
	b.mu.Lock()
	for aor := range aors {
		b.dirty[aor] = struct{}{}
	}
	if err != nil {
		b.err = err
	}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take is what must be written.
func (b *behind) take() map[string]struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	dirty := b.dirty
	b.dirty = make(map[string]struct{})
	return dirty
}

func (s *Store) updateBehind(ctx context.Context, aor string, edit func([]registrar.Binding) ([]registrar.Binding, error)) error {
	if s.closed() {
		return ErrClosed
	}
	if err := s.behind.failing(); err != nil {
		return err
	}
	if err := s.behind.memory.Update(ctx, aor, edit); err != nil {
		return err
	}
	s.behind.mark(map[string]struct{}{aor: {}}, nil)
	if s.closed() {
		return ErrClosed // it may have come too late for the last flush
	}
	return nil
}

// writeBehind writes once per window while there is something to write.
func (s *Store) writeBehind() {
	defer close(s.done)
	timer := time.NewTimer(s.behind.window)
	defer timer.Stop()
	for {
		select {
		case <-s.behind.wake:
		case <-s.stop:
			return
		}
		timer.Reset(s.behind.window)
		select {
		case <-timer.C:
			_ = s.flush() // kept in behind.err
		case <-s.stop:
			return
		}
	}
}

// flush writes what is dirty, some of it at a time. What could not be written is
// tried again.
func (s *Store) flush() error {
	dirty := s.behind.take()
	batch := make([]string, 0, maxBatch)
	for aor := range dirty {
		if batch = append(batch, aor); len(batch) < maxBatch && len(batch) < len(dirty) {
			continue
		}
		if err := s.save(batch); err != nil {
			s.behind.mark(dirty, err)
			return err
		}
		for _, aor := range batch {
			delete(dirty, aor)
		}
		batch = batch[:0]
	}
	s.behind.mu.Lock()
	defer s.behind.mu.Unlock()
	s.behind.err = nil
	return nil
}

// save writes the present bindings of some addresses. It reads the memory
// first: nobody waits for the file to be free.
func (s *Store) save(aors []string) error {
	values := make([][]byte, len(aors))
	for i, aor := range aors {
		list, err := s.behind.memory.Lookup(context.Background(), aor)
		if err != nil {
			return err
		}
		values[i] = encode(aor, list)
	}
	return s.failed(s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucket)
		for i, aor := range aors {
			if err := put(b, aor, values[i]); err != nil {
				return err
			}
		}
		return nil
	}))
}
