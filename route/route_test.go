// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package route_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/route"
)

// names is a layer that goes by its addresses, and by edge.example.com:5060.
type names struct{}

func (names) Name(f flow.Flow) (string, int) {
	return f.Local.Addr().String(), int(f.Local.Port())
}

func (names) IsSelf(host string, port int) bool {
	switch strings.Trim(host, "[]") {
	case "192.0.2.1", "192.0.2.2", "2001:db8::1", "edge.example.com":
		return port == 0 || port == 5060
	}
	return false
}

func udp(local string) flow.Flow {
	return flow.Flow{Transport: flow.UDP, Local: netip.MustParseAddrPort(local)}
}

func router() *route.Router { return &route.Router{Layer: names{}, Key: []byte("k")} }

func invite(t *testing.T, headers ...string) *sip.Request {
	t.Helper()
	msg := "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKa\r\nFrom: <sip:a@example.com>;tag=1\r\n" +
		"To: <sip:bob@example.com>\r\nCall-ID: call-1\r\nCSeq: 1 INVITE\r\n" + strings.Join(append(headers, ""), "\r\n") + "Content-Length: 0\r\n\r\n"
	m, err := sip.NewParser().ParseSIP([]byte(msg))
	require.NoError(t, err)
	return m.(*sip.Request)
}

// recorded is the Record-Route values of req from the top, the token replaced.
func recorded(req *sip.Request) []string {
	var out []string
	for _, h := range req.GetHeaders("record-route") {
		v := h.Value()
		if i := strings.Index(v, "snr="); i >= 0 {
			v = v[:i] + "snr=T" + v[i+len("snr=")+16:]
		}
		out = append(out, v)
	}
	return out
}

func TestRecordRoute(t *testing.T) {
	tcp := udp("192.0.2.1:5060")
	tcp.Transport = flow.TCP
	tests := []struct {
		name    string
		in, out flow.Flow
		want    []string
	}{
		{"one side", udp("192.0.2.1:5060"), udp("192.0.2.1:5060"), []string{"<sip:192.0.2.1:5060;lr;snr=T>"}},
		{"two addresses", udp("192.0.2.1:5060"), udp("192.0.2.2:5060"), []string{"<sip:192.0.2.2:5060;lr;snr=T;r2=on>", "<sip:192.0.2.1:5060;lr;snr=T;r2=on>"}},
		{"two transports", tcp, udp("192.0.2.1:5060"), []string{"<sip:192.0.2.1:5060;lr;snr=T;r2=on>", "<sip:192.0.2.1:5060;transport=tcp;lr;snr=T;r2=on>"}},
		{"two families", udp("192.0.2.1:5060"), udp("[2001:db8::1]:5060"), []string{"<sip:[2001:db8::1]:5060;lr;snr=T;r2=on>", "<sip:192.0.2.1:5060;lr;snr=T;r2=on>"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := invite(t)
			require.NoError(t, router().RecordRoute(req, tt.in, tt.out))
			require.Equal(t, tt.want, recorded(req))
		})
	}
	t.Run("sips", func(t *testing.T) {
		req := invite(t)
		req.Recipient.Scheme = "sips"
		require.NoError(t, router().RecordRoute(req, tcp, tcp))
		require.Equal(t, []string{"<sips:192.0.2.1:5060;transport=tcp;lr;snr=T>"}, recorded(req))
	})
	t.Run("no Call-ID", func(t *testing.T) {
		req := invite(t)
		req.RemoveHeader("Call-ID")
		before := req.String()
		require.ErrorIs(t, router().RecordRoute(req, tcp, tcp), route.ErrNoCallID)
		require.Equal(t, before, req.String())
	})
}

func TestBranchOnlyWhereADialogMayBegin(t *testing.T) {
	for method, want := range map[sip.RequestMethod]int{sip.INVITE: 1, sip.SUBSCRIBE: 1, sip.REFER: 1, sip.NOTIFY: 1, sip.MESSAGE: 0, sip.OPTIONS: 0, sip.ACK: 0, sip.BYE: 0} {
		req := invite(t)
		req.Method = method
		require.NoError(t, router().Branch(req, flow.Leg{In: flow.Peer{Flow: udp("192.0.2.1:5060")}, Out: flow.Peer{Flow: udp("192.0.2.1:5060")}}))
		require.Len(t, recorded(req), want, method)
	}
	req := invite(t)
	req.To().Params.Add("tag", "2")
	require.NoError(t, router().Branch(req, flow.Leg{}))
	require.Empty(t, recorded(req), "re-INVITE")
}

