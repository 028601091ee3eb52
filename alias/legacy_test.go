// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
)

func anywhere(flow.Flow) bool { return true }

func TestLegacyAdd(t *testing.T) {
	v6 := phone
	v6.Remote = netip.MustParseAddrPort("[2001:db8::9]:40112")
	at := func(addr string, tr flow.Transport) flow.Flow {
		return flow.Flow{Transport: tr, Remote: netip.MustParseAddrPort(addr)}
	}
	const src = "203.0.113.9:40112"
	for _, c := range []struct {
		name     string
		f        flow.Flow
		in, want string
	}{
		{"right behind the port", phone, "<sip:a@10.0.0.1:5060;transport=udp;x=y>", "<sip:a@10.0.0.1:5060;alias=203.0.113.9~40112~1;transport=udp;x=y>"},
		{"before ?headers", phone, "<sip:a@10.0.0.1?X=y>", "<sip:a@10.0.0.1;alias=203.0.113.9~40112~1?X=y>"},
		{"IPv6 bracketed", v6, "<sip:a@10.0.0.1>", "<sip:a@10.0.0.1;alias=[2001:db8::9]~40112~1>"},
		{"tcp", at(src, flow.TCP), "<sip:a@10.0.0.1>", "<sip:a@10.0.0.1;alias=203.0.113.9~40112~2>"},
		{"wss", at(src, flow.WSS), "<sip:a@x.invalid;transport=ws>", "<sip:a@x.invalid;alias=203.0.113.9~40112~6;transport=ws>"},
		{"an old one, longer", phone, "<sip:a@10.0.0.1;alias=1.2.3.4~5~1;x>", "<sip:a@10.0.0.1;alias=203.0.113.9~40112~1;x>"},
		{"an old one, shorter than 11", phone, "<sip:a@10.0.0.1;alias=[::2]~99~1>", "<sip:a@10.0.0.1;alias=203.0.113.9~40112~1>"},
		{"ALIAS is not ours", phone, "<sip:a@10.0.0.1;ALIAS=x>", "<sip:a@10.0.0.1;alias=203.0.113.9~40112~1;ALIAS=x>"},
		{"no brackets", phone, "sip:a@10.0.0.1;expires=60", "<sip:a@10.0.0.1;alias=203.0.113.9~40112~1>;expires=60"},
		{"a header parameter is not ours", phone, "<sip:a@10.0.0.1>;alias=x", "<sip:a@10.0.0.1;alias=203.0.113.9~40112~1>;alias=x"},
		{"* untouched", phone, "*", "*"},
		{"same place, transport not explicit: added", phone, "<sip:a@203.0.113.9:40112>", "<sip:a@203.0.113.9:40112;alias=203.0.113.9~40112~1>"},
		{"same place, explicit transport: skipped", phone, "<sip:a@203.0.113.9:40112;transport=UDP>", "<sip:a@203.0.113.9:40112;transport=UDP>"},
		{"same place, an old one goes all the same", phone, "<sip:a@203.0.113.9:40112;alias=1.2.3.4~5~1;transport=udp>", "<sip:a@203.0.113.9:40112;transport=udp>"},
		{"same place, other transport: added", at(src, flow.TCP), "<sip:a@203.0.113.9:40112;transport=udp>", "<sip:a@203.0.113.9:40112;alias=203.0.113.9~40112~2;transport=udp>"},
		{"no port is 5060: skipped", at("203.0.113.9:5060", flow.UDP), "<sip:a@203.0.113.9;transport=udp>", "<sip:a@203.0.113.9;transport=udp>"},
		{"wss is never the same", at(src, flow.WSS), "<sip:a@203.0.113.9:40112;transport=ws>", "<sip:a@203.0.113.9:40112;alias=203.0.113.9~40112~6;transport=ws>"},
		{"same place by IPv6", v6, "<sip:a@[2001:DB8:0::9]:40112;transport=udp>", "<sip:a@[2001:DB8:0::9]:40112;transport=udp>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &alias.Legacy{}
			req := invite(t, c.in)
			for range 2 {
				require.NoError(t, l.Add(req, c.f))
				require.Equal(t, []string{c.want}, contacts(req))
			}
		})
	}
}

func TestLegacyCarriesNoZone(t *testing.T) {
	req := invite(t, "<sip:a@10.0.0.1>")
	before := req.String()
	require.ErrorIs(t, (&alias.Legacy{}).Add(req, flows()["link-local"]), alias.ErrFlow)
	require.Equal(t, before, req.String())
}

