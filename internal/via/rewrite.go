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
func (v *Via) Rewrite(buf []byte, n int, add []byte, drop ...string) int {
	if n+len(add) <= len(buf) && v.clean {
		return v.edit(buf, n, add, drop)
	}
	var room [usual]byte
	out := append(room[:0], protocol...)
	out = append(out, buf[v.transportFrom:v.transport]...)
	out = append(out, ' ')
	out = append(out, buf[v.hostFrom:v.host]...)
	if v.port > v.portFrom {
		out = append(out, ':')
		out = append(out, buf[v.portFrom:v.port]...)
	}
	out = append(out, add...)
	var p Param
	for v.Next(buf[:n], &p) {
		if !keeps(&p, drop) || !plain(p.Name) || !plain(p.Value) {
			continue
		}
		out = append(append(out, ';'), p.Name...)
		if p.Value != nil {
			out = append(append(out, '='), p.Value...)
		}
	}
	return replace(buf, n, v.start, v.end, out)
}

// edit is Rewrite for a value that is clean, where nothing changes but that
// parameters come and go: half the price, since the rest stays where it is. buf
// has room for add.
func (v *Via) edit(buf []byte, n int, add []byte, drop []string) int {
	kept := v.params // end of the parameters that stay, moved to the front
	var p Param
	for v.Next(buf[:n], &p) {
		switch {
		case !keeps(&p, drop):
		case kept == p.from:
			kept = p.to
		default:
			kept += copy(buf[kept:], buf[p.from:p.to])
		}
	}
	end := kept + len(add)
	if end > v.end {
		copy(buf[end:], buf[v.end:n])
	}
	copy(buf[v.params+len(add):end], buf[v.params:kept])
	copy(buf[v.params:], add)
	if end < v.end {
		copy(buf[end:], buf[v.end:n])
	}
	return n + end - v.end
}

// keeps reports whether p has a name, and not one of drop.
func keeps(p *Param, drop []string) bool {
	for _, name := range drop {
		if p.Is(name) {
			return false
		}
	}
	return len(p.Name) > 0
}

// protocol is how a clean value begins.
const protocol = "SIP/2.0/"

// Clean reports whether the value is written without blanks, folds and quotes, so
// that a parser that does not expect them reads it right.
func (v *Via) Clean() bool { return v.clean }

// plain reports whether b is visible ASCII without quotes.
func plain(b []byte) bool {
	for _, c := range b {
		if !visible(c) || c == '"' {
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
