// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// TestStandingRelay: whoever took part in a call has a signed Record-Route. With it
// he may reach the other party, and nobody else, neither by Request-URI nor by a
// Route behind ours.
func TestStandingRelay(t *testing.T) {
	t.Parallel()
	need(t, "netns")
	l := edgeLab(t, labConfig{}, edgeConfig{media: "none"})
	const at = edgeIP + ":5060"
	sent := l.edge.count(t, "output", "ip daddr 172.16.0.0/12")
	phone, public := l.phoneA.softphone(t, false), l.phoneC.softphone(t, false)
	phone.register(t, "alice", at)
	public.register(t, "carol", at)
	phone.invite(t, "sip:carol@"+edgeIP, at)
	public.accept(t)
	phone.established(t)
	public.incoming(t, sip.ACK)

	for name, c := range map[string]struct{ from, to *softphone }{"to the public phone": {phone, public}, "to the one behind NAT": {public, phone}} {
		t.Run("control: "+name, func(t *testing.T) {
			require.Contains(t, c.from.target.String(), ";sna=")
			c.from.cseq++
			c.from.send(t, at, c.from.inDialog("INFO"), "")
			req, from := c.to.incoming(t, sip.INFO)
			require.Equal(t, "sip:ua@"+c.to.addr.String(), req.Recipient.String(), "its own Contact")
			c.to.reply(t, req, from, 200, "OK", "")
			res, _ := c.from.response(t, sip.INFO)
			require.Equal(t, 200, res.StatusCode)
		})
	}
	good := public.target
	phoneGood := phone.target.String()
	elsewhere := func(uri string) sip.Uri {
		var u sip.Uri
		require.NoError(t, sip.ParseUri(uri, &u))
		return u
	}
	moved := strings.Replace(phoneGood, "203.0.113.30", victim, 1)
	require.NotEqual(t, phoneGood, moved)
	for _, bad := range []struct {
		name  string
		by    *softphone
		uri   sip.Uri
		route string
	}{
		{"another Request-URI", public, elsewhere("sip:x@" + victim + ":5060"), ""},
		{"another Request-URI, from the phone", phone, elsewhere("sip:x@" + victim + ":5060"), ""},
		{"a signed one with another host", phone, elsewhere(moved), ""},
		{"a signed one with maddr", phone, elsewhere(phoneGood + ";maddr=" + victim), ""},
		{"another Route", public, good, "<sip:" + victim + ";lr>"},
		{"another Route, strict", public, good, "<sip:" + victim + ">"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			before := bad.by.target
			defer func() { bad.by.target = before }()
			bad.by.target = bad.uri
			var more []string
			if bad.route != "" {
				more = []string{"Route: " + bad.route}
			}
			bad.by.cseq++
			bad.by.send(t, at, bad.by.inDialog("INFO", more...), "")
			res, _ := bad.by.response(t, sip.INFO)
			require.Equal(t, 403, res.StatusCode)
			bad.by.send(t, at, bad.by.inDialog("ACK", more...), "")
			bad.by.send(t, at, bad.by.request("OPTIONS", "sip:"+edgeIP), "")
			bad.by.response(t, sip.OPTIONS)
			require.Zero(t, bad.by.responses(sip.ACK))
			require.Zero(t, sent.packets(t), "packets for %s", victim)
		})
	}
	t.Run("the call stands", func(t *testing.T) {
		phone.cseq++
		phone.send(t, at, phone.inDialog("BYE"), "")
		public.ended(t)
		res, _ := phone.response(t, sip.BYE)
		require.Equal(t, 200, res.StatusCode)
	})
}
