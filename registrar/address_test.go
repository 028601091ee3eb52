// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/registrar"
)

func uri(t testing.TB, s string) sip.Uri {
	t.Helper()
	var u sip.Uri
	require.NoError(t, sip.ParseUri(s, &u))
	return u
}

func TestAddress(t *testing.T) {
	ours := []string{"Example.com", "2001:DB8::1", "192.0.2.1"}
	for _, tc := range []struct {
		name    string
		domains []string
		uri     string
		want    string
		err     error
	}{
		{"any host is ours", nil, "sip:alice@anywhere:5070;transport=tcp", "alice", nil},
		{"case of the user counts", nil, "sip:Alice@h", "Alice", nil},
		{"password does not", nil, "sip:alice:pw@h", "alice", nil},
		{"needless escape", nil, "sip:%61lice@h", "alice", nil},
		{"needed escape, case", nil, "sip:a%40b%3a@h", "a%40b%3A", nil},
		{"reserved is not its escape", nil, "sip:a;b%3Bc@h", "a;b%3Bc", nil},
		{"raw # as phones dial it", nil, "sip:*21#@h", "*21%23", nil},
		{"broken escape", nil, "sip:a%zz@h", "a%25zz", nil},
		{"no user", nil, "sip:h", "", registrar.ErrNotFound},
		{"no host", ours, "sip:alice@", "", registrar.ErrNotFound},
		{"not SIP", nil, "tel:+1234", "", registrar.ErrNotFound},
		{"our domain", ours, "sips:alice@EXAMPLE.com.:5061", "alice@example.com", nil},
		{"our address", ours, "sip:alice@192.0.2.1", "alice@192.0.2.1", nil},
		{"our IPv6 address, other spelling", ours, "sip:alice@[2001:db8:0::1]:5060", "alice@[2001:db8::1]", nil},
		{"foreign", ours, "sip:alice@example.org", "", registrar.ErrForeign},
		{"subdomain is foreign", ours, "sip:alice@a.example.com", "", registrar.ErrForeign},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &registrar.Registrar{Domains: tc.domains, AOR: registrar.Unauthenticated}
			got, err := r.Address(uri(t, tc.uri))
			require.ErrorIs(t, err, tc.err)
			require.Equal(t, tc.want, got)
		})
	}
}

// TestNames: whatever form an AOR hook writes a name in, Lookup and Locate find
// it under all others.
func TestNames(t *testing.T) {
	forms := []string{"sip:*2%40x%23@example.com", "SIPS:*2%40x%23:pw@EXAMPLE.com:5061;x=y?a=b", "*2%40x#@example.com"}
	for _, domains := range [][]string{nil, {"example.com", "example.org"}} {
		for _, form := range forms {
			r := &registrar.Registrar{Domains: domains, AOR: func(*sip.Request, sip.ServerTransaction) (string, error) { return form, nil }}
			code, _ := alice().with("Contact: "+home).register(t, r)
			require.Equal(t, 200, code, form)
			key, err := r.Address(uri(t, "sip:%2A2%40x%23@example.com"))
			require.NoError(t, err)
			for _, name := range append(forms[:len(forms):len(forms)], key) {
				targets, err := r.Lookup(t.Context(), name)
				require.NoError(t, err, name)
				require.Len(t, targets, 1, name)
			}
			targets, err := r.Locate(invite(t, "sip:*2%40x%23@example.com:5062;user=phone"))
			require.NoError(t, err)
			require.Len(t, targets, 1)
		}
	}
	r := &registrar.Registrar{Domains: []string{"example.com", "example.org"}, AOR: func(*sip.Request, sip.ServerTransaction) (string, error) { return "bob", nil }}
	alice().with("Contact: "+home).register(t, r)
	targets, err := r.Lookup(t.Context(), "bob@example.com")
	require.NoError(t, err)
	require.Len(t, targets, 1, "a name without a host is of the first domain")
}

// TestUnauthenticated agrees with Locate, with and without domains.
func TestUnauthenticated(t *testing.T) {
	for _, user := range []string{"alice", "%61lice", "a%40b", "a:b:c", "*21#", "a;x=y", "sip%3Abob"} {
		for _, domains := range [][]string{nil, {"example.com"}} {
			r := &registrar.Registrar{Domains: domains, AOR: registrar.Unauthenticated}
			p := alice()
			p.user = user
			code, _ := p.with("Contact: "+home).register(t, r)
			require.Equal(t, 200, code, user)
			targets, err := r.Locate(invite(t, "sip:"+user+"@example.com:5062"))
			require.NoError(t, err, user)
			require.Len(t, targets, 1, user)
		}
	}
	req := alice().request(t)
	req.To().Address.User = ""
	_, err := registrar.Unauthenticated(req, nil)
	require.ErrorIs(t, err, registrar.ErrNotFound)
	req.RemoveHeader("To")
	_, err = registrar.Unauthenticated(req, nil)
	code, _ := flow.Status(err)
	require.Equal(t, 400, code)
}

func invite(t testing.TB, ruri string) *sip.Request {
	t.Helper()
	return parse(t, "INVITE "+ruri+" SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n", "UDP", "192.0.2.9:5060")
}
