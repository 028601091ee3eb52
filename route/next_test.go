// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package route_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/route"
)

// recordRoutes are the Record-Route values of a message, from the top.
func recordRoutes(msg sip.Message) []string {
	var list []string
	for _, h := range msg.GetHeaders("Record-Route") {
		list = append(list, h.Value())
	}
	return list
}

// answered passes an INVITE that has these Record-Routes through r, its answer
// with those on top, and returns what the callee and the caller see.
func answered(t *testing.T, r *route.Router, below, above []string, in, out flow.Flow) (callee, caller []string) {
	t.Helper()
	var headers []string
	for _, rr := range below {
		headers = append(headers, "Record-Route: "+rr)
	}
	req := invite(t, headers...)
	tx := siptest.NewServerTxRecorder(req)
	r.Middleware(func(req *sip.Request, tx sip.ServerTransaction) {
		sent := req.Clone()
		require.NoError(t, r.Branch(sent, flow.Leg{In: flow.Peer{Flow: in}, Out: flow.Peer{Flow: out}}))
		callee = append(slices.Clone(above), recordRoutes(sent)...)
		res := sip.NewResponseFromRequest(invite(t), 200, "OK", nil)
		for _, rr := range callee {
			var u sip.Uri
			require.NoError(t, sip.ParseUri(strings.Trim(rr, "<>"), &u))
			res.AppendHeader(&sip.RecordRouteHeader{Address: u})
		}
		require.NoError(t, tx.Respond(res))
		require.NoError(t, tx.Respond(res), "a 2xx comes again")
	})(req, tx)
	results := tx.Result()
	require.Equal(t, recordRoutes(results[0]), recordRoutes(results[1]))
	return callee, recordRoutes(results[0])
}

// inDialogRoutes are the Routes of a request in the dialog when it has reached us.
func inDialogRoutes(t *testing.T, routes []string) *sip.Request {
	t.Helper()
	var headers []string
	for _, r := range routes {
		headers = append(headers, "Route: "+r)
	}
	req := invite(t, headers...)
	req.To().Params.Add("tag", "2")
	return req
}

// TestNextRoute: whoever has a signed Record-Route may go on to the proxy that
// stood next to it, and to no other.
func TestNextRoute(t *testing.T) {
	one, two := udp("192.0.2.1:5060"), udp("192.0.2.2:5060")
	const near, far, victim = "<sip:tok@p1.example.net:5070;transport=tcp;lr>", "<sip:p2.example.net;lr>", "<sip:10.0.0.7;lr>"
	for _, c := range []struct {
		name         string
		below, above []string
		out          flow.Flow
	}{
		{"a proxy on the caller's side", []string{near}, nil, one},
		{"a proxy on the callee's side", nil, []string{near}, one},
		{"proxies on both", []string{near, far}, []string{far, near}, one},
		{"double", []string{near}, []string{far, near}, two},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := router()
			callee, caller := answered(t, r, c.below, c.above, one, c.out)
			own := len(callee) - len(c.below) - len(c.above)
			fromCallee := callee[len(c.above):]
			fromCaller := slices.Clone(caller[:len(c.above)+own])
			slices.Reverse(fromCaller)
			for name, routes := range map[string][]string{"callee": fromCallee, "caller": fromCaller} {
				got, err := r.Loose(inDialogRoutes(t, routes))
				require.NoError(t, err)
				more := len(routes) > own
				require.Equal(t, route.Result{Driven: true, Signed: true, More: more, Next: more}, got, name)

				elsewhere := append(slices.Clone(routes[:own]), victim)
				got, err = r.Loose(inDialogRoutes(t, elsewhere))
				require.NoError(t, err)
				require.Equal(t, route.Result{Driven: true, Signed: true, More: true}, got, name)
				req := inDialogRoutes(t, elsewhere)
				tx := siptest.NewServerTxRecorder(req)
				r.Middleware(func(*sip.Request, sip.ServerTransaction) { t.Error("passed on") })(req, tx)
				require.Equal(t, 403, tx.Result()[0].StatusCode, name)
			}
		})
	}
	t.Run("through us twice", func(t *testing.T) {
		r := router()
		first, _ := answered(t, r, nil, []string{near}, one, one)
		callee, caller := answered(t, r, first, nil, one, one)
		got, err := r.Loose(inDialogRoutes(t, callee))
		require.NoError(t, err)
		require.True(t, got.Next, "down to the proxy in between")
		require.Equal(t, first, caller[1:], "the lower one is for the other pass to sign")
	})
	t.Run("what others wrote stays", func(t *testing.T) {
		callee, caller := answered(t, router(), []string{near}, []string{"<sip:192.0.2.1:5060;lr;snr=AQAAAAAAAAAAAAAA>"}, one, one)
		require.Equal(t, callee[0], caller[0])
		require.Equal(t, callee[2], caller[2])
	})
	t.Run("fewer came back than were there", func(t *testing.T) {
		r := router()
		req := invite(t, "Record-Route: "+near, "Record-Route: "+far)
		tx := siptest.NewServerTxRecorder(req)
		r.Middleware(func(req *sip.Request, tx sip.ServerTransaction) {
			require.NoError(t, tx.Respond(sip.NewResponseFromRequest(invite(t, "Record-Route: "+near), 200, "OK", nil)))
		})(req, tx)
		require.Equal(t, []string{near}, recordRoutes(tx.Result()[0]))
	})
}

// TestNotifyIsRecorded: RFC 6665 section 4.3, for a NOTIFY that comes before the
// response to SUBSCRIBE.
func TestNotifyIsRecorded(t *testing.T) {
	req := invite(t)
	req.Method = sip.NOTIFY
	req.To().Params.Add("tag", "2")
	one := flow.Peer{Flow: udp("192.0.2.1:5060")}
	require.NoError(t, router().Branch(req, flow.Leg{In: one, Out: one}))
	require.Len(t, recordRoutes(req), 1)
}
