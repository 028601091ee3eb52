// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// LegacyParam is the URI parameter of a [Legacy] alias, on the wire
// ;alias=ip~port~proto. It is case-sensitive, as in Kamailio.
const LegacyParam = "alias"

// Legacy writes and reads the alias of Kamailio's nathelper, for fleets in
// which Kamailio and this library serve the same phones. It is unsigned: who
// writes the Request-URI chooses where we send. So nothing is resolved without
// a policy; prefer [Signer] wherever all edges are ours.
//
// sipgo keeps only the last of several URI parameters with one name: of the two
// aliases that chained Kamailios stack, the first, which wins, is lost before
// Resolve sees it. And it takes the bracket of an IPv6 address for the host if
// the URI has no user part, so that such an alias cannot be read back.
//
// The zero value writes, and refuses to read. Safe for concurrent use once the
// fields are set.
type Legacy struct {
	// Layer gives Resolve the flow that we hear the destination on: of a stream
	// the live connection, else flow.ErrFlowGone; on UDP the listener that
	// reaches it. Nil: the flow has only Transport and Remote.
	Layer *flow.Layer
	// Allow says whether a request may be sent to f, of which only Transport
	// and Remote are set. Nil allows nothing. See [AllowPrefixes].
	Allow func(f flow.Flow) bool

	count counters
}

// AllowPrefixes is a policy for [Legacy]: destinations within prefixes. Name
// the networks that the phones come from; 0.0.0.0/0 makes an open relay that
// reaches our own private networks too.
func AllowPrefixes(prefixes ...netip.Prefix) func(flow.Flow) bool {
	prefixes = slices.Clone(prefixes)
	return func(f flow.Flow) bool {
		addr := f.Remote.Addr().Unmap().WithZone("")
		return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
	}
}

// Add does what [Signer.Add] does, with Kamailio's parameter, right behind host
// and port. As with add_contact_alias, a Contact that already names f's address,
// port and, by an explicit transport parameter, transport gets none; unlike it,
// old aliases are taken off first. [ErrFlow] for a flow without a Kamailio form
// (an IPv6 zone).
func (l *Legacy) Add(msg sip.Message, f flow.Flow) error { return add(l, msg, f) }

// Resolve does what [Signer.Resolve] does, by Kamailio's rules but strictly: an
// IP address, a port from 1 to 65535 and a transport that we serve. Errors, with
// req unchanged: [ErrNone], [ErrMalformed], [ErrRefused] if Allow does not allow
// it, and what Layer says, such as flow.ErrFlowGone.
func (l *Legacy) Resolve(req *sip.Request) (flow.Flow, error) { return resolve(l, req) }

// Strip takes every alias off the Request-URI, good or bad.
func (l *Legacy) Strip(req *sip.Request) { strip(l, req) }

// Branch is the hook of the forwarder for requests: as [Signer.Branch], but
// Contacts of a sender who is not behind NAT are left alone.
func (l *Legacy) Branch(req *sip.Request, leg flow.Leg) error { return branch(l, req, leg) }

// Reply is the hook of the forwarder for responses: as [Signer.Reply], with the
// same difference.
func (l *Legacy) Reply(res *sip.Response, leg flow.Leg) error { return reply(l, res, leg) }

// Middleware resolves the alias of each request, as [Signer.Middleware] does. There
// being no signature, it refuses no Request-URI for the lack of one: inside a
// dialog with our Record-Route any may be followed, within proxy.Forwarder's Allow.
// In front of a Signer's middleware, both kinds of alias are understood.
func (l *Legacy) Middleware(next sipgo.RequestHandler) sipgo.RequestHandler {
	lead := func(req *sip.Request) (flow.Target, error) { return lead(l, req) }
	return middleware{codec: l, count: &l.count, lead: lead}.wrap(next)
}

// Stats counts what Middleware did.
func (l *Legacy) Stats() Stats { return l.count.stats() }

func (l *Legacy) owns(name string) bool { return name == LegacyParam }

// bare is false: Kamailio leaves a header parameter of that name alone.
func (l *Legacy) bare() bool { return false }

func (l *Legacy) check(f flow.Flow) error {
	if f.Remote.Addr().Zone() != "" || !served(f.Transport) {
		return ErrFlow
	}
	return nil
}

// needed is the skip rule of add_contact_alias. A URI without a transport
// parameter always gets an alias, and so does wss, which no URI can name.
func (l *Legacy) needed(uri *sip.Uri, f flow.Flow) bool {
	addr, err := netip.ParseAddr(strings.Trim(uri.Host, "[]"))
	if err != nil || addr.Unmap() != f.Remote.Addr().Unmap() {
		return true
	}
	port := uri.Port
	if port == 0 {
		port = 5060
	}
	name, _ := uri.UriParams.Get("transport")
	t, ok := flow.ParseTransport(name)
	return port != int(f.Remote.Port()) || !ok || t != f.Transport
}

func (l *Legacy) encode(_ *sip.Uri, f flow.Flow) sip.HeaderKV {
	b := make([]byte, 0, 64)
	if addr := f.Remote.Addr().Unmap(); addr.Is6() {
		b = append(addr.AppendTo(append(b, '[')), ']')
	} else {
		b = addr.AppendTo(b)
	}
	b = strconv.AppendUint(append(b, '~'), uint64(f.Remote.Port()), 10)
	b = strconv.AppendUint(append(b, '~'), uint64(f.Transport), 10)
	return sip.HeaderKV{K: LegacyParam, V: string(b)}
}

func (l *Legacy) decode(_ *sip.Uri, value string) (flow.Flow, error) {
	if value == "" {
		return flow.Flow{}, ErrNone // a bare ;alias, which sipgo does not tell from ";alias="
	}
	f, ok := parseLegacy(value)
	if !ok {
		return flow.Flow{}, ErrMalformed
	}
	if l.Allow == nil || !l.Allow(f) {
		return flow.Flow{}, ErrRefused
	}
	if l.Layer == nil {
		return f, nil
	}
	return l.Layer.Find(f.Transport, f.Remote)
}

// parseLegacy reads ip~port~proto. IPv6 is bracketed, as Kamailio writes it
// since 5.8; bare, as older ones do, is read too.
func parseLegacy(value string) (flow.Flow, bool) {
	host, rest, ok1 := strings.Cut(value, "~")
	port, proto, ok2 := strings.Cut(rest, "~")
	if !ok1 || !ok2 || len(proto) != 1 {
		return flow.Flow{}, false
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if host, ok = strings.CutSuffix(inner, "]"); !ok || !strings.Contains(host, ":") {
			return flow.Flow{}, false
		}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" {
		return flow.Flow{}, false
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return flow.Flow{}, false
	}
	f := flow.Flow{Transport: flow.Transport(proto[0] - '0'), Remote: netip.AddrPortFrom(addr.Unmap(), uint16(p))}
	return f, served(f.Transport) && f.IsValid()
}

// served reports whether t is one of ours: 4 is SCTP, which is not.
func served(t flow.Transport) bool {
	switch t {
	case flow.UDP, flow.TCP, flow.TLS, flow.WS, flow.WSS:
		return true
	}
	return false
}