// routed is an in-dialog request that follows what RecordRoute wrote.
func routed(t *testing.T, r *route.Router, in, out flow.Flow, more ...string) *sip.Request {
	t.Helper()
	first := invite(t)
	require.NoError(t, r.RecordRoute(first, in, out))
	var headers []string
	for _, h := range first.GetHeaders("record-route") {
		headers = append(headers, "Route: "+h.Value())
	}
	req := invite(t, append(headers, more...)...)
	req.To().Params.Add("tag", "2")
	req.Recipient = sip.Uri{Scheme: "sip", User: "b", Host: "203.0.113.7", Port: 5060}
	return req
}

func TestLoose(t *testing.T) {
	one, two := udp("192.0.2.1:5060"), udp("192.0.2.2:5060")
	tests := []struct {
		name string
		req  func(t *testing.T) *sip.Request
		want route.Result
		err  error
	}{
		{"own, single", func(t *testing.T) *sip.Request { return routed(t, router(), one, one) }, route.Result{Driven: true, Signed: true}, nil},
		{"own, double", func(t *testing.T) *sip.Request { return routed(t, router(), one, two) }, route.Result{Driven: true, Signed: true}, nil},
		{"another hop after ours", func(t *testing.T) *sip.Request { return routed(t, router(), one, one, "Route: <sip:203.0.113.1;lr>") }, route.Result{Driven: true, Signed: true, More: true}, nil},
		{"preloaded with our name", func(t *testing.T) *sip.Request { return invite(t, "Route: <sip:edge.example.com;lr>") }, route.Result{Driven: true}, nil},
		{"lr=on", func(t *testing.T) *sip.Request { return invite(t, "Route: <sip:192.0.2.1;lr=on>") }, route.Result{Driven: true}, nil},
		{"somebody else's", func(t *testing.T) *sip.Request { return invite(t, "Route: <sip:203.0.113.1;lr>") }, route.Result{More: true}, nil},
		{"none", func(t *testing.T) *sip.Request { return invite(t) }, route.Result{}, nil},
		{"another node's key", func(t *testing.T) *sip.Request {
			return routed(t, &route.Router{Layer: names{}, Key: []byte("other")}, one, one)
		}, route.Result{Driven: true}, nil},
		{"another dialog's signature", func(t *testing.T) *sip.Request {
			req := routed(t, router(), one, one)
			id := sip.CallIDHeader("call-2")
			req.ReplaceHeader(&id)
			return req
		}, route.Result{More: true}, route.ErrTampered},
		{"truncated signature", func(t *testing.T) *sip.Request { return invite(t, "Route: <sip:192.0.2.1;lr;snr=AQ>") }, route.Result{More: true}, route.ErrTampered},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := tt.req(t)
			before := req.String()
			got, err := router().Loose(req)
			require.ErrorIs(t, err, tt.err)
			require.Equal(t, tt.want, got)
			if err != nil {
				require.Equal(t, before, req.String(), "unchanged on error")
			}
			require.Equal(t, tt.want.More, req.Route() != nil)
		})
	}
}

// A list of our own Routes is not worked through to its end for one packet.
func TestLooseIsBounded(t *testing.T) {
	own := make([]string, 1000)
	for i := range own {
		own[i] = "Route: <sip:192.0.2.1;lr>"
	}
	req := invite(t, own...)
	got, err := router().Loose(req)
	require.NoError(t, err)
	require.Equal(t, route.Result{Driven: true, More: true}, got)
	require.Len(t, req.GetHeaders("route"), 996)
}

// RFC 3261 section 16.4: a strict router has put our Route into the Request-URI.
func TestStrictRouterIsUndone(t *testing.T) {
	one := udp("192.0.2.1:5060")
	req := routed(t, router(), one, one, "Route: <sip:203.0.113.1;lr>", "Route: <sip:b@203.0.113.7:5060>")
	ours := *req.Route().Address.Clone()
	req.RemoveHeader("Route")
	req.Recipient = ours
	got, err := router().Loose(req)
	require.NoError(t, err)
	require.Equal(t, route.Result{Driven: true, Signed: true, More: true}, got)
	require.Equal(t, "sip:b@203.0.113.7:5060", req.Recipient.String())
	require.Equal(t, "<sip:203.0.113.1;lr>", req.Route().Value())
}

