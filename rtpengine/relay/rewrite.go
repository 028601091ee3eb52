// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"net/netip"
	"strconv"
	"strings"
)

// placement is what becomes of one media line.
type placement struct {
	port uint16 // the RTP port; 0 refuses the line
	mux  bool   // a=rtcp-mux
}

// rewriter is how an SDP is changed. It only reads the SDP.
type rewriter struct {
	addr     netip.Addr // in place of all addresses
	places   []placement
	origin   bool // o= too
	username bool
	name     bool // s= too
	zero     bool // null addresses too
	noRTCP   bool // never a=rtcp
	fullRTCP bool // a=rtcp with address
}

// rewrite returns d with the relay's addresses and ports, lines ended by CRLF.
func (w *rewriter) rewrite(d *description) string {
	var b strings.Builder
	for _, line := range d.head {
		w.headLine(&b, line)
	}
	for i := range d.media {
		w.section(&b, &d.media[i], w.places[i])
	}
	return b.String()
}

func put(b *strings.Builder, parts ...string) {
	for _, p := range parts {
		b.WriteString(p)
	}
	b.WriteString("\r\n")
}

func (w *rewriter) headLine(b *strings.Builder, line string) {
	switch {
	case strings.HasPrefix(line, "c="):
		put(b, "c=", w.connection(line))
	case strings.HasPrefix(line, "o="):
		put(b, w.originLine(line))
	case strings.HasPrefix(line, "s=") && w.name:
		put(b, "s=-")
	case dropped(line), strings.HasPrefix(line, "a=rtcp:"):
	default:
		put(b, line)
	}
}

func (w *rewriter) section(b *strings.Builder, m *media, at placement) {
	put(b, "m=", m.kind, " ", strconv.Itoa(int(at.port)), " ", m.proto, " ", m.formats)
	connected, muxed := false, false
	for _, line := range m.lines[1:] {
		name, _ := attribute(line)
		switch {
		case strings.HasPrefix(line, "c="):
			if !connected { // more than one is for layered multicast
				put(b, "c=", w.connection(line))
			}
			connected = true
		case name == "rtcp":
			w.rtcpLine(b, at)
		case name == "rtcp-mux":
			if at.mux && !muxed {
				put(b, line)
			}
			muxed = true
		case dropped(line):
		default:
			put(b, line)
		}
	}
	if at.mux && !muxed {
		put(b, "a=rtcp-mux")
	}
}

// rtcpLine stands where the party had its own.
func (w *rewriter) rtcpLine(b *strings.Builder, at placement) {
	switch {
	case w.noRTCP || at.port == 0:
	case w.fullRTCP:
		put(b, "a=rtcp:", strconv.Itoa(int(at.port)+1), " ", address(w.addr))
	default:
		put(b, "a=rtcp:", strconv.Itoa(int(at.port)+1))
	}
}

func (w *rewriter) connection(line string) string {
	addr, _ := parseConnection(line[len("c="):])
	if !addr.IsUnspecified() || w.zero {
		return address(w.addr)
	}
	if w.addr.Is4() {
		return address(netip.IPv4Unspecified())
	}
	return address(netip.IPv6Unspecified())
}

// originLine rewrites "o=user id version IN IP4 address".
func (w *rewriter) originLine(line string) string {
	f := strings.Fields(line[len("o="):])
	if len(f) != 6 {
		return line
	}
	if w.username {
		f[0] = "-"
	}
	out := "o=" + strings.Join(f[:3], " ") + " "
	if !w.origin {
		return out + strings.Join(f[3:], " ")
	}
	return out + address(w.addr)
}

func address(a netip.Addr) string {
	if a.Is4() {
		return "IN IP4 " + a.String()
	}
	return "IN IP6 " + a.String()
}

// dropped reports whether a line must not pass: ICE, which the relay does not
// speak and whose candidates would lead media around it, and lines that bind
// sections or addresses together as they no longer are.
func dropped(line string) bool {
	name, value := attribute(line)
	switch name {
	case "candidate", "remote-candidates", "end-of-candidates", "source-filter":
		return true
	case "group":
		return strings.HasPrefix(strings.ToUpper(value), "BUNDLE")
	}
	return strings.HasPrefix(name, "ice-")
}
