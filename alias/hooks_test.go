// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
)

var trunk = flow.Flow{
	Transport: flow.UDP,
	Local:     phone.Local,
	Remote:    netip.MustParseAddrPort("198.51.100.7:5060"),
}

// hooks is what Signer and Legacy have in common.
type hooks interface {
	Branch(*sip.Request, flow.Leg) error
	Reply(*sip.Response, flow.Leg) error
	Middleware(sipgo.RequestHandler) sipgo.RequestHandler
	Add(sip.Message, flow.Flow) error
	Stats() alias.Stats
}

func kinds(t *testing.T) map[string]hooks {
	return map[string]hooks{"signer": newSigner(t, key), "legacy": &alias.Legacy{Allow: anywhere}}
}

func aliased(contact string) bool {
	return strings.Contains(contact, ";sna=") || strings.Contains(contact, ";alias=")
}

func TestBranch(t *testing.T) {
	in := func(nat bool) flow.Leg {
		return flow.Leg{In: flow.Peer{Flow: phone, NAT: nat}, Out: flow.Peer{Flow: trunk, NAT: true}}
	}
	for _, c := range []struct {
		method string
		leg    flow.Leg
		want   bool
	}{
		{"INVITE", in(true), true},
		{"SUBSCRIBE", in(true), true},
		{"UPDATE", in(true), true},
		{"REFER", in(true), true},
		{"NOTIFY", in(true), true},
		{"REGISTER", in(true), false},
		{"ACK", in(true), false},
		{"MESSAGE", in(true), false},
		{"INVITE", in(false), false},
		{"MESSAGE", in(false), false},
	} {
		for kind, h := range kinds(t) {
			name := kind + " " + c.method
			if !c.leg.In.NAT {
				name += " without NAT"
			}
			t.Run(name, func(t *testing.T) {
				req := parse(t, c.method+" sip:bob@example.com SIP/2.0", "<sip:alice@10.0.0.1>").(*sip.Request)
				require.NoError(t, h.Branch(req, c.leg))
				require.Equal(t, c.want, aliased(contacts(req)[0]) && !vouched(t, h, req), contacts(req))
				require.Equal(t, kind == "signer" && c.method == "INVITE" && !c.leg.In.NAT, vouched(t, h, req))
			})
		}
	}
}

// vouched reports whether the first Contact was signed without a flow.
func vouched(t *testing.T, h hooks, msg sip.Message) bool {
	t.Helper()
	s, ok := h.(*alias.Signer)
	if !ok {
		return false
	}
	uri := toURI(t, contactURI(t, msg)).Recipient
	return s.Vouched(&uri)
}

func TestBranchLeavesWhatAnotherEdgeWrote(t *testing.T) {
	const contact = "<sip:alice@10.0.0.1;sna=x;alias=y>"
	for kind, h := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			req := invite(t, contact)
			req.PrependHeader(req.Via().Clone())
			require.NoError(t, h.Branch(req, flow.Leg{In: flow.Peer{Flow: trunk}}))
			require.Equal(t, []string{contact}, contacts(req), "that edge will want it back")
		})
	}
	t.Run("but a phone cannot have been told", func(t *testing.T) {
		s, req := newSigner(t, key), invite(t, contact)
		require.NoError(t, s.Branch(req, flow.Leg{In: flow.Peer{Flow: trunk}}))
		require.True(t, vouched(t, s, req))
		require.Contains(t, contacts(req)[0], ";alias=y")
	})
	t.Run("a reply does not tell", func(t *testing.T) {
		s, res := newSigner(t, key), parse(t, "SIP/2.0 200 OK", contact).(*sip.Response)
		require.NoError(t, s.Reply(res, flow.Leg{Out: flow.Peer{Flow: trunk}}))
		require.Equal(t, []string{contact}, contacts(res))
	})
}

func TestBranchStripsTheRequestURI(t *testing.T) {
	req := parse(t, "ACK sip:a@10.0.0.1;sna=x;y SIP/2.0").(*sip.Request)
	s := newSigner(t, key)
	require.NoError(t, s.Branch(req, flow.Leg{}))
	require.Equal(t, "sip:a@10.0.0.1;y", req.Recipient.String())

	req = parse(t, "BYE sip:a@10.0.0.1;sna=x;y SIP/2.0").(*sip.Request)
	req.AppendHeader(&sip.RouteHeader{Address: sip.Uri{Host: "edge2.example.com", UriParams: sip.HeaderParams{{K: "lr"}}}})
	require.NoError(t, s.Branch(req, flow.Leg{}))
	require.Equal(t, "sip:a@10.0.0.1;sna=x;y", req.Recipient.String(), "another proxy comes first")
}

func TestBranchWithoutFlowIsAnError(t *testing.T) {
	req := invite(t, "<sip:alice@10.0.0.1>")
	require.ErrorIs(t, newSigner(t, key).Branch(req, flow.Leg{In: flow.Peer{NAT: true}}), alias.ErrFlow)
}

