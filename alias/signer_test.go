// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
)

func TestNewKeys(t *testing.T) {
	_, err := alias.New()
	require.ErrorIs(t, err, alias.ErrKey)
	_, err = alias.New(key, nil)
	require.ErrorIs(t, err, alias.ErrKey)
}

func TestZeroSignerAddsNothingAndRefuses(t *testing.T) {
	var s alias.Signer
	req := invite(t, "<sip:alice@10.0.0.1>")
	require.ErrorIs(t, s.Add(req, phone), alias.ErrKey)
	_, err := s.Resolve(toURI(t, "sip:alice@10.0.0.1;sna=abc"))
	require.ErrorIs(t, err, alias.ErrForged)
}

// TestResolveGivesTheFlowBack sends the Contact over the wire and back as a
// Request-URI.
func TestResolveGivesTheFlowBack(t *testing.T) {
	s := newSigner(t, key)
	for name, f := range flows() {
		t.Run(name, func(t *testing.T) {
			req := invite(t, "<sip:alice@10.0.0.1:5060;transport=udp;ob>")
			require.NoError(t, s.Add(req, f))
			bye := toURI(t, contactURI(t, req))
			got, err := s.Resolve(bye)
			require.NoError(t, err)
			require.Equal(t, f, got)
			require.Equal(t, "sip:alice@10.0.0.1:5060;transport=udp;ob", bye.Recipient.String())
		})
	}
}

func TestAddIsIdempotent(t *testing.T) {
	s, old := newSigner(t, key), newSigner(t, other)
	moved := phone
	moved.Remote = flows()["v6 udp"].Remote
	for name, f := range flows() {
		t.Run(name, func(t *testing.T) {
			once, twice := invite(t, "<sip:alice@10.0.0.1;x=y>;q=0.5"), invite(t, "<sip:alice@10.0.0.1;x=y>;q=0.5")
			require.NoError(t, s.Add(once, f))
			require.NoError(t, old.Add(twice, moved))
			require.NoError(t, s.Add(twice, moved))
			require.NoError(t, s.Add(twice, f))
			require.NoError(t, s.Add(twice, f))
			require.Equal(t, once.String(), twice.String())
			again := parse(t, "INVITE sip:bob@example.com SIP/2.0", contacts(once)...)
			require.NoError(t, s.Add(again, f))
			require.Equal(t, contacts(once), contacts(again))
		})
	}
}

func TestAddShapes(t *testing.T) {
	s := newSigner(t, key)
	for _, c := range []struct {
		name string
		in   []string
		want []string // TOKEN stands for the token
	}{
		{"right behind host and port", []string{"<sip:a@10.0.0.1:5060;transport=udp;ob>"}, []string{"<sip:a@10.0.0.1:5060;sna=TOKEN;transport=udp;ob>"}},
		{"before ?headers", []string{"<sip:a@10.0.0.1?X=y>"}, []string{"<sip:a@10.0.0.1;sna=TOKEN?X=y>"}},
		{"brackets where missing", []string{"sip:a@10.0.0.1;expires=60"}, []string{"<sip:a@10.0.0.1;sna=TOKEN>;expires=60"}},
		{"every Contact, not the last alone", []string{"<sip:a@10.0.0.1>, <sip:b@10.0.0.2>", "<sip:c@10.0.0.3>"}, []string{
			"<sip:a@10.0.0.1;sna=TOKEN>", "<sip:b@10.0.0.2;sna=TOKEN>", "<sip:c@10.0.0.3;sna=TOKEN>",
		}},
		{"* untouched", []string{"*"}, []string{"*"}},
		{"no Contact, nothing", nil, nil},
		{"tel has no parameters", []string{"<tel:+123>"}, []string{"<tel:+123>"}},
		{"no user part", []string{"<sip:10.0.0.1:5062>"}, []string{"<sip:10.0.0.1:5062;sna=TOKEN>"}},
		{"old ones stripped, in any case", []string{"<sip:a@10.0.0.1;x=1;SNA=old;sna=old;y>"}, []string{"<sip:a@10.0.0.1;sna=TOKEN;x=1;y>"}},
		{"echoed without brackets", []string{"sip:a@10.0.0.1;sna=old;q=1"}, []string{"<sip:a@10.0.0.1;sna=TOKEN>;q=1"}},
		{"a foreign alias stays", []string{"<sip:a@10.0.0.1;alias=1.2.3.4~5~1>"}, []string{"<sip:a@10.0.0.1;sna=TOKEN;alias=1.2.3.4~5~1>"}},
		{"alias in the user part is none", []string{"<sip:a;sna=x@10.0.0.1>"}, []string{"<sip:a;sna=x@10.0.0.1;sna=TOKEN>"}},
		{"quoted bracket in the display name", []string{`"A <b" <sip:a@10.0.0.1>`}, []string{`"A <b" <sip:a@10.0.0.1;sna=TOKEN>`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := invite(t, c.in...)
			require.NoError(t, s.Add(req, phone))
			got := contacts(req)
			require.Len(t, got, len(c.want))
			for i, want := range c.want {
				if strings.Contains(want, "TOKEN") {
					_, behind, _ := strings.Cut(got[i], "@")
					if behind == "" {
						behind = got[i]
					}
					want = strings.Replace(want, "TOKEN", tokenOf(t, behind), 1)
				}
				require.Equal(t, want, got[i])
			}
		})
	}
}

