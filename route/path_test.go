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
	"github.com/sipnat/sipnat/internal/flowtoken"
	"github.com/sipnat/sipnat/internal/txval"
	"github.com/sipnat/sipnat/route"
)

// phone is a connection that a phone has opened to us.
var phone = flow.Flow{
	Transport: flow.TCP, Conn: 7,
	Local:  netip.MustParseAddrPort("192.0.2.1:5060"),
	Remote: netip.MustParseAddrPort("203.0.113.9:40112"),
}

func register(t testing.TB, headers ...string) *sip.Request {
	t.Helper()
	msg := "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.9;branch=z9hG4bKa\r\nFrom: <sip:a@example.com>;tag=1\r\n" +
		"To: <sip:a@example.com>\r\nCall-ID: r\r\nCSeq: 1 REGISTER\r\n" + strings.Join(append(headers, ""), "\r\n") + "Content-Length: 0\r\n\r\n"
	m, err := sip.NewParser().ParseSIP([]byte(msg))
	require.NoError(t, err)
	return m.(*sip.Request)
}

const contact = "Contact: <sip:a@10.0.0.9:5060;transport=tcp>"

// pathOf is the one Path of req, and its token.
func pathOf(t testing.TB, req *sip.Request) (path, token string) {
	t.Helper()
	all := req.GetHeaders("Path")
	require.NotEmpty(t, all)
	token, _, _ = strings.Cut(strings.TrimPrefix(all[0].Value(), "<sip:"), "@")
	return all[0].Value(), token
}

func TestAddPath(t *testing.T) {
	out := udp("192.0.2.2:5060")
	t.Run("first hop", func(t *testing.T) {
		req := register(t, contact)
		require.NoError(t, router().AddPath(req, phone, out))
		path, token := pathOf(t, req)
		require.Equal(t, "<sip:"+token+"@192.0.2.2:5060;lr;ob>", path, "the side that the registrar can reach")
		require.Equal(t, "path", req.GetHeader("Supported").Value())
	})
	t.Run("behind another proxy", func(t *testing.T) {
		req := register(t, contact, "Via: SIP/2.0/TCP 10.0.0.8;branch=z9hG4bKb", "Path: <sip:p.example.net;lr>", "Supported: outbound, Path")
		require.NoError(t, router().AddPath(req, phone, udp("[2001:db8::1]:5060")))
		path, token := pathOf(t, req)
		require.Equal(t, "<sip:"+token+"@[2001:db8::1]:5060;lr>", path)
		require.Equal(t, "<sip:p.example.net;lr>", req.GetHeaders("Path")[1].Value())
		require.Len(t, req.GetHeaders("Supported"), 1)
	})
	t.Run("a stream beyond", func(t *testing.T) {
		req := register(t, contact, "k: gruu,path")
		out := udp("192.0.2.2:5060")
		out.Transport = flow.TLS
		require.NoError(t, router().AddPath(req, phone, out))
		path, token := pathOf(t, req)
		require.Equal(t, "<sip:"+token+"@192.0.2.2:5060;transport=tls;lr;ob>", path)
		require.Nil(t, req.GetHeader("Supported"), "k says it already")
	})
	t.Run("no flow", func(t *testing.T) {
		req := register(t, contact)
		before := req.String()
		require.ErrorIs(t, router().AddPath(req, flow.Flow{}, out), route.ErrFlow)
		require.Equal(t, before, req.String())
	})
	t.Run("by the hook", func(t *testing.T) {
		req := register(t, contact)
		require.NoError(t, router().Branch(req, flow.Leg{In: flow.Peer{Flow: phone}, Out: flow.Peer{Flow: out}}))
		require.Len(t, req.GetHeaders("Path"), 1)
		require.Nil(t, req.RecordRoute())
	})
}

