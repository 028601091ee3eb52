// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/registrar/redisstore"
)

func binding(aor, id string, life time.Duration) registrar.Binding {
	return registrar.Binding{ID: id + "." + aor, AOR: aor, Contact: "sip:" + id + "@192.168.1.2", CallID: "c", Expires: time.Now().Add(life)}
}

func add(ctx context.Context, s registrar.Store, b registrar.Binding) error {
	return s.Update(ctx, b.AOR, func(cur []registrar.Binding) ([]registrar.Binding, error) { return append(cur, b), nil })
}

func count(t testing.TB, s registrar.Store, aor string) int {
	t.Helper()
	list, err := s.Lookup(context.Background(), aor)
	require.NoError(t, err)
	return len(list)
}

// within waits for what Redis tells the other nodes.
func within(t *testing.T, cond func() bool) {
	t.Helper()
	require.Eventually(t, cond, 20*time.Second, time.Millisecond)
}

// TestNodes: what one node changes the other one sees, though it has it cached.
func TestNodes(t *testing.T) {
	srv := startServer(t)
	one, two := srv.open(t, redisstore.Config{}), srv.open(t, redisstore.Config{})
	other := srv.open(t, redisstore.Config{Prefix: "other[*]:"})
	require.NoError(t, add(t.Context(), one, binding("alice", "a", time.Hour)))
	for n := 1; n <= 20; n++ {
		within(t, func() bool { return count(t, two, "alice") == n })
		require.Equal(t, n, count(t, two, "alice"), "cached")
		require.NoError(t, add(t.Context(), one, binding("alice", fmt.Sprint(n), time.Hour)))
		require.Equal(t, n+1, count(t, one, "alice"), "one's own change is seen at once")
	}
	require.NoError(t, add(t.Context(), other, binding("alice", "a", time.Hour)))
	require.Equal(t, 1, count(t, other, "alice"))
	n := 0
	for b, err := range other.All(t.Context()) {
		require.NoError(t, err)
		require.Equal(t, "a.alice", b.ID)
		n++
	}
	require.Equal(t, 1, n)
}

