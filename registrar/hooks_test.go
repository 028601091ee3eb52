// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/registrar"
)

func hooked() (*registrar.Registrar, *registrar.Memory, *hooks) {
	h := &hooks{}
	r, store := open()
	r.OnBind, r.OnUnbind = h.bind, h.unbind
	return r, store, h
}

func TestHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, store, h := hooked()
		a := alice()
		a.with("Contact: "+home).register(t, r)
		require.Equal(t, "bind 0 203.0.113.9:40112", h.take())
		a.next("Contact: "+home).register(t, r)
		require.Equal(t, "", h.take(), "a refresh on the same flow")
		a.next().next("Contact: "+home).from("203.0.113.9:2").register(t, r)
		require.Equal(t, "bind 0 203.0.113.9:2", h.take(), "the flow has changed")
		a.with("Contact: "+home).register(t, r)
		require.Equal(t, "", h.take(), "refused")
		a.cseq = 9
		a.with("Contact: "+home, "Path: <sip:t@e;lr>").register(t, r)
		require.Equal(t, "unbind 0", h.take(), "through a proxy now: no flow of its own")
		a.next("Contact: "+home).register(t, r)
		require.Equal(t, "bind 0 203.0.113.9:40112", h.take())
		a.next().next("Contact: "+home+";expires=0", "Contact: <sip:x@192.168.1.2>").register(t, r)
		require.Equal(t, "bind 1 203.0.113.9:40112, unbind 0", h.take())

		r.Drop(h.ids[1])
		require.Equal(t, "unbind 1", h.take())
		require.Empty(t, stored(t, store, "alice"))
		r.Drop(h.ids[1])
		r.Drop("garbage")
		require.Equal(t, "", h.take())
	})
}

// TestExpiry: nobody asks and nothing runs, yet the hook is called and the
// store emptied.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, store, h := hooked()
		time.Sleep(300 * time.Millisecond)
		alice().with("Contact: "+home, "Expires: 60").register(t, r)
		bob := phone{user: "bob", callID: "c2", cseq: 1, source: "203.0.113.9:2"}
		bob.with("Contact: <sip:bob@192.168.1.3>", "Expires: 100").register(t, r)
		h.take()
		time.Sleep(50 * time.Second)
		alice().next("Contact: "+home, "Expires: 100").register(t, r) // ends at 150.3 s
		time.Sleep(50*time.Second - 1)                                // 100.3 s - 1 ns
		require.Len(t, stored(t, store, "bob"), 1)
		time.Sleep(time.Nanosecond)
		require.Empty(t, stored(t, store, "bob"), "gone at the instant")
		require.Equal(t, "", h.take())
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, "unbind 1", h.take(), "within a second")
		require.Len(t, stored(t, store, "alice"), 1, "refreshed in time")
		time.Sleep(50 * time.Second)
		synctest.Wait()
		require.Equal(t, "unbind 0", h.take())
		require.Zero(t, r.Tracked())
		require.Zero(t, store.Records(), "nothing is left to look at")
	})
}

// TestExpiryStoreFails: with a store that fails for a while, the end is told later.
func TestExpiryStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &flaky{Memory: &registrar.Memory{}}
		h := &hooks{}
		r := &registrar.Registrar{AOR: registrar.Unauthenticated, Store: s, OnBind: h.bind, OnUnbind: h.unbind, Logger: slog.New(slog.DiscardHandler)}
		alice().with("Contact: "+home, "Expires: 60").register(t, r)
		h.take()
		s.down.Store(true)
		time.Sleep(65 * time.Second)
		synctest.Wait()
		require.Equal(t, "", h.take())
		s.down.Store(false)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, "unbind 0", h.take())
	})
}

type flaky struct {
	*registrar.Memory
	down atomic.Bool
}

func (f *flaky) Update(ctx context.Context, aor string, edit func([]registrar.Binding) ([]registrar.Binding, error)) error {
	if f.down.Load() {
		return errors.New("down")
	}
	return f.Memory.Update(ctx, aor, edit)
}

