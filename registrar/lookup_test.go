// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/registrar"
)

func TestLookup(t *testing.T) {
	r, store := open()
	r.NAT = always
	alice().with("Contact: <sip:alice@192.168.1.2;ob?x=y>;q=0.5", "Contact: <sip:alice@192.168.1.3>", "Contact: <sip:alice@192.168.1.4>;q=0.5").register(t, r)
	other := phone{user: "alice", callID: "c2", cseq: 1, source: "198.51.100.7:2000"}
	other.with("Contact: <sip:alice@10.0.0.1>;q=0.5", "Path: <sip:t@192.0.2.77;lr>, <sip:192.0.2.78;lr>").register(t, r)

	targets, err := r.Lookup(t.Context(), "alice")
	require.NoError(t, err)
	var uris []string
	var qs []int
	for _, tg := range targets {
		uris, qs = append(uris, tg.URI.String()), append(qs, tg.Q)
	}
	require.Equal(t, []int{1000, 500, 500, 500}, qs)
	require.Equal(t, "sip:alice@192.168.1.3", uris[0])
	require.Equal(t, "sip:alice@10.0.0.1", uris[1], "the newest of a group first")
	require.Contains(t, uris, "sip:alice@192.168.1.2;ob", "a Request-URI has no headers")

	direct := targets[0]
	require.True(t, direct.Peer.NAT)
	require.Equal(t, "203.0.113.9:40112", direct.Peer.Flow.Remote.String())
	require.Empty(t, direct.Route)
	require.Equal(t, stored(t, store, "alice")[1].ID, direct.ID)

	routed := targets[1]
	require.False(t, routed.Peer.Flow.IsValid(), "the way is the Path")
	require.Len(t, routed.Route, 2)
	req := invite(t, "sip:alice@example.com")
	routed.Apply(req)
	require.Equal(t, "sip:alice@10.0.0.1", req.Recipient.String())
	require.Equal(t, []string{"<sip:t@192.0.2.77;lr>", "<sip:192.0.2.78;lr>"}, values(req, "Route"))

	targets, err = r.Lookup(t.Context(), "nobody")
	require.NoError(t, err)
	require.Empty(t, targets)
}

// TestLookupInstance: one target per phone, its newest flow.
func TestLookupInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &registrar.Registrar{AOR: registrar.Unauthenticated}
		udp := alice()
		tcp := phone{user: "alice", callID: "c2", cseq: 1, transport: "TCP", source: "203.0.113.9:2"}
		only := func(source string) {
			t.Helper()
			targets, err := r.Lookup(t.Context(), "alice")
			require.NoError(t, err)
			require.Len(t, targets, 1)
			require.Equal(t, source, targets[0].Peer.Flow.Remote.String())
		}
		udp.with("Contact: "+home+cell).register(t, r)
		time.Sleep(time.Second)
		tcp.with("Contact: <sip:alice@192.168.1.2;transport=tcp>"+cell, "Expires: 60").register(t, r)
		only(tcp.source)
		time.Sleep(time.Second)
		udp.next("Contact: "+home+cell).register(t, r)
		only(udp.source)
		time.Sleep(time.Second)
		tcp.next("Contact: <sip:alice@192.168.1.2;transport=tcp>"+cell, "Expires: 60").register(t, r)
		only(tcp.source)
		time.Sleep(time.Minute)
		only(udp.source) // the other has expired
		time.Sleep(time.Hour)
	})
}

func TestLocate(t *testing.T) {
	r := &registrar.Registrar{AOR: registrar.Unauthenticated, Domains: []string{"example.com"}}
	alice().with("Contact: "+home).register(t, r)
	for _, tc := range []struct {
		name, ruri string
		targets    int
		err        error
		code       int
	}{
		{"registered", "sip:alice@example.com", 1, nil, 0},
		{"the port does not count", "sip:alice@example.com:5099", 1, nil, 0},
		{"never seen", "sip:bob@example.com", 0, registrar.ErrNotFound, 404},
		{"no user", "sip:example.com", 0, registrar.ErrNotFound, 404},
		{"not ours", "sip:alice@192.168.1.2", 0, registrar.ErrForeign, 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			targets, err := r.Locate(invite(t, tc.ruri))
			require.ErrorIs(t, err, tc.err)
			require.Len(t, targets, tc.targets)
			if err != nil {
				code, _ := flow.Status(err)
				require.Equal(t, tc.code, code)
			}
		})
	}
}

// broken is a store that has failed, or hangs until its context ends.
type broken struct {
	registrar.Store
	err error
}

func (b *broken) wait(ctx context.Context) error {
	if b.err != nil {
		return b.err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (b *broken) Update(ctx context.Context, _ string, _ func([]registrar.Binding) ([]registrar.Binding, error)) error {
	return b.wait(ctx)
}

func (b *broken) Lookup(ctx context.Context, _ string) ([]registrar.Binding, error) {
	return nil, b.wait(ctx)
}

func TestStoreFails(t *testing.T) {
	down := errors.New("down")
	r := &registrar.Registrar{AOR: registrar.Unauthenticated, Store: &broken{err: down}}
	code, _ := alice().with("Contact: "+home).register(t, r)
	require.Equal(t, 500, code)
	code, _ = alice().register(t, r)
	require.Equal(t, 500, code)
	_, err := r.Locate(invite(t, "sip:alice@example.com"))
	require.ErrorIs(t, err, down)
	code, _ = flow.Status(err)
	require.Equal(t, 500, code)
}

func TestStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &registrar.Registrar{Store: &broken{}, Timeout: 3 * time.Second}
		start := time.Now()
		_, err := r.Locate(invite(t, "sip:alice@example.com"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 3*time.Second, time.Since(start))
	})
}

// TestPathOfAStranger: whoever may register must not thereby say where requests
// are sent.
func TestPathOfAStranger(t *testing.T) {
	r, store := open()
	for name, trust := range map[string]func(flow.Flow) bool{"nobody is trusted": nil, "others are": func(f flow.Flow) bool { return f.Remote.Port() == 1 }} {
		r.TrustPath = trust
		alice().with("Contact: "+home, "Path: <sip:10.0.0.1;lr>").register(t, r)
		require.Empty(t, stored(t, store, "alice")[0].Path, name)
		res := send(t, r, alice().next("Contact: "+home, "Path: <sip:10.0.0.1;lr>", "Supported: path").request(t))
		require.Empty(t, values(res, "Path"), name)
		targets, err := r.Lookup(t.Context(), "alice")
		require.NoError(t, err)
		require.Empty(t, targets[0].Route)
		require.True(t, targets[0].Peer.Flow.IsValid())
	}
}

func TestKnown(t *testing.T) {
	r := &registrar.Registrar{Domains: []string{"example.com"}, Known: func(a string) bool { return a == "bob@example.com" }}
	for user, want := range map[string]error{"bob": registrar.ErrUnregistered, "nobody": registrar.ErrNotFound} {
		_, err := r.Locate(sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", User: user, Host: "Example.com"}))
		require.ErrorIs(t, err, want)
	}
	code, _ := flow.Status(registrar.ErrUnregistered)
	require.Equal(t, 480, code)
}