// TestNoLostUpdateAmongNodes: three nodes, one address.
func TestNoLostUpdateAmongNodes(t *testing.T) {
	srv := startServer(t)
	nodes := []*redisstore.Store{srv.open(t, redisstore.Config{}), srv.open(t, redisstore.Config{}), srv.open(t, redisstore.Config{CacheSize: -1})}
	var wg sync.WaitGroup
	errs := make([]error, 60)
	for i := range errs {
		wg.Go(func() { errs[i] = add(t.Context(), nodes[i%3], binding("alice", fmt.Sprint(i), time.Hour)) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	for _, s := range nodes {
		within(t, func() bool { return count(t, s, "alice") == len(errs) })
	}
}

// TestKeys: a key lives as long as its last binding.
func TestKeys(t *testing.T) {
	srv := startServer(t)
	s, look := srv.open(t, redisstore.Config{}), srv.client(t)
	require.NoError(t, add(t.Context(), s, binding("alice", "a", time.Minute)))
	require.NoError(t, add(t.Context(), s, binding("alice", "b", time.Hour)))
	ttl, err := look.Do(t.Context(), look.B().Pttl().Key("sipnat:alice").Build()).AsInt64()
	require.NoError(t, err)
	require.InDelta(t, time.Hour.Milliseconds(), ttl, float64(30*time.Second.Milliseconds()))
	require.NoError(t, s.Update(t.Context(), "alice", func([]registrar.Binding) ([]registrar.Binding, error) { return nil, nil }))
	n, err := look.Do(t.Context(), look.B().Dbsize().Build()).AsInt64()
	require.NoError(t, err)
	require.Zero(t, n)

	require.NoError(t, look.Do(t.Context(), look.B().Set().Key("sipnat:alice").Value("garbage").Build()).Error())
	_, err = s.Lookup(t.Context(), "alice")
	require.ErrorIs(t, err, registrar.ErrEncoding)
	require.ErrorIs(t, add(t.Context(), s, binding("alice", "a", time.Hour)), registrar.ErrEncoding)
	for _, err := range s.All(t.Context()) {
		require.ErrorIs(t, err, registrar.ErrEncoding)
	}
}

// TestAway: Redis dies and comes back.
func TestAway(t *testing.T) {
	srv := startServer(t)
	s, strict := srv.open(t, redisstore.Config{Stale: time.Hour, RetryAfter: 20 * time.Second}), srv.open(t, redisstore.Config{})
	require.NoError(t, add(t.Context(), s, binding("alice", "a", time.Hour)))
	require.NoError(t, add(t.Context(), s, binding("bob", "b", time.Hour)))
	for range 2 {
		for _, aor := range []string{"alice", "nobody"} {
			count(t, s, aor)
			count(t, strict, aor)
		}
		within(t, func() bool { return count(t, s, "alice") == 1 })
		srv.kill()

		err := add(t.Context(), s, binding("alice", "x", time.Hour))
		var away *registrar.Unavailable
		require.ErrorAs(t, err, &away)
		require.GreaterOrEqual(t, away.RetryAfter, 20*time.Second)
		require.LessOrEqual(t, away.RetryAfter, 40*time.Second)
		code, _ := flow.Status(err)
		require.Equal(t, 503, code)
		for range 3 {
			require.Equal(t, 1, count(t, s, "alice"), "as it was")
			require.Zero(t, count(t, s, "nobody"), "nobody is known too")
		}
		_, err = s.Lookup(t.Context(), "carol")
		require.ErrorAs(t, err, &away, "never asked for")
		within(t, func() bool {
			_, err := strict.Lookup(t.Context(), "alice")
			return errors.As(err, &away)
		})
		for _, err := range s.All(t.Context()) {
			require.ErrorAs(t, err, &away)
		}

		srv.start(t)
		within(t, func() bool { return add(t.Context(), s, binding("dave", "d", time.Hour)) == nil })
		require.Equal(t, 1, count(t, s, "bob"), "back again")
		within(t, func() bool { list, err := strict.Lookup(t.Context(), "alice"); return err == nil && len(list) == 1 })
	}
}

// TestStaleIsBounded: an entry is worth nothing once the time is over.
func TestStaleIsBounded(t *testing.T) {
	srv := startServer(t)
	s := srv.open(t, redisstore.Config{Stale: time.Nanosecond})
	require.NoError(t, add(t.Context(), s, binding("alice", "a", time.Hour)))
	within(t, func() bool { return count(t, s, "alice") == 1 })
	srv.kill()
	within(t, func() bool { _, err := s.Lookup(t.Context(), "alice"); return err != nil })
}

// TestHangs: a server that is there and says nothing.
func TestHangs(t *testing.T) {
	srv := startServer(t)
	s := srv.open(t, redisstore.Config{Stale: time.Hour})
	require.NoError(t, add(t.Context(), s, binding("alice", "a", time.Hour)))
	require.Equal(t, 1, count(t, s, "alice"))
	require.NoError(t, srv.cmd.Process.Signal(syscall.SIGSTOP))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := add(ctx, s, binding("bob", "b", time.Hour))
	var away *registrar.Unavailable
	require.ErrorAs(t, err, &away)
	require.Equal(t, 1, count(t, s, "alice"))
	require.NoError(t, srv.cmd.Process.Signal(syscall.SIGCONT))
	within(t, func() bool { return add(t.Context(), s, binding("bob", "b", time.Hour)) == nil })
}

func TestOpenFails(t *testing.T) {
	opt, err := rueidis.ParseURL("unix:///nonexistent/socket")
	require.NoError(t, err)
	_, err = redisstore.Open(opt, redisstore.Config{})
	require.ErrorContains(t, err, "redisstore: ")
}

func BenchmarkLookupCached(b *testing.B) {
	srv := startServer(b)
	s := srv.open(b, redisstore.Config{})
	for i := range 1000 {
		require.NoError(b, add(b.Context(), s, binding(fmt.Sprint("user", i), "a", time.Hour)))
	}
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprint("user", i)
		count(b, s, names[i])
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if list, err := s.Lookup(context.Background(), names[i%1000]); len(list) != 1 || err != nil {
			b.Fatal(list, err)
		}
		i++
	}
}

func BenchmarkUpdate(b *testing.B) {
	srv := startServer(b)
	s := srv.open(b, redisstore.Config{})
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, s.Update(b.Context(), "alice", func([]registrar.Binding) ([]registrar.Binding, error) {
			return []registrar.Binding{binding("alice", "a", time.Hour)}, nil
		}))
	}
}
