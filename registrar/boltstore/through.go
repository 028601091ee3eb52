// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package boltstore

import (
	"bytes"
	"context"

	bolt "go.etcd.io/bbolt"
)

// maxBatch is how many changes share one write to the disk.
const maxBatch = 1024

// write replaces old by next, if old is still there.
type write struct {
	aor       string
	old, next []byte
	done      chan error // the writer's answer
	stored    bool       // false without an error: something else was there
}

// write hands w to the writer and waits until it is on the disk.
func (s *Store) write(ctx context.Context, w *write) (stored bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	w.done = make(chan error, 1)
	select {
	case s.writes <- w:
	case <-s.stop:
		return false, ErrClosed
	case <-ctx.Done():
		return false, ctx.Err()
	}
	err = <-w.done
	return w.stored, err
}

// writeThrough is the only one who writes. It takes whatever is waiting: under
// load one fsync serves many, alone nobody waits for company.
func (s *Store) writeThrough() {
	defer close(s.done)
	for {
		select {
		case w := <-s.writes:
			s.commit(s.gather(w))
		case <-s.stop:
			return
		}
	}
}

func (s *Store) gather(first *write) []*write {
	batch := []*write{first}
	for len(batch) < maxBatch {
		select {
		case w := <-s.writes:
			batch = append(batch, w)
		default:
			return batch
		}
	}
	return batch
}

func (s *Store) commit(batch []*write) {
	err := s.failed(s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucket)
		for _, w := range batch {
			if w.stored = bytes.Equal(b.Get([]byte(w.aor)), w.old); !w.stored {
				continue
			}
			if err := put(b, w.aor, w.next); err != nil {
				return err
			}
		}
		return nil
	}))
	for _, w := range batch {
		w.done <- err
	}
}

// put stores a value; nil removes it.
func put(b *bolt.Bucket, aor string, value []byte) error {
	if value == nil {
		return b.Delete([]byte(aor))
	}
	return b.Put([]byte(aor), value)
}
