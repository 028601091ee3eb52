// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// Bounds of a Path: proxies between a phone and us, and bytes of their URIs.
const (
	maxPathHops = 16
	maxPathSize = 2048
)

var errPath = bad("Bad Path")

// readPath reads all Path headers into URIs, topmost first (RFC 3327). sipgo
// leaves Path as text. Each hop must be a loose router.
func readPath(req *sip.Request) ([]string, error) {
	var path []string
	size := 0
	for _, h := range req.GetHeaders("path") {
		rest := h.Value()
		for rest != "" {
			var value string
			value, rest = cutUnquoted(rest, ',')
			uri, ok := pathURI(value)
			size += len(uri)
			if !ok || len(path) == maxPathHops || size > maxPathSize {
				return nil, errPath
			}
			path = append(path, uri)
		}
	}
	return path, nil
}

// trustsPath reports whether a Path that came on f is believed.
func (r *Registrar) trustsPath(f flow.Flow) bool {
	return r.TrustPath != nil && r.TrustPath(f)
}

// pathURI takes the URI out of one path value, a name-addr.
func pathURI(value string) (string, bool) {
	_, rest := cutUnquoted(strings.TrimSpace(value), '<')
	inner, _, ok := strings.Cut(rest, ">")
	if !ok {
		return "", false
	}
	u, ok := parseURI(inner)
	if !ok {
		return "", false
	}
	if _, loose := param(u.UriParams, "lr"); !loose {
		return "", false
	}
	return renderURI(&u)
}

// hasOption reports whether one of the headers called names lists an option
// tag. sipgo does not know the compact form of Supported.
func hasOption(req *sip.Request, option string, names ...string) bool {
	for _, name := range names {
		for _, h := range req.GetHeaders(name) {
			for tag := range strings.SplitSeq(h.Value(), ",") {
				if strings.EqualFold(strings.TrimSpace(tag), option) {
					return true
				}
			}
		}
	}
	return false
}
