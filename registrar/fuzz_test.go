// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/registrar"
)

// FuzzRegister: one answer to whatever headers come; no 200 means that nothing
// has changed; what is stored can be sent to, and can be read from the 200.
func FuzzRegister(f *testing.F) {
	for _, seed := range [][3]string{
		{home, "300", "<sip:p;lr>"},
		{`"a, <b>" <sip:alice@[2001:db8::1]:5060;ob?x=y>;q=0.75;expires=90;+sip.instance="<urn:uuid:a=b>";reg-id=1, <sips:h>`, "", "<sip:t,x@p;lr>;a=\"b,c\", \"<\" <sip:q:5070;lr=on>"},
		{"*", "0", ""},
		{"<sip:*>", "0", ","},
		{"sip:alice@h;transport=tcp;expires=99999999999999999999", "-1", "<sip:p>"},
		{"<tel:1>;q=1.1", "1h", "<sip:[::1;lr>"},
		{`<sip:a@h>;q="`, " ", `"\`},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, contact, expires, path string) {
		text := "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: c\r\nCSeq: 2 REGISTER\r\n"
		for name, value := range map[string]string{"Contact": contact, "Expires": expires, "Path": path} {
			if value != "" && !strings.ContainsAny(value, "\r\n") {
				text += name + ": " + value + "\r\n"
			}
		}
		msg, err := sip.NewParser().ParseSIP([]byte(text + "\r\n"))
		if err != nil {
			return
		}
		req := msg.(*sip.Request)
		req.SetTransport("UDP")
		req.SetSource("192.0.2.1:5060")
		store := &registrar.Memory{}
		r := &registrar.Registrar{AOR: registrar.Unauthenticated, Store: store}
		p := phone{user: "a", callID: "d", cseq: 1, source: "192.0.2.2:1"}
		p.with("Contact: <sip:old@h>").register(t, r)
		before := stored(t, store, "a")

		tx := siptest.NewServerTxRecorder(req)
		defer tx.Terminate()
		r.Middleware(nil)(req, tx)
		require.Len(t, tx.Result(), 1)
		after := stored(t, store, "a")
		if tx.Result()[0].StatusCode != 200 {
			require.Equal(t, before, after)
			return
		}
		targets, err := r.Lookup(t.Context(), "a")
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(after), len(targets))
		if len(after) > 0 {
			require.NotEmpty(t, targets)
		}
		for _, b := range after {
			require.LessOrEqual(t, len(b.Contact), 512)
			require.NotContains(t, b.Contact, " ")
		}
		res, err := sip.NewParser().ParseSIP([]byte(tx.Result()[0].String()))
		require.NoError(t, err)
		var back []string
		for _, h := range res.GetHeaders("Contact") {
			u := h.(*sip.ContactHeader).Address
			back = append(back, u.Host)
		}
		require.Len(t, back, len(after))
	})
}

// FuzzAddress: what registers under the key of a URI, by the key as a name, is
// found by that URI.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"sip:alice@h", "sip:%61%zz%@[::1]:5;x=y", "sips:a:b:c@H.", "sip:a;b?c@h", "tel:1", "sip:*#%23@1.2.3.4", "sip:a@[fe80::1%eth0]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		req := alice().with("Contact: " + home).request(t)
		if sip.ParseUri(s, &req.Recipient) != nil {
			return
		}
		for _, domains := range [][]string{nil, {"example.com", req.Recipient.Host}} {
			r := &registrar.Registrar{Domains: domains}
			key, err := r.Address(req.Recipient)
			if err != nil || len(key) > 200 {
				continue
			}
			r.AOR = func(*sip.Request, sip.ServerTransaction) (string, error) { return key, nil }
			require.Equal(t, 200, send(t, r, req).StatusCode)
			targets, err := r.Locate(req)
			require.NoError(t, err)
			require.Len(t, targets, 1)
		}
	})
}
