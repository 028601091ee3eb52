// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

func contacts(msg sip.Message) string {
	var values []string
	for _, h := range msg.GetHeaders("Contact") {
		values = append(values, h.Value())
	}
	return strings.Join(values, " | ")
}

func TestFixContact(t *testing.T) {
	at := func(transport flow.Transport, remote string) flow.Flow {
		return flow.Flow{Transport: transport, Local: edge, Remote: netip.MustParseAddrPort(remote)}
	}
	tests := []struct {
		name    string
		f       flow.Flow
		contact string
		want    string
		changed bool
	}{
		{
			"host and port, the rest stays", branch, `"A" <sip:a:pw@10.0.0.5:5060;ob;x=1?H=v>;expires=60;q=0.5`,
			`"A" <sip:a:pw@203.0.113.9:40112;ob;x=1?H=v>;expires=60;q=0.5`, true,
		},
		{"port is explicit", at(flow.UDP, "203.0.113.9:5060"), "<sip:a@203.0.113.9>", "<sip:a@203.0.113.9:5060>", true},
		{"already right", branch, "<sip:a@203.0.113.9:40112>", "<sip:a@203.0.113.9:40112>", false},
		{"without brackets", branch, "sip:a@10.0.0.5:5060;expires=60", "<sip:a@203.0.113.9:40112>;expires=60", true},
		{"star", branch, "*", "*", false},
		{"tel", branch, "<tel:+1234>", "<tel:+1234>", false},
		{"maddr goes", branch, "<sip:a@203.0.113.9:40112;MADDR=10.0.0.5;lr>", "<sip:a@203.0.113.9:40112;lr>", true},
		{"all of them", branch, "<sip:a@10.0.0.5>, <sip:b@10.0.0.6>", "<sip:a@203.0.113.9:40112> | <sip:b@203.0.113.9:40112>", true},
		{"IPv6", at(flow.UDP, "[2001:db8::9]:5060"), "<sip:a@[fd00::1]>", "<sip:a@[2001:db8::9]:5060>", true},
		{"UDP flow leaves the transport", branch, "<sip:a@10.0.0.5;transport=tcp>", "<sip:a@203.0.113.9:40112;transport=tcp>", true},
		{"TCP flow, nothing said", at(flow.TCP, public), "<sip:a@203.0.113.9:40112>", "<sip:a@203.0.113.9:40112;transport=tcp>", true},
		{"TCP flow, udp said", at(flow.TCP, public), "<sip:a@203.0.113.9:40112;Transport=UDP;x>", "<sip:a@203.0.113.9:40112;x;transport=tcp>", true},
		{"TCP flow, tcp said", at(flow.TCP, public), "<sip:a@203.0.113.9:40112;transport=TCP>", "<sip:a@203.0.113.9:40112;transport=TCP>", false},
		{"TLS flow, sips", at(flow.TLS, public), "<sips:a@203.0.113.9:40112>", "<sips:a@203.0.113.9:40112>", false},
		{"TLS flow, sips over tcp", at(flow.TLS, public), "<sips:a@203.0.113.9:40112;transport=tcp>", "<sips:a@203.0.113.9:40112;transport=tcp>", false},
		{"TCP flow, sips", at(flow.TCP, public), "<sips:a@203.0.113.9:40112>", "<sips:a@203.0.113.9:40112>", false},
		{"WSS flow, ws said", at(flow.WSS, public), "<sip:a@x.invalid;transport=ws>", "<sip:a@203.0.113.9:40112;transport=ws>", true},
		{"WSS flow, nothing said", at(flow.WSS, public), "<sip:a@x.invalid>", "<sip:a@203.0.113.9:40112;transport=ws>", true},
		{"WSS flow, sips", at(flow.WSS, public), "<sips:a@x.invalid>", "<sips:a@203.0.113.9:40112;transport=ws>", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := request(t, public, "UDP", "Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa\nContact: "+tt.contact)
			copied := req.Contact().Address // shares its parameters
			before := copied.String()
			changed, err := nat.FixContact(req, tt.f)
			require.NoError(t, err)
			require.Equal(t, tt.want, contacts(req))
			require.Equal(t, tt.changed, changed)
			require.Equal(t, before, copied.String(), "a copy of the URI changed")

			changed, err = nat.FixContact(req, tt.f)
			require.NoError(t, err)
			require.False(t, changed, "the second time")
			require.Equal(t, tt.want, contacts(req))
		})
	}
}

func TestFixContactReply(t *testing.T) {
	res := reply(t, ownVia+"Contact: <sip:b@10.0.0.7>")
	changed, err := nat.FixContact(res, branch)
	require.NoError(t, err)
	require.True(t, changed)
	require.Equal(t, "<sip:b@203.0.113.9:40112>", contacts(res))
}

func TestFixContactErrors(t *testing.T) {
	req := request(t, public, "UDP", "Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa\nContact: <sip:a@10.0.0.5>\nContact: <sip:b@>")
	wire := req.String()
	_, err := nat.FixContact(req, branch)
	var malformed *nat.Error
	require.ErrorAs(t, err, &malformed)
	require.Equal(t, "Contact", malformed.Field)
	code, _ := flow.Status(err)
	require.Equal(t, 400, code)
	require.Equal(t, wire, req.String(), "the first Contact too")

	_, err = nat.FixContact(req, flow.Flow{})
	require.ErrorIs(t, err, nat.ErrAddress)
	for _, msg := range []sip.Message{nil, (*sip.Request)(nil), (*sip.Response)(nil), &sip.Request{}, &sip.Response{}} {
		changed, err := nat.FixContact(msg, branch)
		require.NoError(t, err)
		require.False(t, changed)
	}
}
