// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

const nattedLines = "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKa\nContact: <sip:a@10.0.0.5:5060>"

func TestALG(t *testing.T) {
	// each inconsistency has its message, and only its own
	for name, want := range map[string]nat.ALG{
		"alg-via": nat.ALGVia, "alg-contact": nat.ALGContact, "alg-port": nat.ALGPort, "alg-call-id": nat.ALGCallID,
		"alg-sdp": nat.ALGSDP, "alg-sdp-origin": nat.ALGOrigin, "alg-sdp-media": nat.ALGMedia,
		"alg-none": 0, "alg-none-plain-nat": 0,
	} {
		t.Run(name, func(t *testing.T) {
			req := fixture(t, name)
			v := nat.Detect(req, nat.TestAll)
			require.Equal(t, want, v.ALG, "%v", v.ALG)

			req.SetSource("192.168.1.1:40112")
			require.Zero(t, nat.Detect(req, nat.TestAll).ALG, "private source")
			req.SetSource(public)
			req.PrependHeader(&sip.ViaHeader{Host: "198.51.100.1", Transport: "UDP"})
			require.Zero(t, nat.Detect(req, nat.TestAll).ALG, "not on the first hop")
		})
	}
	t.Run("port on a stream", func(t *testing.T) {
		req := fixture(t, "alg-port")
		req.SetTransport("TCP")
		require.Zero(t, nat.Detect(req, nat.TestAll).ALG)
	})
	t.Run("SDP is not read unless asked", func(t *testing.T) {
		require.Zero(t, nat.Detect(fixture(t, "alg-sdp"), nat.TestReceived).ALG)
	})
	t.Run("reply", func(t *testing.T) {
		res := reply(t, ownVia+"Contact: <sip:b@203.0.113.9:40112>"+sdpHead+"c=IN IP4 10.0.0.7\nt=0 0\n")
		require.Equal(t, nat.ALGSDP, nat.DetectReply(res, branch).ALG)
	})
	require.Equal(t, "none", nat.ALG(0).String())
	require.Equal(t, []string{"via", "sdp-media"}, (nat.ALGVia | nat.ALGMedia).Names())
}

func TestVerdictEvidence(t *testing.T) {
	v := nat.Detect(request(t, public, "UDP", nattedLines+"\nContact: <sip:a@172.16.0.9>"), nat.TestAll)
	require.Equal(t, []nat.Evidence{
		{Test: nat.TestContact, Field: "Contact", Claimed: "10.0.0.5", Observed: "203.0.113.9"},
		{Test: nat.TestReceived, Field: "Via", Claimed: "10.0.0.5", Observed: "203.0.113.9"},
		{Test: nat.TestVia, Field: "Via", Claimed: "10.0.0.5", Observed: "203.0.113.9"},
		{Test: nat.TestPort, Field: "Via", Claimed: "10.0.0.5:5060", Observed: public},
		{Test: nat.TestContactPort, Field: "Contact", Claimed: "10.0.0.5:5060", Observed: public},
	}, v.Evidence())
	require.Equal(t, netip.MustParseAddrPort(public), v.Source)
	require.Equal(t, flow.UDP, v.Transport)
	require.Nil(t, nat.Verdict{}.Evidence())

	again := nat.Detect(request(t, public, "UDP", nattedLines+"\nContact: <sip:a@172.16.0.9>"), nat.TestAll)
	require.True(t, v == again, "verdicts are comparable")
}

func TestVerdictText(t *testing.T) {
	v := nat.Detect(request(t, public, "UDP", nattedLines), nat.TestReceived|nat.TestPort)
	require.Equal(t, "natted: received: Via says 10.0.0.5, seen 203.0.113.9; port: Via says 10.0.0.5:5060, seen 203.0.113.9:40112", v.String())
	require.Equal(t, "not natted", nat.Verdict{}.String())

	req := request(t, "100.64.0.1:9", "WSS", "Via: SIP/2.0/WSS [fd00::1];branch=z9hG4bKa")
	req.Recipient.UriParams = sip.HeaderParams{{K: "transport", V: "ws"}}
	v = nat.Detect(req, nat.TestSource|nat.TestWebSocket|nat.TestDestination|nat.TestPort)
	require.Equal(t, "natted, carrier-grade, websocket: port: Via says [fd00::1]:443, seen 100.64.0.1:9; "+
		"source: source 100.64.0.1; websocket: transport wss; destination: Request-URI says ws", v.String())
	require.Equal(t, "not natted, half rewritten (sdp): received: Via says x, seen y",
		nat.Verdict{ALG: nat.ALGSDP}.String()+": "+nat.Evidence{Test: nat.TestReceived, Field: "Via", Claimed: "x", Observed: "y"}.String())
}

