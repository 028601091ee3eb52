// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package via

// usual is the size up to which a Via value is rewritten without an allocation.
const usual = 1024

// Rewrite writes the first Via value of buf[:n] anew, in place: blanks and
// folds taken out, parameters named in drop left out, add (";name" or
// ";name=value") put first. Parameters that sipgo reads otherwise than we do are
// left out too: one with a quoted string, in which sipgo takes a semicolon for
// the beginning of the next. It returns the message's new length; n, and the
// bytes untouched, if buf has no room for it.
func (v Via) Rewrite(buf []byte, n int, add []byte, drop ...string) int {
	var room [usual]byte
	out := append(room[:0], "SIP/2.0/"...)
	out = append(out, buf[v.transportFrom:v.transport]...)
	out = append(out, ' ')
	out = append(out, buf[v.hostFrom:v.host]...)
	if v.port > v.portFrom {
		out = append(out, ':')
		out = append(out, buf[v.portFrom:v.port]...)
	}
	out = append(out, add...)
	for pos := 0; ; {
		p, next, ok := v.Next(buf[:n], pos)
		if !ok {
			break
		}
		pos = next
		if len(p.Name) == 0 || anyOf(p.Name, drop) || !plain(p.Name) || !plain(p.Value) {
			continue
		}
		out = append(append(out, ';'), p.Name...)
		if p.Value != nil {
			out = append(append(out, '='), p.Value...)
		}
	}
	return replace(buf, n, v.start, v.end, out)
}

// Clean reports whether the value is written without blanks, folds and quotes, so
// that a parser that does not expect them reads it right.
func (v Via) Clean(msg []byte) bool {
	return v.hostFrom == v.transport+1 && v.transportFrom == v.start+len("SIP/2.0/") && plain(msg[v.hostFrom:v.end])
}

// plain reports whether b is visible ASCII without quotes.
func plain(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c > '~' || c == '"' {
			return false
		}
	}
	return true
}

// AppendWithout appends msg to b without the parameter p of its first Via.
func AppendWithout(b, msg []byte, p Param) []byte {
	return append(append(b, msg[:p.from]...), msg[p.to:]...)
}

func replace(buf []byte, n, from, to int, with []byte) int {
	grown := n + len(with) - (to - from)
	if grown > len(buf) {
		return n
	}
	copy(buf[from+len(with):grown], buf[to:n])
	copy(buf[from:], with)
	return grown
}

func anyOf(name []byte, list []string) bool {
	for _, s := range list {
		if equalFold(name, s) {
			return true
		}
	}
	return false
}
