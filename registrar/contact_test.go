// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// TestStoredContact: what becomes of contacts that sipgo reads in its own way.
func TestStoredContact(t *testing.T) {
	for _, tc := range []struct{ name, header, contact, instance string }{
		{"plain", "Contact: " + home, "sip:alice@192.168.1.2:5060", ""},
		{"compact name", "m: " + home, "sip:alice@192.168.1.2:5060", ""},
		{"no brackets: parameters are the header's", "Contact: sip:alice@h;transport=tcp;expires=90", "sip:alice@h", ""},
		{"quoted name with brackets and comma", `Contact: "a <b>, c" <sip:alice@h>`, "sip:alice@h", ""},
		{"URI parameters in order", "Contact: <sip:alice@h;ob;transport=TLS;x=1>", "sip:alice@h;ob;transport=TLS;x=1", ""},
		{"headers behind a bare parameter", "Contact: <sip:alice@h;ob?a=b>", "sip:alice@h;ob?a=b", ""},
		{"IPv6", "Contact: <sip:alice@[2001:db8::1]:5062>", "sip:alice@[2001:db8::1]:5062", ""},
		{"a browser's", "Contact: <sip:x7@ab3.invalid;transport=ws>", "sip:x7@ab3.invalid;transport=ws", ""},
		{"no user", "Contact: <sip:192.0.2.1>", "sip:192.0.2.1", ""},
		{"blanks around parameters", "Contact: " + home + " ; expires=90 ; q=0.5", "sip:alice@192.168.1.2:5060", ""},
		{"instance with an equals sign", "Contact: " + home + `;+sip.instance="<urn:x:a=b>"`, "sip:alice@192.168.1.2:5060", "urn:x:a=b"},
		{"instance with a semicolon", "Contact: " + home + `;+sip.instance="<urn:x:a;b>"`, "sip:alice@192.168.1.2:5060", "urn:x:a;b"},
		{"instance in upper case", "Contact: " + home + `;+SIP.Instance="<urn:uuid:1>"`, "sip:alice@192.168.1.2:5060", "urn:uuid:1"},
		{"instance without brackets", "Contact: " + home + `;+sip.instance="urn:uuid:1"`, "sip:alice@192.168.1.2:5060", "urn:uuid:1"},
		{"reg-id without instance", "Contact: " + home + `;reg-id=1`, "sip:alice@192.168.1.2:5060", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, store := open()
			code, _ := alice().with(tc.header).register(t, r)
			require.Equal(t, 200, code)
			list := stored(t, store, "alice")
			require.Len(t, list, 1)
			require.Equal(t, tc.contact, list[0].Contact)
			require.Equal(t, tc.instance, list[0].InstanceID)
			require.Zero(t, list[0].RegID)
		})
	}
}

// TestGenericContact: middleware in front may add headers by name.
func TestGenericContact(t *testing.T) {
	r, store := open()
	req := alice().with("Contact: <sip:alice@h1>").request(t)
	req.AppendHeader(sip.NewHeader("Contact", "<sip:alice@h2>, <sip:alice@h3>;q=0.2"))
	require.Equal(t, 200, send(t, r, req).StatusCode)
	var got []string
	for _, b := range stored(t, store, "alice") {
		got = append(got, b.Contact)
	}
	require.Equal(t, []string{"sip:alice@h1", "sip:alice@h2", "sip:alice@h3"}, got)

	req = alice().next().request(t)
	req.AppendHeader(sip.NewHeader("Contact", "<sip:alice"))
	require.Equal(t, 400, send(t, r, req).StatusCode)
}

// TestBinding: everything that is kept of a REGISTER.
func TestBinding(t *testing.T) {
	r, store := open()
	r.NAT = always
	p := alice()
	p.transport = "TCP"
	code, _ := p.with("Contact: "+home+`;q=0.5;received="sip:6.6.6.6:6666";+sip.instance="<urn:uuid:1>";reg-id=7`,
		"Path: <sip:tok,en@p2;lr>;x=\"a,b\",<sip:p1;lr>", "path: \"x <y>\" <sip:p0:5070;lr=on>", "User-Agent: Phone/1").register(t, r)
	require.Equal(t, 200, code)
	list := stored(t, store, "alice")
	require.Len(t, list, 1)
	b := list[0]
	require.NotEmpty(t, b.ID)
	require.Equal(t, "alice", b.AOR)
	require.Equal(t, "sip:alice@192.168.1.2:5060", b.Contact)
	require.Equal(t, 500, b.Q)
	require.Equal(t, "c1", b.CallID)
	require.Equal(t, uint32(1), b.CSeq)
	require.Equal(t, "tcp", b.Flow.Transport.String())
	require.Equal(t, "203.0.113.9:40112", b.Flow.Remote.String())
	require.True(t, b.NAT)
	require.Equal(t, []string{"sip:tok,en@p2;lr", "sip:p1;lr", "sip:p0:5070;lr=on"}, b.Path)
	require.Equal(t, "urn:uuid:1", b.InstanceID)
	require.Equal(t, uint32(7), b.RegID)
	require.Equal(t, "Phone/1", b.UserAgent)
}

// TestSipgo pins what this package works around. When a line of it fails,
// upstream has changed and the work-around may go.
func TestSipgo(t *testing.T) {
	req := alice().with("Contact: <sip:a@h1>, <sip:a@h2>", "Path: <sip:p1;lr>, <sip:p2;lr>").request(t)
	require.Equal(t, "h2", req.Contact().Address.Host, "the accessor has the last contact")
	require.Len(t, req.GetHeaders("Path"), 1, "Path is text, values unsplit")

	var u sip.Uri
	require.NoError(t, sip.ParseUri("sip:a@*", &u))
	require.True(t, u.Wildcard, "a host of * is a wildcard")

	u = sip.Uri{}
	require.NoError(t, sip.ParseUri("sip:a@h;lr?x=y", &u))
	require.Equal(t, "sip:a@h;lr?x=y?x=y", u.String(), "headers double behind a bare parameter")

	req = alice().with(`Contact: <sip:a@h> ; q=1;i="<urn:a=b;c>"`).request(t)
	require.Equal(t, []string{" ", " q", `i="<urn:a`, `c>"`}, req.Contact().Params.Keys(), "blanks kept, quotes not honoured")
}