func TestReply(t *testing.T) {
	for _, c := range []struct {
		status, method string
		nat, want      bool
	}{
		{"100 Trying", "INVITE", true, false},
		{"180 Ringing", "INVITE", true, true},
		{"200 OK", "INVITE", true, true},
		{"200 OK", "INVITE", false, false},
		{"202 Accepted", "SUBSCRIBE", true, true},
		{"202 Accepted", "REFER", true, true},
		{"200 OK", "UPDATE", true, true},
		{"200 OK", "NOTIFY", true, true},
		{"200 OK", "REGISTER", true, false},
		{"200 OK", "OPTIONS", true, false},
		{"302 Moved Temporarily", "INVITE", true, false},
		{"485 Ambiguous", "INVITE", true, false},
	} {
		for kind, h := range kinds(t) {
			t.Run(kind+" "+c.status+" "+c.method, func(t *testing.T) {
				res := parse(t, "SIP/2.0 "+c.status, "<sip:bob@10.0.0.2>").(*sip.Response)
				res.CSeq().MethodName = sip.RequestMethod(c.method)
				leg := flow.Leg{In: flow.Peer{Flow: trunk, NAT: true}, Out: flow.Peer{Flow: phone, NAT: c.nat}}
				require.NoError(t, h.Reply(res, leg))
				first := contacts(res)[0]
				require.Equal(t, c.want, aliased(first) && !vouched(t, h, res))
				require.Equal(t, kind == "signer" && c.status == "200 OK" && !c.nat, vouched(t, h, res))
				require.NoError(t, h.Reply(res, leg), "2xx retransmissions come again")
				require.Equal(t, first, contacts(res)[0])
			})
		}
	}
}

func TestReplyWithoutCSeq(t *testing.T) {
	require.NoError(t, newSigner(t, key).Reply(sip.NewResponse(200, "OK"), flow.Leg{Out: flow.Peer{Flow: phone, NAT: true}}))
}

// through sends req through h's middleware, and reports the target that the
// next handler saw.
func through(t *testing.T, h hooks, req *sip.Request, before ...flow.Target) (passed bool, target flow.Target, answer int) {
	t.Helper()
	rec := siptest.NewServerTxRecorder(req)
	t.Cleanup(rec.Terminate)
	var tx sip.ServerTransaction = rec
	for _, b := range before {
		tx = flow.WithTarget(tx, b)
	}
	h.Middleware(func(_ *sip.Request, tx sip.ServerTransaction) {
		passed = true
		target, _ = flow.TargetOf(tx)
	})(req, tx)
	if res := rec.Result(); len(res) > 0 {
		answer = res[0].StatusCode
	}
	return passed, target, answer
}

func TestMiddleware(t *testing.T) {
	for kind, h := range kinds(t) {
		req := invite(t, "<sip:alice@10.0.0.1;x>")
		require.NoError(t, h.Add(req, phone))
		uri := contactURI(t, req)
		want := phone
		if kind == "legacy" {
			want.Local = netip.AddrPort{}
		}

		t.Run(kind+" sets the target", func(t *testing.T) {
			bye := toURI(t, uri)
			passed, target, answer := through(t, h, bye)
			require.True(t, passed)
			require.Zero(t, answer)
			require.Equal(t, flow.Peer{Flow: want, NAT: true}, target.Peer)
			require.Equal(t, "sip:alice@10.0.0.1;x", target.URI.String())
			require.Equal(t, "sip:alice@10.0.0.1;x", bye.Recipient.String())
		})
		t.Run(kind+" fills in the router's target", func(t *testing.T) {
			bye := toURI(t, uri)
			passed, target, _ := through(t, h, bye, flow.Target{URI: bye.Recipient})
			require.True(t, passed)
			require.Equal(t, want, target.Peer.Flow)
			require.Equal(t, "sip:alice@10.0.0.1;x", target.URI.String())
		})
		t.Run(kind+" yields to a flow that is set", func(t *testing.T) {
			bye := toURI(t, uri)
			passed, target, _ := through(t, h, bye, flow.Target{Peer: flow.Peer{Flow: trunk}})
			require.True(t, passed)
			require.Equal(t, trunk, target.Peer.Flow)
			require.Equal(t, "sip:alice@10.0.0.1;x", bye.Recipient.String())
		})
		t.Run(kind+" leaves what still has a Route", func(t *testing.T) {
			bye := toURI(t, uri)
			bye.AppendHeader(&sip.RouteHeader{Address: sip.Uri{Host: "edge2.example.com"}})
			passed, target, _ := through(t, h, bye)
			require.True(t, passed)
			require.Zero(t, target)
			require.Equal(t, uri, bye.Recipient.String())
		})
		t.Run(kind+" passes what has none", func(t *testing.T) {
			passed, target, answer := through(t, h, toURI(t, "sip:alice@10.0.0.1"))
			require.True(t, passed)
			require.Zero(t, target)
			require.Zero(t, answer)
		})
		require.Equal(t, alias.Stats{Resolved: 2}, h.Stats())
	}
}

func TestMiddlewareRefuses(t *testing.T) {
	for _, c := range []struct {
		name, uri string
		h         hooks
		want      int
	}{
		{"forged", "sip:alice@10.0.0.1;sna=x", newSigner(t, key), 403},
		{"malformed", "sip:alice@10.0.0.1;alias=x", &alias.Legacy{Allow: anywhere}, 400},
		{"not allowed", "sip:alice@10.0.0.1;alias=10.0.0.1~5060~1", &alias.Legacy{}, 403},
		{"stream gone", "sip:alice@10.0.0.1;alias=10.0.0.1~5060~2", &alias.Legacy{Layer: &flow.Layer{}, Allow: anywhere}, 480},
	} {
		t.Run(c.name, func(t *testing.T) {
			passed, _, answer := through(t, c.h, toURI(t, c.uri))
			require.False(t, passed)
			require.Equal(t, c.want, answer)

			ack := parse(t, "ACK "+c.uri+" SIP/2.0").(*sip.Request)
			passed, _, answer = through(t, c.h, ack)
			require.False(t, passed)
			require.Zero(t, answer, "an ACK is never answered")
			require.Equal(t, alias.Stats{Refused: 1, Dropped: 1}, c.h.Stats())
		})
	}
}