func TestMiddleware(t *testing.T) {
	one := udp("192.0.2.1:5060")
	serve := func(t *testing.T, req *sip.Request, tx sip.ServerTransaction) (seen *sip.Request, target flow.Target, ok bool) {
		t.Helper()
		before := req.String()
		router().Middleware(func(r *sip.Request, tx sip.ServerTransaction) {
			seen = r
			target, ok = flow.TargetOf(tx)
		})(req, tx)
		require.Equal(t, before, req.String(), "the received request is not edited: sipgo reads it meanwhile")
		return seen, target, ok
	}
	t.Run("our dialog may go to its Request-URI", func(t *testing.T) {
		req := routed(t, router(), one, one)
		seen, target, ok := serve(t, req, siptest.NewServerTxRecorder(req))
		require.True(t, ok)
		require.Equal(t, "sip:b@203.0.113.7:5060", target.URI.String())
		require.False(t, target.Peer.Flow.IsValid())
		require.Nil(t, seen.Route())
	})
	t.Run("preloaded, no target", func(t *testing.T) {
		req := invite(t, "Route: <sip:edge.example.com;lr>")
		seen, _, ok := serve(t, req, siptest.NewServerTxRecorder(req))
		require.False(t, ok)
		require.Nil(t, seen.Route())
	})
	t.Run("wants to go on, no signature: 403", func(t *testing.T) {
		req := invite(t, "Route: <sip:edge.example.com;lr>", "Route: <sip:203.0.113.1;lr>")
		tx := siptest.NewServerTxRecorder(req)
		seen, _, _ := serve(t, req, tx)
		require.Nil(t, seen)
		require.Equal(t, 403, tx.Result()[0].StatusCode)
	})
	t.Run("wants to go on, and policy has said where", func(t *testing.T) {
		req := invite(t, "Route: <sip:203.0.113.1;lr>")
		seen, _, _ := serve(t, req, flow.WithTarget(siptest.NewServerTxRecorder(req), flow.Target{URI: req.Recipient}))
		require.NotNil(t, seen)
	})
	t.Run("tampered ACK gets nothing", func(t *testing.T) {
		req := invite(t, "Route: <sip:192.0.2.1;lr;snr=AQ>")
		req.Method = sip.ACK
		tx := siptest.NewServerTxRecorder(req)
		r := router()
		r.Middleware(func(*sip.Request, sip.ServerTransaction) { t.Fatal("passed on") })(req, tx)
		require.Empty(t, tx.Result())
		require.Equal(t, uint64(1), r.DroppedACKs())
	})
}

func TestEphemeralKeysDiffer(t *testing.T) {
	one := udp("192.0.2.1:5060")
	a, b := &route.Router{Layer: names{}}, &route.Router{Layer: names{}}
	got, err := b.Loose(routed(t, a, one, one))
	if err == nil { // the key's identifier differs, but for one time in 256
		require.False(t, got.Signed)
	}
	got, err = a.Loose(routed(t, a, one, one))
	require.NoError(t, err)
	require.True(t, got.Signed)
}

func FuzzLoose(f *testing.F) {
	f.Add("<sip:192.0.2.1;lr;snr=AQAAAAAAAAAAAAAA>", "c")
	f.Add("<sip:edge.example.com;lr>,<sip:x;lr>", "")
	f.Fuzz(func(t *testing.T, value, id string) {
		m, err := sip.NewParser().ParseSIP([]byte("BYE sip:x SIP/2.0\r\nCall-ID: " + id + "\r\nRoute: " + value + "\r\nContent-Length: 0\r\n\r\n"))
		if err != nil {
			return
		}
		req, ok := m.(*sip.Request)
		if !ok {
			return
		}
		before := req.String()
		got, err := router().Loose(req)
		require.False(t, got.Signed || got.Next || got.Flow.IsValid(), "nothing was signed")
		if err != nil {
			require.Equal(t, before, req.String())
		}
	})
}

func ExampleRouter_RecordRoute() {
	r := &route.Router{Layer: &flow.Layer{}, Key: []byte("secret")}
	id := sip.CallIDHeader("a84b4c76e66710")
	req := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", User: "bob", Host: "example.com"})
	req.AppendHeader(&id)
	side := flow.Flow{Transport: flow.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060")}
	if err := r.RecordRoute(req, side, side); err != nil {
		fmt.Println(err)
	}
	fmt.Println(req.RecordRoute())
	// Output: Record-Route: <sip:192.0.2.1:5060;lr;snr=AaBm8k-MfOuo5PAQ>
}