// along is a request that comes back along the Path of a registration.
func along(t testing.TB, path, uri string, more ...string) *sip.Request {
	t.Helper()
	headers := append([]string{"Route: " + path}, more...)
	msg := "INVITE " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKa\r\nFrom: <sip:b@example.com>;tag=1\r\n" +
		"To: <sip:a@example.com>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n" + strings.Join(append(headers, ""), "\r\n") + "Content-Length: 0\r\n\r\n"
	m, err := sip.NewParser().ParseSIP([]byte(msg))
	require.NoError(t, err)
	return m.(*sip.Request)
}

func registered(t testing.TB, r *route.Router, headers ...string) (path, token string) {
	t.Helper()
	req := register(t, headers...)
	require.NoError(t, r.AddPath(req, phone, udp("192.0.2.2:5060")))
	return pathOf(t, req)
}

func TestAlongPath(t *testing.T) {
	const uri = "sip:a@10.0.0.9:5060;transport=tcp"
	path, token := registered(t, router(), contact)
	foreign, _ := registered(t, &route.Router{Layer: names{}, Key: []byte("other")}, contact)
	several, _ := registered(t, router(), contact, "Contact: <sip:b@10.0.0.9>")
	anybody, _ := registered(t, router(), "Contact: <sip:10.0.0.9>")
	flipped := token[:len(token)-2] + strings.Map(func(c rune) rune {
		if c == 'A' {
			return 'B'
		}
		return 'A'
	}, token[len(token)-2:len(token)-1]) + token[len(token)-1:]
	reached := route.Result{Driven: true, Flow: phone, Outbound: true}
	for _, tt := range []struct {
		name, path, uri string
		more            []string
		want            route.Result
		err             error
	}{
		{"the phone's flow", path, uri, nil, reached, nil},
		{"not the first hop", strings.Replace(path, ";ob", "", 1), uri, nil, route.Result{Driven: true, Flow: phone}, nil},
		{"proxies beyond", path, uri, []string{"Route: <sip:p.example.net;lr>"}, route.Result{Driven: true, More: true, Flow: phone, Outbound: true}, nil},
		{"user in escapes", path, "sip:%61@10.0.0.9", nil, reached, nil},
		{"several users: bound to none", several, "sip:b@10.0.0.9", nil, reached, nil},
		{"no user: a gateway", anybody, "sip:+4930123@10.0.0.9", nil, reached, nil},
		{"another user", path, "sip:b@10.0.0.9", nil, route.Result{More: true}, route.ErrTampered},
		{"altered", strings.Replace(path, token, flipped, 1), uri, nil, route.Result{More: true}, route.ErrTampered},
		{"truncated", strings.Replace(path, token, token[:len(token)/4*4-4], 1), uri, nil, route.Result{More: true}, route.ErrTampered},
		{"another edge's key, our name", foreign, uri, nil, route.Result{Driven: true}, nil},
		{"another edge's name", strings.Replace(path, "192.0.2.2", "203.0.113.5", 1), uri, nil, route.Result{More: true}, nil},
		{"a user part that is no token", "<sip:edge@192.0.2.2;lr;ob>", uri, nil, route.Result{Driven: true}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := along(t, tt.path, tt.uri, tt.more...)
			before := req.String()
			got, err := router().Loose(req)
			require.ErrorIs(t, err, tt.err)
			require.Equal(t, tt.want, got)
			if err != nil {
				require.Equal(t, before, req.String())
			}
		})
	}
	t.Run("the target", func(t *testing.T) {
		req := along(t, path, uri)
		var target flow.Target
		var outbound bool
		router().Middleware(func(_ *sip.Request, tx sip.ServerTransaction) {
			target, _ = flow.TargetOf(tx)
			_, outbound = txval.Value[flowtoken.Outbound](tx)
		})(req, siptest.NewServerTxRecorder(req))
		require.Equal(t, flow.Peer{Flow: phone, NAT: true}, target.Peer)
		require.Equal(t, uri, target.URI.String())
		require.True(t, outbound)
	})
	for name, bad := range map[string]string{"altered": strings.Replace(path, token, flipped, 1), "another edge's": strings.Replace(path, "192.0.2.2", "203.0.113.5", 1)} {
		t.Run(name+" is answered 403", func(t *testing.T) {
			req := along(t, bad, uri)
			tx := siptest.NewServerTxRecorder(req)
			router().Middleware(func(*sip.Request, sip.ServerTransaction) { t.Error("passed on") })(req, tx)
			require.Equal(t, 403, tx.Result()[0].StatusCode)
		})
	}
	t.Run("another edge's key, our name: whoever is behind may know the user", func(t *testing.T) {
		req := along(t, foreign, uri)
		passed := false
		router().Middleware(func(_ *sip.Request, tx sip.ServerTransaction) {
			_, found := flow.TargetOf(tx)
			passed = !found
		})(req, siptest.NewServerTxRecorder(req))
		require.True(t, passed)
	})
}

