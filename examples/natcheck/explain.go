// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/sipnat/sipnat/nat"
)

// algHints say what each inconsistency looks like from outside.
var algHints = map[string]string{
	"via":        "the Via is private, though Contact or SDP name the source",
	"contact":    "a Contact is private, though Via or SDP name the source",
	"port":       "Via and Contact name the source address, but only one its port",
	"call-id":    "the Call-ID ends in a private address, though Via or Contact name the source",
	"sdp":        "a c= line is private, though Via or Contact name the source",
	"sdp-origin": "o= and c= disagree: one names the source, the other is private",
	"sdp-media":  "some media addresses name the source, others are private",
}

// explainOne prints what there is to say about the message on in.
func explainOne(in io.Reader, out io.Writer, opts options) error {
	message, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	a, err := check(string(message), opts.path, opts.tests)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, explain(a, opts))
	return err
}

func explain(a answer, opts options) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s", strings.TrimSpace(a.start))
	line("seen from   %s over %s", opts.path.Remote, opts.path.Transport)
	line("verdict     %s", conclusion(a, opts.tests))
	for _, e := range a.verdict.Evidence() {
		mark := " "
		if e.Test&opts.tests != 0 {
			mark = "*"
		}
		line("  %s %3d  %s", mark, e.Test, e)
	}
	for _, name := range a.ALG {
		line("half rewritten (%s): %s", name, algHints[name])
	}
	for _, contact := range a.Contact {
		line("contact     %s", contact)
	}
	line("received    %s", a.Received)
	if a.RURI.Found {
		line("request-uri %s -> %s%s", a.RURI.URI, a.RURI.Destination, a.RURI.Error)
	}
	return b.String()
}

func conclusion(a answer, decisive nat.Test) string {
	var flags []string
	if a.CGNAT {
		flags = append(flags, "carrier-grade NAT")
	}
	if a.WebSocket {
		flags = append(flags, "WebSocket")
	}
	text := "not behind NAT, by the tests " + decisive.String()
	if decisive == nat.TestAll {
		text = "not behind NAT: no test fired"
	}
	switch {
	case a.Proxied:
		text = "came through another proxy: says nothing about the path to us"
	case a.NATed:
		text = "behind NAT"
	}
	if flags == nil {
		return text
	}
	return text + " (" + strings.Join(flags, ", ") + ")"
}
