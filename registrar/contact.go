// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// contact is one value of the Contact headers of a REGISTER, checked.
type contact struct {
	uri      string
	q        int
	expires  int // seconds; -1: no parameter
	instance string
	regID    uint32
}

var errContact = bad("Bad Contact")

// readContacts reads all Contact headers, up to max of them. star says that
// the only one is "*".
func readContacts(req *sip.Request, max int) (list []contact, star bool, err error) {
	headers, err := contactHeaders(req)
	if err != nil {
		return nil, false, err
	}
	if len(headers) > max {
		return nil, false, bad("Too Many Contacts")
	}
	for _, h := range headers {
		// "sip:*" and "sip:a@*" are wildcards too, for sipgo.
		if h.Address.Wildcard && h.Address.Scheme == "" {
			if len(headers) != 1 {
				return nil, false, bad("Contact * Beside Others")
			}
			return nil, true, nil
		}
		c, ok := readContact(h)
		if !ok {
			return nil, false, errContact
		}
		list = append(list, c)
	}
	return list, false, nil
}

// contactHeaders is all of them: the accessor of sipgo has only the last one,
// and headers that were added by name are not parsed.
func contactHeaders(req *sip.Request) ([]*sip.ContactHeader, error) {
	var list []*sip.ContactHeader
	for _, h := range req.Headers() {
		if c, ok := h.(*sip.ContactHeader); ok {
			list = append(list, c)
			continue
		}
		if n := h.Name(); !strings.EqualFold(n, "Contact") && !strings.EqualFold(n, "m") {
			continue
		}
		parsed, err := sip.HeadersParser(sip.DefaultHeadersParser()).ParseHeader(nil, []byte("Contact: "+h.Value()))
		if err != nil {
			return nil, errContact
		}
		for _, p := range parsed {
			if c, ok := p.(*sip.ContactHeader); ok {
				list = append(list, c)
			}
		}
	}
	return list, nil
}

func readContact(h *sip.ContactHeader) (contact, bool) {
	c := contact{q: 1000, expires: -1}
	var ok bool
	if c.uri, ok = renderURI(&h.Address); !ok {
		return c, false
	}
	seen := map[string]bool{}
	for _, p := range headerParams(h.Params) {
		if seen[p.K] {
			continue
		}
		seen[p.K] = true
		switch p.K {
		case "expires":
			c.expires, ok = parseSeconds(p.V)
		case "q":
			c.q, ok = parseQ(p.V)
		case "+sip.instance":
			c.instance, ok = parseInstance(p.V)
		case "reg-id":
			var n uint64
			n, err := strconv.ParseUint(p.V, 10, 31)
			c.regID, ok = uint32(n), err == nil && n > 0
		}
		if !ok {
			return c, false
		}
	}
	if c.instance == "" {
		c.regID = 0 // RFC 5626 section 6: means nothing without an instance
	}
	return c, true
}

// headerParams reads header parameters anew from what sipgo made of them: it
// splits at semicolons inside quotes and at the last "=", and keeps blanks.
// Names come back in lower case, values without quotes.
func headerParams(params sip.HeaderParams) []sip.HeaderKV {
	var text strings.Builder
	for _, p := range params {
		text.WriteString(p.K)
		if p.V != "" {
			text.WriteString("=" + p.V)
		}
		text.WriteByte(';')
	}
	var list []sip.HeaderKV
	for rest := text.String(); rest != ""; {
		var item string
		item, rest = cutUnquoted(rest, ';')
		k, v, _ := strings.Cut(item, "=")
		k, v = strings.TrimSpace(k), strings.TrimSpace(v)
		if n := len(v); n >= 2 && v[0] == '"' && v[n-1] == '"' {
			v = strings.TrimSpace(v[1 : n-1])
		}
		if k != "" {
			list = append(list, sip.HeaderKV{K: strings.ToLower(k), V: v})
		}
	}
	return list
}

// cutUnquoted cuts s at the first sep that stands neither in quotes nor in
// angle brackets.
func cutUnquoted(s string, sep byte) (before, after string) {
	quoted, bracketed := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == sep && !bracketed:
			return s[:i], s[i+1:]
		case c == '<':
			bracketed = true
		case c == '>':
			bracketed = false
		}
	}
	return s, ""
}

// parseSeconds reads delta-seconds. What RFC 3261 section 20.19 does not fit
// (2**32-1) is cut to it: an expiry that long is clamped anyway.
func parseSeconds(s string) (int, bool) {
	const most = 1<<32 - 1
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > most {
		n = most
	}
	return int(n), true
}

// parseQ reads a qvalue into thousandths (RFC 3261 section 25.1): 0 or 1, with
// at most three decimals.
func parseQ(s string) (int, bool) {
	whole, frac, _ := strings.Cut(s, ".")
	if (whole != "0" && whole != "1") || len(frac) > 3 || strings.Trim(frac, "0123456789") != "" {
		return 0, false
	}
	n, _ := strconv.Atoi(whole + (frac + "000")[:3])
	return n, n <= 1000
}

// formatQ is the inverse of parseQ for less than 1000.
func formatQ(q int) string {
	s := strings.TrimRight("0."+strconv.Itoa(1000 + q)[1:], "0")
	return strings.TrimSuffix(s, ".")
}

// parseInstance reads the value of +sip.instance: a URN in angle brackets,
// which some phones forget (RFC 5626 section 4.1).
func parseInstance(s string) (string, bool) {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">")
	return s, s != "" && len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`<>"\`, r)
	})
}
