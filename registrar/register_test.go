// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/registrar"
)

const home = "<sip:alice@192.168.1.2:5060>"

// TestRegister plays REGISTERs of RFC 3261 section 10.3 one after the other;
// the last one's answer is looked at, and what a query shows afterwards.
func TestRegister(t *testing.T) {
	a := alice()
	for _, tc := range []struct {
		name     string
		reg      *registrar.Registrar // fields only
		play     []phone
		code     int
		contacts []string
	}{
		{"no contact is a query", nil, []phone{a}, 200, []string{}},
		{"default expiry", nil, []phone{a.with("Contact: " + home)}, 200, []string{home + ";expires=3600"}},
		{"Expires header over default", nil, []phone{a.with("Contact: "+home, "Expires: 300")}, 200, []string{home + ";expires=300"}},
		{"expires parameter over header", nil, []phone{a.with("Contact: "+home+";expires=200", "Expires: 300")}, 200, []string{home + ";expires=200"}},
		{
			"each contact its own", nil,
			[]phone{a.with("Contact: "+home+";expires=200, <sip:alice@192.168.1.3>", "m: <sip:alice@192.168.1.4>;expires=100", "Expires: 300")},
			200,
			[]string{home + ";expires=200", "<sip:alice@192.168.1.3>;expires=300", "<sip:alice@192.168.1.4>;expires=100"},
		},
		{"maximum", &registrar.Registrar{Expires: registrar.Expires{Max: 10 * time.Minute}}, []phone{a.with("Contact: "+home, "Expires: 99999")}, 200, []string{home + ";expires=600"}},
		{"more than 32 bits is the maximum", nil, []phone{a.with("Contact: "+home, "Expires: 99999999999999999999999")}, 200, []string{home + ";expires=3600"}},
		{"default", &registrar.Registrar{Expires: registrar.Expires{Default: 10 * time.Minute}}, []phone{a.with("Contact: " + home)}, 200, []string{home + ";expires=600"}},
		{"RFC 3261 10.3: too brief", nil, []phone{a.with("Contact: "+home, "Expires: 59")}, 423, []string{}},
		{"one of two too brief", nil, []phone{a.with("Contact: "+home+", <sip:alice@192.168.1.3>;expires=5", "Expires: 300")}, 423, []string{}},
		{"no minimum", &registrar.Registrar{Expires: registrar.Expires{Min: -1}}, []phone{a.with("Contact: "+home, "Expires: 1")}, 200, []string{home + ";expires=1"}},
		{"RFC 3261 10.3: an hour is never too brief", &registrar.Registrar{Expires: registrar.Expires{Min: 2 * time.Hour, Max: 4 * time.Hour}}, []phone{a.with("Contact: "+home, "Expires: 3600")}, 200, []string{home + ";expires=3600"}},
		{"NAT bound", &registrar.Registrar{NAT: always, Expires: registrar.Expires{NAT: 90 * time.Second}}, []phone{a.with("Contact: " + home)}, 200, []string{home + ";expires=90"}},
		{"NAT bound below minimum: what was granted may be asked for", &registrar.Registrar{NAT: always, Expires: registrar.Expires{NAT: 30 * time.Second}}, []phone{a.with("Contact: "+home, "Expires: 30")}, 200, []string{home + ";expires=30"}},
		{
			"q", nil,
			[]phone{a.with("Contact: " + home + ";q=0.75, <sip:alice@192.168.1.3>;q=1.000, <sip:alice@192.168.1.4>;q=0")},
			200,
			[]string{home + ";expires=3600;q=0.75", "<sip:alice@192.168.1.3>;expires=3600", "<sip:alice@192.168.1.4>;expires=3600;q=0"},
		},
		{"refresh", nil, []phone{a.with("Contact: "+home, "Expires: 100"), a.next("Contact: "+home, "Expires: 200")}, 200, []string{home + ";expires=200"}},
		{"removal", nil, []phone{a.with("Contact: " + home), a.next("Contact: "+home, "Expires: 0")}, 200, []string{}},
		{"removal of what is not there", nil, []phone{a.with("Contact: "+home, "Expires: 0")}, 200, []string{}},
		{"all", nil, []phone{a.with("Contact: " + home + ", <sip:alice@192.168.1.3>"), a.next("Contact: *", "Expires: 0")}, 200, []string{}},
		{"all, other Call-ID, any CSeq", nil, []phone{a.next("Contact: " + home), {user: "alice", callID: "c2", cseq: 1, source: "203.0.113.9:1", headers: []string{"Contact: *", "Expires: 0"}}}, 200, []string{}},
		{"all without Expires", nil, []phone{a.with("Contact: " + home), a.next("Contact: *")}, 400, []string{home + ";expires=3600"}},
		{"all with another Expires", nil, []phone{a.with("Contact: " + home), a.next("Contact: *", "Expires: 1")}, 400, []string{home + ";expires=3600"}},
		{"all with expires on the star", nil, []phone{a.with("Contact: " + home), a.next("Contact: *;expires=0")}, 400, []string{home + ";expires=3600"}},
		{"all beside another", nil, []phone{a.with("Contact: " + home), a.next("Contact: *", "Contact: "+home, "Expires: 0")}, 400, []string{home + ";expires=3600"}},
		{"all with the same CSeq", nil, []phone{a.with("Contact: " + home), a.with("Contact: *", "Expires: 0")}, 500, []string{home + ";expires=3600"}},
		{"lower CSeq", nil, []phone{a.next("Contact: " + home), a.with("Contact: "+home, "Expires: 100")}, 500, []string{home + ";expires=3600"}},
		{"lower CSeq, removal", nil, []phone{a.next("Contact: " + home), a.with("Contact: "+home, "Expires: 0")}, 500, []string{home + ";expires=3600"}},
		{"lower CSeq, all or nothing", nil, []phone{a.next("Contact: " + home), a.with("Contact: <sip:bob@192.168.1.9>, " + home)}, 500, []string{home + ";expires=3600"}},
		{"lower CSeq of another Call-ID", nil, []phone{a.next("Contact: " + home), {user: "alice", callID: "c2", cseq: 1, source: a.source, headers: []string{"Contact: " + home, "Expires: 100"}}}, 200, []string{home + ";expires=100"}},
		{"a repeat changes nothing", nil, []phone{a.with("Contact: "+home, "Expires: 100"), a.with("Contact: "+home, "Expires: 200")}, 200, []string{home + ";expires=100"}},
		{"a repeat from a new port too", nil, []phone{a.with("Contact: " + home), a.from("203.0.113.9:9").with("Contact: " + home)}, 200, []string{home + ";expires=3600"}},
		{"same CSeq, but a removal", nil, []phone{a.with("Contact: " + home), a.with("Contact: "+home, "Expires: 0")}, 500, []string{home + ";expires=3600"}},
		{"the same contact twice", nil, []phone{a.with("Contact: " + home + ", <sip:alice@192.168.1.2:5060>;q=0.1")}, 200, []string{home + ";expires=3600"}},
		{"too many", &registrar.Registrar{MaxContacts: 1}, []phone{a.with("Contact: " + home), {user: "alice", callID: "c2", cseq: 1, source: "203.0.113.10:1", headers: []string{"Contact: " + home}}}, 403, []string{home + ";expires=3600"}},
		{"one for another is not too many", &registrar.Registrar{MaxContacts: 1}, []phone{a.with("Contact: " + home), a.next("Contact: "+home+";expires=0", "Contact: <sip:alice@192.168.1.3>")}, 200, []string{"<sip:alice@192.168.1.3>;expires=3600"}},
		{"absurdly many", &registrar.Registrar{MaxContacts: 1}, []phone{a.with("Contact: <sip:a@h>, <sip:b@h>, <sip:c@h>")}, 400, []string{}},
		{"Require: path is ours", nil, []phone{a.with("Contact: "+home, "Require: path")}, 200, []string{home + ";expires=3600"}},
		{"Require: others are not", nil, []phone{a.with("Contact: "+home, "Require: path, outbound, gruu")}, 420, []string{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // the clock stands still
				r := tc.reg
				if r == nil {
					r = &registrar.Registrar{}
				}
				r.AOR = registrar.Unauthenticated
				var code int
				for _, p := range tc.play {
					code, _ = p.register(t, r)
				}
				require.Equal(t, tc.code, code)
				query := alice()
				query.callID = "query"
				_, contacts := query.register(t, r)
				require.Equal(t, tc.contacts, contacts)
				time.Sleep(5 * time.Hour)
				synctest.Wait()
				require.Zero(t, r.Tracked(), "everything has expired")
			})
		})
	}
}