// TestOvertaken: between the store's and the hooks' turn in one REGISTER,
// another change of the same binding goes all the way.
func TestOvertaken(t *testing.T) {
	h := &hooks{}
	s := &delayed{Memory: &registrar.Memory{}}
	r := &registrar.Registrar{AOR: registrar.Unauthenticated, Store: s, OnBind: h.bind, OnUnbind: h.unbind}
	a := alice()

	s.then = func() { r.Drop(stored(t, s, "alice")[0].ID) }
	a.with("Contact: "+home).register(t, r)
	require.Equal(t, "", h.take(), "it had ended before anybody was told")
	require.Zero(t, r.Tracked())

	a.next("Contact: "+home).register(t, r)
	require.Equal(t, "bind 0 203.0.113.9:40112", h.take())
	a.cseq = 3
	s.then = func() { a.next("Contact: "+home).from("203.0.113.9:4").register(t, r) }
	a.from("203.0.113.9:3").with("Contact: "+home).register(t, r)
	require.Equal(t, "bind 0 203.0.113.9:4", h.take(), "the older flow is not told any more")
}

// delayed runs then, once, when an Update or Refresh has been done and before it returns.
type delayed struct {
	*registrar.Memory
	then func()
}

func (d *delayed) Update(ctx context.Context, aor string, edit func([]registrar.Binding) ([]registrar.Binding, error)) error {
	err := d.Memory.Update(ctx, aor, edit)
	d.meanwhile()
	return err
}

func (d *delayed) Refresh(ctx context.Context, b *registrar.Binding) (bool, error) {
	ok, err := d.Memory.Refresh(ctx, b)
	if ok {
		d.meanwhile()
	}
	return ok, err
}

func (d *delayed) meanwhile() {
	if then := d.then; then != nil {
		d.then = nil
		then()
	}
}

// TestHooksUnderLoad: whatever comes at once, for each ID bind comes first,
// unbind last and once, and never two calls at a time.
func TestHooksUnderLoad(t *testing.T) {
	var mu sync.Mutex
	state := map[string]string{}
	busy := map[string]bool{}
	enter := func(id, from, to string) {
		mu.Lock()
		defer mu.Unlock()
		if busy[id] || state[id] == "unbound" || (from == "" && state[id] != "bound") {
			t.Errorf("%s: %q after %q, busy %v", id, to, state[id], busy[id])
		}
		state[id], busy[id] = to, true
	}
	leave := func(id string) {
		mu.Lock()
		defer mu.Unlock()
		busy[id] = false
	}
	var r *registrar.Registrar
	r = &registrar.Registrar{
		AOR: registrar.Unauthenticated, MaxContacts: 100,
		OnBind: func(id string, _ flow.Flow) {
			enter(id, "any", "bound")
			leave(id)
			if id[0]%4 == 0 {
				r.Drop(id) // from within: no deadlock
			}
		},
		OnUnbind: func(id string) { enter(id, "", "unbound"); leave(id) },
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 40 {
				p := phone{user: "alice", callID: fmt.Sprint("c", i%4), cseq: n + 1, source: fmt.Sprintf("203.0.113.9:%d", 1000+i*100+n)}
				contact := fmt.Sprintf("Contact: <sip:alice@192.168.1.%d>", i%4)
				if n%5 == 4 {
					contact += ";expires=0"
				}
				send(t, r, p.with(contact).request(t))
				if n%7 == 6 {
					targets, _ := r.Lookup(t.Context(), "alice")
					for _, tg := range targets {
						r.Drop(tg.ID)
					}
				}
			}
		})
	}
	wg.Wait()
	last := phone{user: "alice", callID: "last", cseq: 1, source: "203.0.113.9:1"}
	code, _ := last.with("Contact: *", "Expires: 0").register(t, r)
	require.Equal(t, 200, code)
	for id, s := range state {
		require.Equal(t, "unbound", s, id)
	}
	require.Zero(t, r.Tracked())
}