func TestLegacyResolve(t *testing.T) {
	at := func(addr string, tr flow.Transport) flow.Flow {
		return flow.Flow{Transport: tr, Remote: netip.MustParseAddrPort(addr)}
	}
	for _, c := range []struct {
		name, uri string
		f         flow.Flow
		want      string
		err       error
	}{
		{"udp", "sip:a@h;alias=203.0.113.9~40112~1", at("203.0.113.9:40112", flow.UDP), "sip:a@h", nil},
		{"among others", "sip:a@h:5062;x=1;alias=203.0.113.9~40112~2;ob?X=y", at("203.0.113.9:40112", flow.TCP), "", nil},
		{"tls", "sip:a@h;alias=203.0.113.9~40112~3", at("203.0.113.9:40112", flow.TLS), "sip:a@h", nil},
		{"ws", "sip:a@h;alias=203.0.113.9~40112~5", at("203.0.113.9:40112", flow.WS), "sip:a@h", nil},
		{"wss", "sip:a@h;alias=203.0.113.9~40112~6", at("203.0.113.9:40112", flow.WSS), "sip:a@h", nil},
		{"v6 bracketed", "sip:a@h;alias=[2001:DB8::9]~5060~1", at("[2001:db8::9]:5060", flow.UDP), "sip:a@h", nil},
		{"v6 bare, as of 5.6", "sip:a@h;alias=2001:db8::9~5060~1", at("[2001:db8::9]:5060", flow.UDP), "sip:a@h", nil},
		{"v4-mapped is v4", "sip:a@h;alias=[::ffff:10.0.0.1]~5060~1", at("10.0.0.1:5060", flow.UDP), "sip:a@h", nil},
		{"shorter than 11", "sip:a@h;alias=[::2]~99~1", at("[::2]:99", flow.UDP), "sip:a@h", nil},
		{"none", "sip:a@h", flow.Flow{}, "", alias.ErrNone},
		{"a signed one is foreign", "sip:a@h;sna=abc", flow.Flow{}, "", alias.ErrNone},
		{"upper case is not ours", "sip:a@h;ALIAS=203.0.113.9~40112~1", flow.Flow{}, "", alias.ErrNone},
		{"in the user part", "sip:a;alias=203.0.113.9~40112~1@h", flow.Flow{}, "", alias.ErrNone},
		{"no value", "sip:a@h;alias", flow.Flow{}, "", alias.ErrNone},
		{"empty", "sip:a@h;alias=", flow.Flow{}, "", alias.ErrNone},
		{"one tilde", "sip:a@h;alias=203.0.113.9~40112", flow.Flow{}, "", alias.ErrMalformed},
		{"three tildes", "sip:a@h;alias=203.0.113.9~40112~1~1", flow.Flow{}, "", alias.ErrMalformed},
		{"host name", "sip:a@h;alias=host.name~5060~1", flow.Flow{}, "", alias.ErrMalformed},
		{"port 0", "sip:a@h;alias=203.0.113.9~0~1", flow.Flow{}, "", alias.ErrMalformed},
		{"port 99999", "sip:a@h;alias=203.0.113.9~99999~1", flow.Flow{}, "", alias.ErrMalformed},
		{"port x", "sip:a@h;alias=203.0.113.9~x~1", flow.Flow{}, "", alias.ErrMalformed},
		{"port +1", "sip:a@h;alias=203.0.113.9~+1~1", flow.Flow{}, "", alias.ErrMalformed},
		{"no proto", "sip:a@h;alias=203.0.113.9~40112~", flow.Flow{}, "", alias.ErrMalformed},
		{"sctp", "sip:a@h;alias=203.0.113.9~40112~4", flow.Flow{}, "", alias.ErrMalformed},
		{"proto of two digits", "sip:a@h;alias=203.0.113.9~40112~11", flow.Flow{}, "", alias.ErrMalformed},
		{"proto below 0", "sip:a@h;alias=203.0.113.9~40112~/", flow.Flow{}, "", alias.ErrMalformed},
		{"escape", "sip:a@h;alias=%31.2.3.4~5060~1", flow.Flow{}, "", alias.ErrMalformed},
		{"octal", "sip:a@h;alias=010.0.0.1~5060~1", flow.Flow{}, "", alias.ErrMalformed},
		{"bracketed v4", "sip:a@h;alias=[10.0.0.1]~5060~1", flow.Flow{}, "", alias.ErrMalformed},
		{"half a bracket", "sip:a@h;alias=[::1~5060~1", flow.Flow{}, "", alias.ErrMalformed},
		{"zone", "sip:a@h;alias=[fe80::1%25e]~5060~1", flow.Flow{}, "", alias.ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &alias.Legacy{Allow: anywhere}
			req := toURI(t, c.uri)
			before := req.Recipient.String()
			f, err := l.Resolve(req)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.f, f)
			if c.err != nil {
				require.Equal(t, before, req.Recipient.String())
				return
			}
			require.NotContains(t, req.Recipient.String(), "alias")
			if c.want != "" {
				require.Equal(t, c.want, req.Recipient.String())
			}
		})
	}
}