func always(sip.Message, flow.Flow) bool { return true }

// TestMalformed: 400, and every binding as it was.
func TestMalformed(t *testing.T) {
	for name, headers := range map[string][]string{
		"scheme tel":                {"Contact: <tel:+1234>"},
		"scheme http":               {"Contact: <http://h/>"},
		"no host":                   {"Contact: <sip:alice@>"},
		"host with a blank":         {"Contact: <sip:alice@a b>"},
		"host of garbage":           {"Contact: <sip:alice@h#x>"},
		"two hosts":                 {"Contact: <sip:alice@a@b>"},
		"slashes":                   {"Contact: <sip://alice@h>"},
		"negative port":             {"Contact: <sip:alice@h:-5>"},
		"port beyond 65535":         {"Contact: <sip:alice@h:65536>"},
		"bad IPv6":                  {"Contact: <sip:alice@[fe80::zz]>"},
		"IPv6 zone":                 {"Contact: <sip:alice@[fe80::1%25eth0]>"},
		"sip:* is no star":          {"Contact: <sip:*>", "Expires: 0"},
		"sip:a@* is no star":        {"Contact: <sip:a@*>", "Expires: 0"},
		"quote in a parameter":      {`Contact: <sip:alice@h;x="y">`},
		"line noise in the user":    {"Contact: <sip:al\x01ice@h>"},
		"not ASCII":                 {"Contact: <sip:al\u00efce@h>"},
		"URI of 600 bytes":          {"Contact: <sip:" + string(make600()) + "@h>"},
		"expires not a number":      {"Contact: " + home + ";expires=soon"},
		"expires negative":          {"Contact: " + home + ";expires=-1"},
		"expires empty":             {"Contact: " + home + ";expires="},
		"Expires not a number":      {"Contact: " + home, "Expires: 1h"},
		"Expires negative":          {"Contact: " + home, "Expires: -1"},
		"q above one":               {"Contact: " + home + ";q=1.1"},
		"q with four decimals":      {"Contact: " + home + ";q=0.1234"},
		"q negative":                {"Contact: " + home + ";q=-0.5"},
		"q of letters":              {"Contact: " + home + ";q=high"},
		"empty instance":            {"Contact: " + home + `;+sip.instance="<>"`},
		"reg-id zero":               {"Contact: " + home + `;+sip.instance="<urn:x:y>";reg-id=0`},
		"one good, one bad":         {"Contact: " + home, "Contact: <tel:1>"},
		"Path without brackets":     {"Contact: " + home, "Path: sip:p;lr"},
		"Path of a strict router":   {"Contact: " + home, "Path: <sip:p>"},
		"Path without host":         {"Contact: " + home, "Path: <sip:;lr>"},
		"Path, second value broken": {"Contact: " + home, "Path: <sip:p;lr>, <sip:"},
		"empty Path value":          {"Contact: " + home, "Path: , <sip:p;lr>"},
		"17 hops":                   {"Contact: " + home, "Path: " + hops(17)},
	} {
		t.Run(name, func(t *testing.T) {
			r, store := open()
			code, _ := alice().with("Contact: "+home).register(t, r)
			require.Equal(t, 200, code)
			before := stored(t, store, "alice")
			code, contacts := alice().next(headers...).register(t, r)
			require.Equal(t, 400, code)
			require.Empty(t, contacts)
			require.Equal(t, before, stored(t, store, "alice"))
		})
	}
}

