// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package boltstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/registrar/boltstore"
	"github.com/sipnat/sipnat/registrar/storetest"
)

func open(t testing.TB, path string, cfg boltstore.Config) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "location.db") }

func TestWriteThrough(t *testing.T) {
	storetest.Run(t, func(t *testing.T) registrar.Store { return open(t, file(t), boltstore.Config{}) })
}

func TestWriteBehind(t *testing.T) {
	storetest.Run(t, func(t *testing.T) registrar.Store {
		return open(t, file(t), boltstore.Config{Window: 10 * time.Millisecond})
	})
}

func put(t testing.TB, s *boltstore.Store, aor string, life time.Duration) {
	t.Helper()
	require.NoError(t, s.Update(context.Background(), aor, func([]registrar.Binding) ([]registrar.Binding, error) {
		return []registrar.Binding{{ID: "x." + aor, AOR: aor, Contact: "sip:" + aor + "@h", Expires: time.Now().Add(life)}}, nil
	}))
}

func has(t testing.TB, s *boltstore.Store, aor string) bool {
	t.Helper()
	list, err := s.Lookup(context.Background(), aor)
	require.NoError(t, err)
	return len(list) == 1
}

// snapshot opens a copy of the file as it is now, as after the end of the
// process.
func snapshot(t *testing.T, path string) *boltstore.Store {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	other := file(t)
	require.NoError(t, os.WriteFile(other, b, 0o600))
	return open(t, other, boltstore.Config{})
}

func TestReopened(t *testing.T) {
	for name, cfg := range map[string]boltstore.Config{"through": {}, "behind": {Window: time.Hour}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := file(t)
				s := open(t, path, cfg)
				put(t, s, "alice", time.Hour)
				put(t, s, "bob", time.Minute)
				require.NoError(t, s.Close())
				require.NoError(t, s.Close())
				for _, err := range []error{
					func() error { _, err := s.Lookup(t.Context(), "alice"); return err }(),
					s.Update(t.Context(), "alice", func(cur []registrar.Binding) ([]registrar.Binding, error) { return nil, nil }),
				} {
					require.ErrorIs(t, err, boltstore.ErrClosed)
				}
				time.Sleep(time.Minute)
				s = open(t, path, cfg)
				require.True(t, has(t, s, "alice"))
				require.False(t, has(t, s, "bob"), "expired meanwhile")
				var all []string
				for b, err := range s.All(t.Context()) {
					require.NoError(t, err)
					all = append(all, b.AOR)
				}
				require.Equal(t, []string{"alice"}, all)
				require.NoError(t, s.Close())
			})
		})
	}
}

// TestWindow: write-behind loses its window and not more.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := file(t)
		s := open(t, path, boltstore.Config{Window: 2 * time.Second})
		put(t, s, "alice", time.Hour)
		time.Sleep(2*time.Second - 1)
		synctest.Wait()
		require.False(t, has(t, snapshot(t, path), "alice"))
		put(t, s, "bob", time.Hour)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.True(t, has(t, snapshot(t, path), "alice"))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.True(t, has(t, snapshot(t, path), "bob"))
		require.NoError(t, s.Update(t.Context(), "bob", func([]registrar.Binding) ([]registrar.Binding, error) { return nil, nil }))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.False(t, has(t, snapshot(t, path), "bob"), "removals are written too")
		for i := range 3000 { // more than one batch
			put(t, s, fmt.Sprint("user", i), time.Hour)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.True(t, has(t, snapshot(t, path), "user2999"))
		require.NoError(t, s.Close())
	})
}

func TestBounds(t *testing.T) {
	s := open(t, file(t), boltstore.Config{})
	for _, aor := range []string{"", strings.Repeat("x", 1025)} {
		require.Error(t, s.Update(t.Context(), aor, func([]registrar.Binding) ([]registrar.Binding, error) { return nil, nil }))
	}
	put(t, s, strings.Repeat("x", 1024), time.Hour)
}

func TestInUse(t *testing.T) {
	path := file(t)
	s := open(t, path, boltstore.Config{})
	put(t, s, "alice", time.Hour)
	_, err := boltstore.Open(path, boltstore.Config{})
	require.ErrorContains(t, err, "in use")
	require.NotErrorIs(t, err, boltstore.ErrDamaged)
	_, err = boltstore.Open(filepath.Join(path, "x"), boltstore.Config{})
	require.Error(t, err)
}

// TestDamaged: each kind of damage is ErrDamaged, and the file as it was.
func TestDamaged(t *testing.T) {
	path := file(t)
	s := open(t, path, boltstore.Config{})
	for i := range 400 {
		put(t, s, fmt.Sprintf("user%03d", i), time.Hour)
	}
	require.NoError(t, s.Close())
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	page := os.Getpagesize()
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 0x10; return b }
	}
	contact := strings.LastIndex(string(good), "sip:user200@h")
	require.Positive(t, contact)
	for name, damage := range map[string]func([]byte) []byte{
		"text":                         func([]byte) []byte { return []byte(strings.Repeat("not a database\n", 1000)) },
		"short text":                   func([]byte) []byte { return []byte("no") },
		"both heads":                   func(b []byte) []byte { return flip(page + 40)(flip(40)(b)) },
		"cut in the middle":            func(b []byte) []byte { return b[:len(b)/2] },
		"cut behind the heads":         func(b []byte) []byte { return b[:2*page] },
		"a bit of a binding":           flip(contact + 5),
		"zeros behind the heads":       func(b []byte) []byte { clear(b[2*page:]); return b },
		"garbage behind the heads":     func(b []byte) []byte { return append(b[:2*page], []byte(strings.Repeat("\xff", len(b)-2*page))...) },
		"every page shifted by a byte": func(b []byte) []byte { return append(b[:2*page:2*page], b[2*page+1:]...) },
	} {
		t.Run(name, func(t *testing.T) {
			bad := file(t)
			b := damage([]byte(string(good)))
			require.NoError(t, os.WriteFile(bad, b, 0o600))
			for _, cfg := range []boltstore.Config{{}, {Window: time.Second}} {
				_, err := boltstore.Open(bad, cfg)
				require.ErrorIs(t, err, boltstore.ErrDamaged)
				require.ErrorContains(t, err, bad)
			}
			after, err := os.ReadFile(bad)
			require.NoError(t, err)
			require.Equal(t, b, after, "left as it is")
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{1e3, 1e5} {
		for name, cfg := range map[string]boltstore.Config{"through": {}, "behind": {Window: time.Minute}} {
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				path := file(b)
				s := open(b, path, boltstore.Config{Window: time.Hour})
				for i := range n {
					put(b, s, fmt.Sprint("user", i), time.Hour)
				}
				require.NoError(b, s.Close())
				s = open(b, path, cfg)
				names := make([]string, n)
				for i := range names {
					names[i] = fmt.Sprint("user", i*7919%n)
				}
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if !has(b, s, names[i%n]) {
						b.Fatal(names[i%n])
					}
					i++
				}
			})
		}
	}
}

// BenchmarkUpdate is one after the other, and 64 at once.
func BenchmarkUpdate(b *testing.B) {
	for name, cfg := range map[string]boltstore.Config{"through": {}, "behind": {Window: time.Second}} {
		b.Run(name+"/alone", func(b *testing.B) {
			s := open(b, file(b), cfg)
			b.ReportAllocs()
			for b.Loop() {
				put(b, s, "alice", time.Hour)
			}
		})
		b.Run(name+"/64 at once", func(b *testing.B) {
			s := open(b, file(b), cfg)
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					put(b, s, fmt.Sprint("user", i%1000), time.Hour)
				}
			})
		})
	}
}
