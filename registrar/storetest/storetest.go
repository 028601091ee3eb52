// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/registrar"
)

// Run runs all checks, each on a store of its own. newStore makes an empty one
// and cleans up by t.Cleanup; some are made, and must work, inside a
// testing/synctest bubble. A registrar.Scanner is checked as one.
func Run(t *testing.T, newStore func(t *testing.T) registrar.Store) {
	for _, check := range []struct {
		name string
		run  func(*testing.T, registrar.Store)
	}{
		{"an unknown address has no bindings", unknown},
		{"what is stored comes back", roundTrip},
		{"order is kept", order},
		{"edit sees what is stored", editSees},
		{"no bindings left", forget},
		{"addresses are apart", apart},
		{"an error of edit changes nothing", editError},
		{"slices are not shared with callers", notShared},
		{"a cancelled context changes nothing", cancelled},
		{"no update is lost", noLostUpdate},
		{"scan", scan},
	} {
		t.Run(check.name, func(t *testing.T) { check.run(t, newStore(t)) })
	}
	t.Run("expiry at the exact instant", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { expiry(t, newStore(t)) })
	})
}

// sample is a binding with every field set.
func sample(aor, id string) registrar.Binding {
	return registrar.Binding{
		ID: id, AOR: aor, Contact: "sip:" + id + "@192.168.1.2:5060;transport=udp", Q: 500,
		Expires: time.Now().Add(time.Hour), Updated: time.Now(),
		CallID: "call-" + id, CSeq: 1<<31 - 1,
		Flow: flow.Flow{
			Transport: flow.TCP, Local: netip.MustParseAddrPort("[2001:db8::1]:5060"),
			Remote: netip.MustParseAddrPort("[2001:db8::2]:40112"), Conn: 1<<64 - 1,
		},
		NAT: true, Path: []string{"sip:p1@192.0.2.1;lr", "sip:192.0.2.2;lr"},
		InstanceID: "urn:uuid:00000000-0000-1000-8000-" + id, RegID: 1<<31 - 1, UserAgent: "phone/1",
	}
}

func put(t *testing.T, s registrar.Store, aor string, list ...registrar.Binding) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), aor, func([]registrar.Binding) ([]registrar.Binding, error) { return list, nil }))
}

func ids(t *testing.T, s registrar.Store, aor string) []string {
	t.Helper()
	list, err := s.Lookup(t.Context(), aor)
	require.NoError(t, err)
	return idsOf(list)
}

func idsOf(list []registrar.Binding) []string {
	names := []string{}
	for _, b := range list {
		names = append(names, b.ID)
	}
	return names
}

func unknown(t *testing.T, s registrar.Store) { require.Empty(t, ids(t, s, "nobody")) }

func roundTrip(t *testing.T, s registrar.Store) {
	want := []registrar.Binding{sample("alice", "a"), {ID: "plain", AOR: "alice", Expires: time.Now().Add(time.Minute)}}
	put(t, s, "alice", slices.Clone(want)...)
	got, err := s.Lookup(t.Context(), "alice")
	require.NoError(t, err)
	require.Len(t, got, len(want))
	for i := range got {
		require.True(t, want[i].Expires.Equal(got[i].Expires), "Expires %v, stored %v", got[i].Expires, want[i].Expires)
		require.True(t, want[i].Updated.Equal(got[i].Updated), "Updated %v, stored %v", got[i].Updated, want[i].Updated)
		got[i].Expires, got[i].Updated = want[i].Expires, want[i].Updated
		require.Equal(t, want[i], got[i])
	}
}

func order(t *testing.T, s registrar.Store) {
	put(t, s, "alice", sample("alice", "c"), sample("alice", "a"), sample("alice", "b"))
	require.Equal(t, []string{"c", "a", "b"}, ids(t, s, "alice"))
}

func editSees(t *testing.T, s registrar.Store) {
	put(t, s, "alice", sample("alice", "b"), sample("alice", "a"))
	var seen []string
	require.NoError(t, s.Update(t.Context(), "alice", func(cur []registrar.Binding) ([]registrar.Binding, error) {
		seen = idsOf(cur)
		return append(cur, sample("alice", "c")), nil
	}))
	require.Equal(t, []string{"b", "a"}, seen)
	require.Equal(t, []string{"b", "a", "c"}, ids(t, s, "alice"))
}

