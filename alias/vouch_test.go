// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias_test

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
)

// vouchedURI is a Contact's URI after Vouch.
func vouchedURI(t testing.TB, s *alias.Signer, contact string) string {
	t.Helper()
	req := invite(t, contact)
	require.NoError(t, s.Vouch(req))
	return contactURI(t, req)
}

func uriOf(t testing.TB, text string) *sip.Uri {
	t.Helper()
	var u sip.Uri
	require.NoError(t, sip.ParseUri(text, &u))
	return &u
}

func TestVouch(t *testing.T) {
	s := newSigner(t, key)
	const host = "sip:trunk@gw.example.com:5070;transport=tcp;x=y"
	good := vouchedURI(t, s, "<"+host+">")
	replace := func(old, with string) string { return strings.Replace(good, old, with, 1) }
	for _, c := range []struct {
		name, uri string
		want      bool
	}{
		{"itself", good, true},
		{"host in other case", replace("gw.example", "GW.Example"), true},
		{"transport in other case", replace("=tcp", "=TCP"), true},
		{"escaped user", replace("trunk@", "%74runk@"), true},
		{"a parameter that leads nowhere is gone", replace(";x=y", ""), true},
		{"another host", replace("gw.", "db."), false},
		{"another port", replace("5070", "5071"), false},
		{"no port", replace(":5070", ""), false},
		{"another transport", replace("tcp", "udp"), false},
		{"no transport", replace(";transport=tcp", ""), false},
		{"another user", replace("trunk@", "root@"), false},
		{"no user", replace("trunk@", ""), false},
		{"sips", replace("sip:", "sips:"), false},
		{"maddr", good + ";maddr=10.0.0.1", false},
		{"MADDR", good + ";MADDR=10.0.0.1", false},
		{"a second transport", good + ";Transport=udp", false},
		{"nothing", host, false},
		{"empty", host + ";sna=", false},
		{"another key's", vouchedURI(t, newSigner(t, other), "<"+host+">"), false},
		{"that of a flow", contactOf(t, s, "<"+host+">"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, s.Vouched(uriOf(t, c.uri)))
		})
	}
	t.Run("IPv6 in another spelling", func(t *testing.T) {
		good := vouchedURI(t, s, "<sip:a@[2001:db8::1]:5060>")
		require.True(t, s.Vouched(uriOf(t, strings.Replace(good, "[2001:db8::1]", "[2001:DB8:0::1]", 1))))
	})
	t.Run("twice is once", func(t *testing.T) {
		require.Equal(t, good, vouchedURI(t, s, "<"+good+">"))
	})
	t.Run("a flow takes its place, and the other way round", func(t *testing.T) {
		require.Equal(t, contactOf(t, s, "<"+host+">"), contactOf(t, s, "<"+good+">"))
		require.Equal(t, good, vouchedURI(t, s, "<"+contactOf(t, s, "<"+host+">")+">"))
	})
	t.Run("what cannot be signed", func(t *testing.T) {
		for _, contact := range []string{"*", "<tel:+123>"} {
			req := invite(t, contact)
			before := req.String()
			require.NoError(t, s.Vouch(req))
			require.Equal(t, before, req.String())
		}
		require.ErrorIs(t, new(alias.Signer).Vouch(invite(t, "<sip:a@b>")), alias.ErrKey)
		require.False(t, new(alias.Signer).Vouched(uriOf(t, good)))
		req := invite(t)
		req.AppendHeader(sip.NewHeader("Contact", "<sip:a@b>"))
		require.ErrorIs(t, s.Vouch(req), alias.ErrMalformed)
	})
}

// TestVouchedHasNoFlow: what only vouches for a URI is no flow to a B2BUA.
func TestVouchedHasNoFlow(t *testing.T) {
	s := newSigner(t, key)
	req := toURI(t, vouchedURI(t, s, "<sip:a@10.0.0.1>"))
	before := req.String()
	f, err := s.Resolve(req)
	require.ErrorIs(t, err, alias.ErrNone)
	require.Zero(t, f)
	require.Equal(t, before, req.String())
}

