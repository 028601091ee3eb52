// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// maxURI bounds a contact or path URI, in bytes.
const maxURI = 512

// renderURI writes u the way it is stored, once it is sure that it is a URI
// that a request can be sent to: sipgo takes nearly everything (a host of "*",
// a negative port, text behind an IPv6 address).
func renderURI(u *sip.Uri) (string, bool) {
	if (u.Scheme != "sip" && u.Scheme != "sips") || u.HierarhicalSlashes || u.Wildcard {
		return "", false
	}
	if u.Port < 0 || u.Port > 65535 || !validHost(u.Host) || (u.User == "" && u.Password != "") {
		return "", false
	}
	c := u.Clone()
	mend(c)
	s := c.String()
	if len(s) > maxURI || strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '<' || r == '>' || r == '"'
	}) {
		return "", false
	}
	again, ok := parseURI(s)
	return s, ok && again.String() == s
}

func parseURI(s string) (sip.Uri, bool) {
	var u sip.Uri
	err := sip.ParseUri(s, &u)
	mend(&u)
	return u, err == nil
}

// mend takes the headers out of the last parameter: when that has no value,
// sipgo reads ";lr?a=b" as a parameter "lr?a=b" and, once more, as headers.
func mend(u *sip.Uri) {
	if n := len(u.UriParams); n > 0 && u.UriParams[n-1].V == "" {
		u.UriParams[n-1].K, _, _ = strings.Cut(u.UriParams[n-1].K, "?")
	}
}

// validHost accepts an IPv4 address, an IPv6 address in brackets, or a name;
// underscores too, since they are met in the field.
func validHost(h string) bool {
	if bare, ok := strings.CutPrefix(h, "["); ok {
		bare, ok = strings.CutSuffix(bare, "]")
		a, err := netip.ParseAddr(bare)
		return ok && err == nil && a.Is6() && a.Zone() == ""
	}
	return strings.Trim(h, ".") != "" && len(h) <= 255 && !strings.ContainsFunc(h, func(r rune) bool {
		return r >= 128 || !unreserved(byte(r)) || strings.ContainsRune("!~*'()", r)
	})
}

// mustMatch are the parameters that make two URIs differ when only one of them
// has it (RFC 3261 section 19.1.4).
var mustMatch = []string{"user", "ttl", "method", "maddr", "transport"}

// equalURI compares stored URIs by RFC 3261 section 19.1.4.
func equalURI(a, b string) bool {
	if a == b {
		return true
	}
	x, okx := parseURI(a)
	y, oky := parseURI(b)
	if !okx || !oky || x.Scheme != y.Scheme || x.Port != y.Port || x.Password != y.Password ||
		canonicalUser(x.User) != canonicalUser(y.User) || canonicalHost(x.Host) != canonicalHost(y.Host) ||
		x.Headers.String() != y.Headers.String() {
		return false
	}
	for _, p := range x.UriParams {
		if v, ok := param(y.UriParams, p.K); ok && !strings.EqualFold(v, p.V) {
			return false
		}
	}
	return !slices.ContainsFunc(mustMatch, func(name string) bool {
		_, inX := param(x.UriParams, name)
		_, inY := param(y.UriParams, name)
		return inX != inY
	})
}

// param is sip.HeaderParams.Get in any case.
func param(params sip.HeaderParams, name string) (string, bool) {
	for _, p := range params {
		if strings.EqualFold(p.K, name) {
			return p.V, true
		}
	}
	return "", false
}

// userOf is the canonical user part of a stored URI; empty if it has none.
func userOf(uri string) string {
	rest, _ := cutScheme(uri)
	user, _, ok := strings.Cut(rest, "@")
	if !ok {
		return ""
	}
	user, _, _ = strings.Cut(user, ":")
	return canonicalUser(user)
}
