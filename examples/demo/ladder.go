// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
)

// tap writes down the messages that pass the edge's socket while it is on.
type tap struct {
	mu     sync.Mutex
	taking bool
	lines  []line
}

// line is one message: who, which way, what it claimed, what was used.
type line struct {
	peer    string
	toPeer  bool
	what    string
	claimed string
	used    string
}

// names are the phones by the address that the edge sees.
var names = map[string]string{"203.0.113.20": "alice", "203.0.113.30": "bob", "203.0.113.40": "carol"}

func (t *tap) on(pc net.PacketConn) net.PacketConn { return tapped{pc, t} }

func (t *tap) record(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taking = on
	if on {
		t.lines = nil
	}
}

type tapped struct {
	net.PacketConn
	tap *tap
}

func (c tapped) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(b)
	if err == nil {
		c.tap.see(b[:n], from, false)
	}
	return n, from, err
}

func (c tapped) WriteTo(b []byte, to net.Addr) (int, error) {
	c.tap.see(b, to, true)
	return c.PacketConn.WriteTo(b, to)
}

var (
	startLine = regexp.MustCompile(`^(?:SIP/2\.0 (\d+ [^\r]*)|(\w+) )`)
	contactOf = regexp.MustCompile(`(?m)^Contact: <sip:[^@>]*@([^;>]*)(;sna=)?`)
	mediaOf   = regexp.MustCompile(`(?s)\r\nc=IN IP4 ([^\r]*).*\r\nm=audio (\d+)`)
	viaOf     = regexp.MustCompile(`(?m)^Via: SIP/2\.0/UDP ([^;\r]*)`)
)

func (t *tap) see(b []byte, addr net.Addr, toPeer bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	start := startLine.FindSubmatch(b)
	if !t.taking || start == nil || bytes.HasPrefix(b, []byte("OPTIONS ")) || bytes.Contains(b, []byte("CSeq: 1 OPTIONS")) {
		return
	}
	host, _, _ := net.SplitHostPort(addr.String())
	l := line{peer: names[host], toPeer: toPeer, what: string(start[1]) + string(start[2]), used: addr.String()}
	var claims []string
	if m := viaOf.FindSubmatch(b); m != nil && !toPeer && start[2] != nil {
		claims = append(claims, "Via "+string(m[1]))
	}
	if m := contactOf.FindSubmatch(b); m != nil {
		c := "Contact " + string(m[1])
		if m[2] != nil {
			c += " ;sna"
		}
		claims = append(claims, c)
	}
	if m := mediaOf.FindSubmatch(b); m != nil {
		claims = append(claims, "RTP "+string(m[1])+":"+string(m[2]))
	}
	l.claimed = strings.Join(claims, ", ")
	t.lines = append(t.lines, l)
}

// columnWidth is the distance between two of the three.
const columnWidth = 24

// print draws the ladder: what each message claims, and the address that the
// edge saw it come from or sent it to.
func (t *tap) print(w io.Writer, left, right string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	blank := strings.Repeat(" ", columnWidth)
	fmt.Fprintf(w, "\n  %-*s %-*s %-*s written in the message / address used\n", columnWidth, left, columnWidth, "edge", columnWidth/3, right)
	for _, l := range t.lines {
		toRight := l.toPeer == (l.peer == right)
		arrow := strings.Repeat("-", columnWidth-1) + ">"
		if !toRight {
			arrow = "<" + strings.Repeat("-", columnWidth-1)
		}
		text, way := center(l.what, columnWidth), "from"
		if l.toPeer {
			way = "sent to"
		}
		rows := [2]string{"|" + text + "|" + blank + "|", "|" + arrow + "|" + blank + "|"}
		if l.peer == right {
			rows = [2]string{"|" + blank + "|" + text + "|", "|" + blank + "|" + arrow + "|"}
		}
		fmt.Fprintf(w, "  %s %s\n  %s %s %s\n", rows[0], l.claimed, rows[1], way, l.used)
	}
	fmt.Fprintln(w)
}

func center(s string, width int) string {
	if len(s) >= width {
		return s[:width]
	}
	left := (width - len(s)) / 2
	return strings.Repeat(" ", left) + s + strings.Repeat(" ", width-left-len(s))
}