// TestValuelessParamBeforeHeaders pins a trap of sipgo 1.7.2: the last
// parameter without a value swallows the headers of the URI, and they are
// printed twice. The alias must not end up among them.
func TestValuelessParamBeforeHeaders(t *testing.T) {
	s := newSigner(t, key)
	req := invite(t, "<sip:a@10.0.0.1;ob?X=y>")
	require.NoError(t, s.Add(req, phone))
	uri := contactURI(t, req)
	require.Equal(t, "sip:a@10.0.0.1;sna="+tokenOf(t, uri)+";ob?X=y?X=y", uri)
	got, err := s.Resolve(toURI(t, uri))
	require.NoError(t, err)
	require.Equal(t, phone, got)
}

func TestAddErrorsLeaveTheMessage(t *testing.T) {
	s := newSigner(t, key)
	long := phone
	long.Remote = flows()["link-local"].Remote
	long.Remote = withZone(long.Remote, "a-zone-that-no-interface-has")
	for _, c := range []struct {
		name string
		f    flow.Flow
		want error
		text bool
	}{
		{"no flow", flow.Flow{}, alias.ErrFlow, false},
		{"zone too long", long, alias.ErrFlow, false},
		{"contact added as text", phone, alias.ErrMalformed, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := invite(t, "<sip:a@10.0.0.1;sna=old>")
			if c.text {
				req.AppendHeader(sip.NewHeader("m", "<sip:b@10.0.0.2>"))
			}
			before := req.String()
			require.ErrorIs(t, s.Add(req, c.f), c.want)
			require.Equal(t, before, req.String())
		})
	}
}

// TestAddLeavesClonesAlone: a clone's parameters are not the original's.
func TestAddLeavesClonesAlone(t *testing.T) {
	s := newSigner(t, key)
	req := invite(t, "<sip:a@10.0.0.1;x=1;sna=old>")
	shared := *req.Contact()
	before := shared.String()
	require.NoError(t, s.Add(req, phone))
	require.Equal(t, before, shared.String())
}

func TestResolveErrorsLeaveTheRequest(t *testing.T) {
	s := newSigner(t, key)
	good := contactOf(t, s, "<sip:alice@10.0.0.1>")
	for _, c := range []struct {
		name string
		uri  string
		want error
	}{
		{"none", "sip:alice@10.0.0.1", alias.ErrNone},
		{"a foreign alias is left alone", "sip:alice@10.0.0.1;alias=10.0.0.1~5060~1", alias.ErrNone},
		{"in the user part", "sip:alice;sna=x@10.0.0.1", alias.ErrNone},
		{"tel", "tel:+123;sna=x", alias.ErrNone},
		{"empty", "sip:alice@10.0.0.1;sna", alias.ErrForged},
		{"garbage", "sip:alice@10.0.0.1;sna=%%%", alias.ErrForged},
		{"long garbage", "sip:alice@10.0.0.1;sna=" + strings.Repeat("A", 5000), alias.ErrForged},
		{"another user", strings.Replace(good, "alice", "mallory", 1), alias.ErrForged},
		{"no user", strings.Replace(good, "alice@", "", 1), alias.ErrForged},
		{"another key", contactOf(t, newSigner(t, other), "<sip:alice@10.0.0.1>"), alias.ErrForged},
		{"padding", good + "=", alias.ErrForged},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := toURI(t, c.uri)
			before := req.String()
			f, err := s.Resolve(req)
			require.ErrorIs(t, err, c.want)
			require.Zero(t, f)
			require.Equal(t, before, req.String())
		})
	}
}

