// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/alias"
)

func withZone(a netip.AddrPort, zone string) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().WithZone(zone), a.Port())
}

// TestTruncatedTokens cuts a token at every length.
func TestTruncatedTokens(t *testing.T) {
	s := newSigner(t, key)
	uri := contactOf(t, s, "<sip:alice@10.0.0.1>")
	token := tokenOf(t, uri)
	for n := range len(token) {
		_, err := s.Resolve(toURI(t, strings.Replace(uri, token, token[:n], 1)))
		require.ErrorIs(t, err, alias.ErrForged, n)
	}
}

func FuzzToken(f *testing.F) {
	s := newSigner(f, key)
	for _, fl := range flows() {
		req := invite(f, "<sip:alice@10.0.0.1>")
		require.NoError(f, s.Add(req, fl))
		f.Add("alice", tokenOf(f, contactURI(f, req)))
	}
	f.Add("", "")
	f.Add("alice", "EQAB")
	f.Fuzz(func(t *testing.T, user, token string) {
		req := toURI(t, "sip:alice@10.0.0.1;x;sna=y")
		req.Recipient.User = user
		req.Recipient.UriParams[1].V = token
		before := req.Recipient.String()
		got, err := s.Resolve(req)
		if err != nil {
			require.ErrorIs(t, err, alias.ErrForged)
			require.Zero(t, got)
			require.Equal(t, before, req.Recipient.String())
			return
		}
		// What passes is what we write for that user and flow.
		again := invite(t, "<sip:alice@10.0.0.1>")
		again.Contact().Address.User = user
		require.NoError(t, s.Add(again, got))
		require.Equal(t, token, again.Contact().Address.UriParams[0].V)
	})
}
