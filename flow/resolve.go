// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

var (
	errScheme    = &Refusal{Code: 416, Reason: "Unsupported URI Scheme"}
	errTransport = &Refusal{Code: 503, Reason: "Service Unavailable: transport of the next hop"}
	errPort      = &Refusal{Code: 400, Reason: "Bad Request: port of the next hop"}
	errInvalid   = &Refusal{Code: 480, Reason: "Temporarily Unavailable: a name that never resolves"}
)

// Resolve is the flow to the host that a SIP URI names, for a peer that we have
// none from: its transport parameter, maddr and port, and its host's address,
// looked up in DNS if it is a name (RFC 3263 without NAPTR and SRV). The flow is
// as Out makes it. Whether a request may go where its URI says is for the caller
// to know.
func (l *Layer) Resolve(ctx context.Context, uri *sip.Uri) (Flow, error) {
	t, err := uriTransport(uri)
	if err != nil {
		return Flow{}, err
	}
	port := int(t.DefaultPort())
	if uri.Port != 0 {
		port = uri.Port
	}
	if port < 1 || port > 65535 {
		return Flow{}, errPort
	}
	addrs, err := lookup(ctx, uriHost(uri))
	if err != nil {
		return Flow{}, fmt.Errorf("flow: next hop: %w", err)
	}
	err = ErrNoListener
	for _, a := range addrs {
		var f Flow
		if f, err = l.Out(t, netip.AddrPortFrom(a, uint16(port))); err == nil {
			return f, nil
		}
	}
	return Flow{}, err
}

// uriHost is the host to send to: maddr overrides the URI's own (RFC 3261
// section 19.1.1).
func uriHost(uri *sip.Uri) string {
	if maddr, ok := uri.UriParams.Get("maddr"); ok && maddr != "" {
		return maddr
	}
	return uri.Host
}

func uriTransport(uri *sip.Uri) (Transport, error) {
	secure := strings.EqualFold(uri.Scheme, "sips")
	if !secure && !strings.EqualFold(uri.Scheme, "sip") && uri.Scheme != "" {
		return 0, errScheme
	}
	name, ok := uri.UriParams.Get("transport")
	if !ok || name == "" {
		if secure {
			return TLS, nil
		}
		return UDP, nil
	}
	t, ok := ParseTransport(name)
	if !ok {
		return 0, errTransport
	}
	if !secure {
		return t, nil
	}
	switch t {
	case TCP, TLS:
		return TLS, nil
	case WS, WSS:
		return WSS, nil
	}
	return 0, errTransport
}

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	if strings.HasSuffix(strings.ToLower(host), ".invalid") {
		return nil, errInvalid // what WebSocket phones write (RFC 7118 section 5)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs, err
}
