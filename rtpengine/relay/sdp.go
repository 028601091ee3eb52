// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// maxMedia is how many media lines an SDP may have: each one takes ports.
const maxMedia = 16

// What a bad SDP is refused with; the words are the daemon's.
const (
	reasonNoSDP      = "No SDP body in message"
	reasonBadSDP     = "Failed to parse SDP"
	reasonPartialSDP = "Incomplete SDP specification"
)

// description is an SDP by lines: what the relay does not know it does not
// touch.
type description struct {
	head  []string // up to the first media line
	media []media
}

// media is one m= section.
type media struct {
	lines   []string // the m= line first
	kind    string   // "audio", "video", ...
	proto   string   // "RTP/AVP", ...
	formats string
	port    uint16         // 0: refused or switched off
	addr    netip.Addr     // of its c= line or the session's; zero: a name
	rtcp    netip.AddrPort // of a=rtcp; port 0: none
	mux     bool
	mode    string // "sendrecv", "sendonly", "recvonly" or "inactive"
}

// parseDescription reads an SDP. The reason is "" if it is good.
func parseDescription(body string) (d description, reason string) {
	if body == "" {
		return d, reasonNoSDP
	}
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "":
		case len(line) < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z', len(d.head) == 0 && line != "v=0":
			return d, reasonBadSDP
		case strings.ContainsAny(line, "\r\x00"):
			return d, reasonBadSDP // the next parser might see two lines
		case strings.HasPrefix(line, "m="):
			m, ok := parseMediaLine(line)
			if !ok || len(d.media) == maxMedia {
				return d, reasonBadSDP
			}
			d.media = append(d.media, m)
		case len(d.media) > 0:
			m := &d.media[len(d.media)-1]
			m.lines = append(m.lines, line)
		default:
			d.head = append(d.head, line)
		}
	}
	if len(d.media) == 0 {
		return d, reasonBadSDP
	}
	session := media{mode: "sendrecv"}
	known, ok := session.read(d.head)
	if !ok {
		return d, reasonBadSDP
	}
	for i := range d.media {
		m := &d.media[i]
		m.addr, m.mode = session.addr, session.mode
		own, ok := m.read(m.lines[1:])
		if !ok {
			return d, reasonBadSDP
		}
		if m.port != 0 && !own && !known {
			return d, reasonPartialSDP
		}
	}
	return d, ""
}

func parseMediaLine(line string) (m media, ok bool) {
	kind, rest, _ := strings.Cut(line[len("m="):], " ")
	ports, rest, _ := strings.Cut(rest, " ")
	proto, formats, ok := strings.Cut(rest, " ")
	// "port/count" asks for several ports; nobody does.
	port, err := strconv.ParseUint(ports, 10, 16)
	if kind == "" || err != nil || proto == "" || !ok || formats == "" {
		return m, false
	}
	return media{lines: []string{line}, kind: kind, proto: proto, formats: formats, port: uint16(port)}, true
}

// read takes over what lines say; known reports whether there was an address.
func (m *media) read(lines []string) (known, ok bool) {
	for _, line := range lines {
		switch name, value := attribute(line); {
		case strings.HasPrefix(line, "c="):
			if m.addr, ok = parseConnection(line[len("c="):]); !ok {
				return false, false
			}
			known = true
		case name == "rtcp":
			if m.rtcp, ok = parseRTCP(value); !ok {
				return false, false
			}
		case name == "rtcp-mux":
			m.mux = true
		case slices.Contains([]string{"sendrecv", "sendonly", "recvonly", "inactive"}, name):
			m.mode = name
		}
	}
	return known, true
}

// attribute splits "a=name:value"; the name is "" on other lines.
func attribute(line string) (name, value string) {
	rest, ok := strings.CutPrefix(line, "a=")
	if !ok {
		return "", ""
	}
	name, value, _ = strings.Cut(rest, ":")
	return strings.ToLower(strings.TrimSpace(name)), value
}

// parseConnection reads "IN IP4 192.0.2.1"; a host name is no address to us.
func parseConnection(s string) (addr netip.Addr, ok bool) {
	f := strings.Fields(s)
	if len(f) != 3 || f[0] != "IN" || f[1] != "IP4" && f[1] != "IP6" {
		return addr, false
	}
	host, _, _ := strings.Cut(f[2], "/")
	addr, _ = netip.ParseAddr(host)
	return addr.Unmap().WithZone(""), true
}

// parseRTCP reads the value of a=rtcp (RFC 3605): a port, perhaps with an address.
func parseRTCP(s string) (at netip.AddrPort, ok bool) {
	number, where, has := strings.Cut(strings.TrimSpace(s), " ")
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return at, false
	}
	var addr netip.Addr
	if has {
		if addr, ok = parseConnection(where); !ok {
			return at, false
		}
	}
	return netip.AddrPortFrom(addr, uint16(port)), true
}

// held reports whether the party's address is the null address of old-style
// hold (RFC 3264 section 8.4).
func (m *media) held() bool { return m.addr.IsUnspecified() }

// relayable reports whether the relay knows what the line is.
func (m *media) relayable() bool {
	if m.kind != "audio" && m.kind != "video" {
		return false
	}
	switch m.proto {
	case "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF":
		return true
	}
	return false
}

// active reports whether the line wants ports of the relay.
func (m *media) active() bool { return m.port != 0 && m.relayable() }

func (m *media) dtls() bool { return strings.HasPrefix(m.proto, "UDP/TLS/") }

func (m *media) secure() bool { return strings.Contains(m.proto, "/SAVP") }
