// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package boltstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/sipnat/sipnat/registrar"
)

// bucket holds one entry per address-of-record.
var bucket = []byte("sipnat.bindings.1")

// maxAOR bounds an address-of-record, in bytes; what a Registrar makes is
// shorter.
const maxAOR = 1024

// ErrClosed says that the store was closed.
var ErrClosed = errors.New("boltstore: closed")

// Config says how a file is written. The zero value writes through.
type Config struct {
	// Window is how long a change may wait to be written, and thus what may be
	// lost when the process is killed. While writing fails, Update fails too
	// once the first failure is known, so that no more than that is at stake.
	// Zero or less: nothing waits.
	Window time.Duration
}

// Store is a registrar.Store and registrar.Scanner in a file. Make it with
// Open; all methods are safe for concurrent use.
type Store struct {
	path string
	db   *bolt.DB
	stop chan struct{}
	done chan struct{} // closed when the writer has ended
	once sync.Once
	err  error // of closing

	writes chan *write // write-through
	behind *behind     // write-behind; else nil
}

// Open opens the file at path, or makes it, readable by its owner only. It reads
// all of it: what is damaged is ErrDamaged, and left as it is. What has expired
// is removed. One process at a time has a file open; others wait a second and
// then get an error.
func Open(path string, cfg Config) (*Store, error) {
	db, err := open(path)
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, db: db, stop: make(chan struct{}), done: make(chan struct{}), writes: make(chan *write)}
	if cfg.Window > 0 {
		s.behind = &behind{window: cfg.Window, dirty: make(map[string]struct{}), wake: make(chan struct{}, 1)}
	}
	if err := s.load(); err != nil {
		_ = db.Close()
		return nil, err
	}
	if s.behind != nil {
		go s.writeBehind()
	} else {
		go s.writeThrough()
	}
	return s, nil
}

// Close writes what has not been written and closes the file. It waits for that
// and for readers; a second call returns what the first did.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.stop)
		<-s.done
		if s.behind != nil {
			s.err = s.flush()
		}
		if err := s.db.Close(); err != nil && s.err == nil {
			s.err = fmt.Errorf("boltstore: %s: %w", s.path, err)
		}
	})
	return s.err
}

func (s *Store) closed() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// Update implements registrar.Store. It runs edit again when another Update of
// the same aor came in between. Once the change is being written, ctx does not
// count any more.
func (s *Store) Update(ctx context.Context, aor string, edit func([]registrar.Binding) ([]registrar.Binding, error)) error {
	if aor == "" || len(aor) > maxAOR {
		return fmt.Errorf("boltstore: an address-of-record of %d bytes", len(aor))
	}
	if s.behind != nil {
		return s.updateBehind(ctx, aor, edit)
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		old, err := s.read(aor)
		if err != nil {
			return err
		}
		list, err := s.decode(aor, old)
		if err != nil {
			return err
		}
		if list, err = edit(live(list)); err != nil {
			return err
		}
		stored, err := s.write(ctx, &write{aor: aor, old: old, next: encode(aor, list)})
		if err != nil || stored {
			return err
		}
	}
}

// Lookup implements registrar.Store.
func (s *Store) Lookup(ctx context.Context, aor string) ([]registrar.Binding, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.behind != nil {
		if s.closed() {
			return nil, ErrClosed
		}
		return s.behind.memory.Lookup(ctx, aor)
	}
	value, err := s.read(aor)
	if err != nil {
		return nil, err
	}
	list, err := s.decode(aor, value)
	return live(list), err
}

// All implements registrar.Scanner, in the order of the addresses. It reads
// some at a time, and keeps no transaction open meanwhile.
func (s *Store) All(ctx context.Context) iter.Seq2[registrar.Binding, error] {
	if s.behind != nil {
		return s.behind.memory.All(ctx)
	}
	return func(yield func(registrar.Binding, error) bool) {
		var last []byte
		for {
			if err := ctx.Err(); err != nil {
				yield(registrar.Binding{}, err)
				return
			}
			page, err := s.page(last)
			if err != nil {
				yield(registrar.Binding{}, err)
				return
			}
			if len(page) == 0 {
				return
			}
			for _, e := range page {
				list, err := s.decode(string(e.key), e.value)
				if err != nil {
					yield(registrar.Binding{}, err)
					return
				}
				for _, b := range live(list) {
					if !yield(b, nil) {
						return
					}
				}
			}
			last = page[len(page)-1].key
		}
	}
}

// live drops what has expired.
func live(list []registrar.Binding) []registrar.Binding {
	now := time.Now()
	kept := list[:0]
	for _, b := range list {
		if b.Live(now) {
			kept = append(kept, b)
		}
	}
	return kept
}
