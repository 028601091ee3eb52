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
	_, err = io.WriteString(out, explain(a, opts, paletteFor(out)))
	return err
}

// lineWidth is what is shown of a text from the network.
const lineWidth = 400

// evidenceLine is a test that fired and why, marked if it is one that decides.
func evidenceLine(e nat.Evidence, decisive nat.Test, p palette) string {
	mark, c := " ", plain
	if e.Test&decisive != 0 {
		mark, c = "*", red
	}
	return "  " + p.paint(c, fmt.Sprintf("%s %3d  %s", mark, e.Test, printable(e.String(), lineWidth))) + "\n"
}

func explain(a answer, opts options, p palette) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s", p.paint(bold, printable(strings.TrimSpace(a.start), lineWidth)))
	line("seen from   %s over %s", opts.path.Remote, opts.path.Transport)
	verdict := green
	if a.NATed {
		verdict = red
	}
	line("verdict     %s", p.paint(verdict, conclusion(a, opts.tests)))
	for _, e := range a.verdict.Evidence() {
		b.WriteString(evidenceLine(e, opts.tests, p))
	}
	for _, name := range a.ALG {
		line("%s: %s", p.paint(yellow, "half rewritten ("+name+")"), algHints[name])
	}
	for _, contact := range a.Contact {
		line("contact     %s", printable(contact, lineWidth))
	}
	line("received    %s", a.Received)
	if a.RURI.Found {
		line("request-uri %s -> %s%s", printable(a.RURI.URI, lineWidth), a.RURI.Destination, a.RURI.Error)
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