func TestLegacyRoundTrip(t *testing.T) {
	l := &alias.Legacy{Allow: anywhere}
	for name, f := range flows() {
		if f.Remote.Addr().Zone() != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			req := invite(t, "<sip:a@10.0.0.1;x>")
			require.NoError(t, l.Add(req, f))
			got, err := l.Resolve(toURI(t, contactURI(t, req)))
			require.NoError(t, err)
			require.Equal(t, flow.Flow{Transport: f.Transport, Remote: f.Remote}, got)
		})
	}
}

// TestLegacyFirstWins with aliases in the request of a program; see the next
// test for those off the wire.
func TestLegacyFirstWins(t *testing.T) {
	req := toURI(t, "sip:a@h;alias=203.0.113.9~1~1;x=1")
	req.Recipient.UriParams = append(req.Recipient.UriParams, req.Recipient.UriParams[0])
	req.Recipient.UriParams[2].V = "203.0.113.9~2~1"
	f, err := (&alias.Legacy{Allow: anywhere}).Resolve(req)
	require.NoError(t, err)
	require.Equal(t, uint16(1), f.Remote.Port())
	require.Equal(t, "sip:a@h;x=1", req.Recipient.String())
}

// TestSipgoKeepsTheLastOfTwoParams pins the trap that Legacy documents. When it
// fails, sipgo keeps both, the first wins, and the sentence can go.
func TestSipgoKeepsTheLastOfTwoParams(t *testing.T) {
	req := toURI(t, "sip:a@h;alias=203.0.113.9~1~1;alias=203.0.113.9~2~1")
	require.Equal(t, "sip:a@h;alias=203.0.113.9~2~1", req.Recipient.String())
}

// TestSipgoTakesABracketForTheHost pins the other trap that Legacy documents.
// When it fails, sipgo reads such a URI, and the sentence can go.
func TestSipgoTakesABracketForTheHost(t *testing.T) {
	req := toURI(t, "sip:10.0.0.1:5060;alias=[2001:db8::9]~5060~1")
	require.Equal(t, "sip:[2001:db8::9]", req.Recipient.String())
	_, err := (&alias.Legacy{Allow: anywhere}).Resolve(req)
	require.ErrorIs(t, err, alias.ErrNone)
}

func TestLegacyDemandsAPolicy(t *testing.T) {
	const uri = "sip:a@h;alias=10.0.0.1~5060~1"
	lan := alias.AllowPrefixes(netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"))
	for _, c := range []struct {
		name  string
		allow func(flow.Flow) bool
		uri   string
		err   error
	}{
		{"none allows nothing", nil, uri, alias.ErrRefused},
		{"outside", lan, uri, alias.ErrRefused},
		{"inside", lan, strings.Replace(uri, "10.0.0.1", "203.0.113.9", 1), nil},
		{"inside, v6", lan, strings.Replace(uri, "10.0.0.1", "[2001:db8::9]", 1), nil},
		{"v4-mapped does not get round it", lan, strings.Replace(uri, "10.0.0.1", "[::ffff:10.0.0.1]", 1), alias.ErrRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := toURI(t, c.uri)
			before := req.String()
			_, err := (&alias.Legacy{Allow: c.allow}).Resolve(req)
			require.ErrorIs(t, err, c.err)
			if c.err != nil {
				require.Equal(t, before, req.String())
			}
		})
	}
}

// TestLegacyAsksTheLayer: a stream that we do not hear from is not dialled.
func TestLegacyAsksTheLayer(t *testing.T) {
	l := &alias.Legacy{Layer: &flow.Layer{}, Allow: anywhere}
	req := toURI(t, "sip:a@h;alias=203.0.113.9~40112~2")
	before := req.String()
	_, err := l.Resolve(req)
	require.ErrorIs(t, err, flow.ErrFlowGone)
	require.Equal(t, before, req.String())
}

func FuzzLegacy(f *testing.F) {
	for _, v := range []string{"203.0.113.9~40112~1", "[2001:db8::9]~5060~6", "::1~1~2", "", "~~", "[~1~1", "[fe80::1%x]~1~1"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		l := &alias.Legacy{Allow: anywhere}
		req := toURI(t, "sip:a@h;alias=x")
		req.Recipient.UriParams[0].V = value
		got, err := l.Resolve(req)
		if err != nil {
			require.True(t, errors.Is(err, alias.ErrMalformed) || value == "" && errors.Is(err, alias.ErrNone))
			require.Zero(t, got)
			require.Equal(t, value, req.Recipient.UriParams[0].V)
			return
		}
		require.True(t, got.IsValid())
		again := invite(t, "<sip:a@h>")
		require.NoError(t, l.Add(again, got))
		req = toURI(t, contactURI(t, again))
		same, err := l.Resolve(req)
		require.NoError(t, err)
		require.Equal(t, got, same)
	})
}
