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
	"github.com/sipnat/sipnat/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

var (
	key   = []byte("0123456789abcdef0123456789abcdef")
	other = []byte("another key, which is not the same")
	phone = flow.Flow{
		Transport: flow.UDP,
		Local:     netip.MustParseAddrPort("192.0.2.1:5060"),
		Remote:    netip.MustParseAddrPort("203.0.113.9:40112"),
	}
)

func newSigner(t testing.TB, keys ...[]byte) *alias.Signer {
	t.Helper()
	s, err := alias.New(keys...)
	require.NoError(t, err)
	return s
}

// parse makes a message of what was received, Contacts as given.
func parse(t testing.TB, start string, contacts ...string) sip.Message {
	t.Helper()
	method := strings.Fields(start)[0]
	if method == "SIP/2.0" {
		method = "INVITE"
	}
	lines := []string{
		start,
		"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport",
		"From: <sip:alice@example.com>;tag=1",
		"To: <sip:bob@example.com>",
		"Call-ID: c",
		"CSeq: 1 " + method,
	}
	for _, c := range contacts {
		lines = append(lines, "Contact: "+c)
	}
	lines = append(lines, "Content-Length: 0", "", "")
	msg, err := sip.ParseMessage([]byte(strings.Join(lines, "\r\n")))
	require.NoError(t, err)
	return msg
}

func invite(t testing.TB, contacts ...string) *sip.Request {
	t.Helper()
	return parse(t, "INVITE sip:bob@example.com SIP/2.0", contacts...).(*sip.Request)
}

func toURI(t testing.TB, uri string) *sip.Request {
	t.Helper()
	return parse(t, "BYE "+uri+" SIP/2.0").(*sip.Request)
}

// contacts is what the message's Contacts look like on the wire.
func contacts(msg sip.Message) []string {
	var got []string
	for _, line := range strings.Split(msg.String(), "\r\n") {
		if v, ok := strings.CutPrefix(line, "Contact: "); ok {
			got = append(got, v)
		}
	}
	return got
}

// contactURI is the URI between the brackets of the first Contact on the wire.
func contactURI(t testing.TB, msg sip.Message) string {
	t.Helper()
	all := contacts(msg)
	require.NotEmpty(t, all)
	_, uri, ok := strings.Cut(all[0], "<")
	require.True(t, ok)
	uri, _, ok = strings.Cut(uri, ">")
	require.True(t, ok)
	return uri
}

// tokenOf is the value of the parameter in a URI on the wire.
func tokenOf(t testing.TB, uri string) string {
	t.Helper()
	_, token, ok := strings.Cut(uri, ";sna=")
	require.True(t, ok, uri)
	if i := strings.IndexAny(token, ";?>"); i >= 0 {
		token = token[:i]
	}
	return token
}

func flows() map[string]flow.Flow {
	all := map[string]flow.Flow{
		"no local address": {Transport: flow.UDP, Remote: phone.Remote},
		"link-local": {
			Transport: flow.UDP,
			Local:     netip.MustParseAddrPort("[fe80::1%eth0]:5060"),
			Remote:    netip.MustParseAddrPort("[fe80::2%eth0]:5062"),
		},
		"wildcard listener": {Transport: flow.UDP, Local: netip.MustParseAddrPort("[::]:5060"), Remote: phone.Remote},
		"large serial": {
			Transport: flow.WSS, Local: phone.Local, Remote: phone.Remote, Conn: 1<<64 - 1,
		},
	}
	for _, t := range []flow.Transport{flow.UDP, flow.TCP, flow.TLS, flow.WS, flow.WSS} {
		v4, v6 := phone, flow.Flow{
			Local:  netip.MustParseAddrPort("[2001:db8::1]:5060"),
			Remote: netip.MustParseAddrPort("[2001:db8:1::9]:40112"),
		}
		v4.Transport, v6.Transport = t, t
		if t.Reliable() {
			v4.Conn, v6.Conn = 7, 300
		}
		all["v4 "+t.String()], all["v6 "+t.String()] = v4, v6
	}
	return all
}