// TestPathForgeries: no part of a token, and no bit changed in it, gives a flow.
func TestPathForgeries(t *testing.T) {
	r := router()
	_, token := registered(t, r, contact)
	try := func(forged string) {
		req := along(t, "<sip:192.0.2.2;lr;ob>", "sip:a@10.0.0.9")
		req.Route().Address.User = forged
		got, err := r.Loose(req)
		if got.Flow.IsValid() || got.Signed || got.Next || err != nil && got.Driven {
			t.Fatalf("token %q: %+v, %v", forged, got, err)
		}
	}
	for n := range len(token) {
		try(token[:n])
	}
	for i := range len(token) * 8 {
		b := []byte(token)
		b[i/8] ^= 1 << (i % 8)
		try(string(b))
	}
}

func FuzzPath(f *testing.F) {
	r := router()
	_, token := registered(f, r, contact)
	f.Add(token, "a")
	f.Add(token, "%61")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, token, user string) {
		req := along(t, "<sip:x@192.0.2.2;lr;ob>", "sip:a@10.0.0.9")
		req.Route().Address.User, req.Recipient.User = token, user
		got, err := r.Loose(req)
		if err != nil || !got.Flow.IsValid() {
			require.Zero(t, got.Flow)
			return
		}
		// What passes is what we write for that user, or for any.
		for _, c := range []string{"<sip:x@h>", "<sip:h>"} {
			again := register(t, "Contact: "+c)
			if again.Contact().Address.User != "" {
				again.Contact().Address.User = user
			}
			require.NoError(t, r.AddPath(again, got.Flow, udp("192.0.2.2:5060")))
			if _, same := pathOf(t, again); same == token {
				return
			}
		}
		require.Fail(t, "a token that we do not write", "%q for %q", token, user)
	})
}

func BenchmarkLoosePath(b *testing.B) {
	r := router()
	path, _ := registered(b, r, contact)
	req := along(b, path, "sip:a@10.0.0.9")
	b.ReportAllocs()
	for b.Loop() {
		_, _ = r.Loose(req.Clone())
	}
}

func ExampleRouter_AddPath() {
	r := &route.Router{Layer: &flow.Layer{}, Key: []byte("secret")}
	seen := flow.Flow{
		Transport: flow.UDP,
		Local:     netip.MustParseAddrPort("192.0.2.1:5060"),
		Remote:    netip.MustParseAddrPort("203.0.113.9:40112"),
	}
	req := sip.NewRequest(sip.REGISTER, sip.Uri{Scheme: "sip", Host: "example.com"})
	req.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "alice", Host: "10.0.0.1"}})
	if err := r.AddPath(req, seen, seen); err != nil {
		fmt.Println(err)
	}
	fmt.Println(req.GetHeader("Path"))
	// Output: Path: <sip:EQcRywBxCZywwAACARPEAHMYdoQ7-qu-Qws@192.0.2.1:5060;lr>
}
