// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// maxAddress bounds the key of an address-of-record, in bytes.
const maxAddress = 256

// Unauthenticated is an AOR hook that believes the To header of every
// REGISTER: anybody can take over anybody's calls. It is for trying things out,
// and for networks in which somebody else has authenticated the request.
func Unauthenticated(req *sip.Request, _ sip.ServerTransaction) (string, error) {
	to := req.To()
	if to == nil {
		return "", bad("Missing To")
	}
	if to.Address.User == "" {
		return "", ErrNotFound
	}
	return "sip:" + canonicalUser(to.Address.User) + "@" + to.Address.Host, nil
}

// Address is the key under which the user of a SIP URI is stored, the same one
// for a REGISTER's To and for a Request-URI: the user part with its escapes in
// one form and, if Domains is set, "@" and the domain in lower case. Port,
// password and parameters do not count (RFC 3261 section 10.3 step 5).
// ErrNotFound for a URI without a user or a host, ErrForeign if the host is not
// one of Domains.
func (r *Registrar) Address(uri sip.Uri) (string, error) {
	if uri.Host == "" {
		return "", ErrNotFound
	}
	return r.key(uri.User, uri.Host)
}

// resolve reads what an AOR hook or a caller of Lookup names: "alice",
// "alice@example.com", "sip:alice@example.com;x=y" or a key.
func (r *Registrar) resolve(address string) (string, error) {
	rest, scheme := cutScheme(address)
	user, host, ok := strings.Cut(rest, "@")
	if !ok && scheme {
		return "", ErrNotFound
	}
	if scheme {
		user, _, _ = strings.Cut(user, ":")
	}
	if i := strings.IndexAny(host, ";?"); i >= 0 {
		host = host[:i]
	}
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	return r.key(user, host)
}

func cutScheme(uri string) (rest string, ok bool) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if ok && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips")) {
		return rest, true
	}
	return uri, false
}

// key is the key of a user at a host; no host means the first domain.
func (r *Registrar) key(user, host string) (string, error) {
	if user == "" || len(user)+len(host) >= maxAddress {
		return "", ErrNotFound
	}
	user = canonicalUser(user)
	if len(r.Domains) == 0 {
		return user, nil
	}
	if host == "" {
		return user + "@" + canonicalHost(r.Domains[0]), nil
	}
	if !validHost(host) {
		return "", ErrForeign
	}
	host = canonicalHost(host)
	for _, d := range r.Domains {
		if canonicalHost(d) == host {
			return user + "@" + host, nil
		}
	}
	return "", ErrForeign
}

// canonicalHost is host in lower case, an IP address in its shortest form, with
// brackets where it needs them, a name without dots at its end.
func canonicalHost(host string) string {
	bare := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if a, err := netip.ParseAddr(bare); err == nil {
		if a = a.Unmap(); a.Is6() {
			return "[" + a.String() + "]"
		}
		return a.String()
	}
	return strings.ToLower(strings.TrimRight(host, "."))
}

// userReserved may stand in a user part unescaped, and means something else
// there than its escape (RFC 3261 sections 19.1.4 and 25.1).
const userReserved = "&=+$,;?/"

// canonicalUser escapes what must be escaped, in upper case, and nothing else:
// users that RFC 3261 section 19.1.4 calls equal become equal strings. Twice
// is the same as once.
func canonicalUser(s string) string {
	i := 0
	for i < len(s) && (unreserved(s[i]) || strings.IndexByte(userReserved, s[i]) >= 0) {
		i++
	}
	if i == len(s) {
		return s
	}
	const hex = "0123456789ABCDEF"
	b := append(make([]byte, 0, len(s)+8), s[:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		if c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
			if unreserved(c) {
				b = append(b, c)
				continue
			}
		} else if unreserved(c) || strings.IndexByte(userReserved, c) >= 0 {
			b = append(b, c)
			continue
		}
		b = append(b, '%', hex[c>>4], hex[c&15])
	}
	return string(b)
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.!~*'()", c) >= 0
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}
