// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package boltstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/sipnat/sipnat/registrar"
)

// pageSize is how many addresses All reads at a time.
const pageSize = 256

// ErrDamaged says that a file is not, or not wholly, what this package has
// written. It is left as it is: restore it from a copy, or move it away.
var ErrDamaged = errors.New("boltstore: damaged file")

func damaged(path string, cause any) error {
	return fmt.Errorf("%w %s: %v", ErrDamaged, path, cause)
}

// open opens a file that is whole, or makes it.
func open(path string) (*bolt.DB, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		// For reading first: bbolt panics about damage while it opens for
		// writing, and keeps its lock then.
		db, err := openAs(path, true)
		if err != nil {
			return nil, err
		}
		err = whole(db)
		if cerr := db.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return nil, damaged(path, err)
		}
	}
	return openAs(path, false)
}

func openAs(path string, readOnly bool) (*bolt.DB, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, ReadOnly: readOnly})
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, damaged(path, err)
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("boltstore: %s is in use by another process: %w", path, err)
	}
	return nil, fmt.Errorf("boltstore: %w", err)
}

// whole checks that all pages are there and make sense.
func whole(db *bolt.DB) error {
	return db.View(func(tx *bolt.Tx) error {
		info, err := os.Stat(db.Path())
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%d bytes, %d are missing", info.Size(), tx.Size()-info.Size())
		}
		var first error
		for err := range tx.Check() { // all of it: else its goroutine stays
			if first == nil {
				first = err
			}
		}
		return first
	})
}

// load reads every entry, removes those that have expired and fills the memory
// of a store that writes behind.
func (s *Store) load() error {
	var over [][]byte
	err := s.db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return fmt.Errorf("boltstore: %s: %w", s.path, err)
		}
		return b.ForEach(func(k, v []byte) error {
			list, err := s.decode(string(k), v)
			if err != nil {
				return err
			}
			if list = live(list); len(list) == 0 {
				over = append(over, slices.Clone(k))
				return nil
			}
			if s.behind == nil {
				return nil
			}
			return s.behind.memory.Update(context.Background(), string(k), func([]registrar.Binding) ([]registrar.Binding, error) { return list, nil })
		})
	})
	if err != nil || len(over) == 0 {
		return err
	}
	return s.db.Update(func(tx *bolt.Tx) error {
		for _, k := range over {
			if err := tx.Bucket(bucket).Delete(k); err != nil {
				return fmt.Errorf("boltstore: %s: %w", s.path, err)
			}
		}
		return nil
	})
}

// read is the value of aor, nil if there is none.
func (s *Store) read(aor string) (value []byte, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		value = bytes.Clone(tx.Bucket(bucket).Get([]byte(aor)))
		return nil
	})
	return value, s.failed(err)
}

func (s *Store) failed(err error) error {
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	if err != nil {
		return fmt.Errorf("boltstore: %s: %w", s.path, err)
	}
	return nil
}

type entry struct{ key, value []byte }

// page reads the entries behind last.
func (s *Store) page(last []byte) (page []entry, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucket).Cursor()
		for k, v := c.Seek(last); k != nil && len(page) < pageSize; k, v = c.Next() {
			if last == nil || !bytes.Equal(k, last) {
				page = append(page, entry{slices.Clone(k), slices.Clone(v)})
			}
		}
		return nil
	})
	return page, s.failed(err)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum covers key and value: bbolt has checksums of its first pages only.
func sum(aor string, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(aor), castagnoli), castagnoli, payload)
}

// encode makes the value of a list; nil for an empty one.
func encode(aor string, list []registrar.Binding) []byte {
	if len(list) == 0 {
		return nil
	}
	value := registrar.AppendBindings(make([]byte, 4, 256*len(list)), list)
	binary.BigEndian.PutUint32(value, sum(aor, value[4:]))
	return value
}

func (s *Store) decode(aor string, value []byte) ([]registrar.Binding, error) {
	if len(value) == 0 {
		return nil, nil
	}
	if len(value) < 4 || binary.BigEndian.Uint32(value) != sum(aor, value[4:]) {
		return nil, damaged(s.path, fmt.Sprintf("checksum of %q", aor))
	}
	list, err := registrar.ParseBindings(value[4:])
	if err != nil {
		return nil, damaged(s.path, fmt.Errorf("bindings of %q: %w", aor, err))
	}
	return list, nil
}
