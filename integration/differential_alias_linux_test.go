// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

// aliases are the values of the Request-URI's aliases, in order.
func (m *diffMessage) aliases() []string {
	var values []string
	for _, p := range m.ruri.params {
		if v, ok := strings.CutPrefix(p, "alias"); ok && (v == "" || v[0] == '=') {
			values = append(values, v[min(1, len(v)):])
		}
	}
	return values
}

// goodAlias reports whether an alias names an address, a port and a transport.
func goodAlias(value string) bool {
	parts := strings.Split(value, "~")
	if len(parts) != 3 {
		return false
	}
	host := parts[0]
	if strings.HasPrefix(host, "[") != strings.Contains(host, ":") || strings.HasSuffix(host, "]") != strings.Contains(host, ":") {
		return false
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	port, portErr := strconv.ParseUint(parts[1], 10, 16)
	proto, protoErr := strconv.ParseUint(parts[2], 10, 8)
	_, served := flow.ParseTransport(flow.Transport(proto).String())
	return err == nil && portErr == nil && protoErr == nil && served && port != 0 && addr.IsValid()
}

// aliasUnchecked: Kamailio makes a destination of anything between the tildes.
func aliasUnchecked(d diffDifference) bool {
	values := d.m.aliases()
	return d.what == "ruri" && len(values) == 1 && !goodAlias(values[0]) && d.theirs.resolved == 1 && d.ours.resolved == -1 &&
		d.ours.du == "" && d.ours.ru == printedURI(d.m.ruri.String())
}

// aliasBareIPv6: Kamailio 5.6.3 makes a $du without brackets of an alias without.
func aliasBareIPv6(d diffDifference) bool {
	values := d.m.aliases()
	if d.what != "ruri" || len(values) != 1 || d.theirs.resolved != 1 || d.ours.resolved != 1 || d.ours.ru != d.theirs.ru {
		return false
	}
	host, _, _ := strings.Cut(values[0], "~")
	return strings.Contains(host, ":") && !strings.HasPrefix(host, "[") && d.ours.du == strings.Replace(d.theirs.du, host, "["+host+"]", 1)
}

// aliasTwice: of two aliases Kamailio reads the first, and sipgo keeps the last.
func aliasTwice(d diffDifference) bool {
	values := d.m.aliases()
	if d.what != "ruri" || len(values) < 2 {
		return false
	}
	last := *d.m
	last.ruri.params = slices.DeleteFunc(slices.Clone(last.ruri.params), func(p string) bool {
		return (p == "alias" || strings.HasPrefix(p, "alias=")) && strings.TrimPrefix(p[len("alias"):], "=") != values[len(values)-1]
	})
	last.write()
	if one, err := last.ours(); err != nil || one.resolved != d.ours.resolved || one.du != d.ours.du {
		return false
	}
	first := slices.IndexFunc(d.m.ruri.params, func(p string) bool { return strings.HasPrefix(p, "alias=") })
	if first < 0 || d.theirs.resolved != 1 {
		return first < 0 || !goodAlias(values[0])
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(d.m.ruri.params[first], "alias="), "~")
	return strings.HasPrefix(d.theirs.du, "sip:"+host)
}

// aliasErrorMutates: Kamailio leaves the Request-URI changed when it refuses it.
func aliasErrorMutates(d diffDifference) bool {
	if d.what != "ruri" || d.ours.resolved != -1 || d.theirs.resolved != -1 || d.ours.du != "" || d.theirs.du != "" {
		return false
	}
	at := strings.LastIndex(d.ours.ru, ";alias=")
	return d.ours.ru == printedURI(d.m.ruri.String()) &&
		d.theirs.ru == d.ours.ru[:at]+strings.Replace(d.ours.ru[at:], "~", ":", 1)
}

// aliasSpelling: Kamailio copies address and port, we print what they mean.
func aliasSpelling(d diffDifference) bool {
	if d.what != "ruri" || d.ours.resolved != 1 || d.theirs.resolved != 1 || d.ours.ru != d.theirs.ru {
		return false
	}
	plain := strings.Replace(strings.ToLower(d.theirs.du), "]:0", "]:", 1)
	plain = strings.Replace(plain, "[::ffff:1.2.3.4]", "1.2.3.4", 1)
	if i := strings.LastIndex(plain, ":0"); i > 0 {
		plain = plain[:i+1] + plain[i+2:]
	}
	return d.ours.du == plain
}

// aliasShort: Kamailio overlooks an alias at the very end of a URI that is
// shorter than any good one.
func aliasShort(d diffDifference) bool {
	values := d.m.aliases()
	return d.what == "ruri" && len(values) == 1 && len(values[0]) < 11 && d.theirs.resolved == 2 && d.theirs.ru == printedURI(d.m.ruri.String()) &&
		(d.ours.resolved == -1 || goodAlias(values[0]))
}

// aliasEmpty: a parameter without a value is some other alias to us, and to
// Kamailio an error, or the start of whatever has tildes further on.
func aliasEmpty(d diffDifference) bool {
	values := d.m.aliases()
	return d.what == "ruri" && len(values) == 1 && values[0] == "" && d.ours.resolved == 2 &&
		(d.theirs.resolved == -1 || strings.HasPrefix(d.theirs.du, "sip:;"))
}

// sipgoBracket: sipgo takes a "[" in the parameters of a URI without a user part
// for the beginning of its host.
func sipgoBracket(d diffDifference) bool {
	return (d.what == "ruri" || d.bit == nat.TestDestination) && d.m.ruri.user == "" && strings.Contains(strings.Join(d.m.ruri.params, ";"), "[")
}