func make600() []byte {
	b := make([]byte, 600)
	for i := range b {
		b[i] = 'a'
	}
	return b
}

func hops(n int) string {
	s := "<sip:p;lr>"
	for range n - 1 {
		s += ",<sip:p;lr>"
	}
	return s
}

func TestMissingHeaders(t *testing.T) {
	for _, name := range []string{"From", "To", "Call-ID"} {
		req := alice().with("Contact: " + home).request(t)
		req.RemoveHeader(name)
		r, _ := open()
		require.Equal(t, 400, send(t, r, req).StatusCode, name)
	}
}

func TestAOR(t *testing.T) {
	for _, tc := range []struct {
		name    string
		hook    func(*sip.Request, sip.ServerTransaction) (string, error)
		domains []string
		codes   []int
	}{
		{"no hook", nil, nil, []int{403}},
		{"error without a status", func(*sip.Request, sip.ServerTransaction) (string, error) { return "", errors.New("db") }, nil, []int{500}},
		{"error with a status", func(*sip.Request, sip.ServerTransaction) (string, error) {
			return "", &flow.Refusal{Code: 407, Reason: "No"}
		}, nil, []int{407}},
		{"answered by the hook", func(req *sip.Request, tx sip.ServerTransaction) (string, error) {
			_ = tx.Respond(sip.NewResponseFromRequest(req, 401, "Unauthorized", nil))
			return "", registrar.ErrAnswered
		}, nil, []int{401}},
		{"nobody", func(*sip.Request, sip.ServerTransaction) (string, error) { return "", nil }, nil, []int{404}},
		{"RFC 3261 10.3 step 5: To of another domain", registrar.Unauthenticated, []string{"example.org"}, []int{404}},
		{"To of our domain", registrar.Unauthenticated, []string{"example.org", "Example.COM"}, []int{200}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &registrar.Registrar{AOR: tc.hook, Domains: tc.domains}
			var codes []int
			for _, res := range sendAll(t, r, alice().with("Contact: "+home).request(t)) {
				codes = append(codes, res.StatusCode)
			}
			require.Equal(t, tc.codes, codes)
		})
	}
}