func TestVerdictJSON(t *testing.T) {
	v := nat.Detect(request(t, public, "UDP", nattedLines), nat.TestReceived|nat.TestContact)
	got, err := json.Marshal(v)
	require.NoError(t, err)
	require.JSONEq(t, `{"natted":true,"cgnat":false,"websocket":false,"proxied":false,"tests":[1,2],"alg":[],
		"source":"203.0.113.9:40112","transport":"udp","evidence":[
		{"test":1,"field":"Contact","claimed":"10.0.0.5","observed":"203.0.113.9"},
		{"test":2,"field":"Via","claimed":"10.0.0.5","observed":"203.0.113.9"}]}`, string(got))
	got, err = json.Marshal(nat.Verdict{})
	require.NoError(t, err)
	require.JSONEq(t, `{"natted":false,"cgnat":false,"websocket":false,"proxied":false,"tests":[],"alg":[],"evidence":[]}`, string(got))
}

func TestVerdictLog(t *testing.T) {
	var buf bytes.Buffer
	log := slog.New(slog.NewTextHandler(&buf, nil))
	log.Info("judged", "nat", nat.Detect(request(t, public, "UDP", nattedLines), nat.TestPort))
	require.Contains(t, buf.String(), "nat.source=203.0.113.9:40112 nat.transport=udp nat.natted=true nat.tests=port")
	require.NotContains(t, buf.String(), "10.0.0.5")
}

func TestDetectorDefaults(t *testing.T) {
	var d nat.Detector
	req := request(t, public, "UDP", nattedLines)
	require.Equal(t, nat.TestReceived|nat.TestPort, d.Detect(req).Fired())
	lan := request(t, "192.168.1.7:5060", "UDP", "Via: SIP/2.0/UDP 192.168.1.7;branch=z9hG4bKa\nContact: <sip:a@192.168.1.7>")
	require.False(t, d.Detect(lan).NATed, "a private phone without NAT is reachable")
	d.Tests = nat.TestSource
	require.True(t, d.Detect(lan).NATed)
}

func TestDetectorPrivate(t *testing.T) {
	d := nat.Detector{
		Tests:   nat.TestVia | nat.TestContact | nat.TestSource | nat.TestSDP,
		Private: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8:1::/48")},
	}
	lines := "Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKa\nContact: <sip:a@[2001:db8:1::1]>" + sdpHead + "c=IN IP4 198.51.100.8\nt=0 0\n"
	req := request(t, "198.51.100.9:5060", "UDP", lines)
	require.Equal(t, d.Tests, d.Detect(req).Fired())
	require.Zero(t, nat.Detect(req, d.Tests).Fired())
	res := reply(t, "Contact: <sip:a@198.51.100.7>")
	require.True(t, d.Behind(res, branch))
}

func TestDetectorBehind(t *testing.T) {
	var d nat.Detector
	half := fixture(t, "alg-contact")
	require.False(t, d.Detect(half).NATed, "the Via is honest")
	require.True(t, d.Behind(half, flow.Flow{Transport: flow.UDP, Remote: netip.MustParseAddrPort(public)}), "the Contact is not")

	req := request(t, "192.0.2.99:1", "UDP", nattedLines) // the flow decides, not what sipgo noted
	require.True(t, d.Behind(req, branch))
	require.False(t, d.Behind(req, flow.Flow{Transport: flow.UDP, Remote: netip.MustParseAddrPort("10.0.0.5:5060")}))
	req.PrependHeader(&sip.ViaHeader{Host: "198.51.100.1", Transport: "UDP"})
	require.False(t, d.Behind(req, branch), "proxied")

	require.False(t, d.Behind(nil, branch))
	require.False(t, d.Behind((*sip.Request)(nil), branch))
	require.False(t, d.Behind((*sip.Response)(nil), branch))
	require.False(t, d.Behind(req, flow.Flow{}))
}

func TestMiddleware(t *testing.T) {
	req := request(t, public, "UDP", nattedLines)
	tx := siptest.NewServerTxRecorder(req)
	_, ok := nat.VerdictOf(tx)
	require.False(t, ok, "nobody judged")
	_, ok = nat.VerdictOf(nil)
	require.False(t, ok)

	called := 0
	outer, inner := nat.Detector{Tests: nat.TestReceived}, nat.Detector{Tests: nat.TestVia}
	handler := outer.Middleware(inner.Middleware(func(got *sip.Request, tx sip.ServerTransaction) {
		called++
		require.Same(t, req, got)
		v, ok := nat.VerdictOf(tx)
		require.True(t, ok)
		require.Equal(t, nat.TestVia, v.Fired(), "the innermost wins")
		require.NoError(t, tx.Respond(sip.NewResponseFromRequest(got, 200, "OK", nil)))
	}))
	wire := req.String()
	handler(req, tx)
	require.Equal(t, 1, called)
	require.Equal(t, wire, req.String())
	require.Len(t, tx.Result(), 1)
}
