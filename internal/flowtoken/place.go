// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flowtoken

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Place is where a URI leads, all that flow.Layer.Resolve goes by: scheme, host,
// port, transport and maddr, in one spelling for all that RFC 3261 section 19.1.4
// calls equal. Two places are equal texts only if each of their parts is.
func Place(u *sip.Uri) string {
	scheme := strings.ToLower(u.Scheme)
	if scheme == "" {
		scheme = "sip"
	}
	b := make([]byte, 0, 64)
	for _, part := range [...]string{scheme, host(u.Host), strconv.Itoa(u.Port), param(u, "transport"), host(param(u, "maddr"))} {
		b = append(append(strconv.AppendInt(b, int64(len(part)), 10), ':'), part...)
	}
	return string(b)
}

func host(h string) string {
	if ip, err := netip.ParseAddr(strings.Trim(h, "[]")); err == nil {
		return ip.Unmap().String()
	}
	return strings.ToLower(h)
}

// param is the parameter's value, in lower case. sipgo knows names by their exact
// spelling: of one that is there in two, both count.
func param(u *sip.Uri, name string) string {
	value := ""
	for _, p := range u.UriParams {
		switch {
		case !strings.EqualFold(p.K, name):
		case value == "":
			value = strings.ToLower(p.V)
		default:
			value += "," + strings.ToLower(p.V)
		}
	}
	return value
}