func TestVouchedTarget(t *testing.T) {
	s := newSigner(t, key)
	uri := vouchedURI(t, s, "<sip:gw@198.51.100.7:5070;x>")
	t.Run("goes where it says", func(t *testing.T) {
		bye := toURI(t, uri)
		passed, target, answer := through(t, s, bye)
		require.True(t, passed)
		require.Zero(t, answer)
		require.Equal(t, "sip:gw@198.51.100.7:5070;x", target.URI.String())
		require.False(t, target.Peer.Flow.IsValid())
		require.Equal(t, "sip:gw@198.51.100.7:5070;x", bye.Recipient.String())
	})
	t.Run("altered", func(t *testing.T) {
		passed, _, answer := through(t, s, toURI(t, strings.Replace(uri, "198.51.100.7", "10.0.0.7", 1)))
		require.False(t, passed)
		require.Equal(t, 403, answer)
	})
	require.Equal(t, alias.Stats{Resolved: 1, Refused: 1}, s.Stats())
}

// TestDialogWithoutSignature: our Record-Route says that a dialog was set up
// through us, and nothing about the Request-URI that its parties write.
func TestDialogWithoutSignature(t *testing.T) {
	const elsewhere = "sip:x@10.0.0.7:5060"
	inDialog := func(method string) *sip.Request {
		req := parse(t, method+" "+elsewhere+" SIP/2.0").(*sip.Request)
		req.To().Params.Add("tag", "b")
		return req
	}
	byItself := flow.Target{URI: *uriOf(t, elsewhere)}
	for _, c := range []struct {
		name   string
		h      hooks
		req    *sip.Request
		before []flow.Target
		passes bool
	}{
		{"nothing but its Record-Route", newSigner(t, key), inDialog("BYE"), []flow.Target{byItself}, false},
		{"a policy of the user's own", newSigner(t, key), inDialog("BYE"), []flow.Target{byItself, {URI: sip.Uri{Host: "trunk.example.com"}}}, true},
		{"a policy with a Route", newSigner(t, key), inDialog("BYE"), []flow.Target{{URI: byItself.URI, Route: []sip.Uri{{Host: "trunk.example.com"}}}}, true},
		{"no target: for who is behind to find one", newSigner(t, key), inDialog("BYE"), nil, true},
		{"outside a dialog", newSigner(t, key), parse(t, "OPTIONS "+elsewhere+" SIP/2.0").(*sip.Request), []flow.Target{byItself}, true},
		{"legacy has no signatures", &alias.Legacy{}, inDialog("BYE"), []flow.Target{byItself}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			passed, _, answer := through(t, c.h, c.req, c.before...)
			require.Equal(t, c.passes, passed)
			if !c.passes {
				require.Equal(t, 403, answer)
			}
		})
	}
	t.Run("ACK", func(t *testing.T) {
		s := newSigner(t, key)
		passed, _, answer := through(t, s, inDialog("ACK"), byItself)
		require.False(t, passed)
		require.Zero(t, answer)
		require.Equal(t, alias.Stats{Dropped: 1}, s.Stats())
	})
}

// FuzzVouched: nothing but what Vouch writes passes, for that URI alone.
func FuzzVouched(f *testing.F) {
	s := newSigner(f, key)
	good := uriOf(f, vouchedURI(f, s, "<sip:alice@192.0.2.7:5060>"))
	token, _ := good.UriParams.Get(alias.Param)
	f.Add("alice", "192.0.2.7", 5060, "udp", token)
	f.Add("alice", "192.0.2.7", 5060, "", token)
	f.Add("", "", 0, "", "")
	f.Fuzz(func(t *testing.T, user, host string, port int, transport, token string) {
		u := sip.Uri{Scheme: "sip", User: user, Host: host, Port: port, UriParams: sip.HeaderParams{{K: "transport", V: transport}, {K: alias.Param, V: token}}}
		if !s.Vouched(&u) {
			return
		}
		again := invite(t, "<sip:x@y>")
		again.Contact().Address = *u.Clone()
		require.NoError(t, s.Vouch(again))
		require.Equal(t, token, again.Contact().Address.UriParams[0].V)
	})
}
