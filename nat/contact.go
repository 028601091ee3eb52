// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// FixContact writes the address that msg came from into each of its Contacts,
// as Kamailio's fix_nated_contact does with one of them: host and port become
// those of f.Remote, the port always explicit, a maddr parameter goes. On a flow
// that is not UDP, the transport parameter is set to the flow's if the URI leads
// to another transport; for WSS it is "ws" (RFC 7118). User part, other
// parameters and headers stay. "*" and URIs that are not sip or sips stay as
// they are. A second call changes nothing.
//
// The rewritten URI is not the one that the phone registered or offered, which
// RFC 3261 section 12.1.2 does not foresee and some phones reject when they
// receive it as a Request-URI: package alias is the kinder way.
//
// ErrAddress if f names no peer, *Error if a Contact has no host; then msg is
// unchanged.
func FixContact(msg sip.Message, f flow.Flow) (changed bool, err error) {
	if !f.IsValid() {
		return false, ErrAddress
	}
	var uris []*sip.Uri
	for _, h := range headersOf(msg) {
		contact, ok := h.(*sip.ContactHeader)
		if !ok || !isSIP(&contact.Address) {
			continue
		}
		if contact.Address.Host == "" {
			return false, &Error{Field: "Contact", Reason: "no host"}
		}
		uris = append(uris, &contact.Address)
	}
	for _, uri := range uris {
		changed = fixURI(uri, f) || changed
	}
	return changed, nil
}

func fixURI(uri *sip.Uri, f flow.Flow) (changed bool) {
	host, port := uriHost(f.Remote.Addr()), int(f.Remote.Port())
	if uri.Host != host || uri.Port != port {
		uri.Host, uri.Port = host, port
		changed = true
	}
	if _, ok := param(uri.UriParams, "maddr"); ok {
		uri.UriParams = without(uri.UriParams, "maddr")
		changed = true
	}
	if f.Transport != flow.UDP && !leadsTo(uri, f.Transport) {
		uri.UriParams = append(without(uri.UriParams, "transport"), sip.HeaderKV{K: "transport", V: paramName(f.Transport)})
		changed = true
	}
	return changed
}

// uriHost is addr as a URI holds it: IPv6 in brackets.
func uriHost(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		return "[" + addr.String() + "]"
	}
	return addr.String()
}

// leadsTo asks less than equality: WSS has no name but transport=ws, and a sips
// URI never leads to an unencrypted transport, whatever parameter it has.
func leadsTo(uri *sip.Uri, t flow.Transport) bool {
	switch uriTransport(uri) {
	case t:
		return true
	case flow.WS:
		return t == flow.WSS
	case flow.TLS:
		return t == flow.TCP && uri.Scheme == "sips"
	case flow.WSS:
		return t == flow.WS && uri.Scheme == "sips"
	}
	return false
}

func paramName(t flow.Transport) string {
	if t == flow.WSS {
		return flow.WS.String()
	}
	return t.String()
}

// without copies params, since a URI that was copied by value shares them.
func without(params sip.HeaderParams, name string) sip.HeaderParams {
	return slices.DeleteFunc(slices.Clone(params), func(kv sip.HeaderKV) bool {
		return strings.EqualFold(strings.TrimSpace(kv.K), name)
	})
}
