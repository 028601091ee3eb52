// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// headersOf lists the headers of msg without copying them.
func headersOf(msg sip.Message) []sip.Header {
	switch m := msg.(type) {
	case *sip.Request:
		if m != nil {
			return m.Headers()
		}
	case *sip.Response:
		if m != nil {
			return m.Headers()
		}
	}
	return nil
}

// param finds a parameter in any case and with blanks around it, which
// sip.HeaderParams.Get does not.
func param(params sip.HeaderParams, name string) (value string, ok bool) {
	for _, kv := range params {
		if strings.EqualFold(strings.TrimSpace(kv.K), name) {
			return strings.TrimSpace(kv.V), true
		}
	}
	return "", false
}

// isSIP is false for "*", and for tel: and other URIs that name no host.
func isSIP(uri *sip.Uri) bool {
	return !uri.Wildcard && uri.Raw() == "" && (uri.Scheme == "sip" || uri.Scheme == "sips" || uri.Scheme == "")
}

// uriTransport is the transport that a URI leads to: its parameter, encrypted
// if the scheme is sips. A URI that says nothing leads to UDP.
func uriTransport(uri *sip.Uri) flow.Transport {
	name, _ := param(uri.UriParams, "transport")
	t := transportOf(name)
	if uri.Scheme == "sips" {
		if t == flow.WS || t == flow.WSS {
			return flow.WSS
		}
		return flow.TLS
	}
	if t == 0 {
		return flow.UDP
	}
	return t
}

// portOr is the port that is in force where p is written, 0 standing for none.
func portOr(p int, none uint16) int32 {
	if p <= 0 {
		return int32(none)
	}
	return int32(min(p, 1<<20)) // beyond 65535 it is no port, and equals none
}
