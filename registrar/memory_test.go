// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/registrar/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) registrar.Store { return &registrar.Memory{} })
}

// TestMemoryCollisions: all addresses have the same hash.
func TestMemoryCollisions(t *testing.T) {
	storetest.Run(t, func(*testing.T) registrar.Store {
		m := &registrar.Memory{}
		m.Collide()
		return m
	})
	m := &registrar.Memory{}
	m.Collide()
	for _, aor := range []string{"alice", "bob", "carol"} {
		save(t, m, usual(aor, aor+"1"), usual(aor, aor+"2"))
	}
	save(t, m, usual("bob", "bob3"))
	b := usual("bob", "bob3")
	b.CSeq++
	ok, err := m.Refresh(t.Context(), &b)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, m.Update(t.Context(), "carol", func([]registrar.Binding) ([]registrar.Binding, error) { return nil, nil }))
	require.Len(t, stored(t, m, "alice"), 2)
	require.Contains(t, stored(t, m, "alice")[0].Contact, "alice1", "in their order")
	require.Len(t, stored(t, m, "bob"), 1)
	require.Empty(t, stored(t, m, "carol"))
	require.Equal(t, 2, m.Records())
}

// usual is a binding of usual size: an address of 25 bytes, a contact of 40, a
// Call-ID of 35, an instance, a user agent.
func usual(aor, name string) registrar.Binding {
	return registrar.Binding{
		ID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ." + aor, AOR: aor, Contact: fmt.Sprintf("sip:%012.12s@192.168.100.200:5060", name), Q: 1000,
		Expires: time.Now().Add(time.Hour), Updated: time.Now(), CallID: fmt.Sprintf("%035.35s", name), CSeq: 1,
		Flow: flow.Flow{Transport: flow.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("203.0.113.9:40112")},
		NAT:  true, InstanceID: "urn:uuid:00000000-0000-1000-8000-000A95A0E128", UserAgent: "Phone 1.2.3 (release)", Boot: 7,
	}
}

func save(t testing.TB, m *registrar.Memory, list ...registrar.Binding) {
	t.Helper()
	require.NoError(t, m.Update(context.Background(), list[0].AOR, func([]registrar.Binding) ([]registrar.Binding, error) { return list, nil }))
}

// TestRefresh: what the short way takes, and what it leaves alone.
func TestRefresh(t *testing.T) {
	later := func(b registrar.Binding) registrar.Binding {
		b.ID, b.CSeq, b.NAT, b.Boot = "", b.CSeq+1, false, 8
		b.Expires = b.Expires.Add(time.Hour)
		b.Flow = flow.Flow{Transport: flow.TCP, Local: netip.MustParseAddrPort("[2001:db8::1]:5060"), Remote: netip.MustParseAddrPort("[2001:db8::2]:1"), Conn: 9}
		return b
	}
	for _, tc := range []struct {
		name   string
		change func(*registrar.Binding)
		ok     bool
	}{
		{"a refresh", func(*registrar.Binding) {}, true},
		{"a repeat", func(b *registrar.Binding) { b.CSeq-- }, false},
		{"an earlier one", func(b *registrar.Binding) { b.CSeq -= 2 }, false},
		{"another Call-ID", func(b *registrar.Binding) { b.CallID += "x" }, false},
		{"another contact", func(b *registrar.Binding) { b.Contact += "x" }, false},
		{"another instance", func(b *registrar.Binding) { b.InstanceID += "x" }, false},
		{"another reg-id", func(b *registrar.Binding) { b.RegID++ }, false},
		{"another q", func(b *registrar.Binding) { b.Q-- }, false},
		{"another user agent", func(b *registrar.Binding) { b.UserAgent = "" }, false},
		{"another node", func(b *registrar.Binding) { b.Node = "x" }, false},
		{"a Path", func(b *registrar.Binding) { b.Path = []string{"sip:p;lr"} }, false},
		{"another address", func(b *registrar.Binding) { b.AOR = "bob" }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := &registrar.Memory{}
			old := usual("alice@sip.example.com", "alice")
			save(t, m, old)
			before := stored(t, m, old.AOR)
			b := later(old)
			tc.change(&b)
			ok, err := m.Refresh(t.Context(), &b)
			require.NoError(t, err)
			require.Equal(t, tc.ok, ok)
			if !ok {
				require.Equal(t, before, stored(t, m, old.AOR))
				return
			}
			require.Equal(t, old.ID, b.ID)
			require.True(t, b.Updated.After(old.Updated))
			got := stored(t, m, old.AOR)[0]
			require.True(t, b.Updated.Equal(got.Updated))
			require.True(t, b.Expires.Equal(got.Expires))
			got.Updated, got.Expires = b.Updated, b.Expires
			require.Equal(t, b, got)
		})
	}
}

func TestRefreshExpiredOrAmongOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &registrar.Memory{}
		save(t, m, usual("alice", "a"), usual("alice", "b"))
		b := usual("alice", "b")
		b.CSeq++
		ok, err := m.Refresh(t.Context(), &b)
		require.NoError(t, err)
		require.False(t, ok, "one of two")
		save(t, m, usual("alice", "a"))
		time.Sleep(time.Hour)
		b = usual("alice", "a")
		b.CSeq++
		ok, err = m.Refresh(t.Context(), &b)
		require.NoError(t, err)
		require.False(t, ok, "it has expired")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = m.Refresh(ctx, &b)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// TestRefreshAgainstUpdate: an Update never undoes a Refresh that came between
// its reading and its writing.
func TestRefreshAgainstUpdate(t *testing.T) {
	m := &registrar.Memory{}
	save(t, m, usual("alice", "a"))
	runs := 0
	require.NoError(t, m.Update(t.Context(), "alice", func(cur []registrar.Binding) ([]registrar.Binding, error) {
		if runs++; runs == 1 {
			b := usual("alice", "a")
			b.CSeq = 9
			ok, err := m.Refresh(t.Context(), &b)
			require.NoError(t, err)
			require.True(t, ok)
		}
		return append(cur, usual("alice", "b")), nil
	}))
	require.Equal(t, 2, runs)
	require.Equal(t, uint32(9), stored(t, m, "alice")[0].CSeq)
}

func TestMemoryAllocations(t *testing.T) {
	m := &registrar.Memory{}
	save(t, m, usual("alice@sip.example.com", "alice"))
	b := usual("alice@sip.example.com", "alice")
	ctx := context.Background()
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		b.CSeq++
		if ok, err := m.Refresh(ctx, &b); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}))
	require.LessOrEqual(t, testing.AllocsPerRun(1000, func() {
		if list, err := m.Lookup(ctx, b.AOR); len(list) != 1 || err != nil {
			t.Fatal(list, err)
		}
	}), 1.0)
}

// TestMemorySize: what a binding takes of the heap, at 10^5 of them.
func TestMemorySize(t *testing.T) {
	const n = 1e5
	m := &registrar.Memory{}
	before := heapInUse()
	for i := range int(n) {
		save(t, m, usual(fmt.Sprintf("user%06d@sip.example.com", i), strings.Repeat("x", i%7)+fmt.Sprint(i)))
	}
	per := float64(heapInUse()-before) / n
	t.Logf("%.0f bytes", per)
	require.Less(t, per, 350.0)
	runtime.KeepAlive(m)
}

// TestSweepInSteps: however many end at once, no more than a handful is looked
// at with the lock held, and registrations go on meanwhile.
func TestSweepInSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10000
		r, store := open()
		r.Expires = registrar.Expires{Max: 4 * time.Hour}
		regs := make([]phone, n)
		for i := range regs {
			regs[i] = phone{user: fmt.Sprint("user", i), callID: fmt.Sprint("c", i), cseq: 1, source: "203.0.113.9:1"}
			regs[i].with(fmt.Sprintf("Contact: <sip:user%d@192.168.1.2>", i), "Expires: 100").register(t, r)
		}
		refresh := func(i int, expires string) {
			regs[i].cseq++
			code, _ := regs[i].with(fmt.Sprintf("Contact: <sip:user%d@192.168.1.2>", i), "Expires: "+expires).register(t, r)
			require.Equal(t, 200, code)
		}
		time.Sleep(50 * time.Second)
		for i := range n / 4 {
			refresh(i, "14400") // further than one turn of the wheel
		}
		for i := n / 4; i < n/2; i++ {
			refresh(i, "60") // a little further
		}
		time.Sleep(50*time.Second - 1)
		require.Equal(t, 2*n, r.Tracked(), "each once in the ledger and once on the wheel")
		looked, steps := r.Sweep(time.Now().Add(time.Second))
		require.Equal(t, n, looked, "those that are not due are looked at once")
		require.GreaterOrEqual(t, steps, n/registrar.AtOnce)
		require.Equal(t, n, store.Records(), "nothing has been removed by looking")
	})
}

// TestWheelTurns: expiry is exact to the second over several turns, whatever the
// order in which bindings come and are refreshed.
func TestWheelTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, store, h := hooked()
		r.Expires = registrar.Expires{Max: 24 * time.Hour}
		var wg sync.WaitGroup
		start := time.Now()
		lives := []int{60, 4095, 4096, 4097, 8192, 9000, 3600, 61, 86400, 20000}
		for i, life := range lives {
			p := phone{user: fmt.Sprint("u", i), callID: fmt.Sprint("c", i), cseq: 1, source: "203.0.113.9:1"}
			p.with("Contact: <sip:u@192.168.1.2>", fmt.Sprint("Expires: ", life)).register(t, r)
			wg.Go(func() {
				time.Sleep(time.Duration(life)*time.Second - 1)
				require.Len(t, stored(t, store, p.user), 1, p.user)
				time.Sleep(time.Nanosecond)
				require.Empty(t, stored(t, store, p.user), p.user)
			})
		}
		h.take()
		wg.Wait()
		require.Equal(t, 86400*time.Second, time.Since(start))
		time.Sleep(time.Second)
		synctest.Wait()
		require.Zero(t, r.Tracked())
		require.Zero(t, store.Records())
		require.Equal(t, len(lives), strings.Count(h.take(), "unbind"))
	})
}
