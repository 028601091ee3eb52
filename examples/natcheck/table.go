// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"strconv"
	"strings"
)

// cell is a field of the table.
type cell struct {
	text   string
	colour colour
}

// report is the table, the evidence, and what was left aside.
func (c *capture) report(p palette) string {
	var b strings.Builder
	if len(c.endpoints) > 0 {
		rows := [][]cell{header()}
		for _, e := range c.endpoints {
			rows = append(rows, e.row())
		}
		writeTable(&b, rows, p)
	}
	for _, e := range c.endpoints {
		e.explain(&b, p, c.opts)
	}
	if len(c.endpoints) > 0 {
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%d packets, %d SIP messages, %d endpoints\n", c.packets, c.messages, len(c.endpoints))
	if c.streams.gaps > 0 {
		fmt.Fprintf(&b, "%d gaps in TCP streams: messages may be missing\n", c.streams.gaps)
	}
	if c.overflow > 0 {
		fmt.Fprintf(&b, "%d messages of further endpoints: only the first %d are shown\n", c.overflow, maxEndpoints)
	}
	return b.String()
}

func header() []cell {
	var row []cell
	for _, title := range []string{"endpoint", "via", "contact", "sdp", "verdict", "alg", "largest", "requests", "replies", "unreadable"} {
		row = append(row, cell{title, bold})
	}
	return row
}

func (e *endpoint) row() []cell {
	verdict := e.verdict()
	alg := cell{text: "-"}
	if e.alg != 0 {
		alg = cell{e.alg.String(), yellow}
	}
	largest := cell{text: strconv.Itoa(e.largest)}
	if e.fragmented() {
		largest = cell{largest.text + "!", red}
	}
	count := func(n int) cell { return cell{text: strconv.Itoa(n)} }
	return []cell{
		{text: e.transport.String() + " " + e.addr.String()},
		{text: e.via.String()},
		{text: e.contact.String()},
		{text: e.sdp.String()},
		verdict, alg, largest, count(e.requests), count(e.responses), count(e.unread),
	}
}

func (e *endpoint) verdict() cell {
	switch {
	case e.natted && e.cgnat:
		return cell{"behind carrier-grade NAT", red}
	case e.natted:
		return cell{"behind NAT", red}
	case e.direct:
		return cell{"no NAT", green}
	case e.passed:
		return cell{"proxy", grey} // all it sent came from beyond it
	}
	return cell{"unknown", grey}
}

// writeTable pads by the text, not by what colours it.
func writeTable(b *strings.Builder, rows [][]cell, p palette) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], len(c.text))
		}
	}
	for _, row := range rows {
		for i, c := range row {
			b.WriteString(p.paint(c.colour, c.text))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-len(c.text)+2))
			}
		}
		b.WriteByte('\n')
	}
}

// explain writes why, if there is anything to explain.
func (e *endpoint) explain(b *strings.Builder, p palette, opts options) {
	if !e.natted && e.alg == 0 && !e.fragmented() {
		return
	}
	fmt.Fprintf(b, "\n%s %s\n", e.transport, e.addr)
	tests := decisive(opts, e.transport)
	for _, one := range e.evidence {
		b.WriteString(evidenceLine(one, tests, p))
	}
	for _, name := range e.alg.Names() {
		b.WriteString("  " + p.paint(yellow, "half rewritten ("+name+")") + ": " + algHints[name] + "\n")
	}
	if e.fragmented() {
		fmt.Fprintf(b, "  %s: %d bytes over UDP, more than %d: it travels in fragments where the path is narrow, and many NATs drop those\n",
			p.paint(red, "too large"), e.largest, fragmentLimit)
	}
}