// TestAnswer: what is in the responses beside the contacts.
func TestAnswer(t *testing.T) {
	r, _ := open()
	req := alice().with("Contact: "+home+`;received="sip:6.6.6.6:6666";+sip.instance="<urn:uuid:1>";reg-id=2`,
		"Path: <sip:p2;lr>;x=y, <sip:p1;lr>", "k: 100rel, path").request(t)
	res := send(t, r, req)
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, []string{home + `;expires=3600;+sip.instance="<urn:uuid:1>";reg-id=2`}, values(res, "Contact"))
	require.Equal(t, []string{"<sip:p2;lr>;x=y, <sip:p1;lr>"}, values(res, "Path"))
	require.NotNil(t, res.GetHeader("Date"))
	tag, _ := res.To().Params.Get("tag")
	require.NotEmpty(t, tag)
	require.NotContains(t, res.String(), "203.0.113.9", "devices are not told of flows")

	again, _ := send(t, r, req).To().Params.Get("tag")
	require.Equal(t, tag, again, "a repeat that is carried out again gets the same tag")

	res = send(t, r, alice().next("Contact: "+home, "Path: <sip:p1;lr>").request(t))
	require.Empty(t, values(res, "Path"), "RFC 3327 section 5.3: only for who supports it")

	res = send(t, r, alice().next().next("Contact: "+home, "Expires: 5").request(t))
	require.Equal(t, []string{"60"}, values(res, "Min-Expires"))
	tag, _ = res.To().Params.Get("tag")
	require.NotEmpty(t, tag)

	res = send(t, r, alice().next().next("Require: outbound, path").request(t))
	require.Equal(t, []string{"outbound"}, values(res, "Unsupported"))
}

func TestOtherMethodsPass(t *testing.T) {
	r, _ := open()
	req := parse(t, "OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCSeq: 1 OPTIONS\r\n\r\n", "UDP", "192.0.2.9:1")
	tx := siptest.NewServerTxRecorder(req)
	defer tx.Terminate()
	var got *sip.Request
	r.Middleware(func(req *sip.Request, _ sip.ServerTransaction) { got = req })(req, tx)
	require.Same(t, req, got)
	require.Empty(t, tx.Result())
}
