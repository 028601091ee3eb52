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
	clean                    bool
}

// Param is one parameter, trimmed. A parameter without '=' has a nil value.
type Param struct {
	Name, Value []byte
	from, to    int // from its ';' to the next one's
}

// Is reports whether p has that name, in any case of letters.
func (p *Param) Is(name string) bool {
	return len(p.Name) == len(name) && bytes.EqualFold(p.Name, []byte(name))
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

// lineEnd is the offset behind the line end of the line at from. It looks for
// the LF alone, which is found twice as fast as the pair.
func lineEnd(msg []byte, from int) int {
	for at := from; ; {
		i := bytes.IndexByte(msg[at:], '\n')
		if i < 0 {
			return len(msg)
		}
		at += i + 1
		if i := at - 2; i >= from && msg[i] == '\r' {
			return at
		}
	}
}

// viaValue is where the value of the header at from begins, if it is a Via.
func viaValue(msg []byte, from int) (int, bool) {
	// Most headers are told by their first letter; what stands before the name
	// may be any blank that bytes.TrimSpace knows.
	if c := msg[from]; visible(c) && c|0x20 != 'v' {
		return 0, false
	}
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
	end, odd := valueEnd(msg, i)
	v.end = end
	v.clean = v.hostFrom == v.transport+1 && string(msg[v.start:v.transportFrom]) == protocol &&
		plain(msg[v.hostFrom:v.params]) && (!odd || plain(msg[v.params:v.end]))
	if v.params < v.end && msg[v.params] != ';' {
		return v, false
	}
	return v, true
}

// maxPortDigits is what sipgo reads without losing the parameters that follow.
const maxPortDigits = 5

// valueEnd is the end of the value whose parameters begin at i: at a comma
// outside quotes, or at the end of the header, blanks before it left off. odd
// says that something else than unquoted visible ASCII stands before it.
func valueEnd(msg []byte, i int) (end int, odd bool) {
	msg = msg[:trimRight(msg, len(msg))]
	for i < len(msg) && visible(msg[i]) && msg[i] != ',' && msg[i] != '"' {
		i++
	}
	if i >= len(msg) {
		return len(msg), false
	}
	if msg[i] == ',' {
		return i, false
	}
	quoted := false
	for ; i < len(msg); i++ {
		switch c := msg[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return trimRight(msg, i), true
		}
	}
	return len(msg), true
}

// Host is the host of sent-by, without the brackets of an IPv6 reference.
func (v *Via) Host(msg []byte) []byte {
	return bytes.Trim(msg[v.hostFrom:v.host], "[]")
}

// Port is the port of sent-by as written; empty if there is none.
func (v *Via) Port(msg []byte) []byte { return msg[v.portFrom:v.port] }

// Next makes p the parameter behind p, the first one if p is zero. It reports
// false behind the last.
func (v *Via) Next(msg []byte, p *Param) bool {
	from := max(p.to, v.params)
	if from >= v.end {
		return false
	}
	to, eq := paramEnd(msg[:v.end], from+1)
	p.from, p.to, p.Value = from, to, nil
	nameEnd := to
	if eq >= 0 {
		nameEnd = eq
		p.Value = trim(msg, eq+1, to)
	}
	p.Name = trim(msg, from+1, nameEnd)
	return true
}

// paramEnd is the end of the parameter that begins at i, at the next semicolon
// outside quotes, and where its first '=' outside quotes is, else -1.
func paramEnd(msg []byte, i int) (end, eq int) {
	eq = -1
	for ; i < len(msg) && msg[i] != '"'; i++ { // quotes are rare
		switch msg[i] {
		case ';':
			return i, eq
		case '=':
			if eq < 0 {
				eq = i
			}
		}
	}
	quoted := false
	for ; i < len(msg); i++ {
		switch c := msg[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '=' && eq < 0 && !quoted:
			eq = i
		case c == ';' && !quoted:
			return i, eq
		}
	}
	return len(msg), eq
}

// Get is the first parameter of that name, in any case of letters.
func (v *Via) Get(msg []byte, name string) (p Param, ok bool) {
	for v.Next(msg, &p) {
		if p.Is(name) {
			return p, true
		}
	}
	return Param{}, false
}

// blanks and separators are sets of characters below 64, a bit for each.
const (
	blanks     uint64 = 1<<' ' | 1<<'\t' | 1<<'\r' | 1<<'\n'
	separators uint64 = 1<<'/' | 1<<';' | 1<<',' | 1<<':' | 1<<'='
)

func blank(c byte) bool { return c <= ' ' && blanks>>c&1 != 0 }

// visible reports whether c is visible ASCII.
func visible(c byte) bool { return c-'!' <= '~'-'!' }

func skip(msg []byte, i int) int {
	for i < len(msg) && blank(msg[i]) {
		i++
	}
	return i
}

// trim is msg[from:to] without the blanks around it.
func trim(msg []byte, from, to int) []byte {
	for from < to && blank(msg[from]) {
		from++
	}
	for to > from && blank(msg[to-1]) {
		to--
	}
	return msg[from:to]
}

func trimRight(msg []byte, end int) int {
	for end > 0 && blank(msg[end-1]) {
		end--
	}
	return end
}

func token(msg []byte, i int) int {
	for i < len(msg) && (msg[i] >= 64 || (blanks|separators)>>msg[i]&1 == 0) {
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
