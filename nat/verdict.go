// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sipnat/sipnat/flow"
)

// Verdict is what a message showed about the path to its sender. It is a
// comparable value; its zero value is that of a message that nothing is known
// about, and not NATed. It shares strings with the message that it was made
// from.
type Verdict struct {
	// NATed: one of the tests that were asked fired, on the first hop. What
	// the sender writes about its own address is not to be believed.
	NATed bool
	// CGNAT: an address that only a carrier's NAT hands out (RFC 6598, 7335)
	// was claimed or seen, whichever tests were asked.
	CGNAT bool
	// WebSocket: the message came over WS or WSS. Such a client can only be
	// reached on the connection that it opened (RFC 7118).
	WebSocket bool
	// Proxied: the message passed another proxy on its way, so that nothing in
	// it speaks about the path that we saw. The tests are run all the same.
	Proxied bool
	// ALG: what a router on the way has rewritten only in part.
	ALG ALG
	// Transport and Source are the path: what the network showed. Source is
	// invalid if the message did not come from the network.
	Transport flow.Transport
	Source    netip.AddrPort

	fired  Test
	claims [testCount]claim // by Test.slot
}

// claim is a part of a message that a test fired on.
type claim struct {
	field field
	host  string
	port  int32 // 0 if the test is not about it
}

type field uint8

const (
	fieldVia field = iota
	fieldContact
	fieldSDP
	fieldSource
	fieldTransport
	fieldRequestURI
)

var fieldNames = [...]string{"Via", "Contact", "SDP", "source", "transport", "Request-URI"}

// Evidence is why a test fired.
type Evidence struct {
	Test Test `json:"test"`
	// Field is the part of the message that holds the claim: "Via", "Contact",
	// "SDP" or "Request-URI"; "source" or "transport" if the path alone decided.
	Field string `json:"field"`
	// Claimed is what stands there; empty where nothing was claimed.
	Claimed string `json:"claimed,omitempty"`
	// Observed is what the network showed.
	Observed string `json:"observed,omitempty"`
}

// String is for people: "received: Via says 10.0.0.5, seen 203.0.113.9".
func (e Evidence) String() string {
	switch {
	case e.Claimed == "":
		return e.Test.String() + ": " + e.Field + " " + e.Observed
	case e.Observed == "":
		return e.Test.String() + ": " + e.Field + " says " + e.Claimed
	}
	return e.Test.String() + ": " + e.Field + " says " + e.Claimed + ", seen " + e.Observed
}

// Fired is the set of tests that fired, of those that were asked. It is not
// empty on a proxied message, which is not NATed all the same.
func (v Verdict) Fired() Test { return v.fired }

// Evidence lists why, one entry per test that fired, in the order of Test.
func (v Verdict) Evidence() []Evidence {
	var list []Evidence
	for t := range v.fired.Each() {
		c := v.claims[t.slot()]
		list = append(list, Evidence{
			Test: t, Field: fieldNames[c.field], Claimed: c.String(), Observed: v.observed(t, c),
		})
	}
	return list
}

func (c claim) String() string {
	if c.port == 0 {
		return c.host
	}
	return net.JoinHostPort(strings.Trim(c.host, "[]"), strconv.Itoa(int(c.port)))
}

func (v Verdict) observed(t Test, c claim) string {
	switch {
	case t == TestWebSocket:
		return v.Transport.String()
	case t == TestDestination || !v.Source.IsValid():
		return ""
	case c.port != 0:
		return v.Source.String()
	}
	return v.Source.Addr().String()
}

// String is one line for people: the conclusion, the flags, the evidence.
func (v Verdict) String() string {
	var b strings.Builder
	b.WriteString(v.conclusion())
	if v.CGNAT {
		b.WriteString(", carrier-grade")
	}
	if v.WebSocket {
		b.WriteString(", websocket")
	}
	if v.ALG != 0 {
		b.WriteString(", half rewritten (" + v.ALG.String() + ")")
	}
	separator := ": "
	for _, e := range v.Evidence() {
		b.WriteString(separator + e.String())
		separator = "; "
	}
	return b.String()
}

func (v Verdict) conclusion() string {
	switch {
	case v.Proxied:
		return "proxied"
	case v.NATed:
		return "natted"
	}
	return "not natted"
}

// LogValue is the verdict as a group, for slog.
func (v Verdict) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("source", v.Source.String()),
		slog.String("transport", v.Transport.String()),
		slog.Bool("natted", v.NATed),
		slog.String("tests", v.fired.String()),
		slog.Bool("cgnat", v.CGNAT),
		slog.Bool("websocket", v.WebSocket),
		slog.Bool("proxied", v.Proxied),
		slog.String("alg", v.ALG.String()),
	)
}

// MarshalJSON writes {"natted", "cgnat", "websocket", "proxied", "tests",
// "alg", "source", "transport", "evidence"}: tests as the values of the bits
// that fired, alg as names, evidence as a list of Evidence.
func (v Verdict) MarshalJSON() ([]byte, error) {
	out := struct {
		NATed     bool       `json:"natted"`
		CGNAT     bool       `json:"cgnat"`
		WebSocket bool       `json:"websocket"`
		Proxied   bool       `json:"proxied"`
		Tests     []Test     `json:"tests"`
		ALG       []string   `json:"alg"`
		Source    string     `json:"source,omitempty"`
		Transport string     `json:"transport,omitempty"`
		Evidence  []Evidence `json:"evidence"`
	}{
		NATed: v.NATed, CGNAT: v.CGNAT, WebSocket: v.WebSocket, Proxied: v.Proxied,
		Tests:    []Test{},
		ALG:      append([]string{}, v.ALG.Names()...),
		Evidence: append([]Evidence{}, v.Evidence()...),
	}
	for t := range v.fired.Each() {
		out.Tests = append(out.Tests, t)
	}
	if v.Source.IsValid() {
		out.Source = v.Source.String()
	}
	if v.Transport != 0 {
		out.Transport = v.Transport.String()
	}
	return json.Marshal(out)
}
