// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package via

import "bytes"

// Via is the first Via value of a message: offsets into its bytes.
type Via struct {
	start, end               int // the value, from the protocol to its last parameter
	transportFrom, transport int // the transport's token
	hostFrom, host           int // the host, with the brackets of an IPv6 reference
	portFrom, port           int // the port's digits; equal if there is none
	params                   int // where the parameters begin: at a ';', or at end
}

// Param is one parameter, trimmed. A parameter without '=' has a nil value.
type Param struct {
	Name, Value []byte
	from, to    int // from its ';' to the next one's
}

// IsResponse reports whether msg begins like a response.
func IsResponse(msg []byte) bool { return bytes.HasPrefix(msg, []byte("SIP/2.0 ")) }

// First finds the first Via value. It reports false if there is none before the
// body, or if it does not have the form of one. Lines end with CRLF and nothing
// else, as for sipgo: who takes a lone LF for a line end finds a Via that a
// client has hidden in another header.
func First(msg []byte) (Via, bool) {
	at := lineEnd(msg, 0)
	for at < len(msg) && msg[at] != '\r' {
		end := headerEnd(msg, at)
		if from, ok := viaValue(msg[:end], at); ok {
			return parse(msg[:end], from)
		}
		at = end
	}
	return Via{}, false
}

// headerEnd is the offset behind the line end of the header at from, folded
// lines included (RFC 3261 section 7.3.1).
func headerEnd(msg []byte, from int) int {
	for {
		from = lineEnd(msg, from)
		if from >= len(msg) || (msg[from] != ' ' && msg[from] != '\t') {
			return from
		}
	}
}

// lineEnd is the offset behind the line end of the line at from.
func lineEnd(msg []byte, from int) int {
	if i := bytes.Index(msg[from:], []byte("\r\n")); i >= 0 {
		return from + i + 2
	}
	return len(msg)
}

// viaValue is where the value of the header at from begins, if it is a Via.
func viaValue(msg []byte, from int) (int, bool) {
	i := bytes.IndexByte(msg[from:], ':')
	if i < 0 {
		return 0, false
	}
	name := bytes.TrimSpace(msg[from : from+i])
	if !bytes.EqualFold(name, []byte("via")) && !bytes.EqualFold(name, []byte("v")) {
		return 0, false
	}
	return skip(msg, from+i+1), true
}

// parse reads sent-protocol, sent-by and the extent of the parameters.
func parse(msg []byte, from int) (v Via, ok bool) {
	v.start = from
	i := from
	for range 2 { // SIP "/" 2.0 "/"
		i = skip(msg, token(msg, i))
		if i >= len(msg) || msg[i] != '/' {
			return v, false
		}
		i = skip(msg, i+1)
	}
	v.transportFrom = i
	v.transport = token(msg, i)
	if v.transport == v.transportFrom || v.transport >= len(msg) || !blank(msg[v.transport]) {
		return v, false
	}
	v.hostFrom = skip(msg, v.transport)
	if v.host = host(msg, v.hostFrom); v.host == v.hostFrom {
		return v, false
	}
	i = skip(msg, v.host)
	if i < len(msg) && msg[i] == ':' {
		v.portFrom = skip(msg, i+1)
		for v.port = v.portFrom; v.port < len(msg) && '0' <= msg[v.port] && msg[v.port] <= '9'; {
			v.port++
		}
		if v.port == v.portFrom || v.port-v.portFrom > maxPortDigits {
			return v, false
		}
		i = skip(msg, v.port)
	}
	v.params = i
	v.end = valueEnd(msg, i)
	if v.params < v.end && msg[v.params] != ';' {
		return v, false
	}
	return v, true
}

// maxPortDigits is what sipgo reads without losing the parameters that follow.
const maxPortDigits = 5

// valueEnd is the end of the value whose parameters begin at i: at a comma
// outside quotes, or at the end of the header, blanks before it left off.
func valueEnd(msg []byte, i int) int {
	quoted := false
	for ; i < len(msg); i++ {
		switch c := msg[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return trimRight(msg, i)
		}
	}
	return trimRight(msg, len(msg))
}

// Host is the host of sent-by, without the brackets of an IPv6 reference.
func (v Via) Host(msg []byte) []byte {
	return bytes.Trim(msg[v.hostFrom:v.host], "[]")
}

// Port is the port of sent-by as written; empty if there is none.
func (v Via) Port(msg []byte) []byte { return msg[v.portFrom:v.port] }

// Next is the parameter at pos, and where the one after it begins. Start at
// First: zero means the first parameter.
func (v Via) Next(msg []byte, pos int) (p Param, next int, ok bool) {
	if pos == 0 {
		pos = v.params
	}
	if pos >= v.end {
		return p, pos, false
	}
	p.from, p.to = pos, v.end
	eq, quoted := -1, false
	for i := pos + 1; i < v.end; i++ {
		switch c := msg[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '=' && eq < 0 && !quoted:
			eq = i
		case c == ';' && !quoted:
			p.to = i
		}
		if p.to < v.end {
			break
		}
	}
	nameEnd := p.to
	if eq >= 0 {
		nameEnd = eq
		p.Value = msg[skip(msg[:p.to], eq+1):]
		p.Value = msg[len(msg)-len(p.Value) : max(trimRight(msg, p.to), len(msg)-len(p.Value))]
	}
	from := skip(msg[:nameEnd], pos+1)
	p.Name = msg[from:max(trimRight(msg, nameEnd), from)]
	return p, p.to, true
}

// Get is the first parameter of that name, in any case of letters.
func (v Via) Get(msg []byte, name string) (p Param, ok bool) {
	for pos := 0; ; {
		if p, pos, ok = v.Next(msg, pos); !ok {
			return p, false
		}
		if equalFold(p.Name, name) {
			return p, true
		}
	}
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func skip(msg []byte, i int) int {
	for i < len(msg) && blank(msg[i]) {
		i++
	}
	return i
}

func trimRight(msg []byte, end int) int {
	for end > 0 && blank(msg[end-1]) {
		end--
	}
	return end
}

func token(msg []byte, i int) int {
	for i < len(msg) && !blank(msg[i]) && bytes.IndexByte([]byte("/;,:="), msg[i]) < 0 {
		i++
	}
	return i
}

func host(msg []byte, i int) int {
	if i < len(msg) && msg[i] == '[' {
		if n := bytes.IndexByte(msg[i:], ']'); n > 0 {
			return i + n + 1
		}
		return i
	}
	return token(msg, i)
}

func equalFold(b []byte, name string) bool {
	return len(b) == len(name) && bytes.EqualFold(b, []byte(name))
}