func TestRefusalsSayHowToAnswer(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{{alias.ErrForged, 403}, {alias.ErrRefused, 403}, {alias.ErrMalformed, 400}, {alias.ErrFlow, 500}} {
		code, _ := flow.Status(c.err)
		require.Equal(t, c.want, code, c.err)
	}
}

func TestKeyRotation(t *testing.T) {
	before, during, after := newSigner(t, key), newSigner(t, other, key), newSigner(t, other)
	old := contactOf(t, before, "<sip:alice@10.0.0.1>")
	got, err := during.Resolve(toURI(t, old))
	require.NoError(t, err)
	require.Equal(t, phone, got)
	_, err = after.Resolve(toURI(t, old))
	require.ErrorIs(t, err, alias.ErrForged)
	_, err = after.Resolve(toURI(t, contactOf(t, during, "<sip:alice@10.0.0.1>")))
	require.NoError(t, err, "the first key signs")
}

func TestEphemeralKeysDiffer(t *testing.T) {
	_, err := alias.Ephemeral().Resolve(toURI(t, contactOf(t, alias.Ephemeral(), "<sip:alice@10.0.0.1>")))
	require.ErrorIs(t, err, alias.ErrForged)
}

// TestEscapedUser: a peer may write the escapes of the user part in another way.
func TestEscapedUser(t *testing.T) {
	s := newSigner(t, key)
	uri := contactOf(t, s, "<sip:%23alice%2f1@10.0.0.1>")
	_, err := s.Resolve(toURI(t, strings.Replace(uri, "%23alice%2f1", "#alice%2F1", 1)))
	require.NoError(t, err)
}

// TestRegisterTheSeedsWay stores the aliased Contact and resolves after lookup,
// as with set_contact_alias, save, lookup and handle_ruri_alias.
func TestRegisterTheSeedsWay(t *testing.T) {
	s := newSigner(t, key)
	register := parse(t, "REGISTER sip:example.com SIP/2.0", "<sip:alice@10.0.0.1:5060;transport=udp>;expires=300", "<sip:alice@10.0.0.1:5062>")
	require.NoError(t, s.Add(register, phone))
	for i, h := range register.GetHeaders("contact") {
		var stored sip.Uri
		require.NoError(t, sip.ParseUri(h.(*sip.ContactHeader).Address.String(), &stored))
		call := invite(t)
		call.Recipient = stored
		got, err := s.Resolve(call)
		require.NoError(t, err)
		require.Equal(t, phone, got)
		want := []string{"sip:alice@10.0.0.1:5060;transport=udp", "sip:alice@10.0.0.1:5062"}[i]
		require.Equal(t, want, call.Recipient.String())
	}
}

func contactOf(t testing.TB, s *alias.Signer, contact string) string {
	t.Helper()
	req := invite(t, contact)
	require.NoError(t, s.Add(req, phone))
	return contactURI(t, req)
}

func TestURI(t *testing.T) {
	s := alias.Ephemeral()
	f := flow.Flow{Transport: flow.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("203.0.113.9:40112")}
	bare := sip.Uri{Scheme: "sip", User: "bob", Host: "10.0.0.5", Port: 5060, UriParams: sip.HeaderParams{{K: "line", V: "7"}}}
	uri, err := s.URI(bare, f)
	require.NoError(t, err)
	require.Equal(t, "sip:bob@10.0.0.5:5060;line=7", bare.String(), "not changed")
	again, err := s.URI(uri, f)
	require.NoError(t, err)
	require.Equal(t, uri.String(), again.String(), "twice is once")

	req := sip.NewRequest(sip.INVITE, uri)
	got, err := s.Resolve(req)
	require.NoError(t, err)
	require.Equal(t, f, got)
	require.Equal(t, "sip:bob@10.0.0.5:5060;line=7", req.Recipient.String())

	_, err = s.URI(bare, flow.Flow{})
	require.ErrorIs(t, err, alias.ErrFlow)
	_, err = s.URI(sip.Uri{Scheme: "tel"}, f)
	require.ErrorIs(t, err, alias.ErrMalformed)
	_, err = new(alias.Signer).URI(bare, f)
	require.ErrorIs(t, err, alias.ErrKey)
}
