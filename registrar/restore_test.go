// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/registrar"
)

// onConn gives the bindings of aor a connection, which recorders cannot.
func onConn(t *testing.T, s registrar.Store, aor string) {
	t.Helper()
	require.NoError(t, s.Update(t.Context(), aor, func(cur []registrar.Binding) ([]registrar.Binding, error) {
		for i := range cur {
			cur[i].Flow.Transport, cur[i].Flow.Conn = flow.TCP, 7
		}
		return cur, nil
	}))
}

func restarted(store registrar.Store) (*registrar.Registrar, *hooks) {
	h := &hooks{}
	return &registrar.Registrar{AOR: registrar.Unauthenticated, TrustPath: anybody, Store: store, OnBind: h.bind, OnUnbind: h.unbind}, h
}

// TestRestore: a second Registrar on the store of a first.
func TestRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &registrar.Memory{}
		before, _ := restarted(store)
		alice().with("Contact: "+home, "Expires: 100").register(t, before)
		bob := phone{user: "bob", callID: "c2", cseq: 1, source: "203.0.113.9:2"}
		bob.with("Contact: <sip:bob@192.168.1.3>").register(t, before)
		onConn(t, store, "bob")
		carol := phone{user: "carol", callID: "c3", cseq: 1, source: "192.0.2.7:5060"}
		carol.with("Contact: <sip:carol@192.168.1.4>", "Path: <sip:t@192.0.2.7;lr>").register(t, before)
		onConn(t, store, "carol")
		targets, err := before.Lookup(t.Context(), "bob")
		require.NoError(t, err)
		require.Len(t, targets, 1, "the stream is this process's own")

		r, h := restarted(store)
		targets, err = r.Lookup(t.Context(), "alice")
		require.NoError(t, err)
		require.Len(t, targets, 1, "UDP lives on")
		require.Equal(t, "203.0.113.9:40112", targets[0].Peer.Flow.Remote.String())
		targets, err = r.Lookup(t.Context(), "bob")
		require.NoError(t, err)
		require.Empty(t, targets, "a connection of another boot")
		_, err = r.Locate(invite(t, "sip:bob@example.com"))
		require.ErrorIs(t, err, registrar.ErrNotFound)
		_, contacts := bob.with().register(t, r)
		require.Empty(t, contacts)
		targets, err = r.Lookup(t.Context(), "carol")
		require.NoError(t, err)
		require.Len(t, targets, 1, "the way is the Path")
		require.Equal(t, "", h.take())

		require.NoError(t, r.Restore(t.Context()))
		require.Equal(t, "bind 0 203.0.113.9:40112", h.take())
		require.Empty(t, stored(t, store, "bob"), "removed")
		require.Len(t, stored(t, store, "carol"), 1)
		require.NoError(t, r.Restore(t.Context()))
		require.Equal(t, "", h.take(), "known already")
		r.Closed(flow.Flow{Transport: flow.TCP, Conn: 7})
		require.Equal(t, "", h.take(), "a serial that is somebody else's now")
		time.Sleep(101 * time.Second)
		synctest.Wait()
		require.Equal(t, "unbind 0", h.take(), "expires as if made here")
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Zero(t, r.Tracked())
	})
}

// TestRestoreDeadReplaced: what an earlier boot has left does not stand in the
// way of the phone's next REGISTER.
func TestRestoreDeadReplaced(t *testing.T) {
	store := &registrar.Memory{}
	before, _ := restarted(store)
	alice().next("Contact: "+home).register(t, before)
	onConn(t, store, "alice")
	r, h := restarted(store)
	r.MaxContacts = 1
	code, contacts := alice().with("Contact: "+home).from("203.0.113.9:3").register(t, r)
	require.Equal(t, 200, code, "the CSeq of a dead binding orders nothing")
	require.Len(t, contacts, 1)
	require.Equal(t, "bind 0 203.0.113.9:3", h.take())
}

type noScan struct{ registrar.Store }

func TestRestoreFails(t *testing.T) {
	r, _ := restarted(noScan{&registrar.Memory{}})
	require.ErrorContains(t, r.Restore(t.Context()), "no Scanner")
	s := &flaky{Memory: &registrar.Memory{}}
	before, _ := restarted(s)
	alice().with("Contact: "+home).register(t, before)
	onConn(t, s, "alice")
	s.down.Store(true)
	r, _ = restarted(s)
	require.ErrorContains(t, r.Restore(t.Context()), "down")
}

// TestNodes: two Registrars on one store. Each answers for what it holds the
// flow of; the other is asked where that is.
func TestNodes(t *testing.T) {
	store := &registrar.Memory{}
	one, first := restarted(store)
	two, second := restarted(store)
	one.Node, two.Node = "one", "two"
	a := alice()
	a.with("Contact: "+home).register(t, one)
	onConn(t, store, "alice")
	require.NoError(t, two.Restore(t.Context()))
	require.Equal(t, "", second.take(), "pinged by its own node only")

	targets, err := two.Lookup(t.Context(), "alice")
	require.NoError(t, err)
	require.Empty(t, targets, "a flow that another node holds")
	two.Elsewhere = func(b registrar.Binding) (flow.Target, error) {
		if b.Contact == "sip:alice@192.168.1.9" {
			return flow.Target{}, errors.New("nowhere")
		}
		return flow.Target{ID: b.ID + " by way of " + b.Node}, nil
	}
	targets, err = two.Lookup(t.Context(), "alice")
	require.NoError(t, err)
	require.Len(t, targets, 1)
	require.Equal(t, stored(t, store, "alice")[0].ID+" by way of one", targets[0].ID)

	code, _ := a.next("Contact: "+home).from("203.0.113.9:2").register(t, two)
	require.Equal(t, 200, code)
	list := stored(t, store, "alice")
	require.Len(t, list, 1, "the owner has changed")
	require.Equal(t, "two", list[0].Node)
	require.Equal(t, "bind 0 203.0.113.9:2", second.take())
	require.Equal(t, "bind 0 203.0.113.9:40112", first.take())
	one.Drop(list[0].ID) // its pings are not answered any more
	require.Len(t, stored(t, store, "alice"), 1, "not one's to drop")
	require.Equal(t, "unbind 0", first.take())
	two.Drop(list[0].ID)
	require.Empty(t, stored(t, store, "alice"))

	a.with("Contact: <sip:alice@192.168.1.9>").register(t, one)
	targets, err = two.Lookup(t.Context(), "alice")
	require.NoError(t, err)
	require.Empty(t, targets, "nowhere")
}

func TestUnavailable(t *testing.T) {
	down := errors.New("down")
	err := &registrar.Unavailable{RetryAfter: 1500 * time.Millisecond, Err: down}
	require.ErrorIs(t, err, down)
	r := &registrar.Registrar{AOR: registrar.Unauthenticated, Store: &broken{err: err}}
	res := send(t, r, alice().with("Contact: "+home).request(t))
	require.Equal(t, 503, res.StatusCode)
	require.Equal(t, []string{"2"}, values(res, "Retry-After"))
	_, lookup := r.Locate(invite(t, "sip:alice@example.com"))
	code, _ := flow.Status(lookup)
	require.Equal(t, 503, code)
}