func forget(t *testing.T, s registrar.Store) {
	put(t, s, "alice", sample("alice", "a"))
	put(t, s, "alice")
	require.Empty(t, ids(t, s, "alice"))
}

func apart(t *testing.T, s registrar.Store) {
	put(t, s, "alice", sample("alice", "a"))
	put(t, s, "alice@example.com", sample("alice@example.com", "b"))
	put(t, s, "Alice", sample("Alice", "c"))
	require.Equal(t, []string{"a"}, ids(t, s, "alice"))
	require.Equal(t, []string{"b"}, ids(t, s, "alice@example.com"))
	require.Equal(t, []string{"c"}, ids(t, s, "Alice"))
}

var errEdit = errors.New("storetest: edit refuses")

func editError(t *testing.T, s registrar.Store) {
	put(t, s, "alice", sample("alice", "a"), sample("alice", "b"))
	err := s.Update(t.Context(), "alice", func(cur []registrar.Binding) ([]registrar.Binding, error) {
		cur[0].ID = "scribbled"
		return cur[:1], errEdit
	})
	require.ErrorIs(t, err, errEdit)
	require.Equal(t, []string{"a", "b"}, ids(t, s, "alice"))
}

func notShared(t *testing.T, s registrar.Store) {
	put(t, s, "alice", sample("alice", "a"), sample("alice", "b"))
	list, err := s.Lookup(t.Context(), "alice")
	require.NoError(t, err)
	list[0].ID = "scribbled"
	_ = append(list[:1], sample("alice", "c"))
	require.Equal(t, []string{"a", "b"}, ids(t, s, "alice"))
}

func cancelled(t *testing.T, s registrar.Store) {
	put(t, s, "alice", sample("alice", "a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	nothing := func([]registrar.Binding) ([]registrar.Binding, error) { return nil, nil }
	require.ErrorIs(t, s.Update(ctx, "alice", nothing), context.Canceled)
	_, err := s.Lookup(ctx, "alice")
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{"a"}, ids(t, s, "alice"))
}

func noLostUpdate(t *testing.T, s registrar.Store) {
	const writers = 100
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		wg.Go(func() {
			errs[i] = s.Update(t.Context(), "alice", func(cur []registrar.Binding) ([]registrar.Binding, error) {
				return append(cur, sample("alice", fmt.Sprintf("%03d", i))), nil
			})
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	got := ids(t, s, "alice")
	slices.Sort(got)
	require.Len(t, slices.Compact(got), writers)
}

func expiry(t *testing.T, s registrar.Store) {
	brief, long := sample("alice", "brief"), sample("alice", "long")
	brief.Expires = time.Now().Add(60 * time.Second)
	put(t, s, "alice", brief, long)
	time.Sleep(60*time.Second - 1)
	require.Equal(t, []string{"brief", "long"}, ids(t, s, "alice"), "a nanosecond before")
	time.Sleep(time.Nanosecond)
	require.Equal(t, []string{"long"}, ids(t, s, "alice"), "at the instant")
	require.NoError(t, s.Update(t.Context(), "alice", func(cur []registrar.Binding) ([]registrar.Binding, error) {
		require.Equal(t, []string{"long"}, idsOf(cur), "seen by edit")
		return cur, nil
	}))
}

func scan(t *testing.T, s registrar.Store) {
	scanner, ok := s.(registrar.Scanner)
	if !ok {
		t.Skip("the store is no registrar.Scanner")
	}
	var want []string
	for i := range 100 {
		aor := fmt.Sprintf("user%d", i)
		put(t, s, aor, sample(aor, aor+"a"), sample(aor, aor+"b"))
		want = append(want, aor+"a", aor+"b")
	}
	var got []string
	for b, err := range scanner.All(t.Context()) {
		require.NoError(t, err)
		got = append(got, b.ID)
		put(t, s, b.AOR, sample(b.AOR, b.AOR+"a"), sample(b.AOR, b.AOR+"b")) // no lock is held
	}
	require.ElementsMatch(t, want, got)
	for _, err := range scanner.All(t.Context()) {
		require.NoError(t, err)
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var last error
	for _, err := range scanner.All(ctx) {
		last = err
	}
	require.ErrorIs(t, last, context.Canceled)
}
