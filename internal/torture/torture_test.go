// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package torture_test

import (
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/torture"
	"github.com/sipnat/sipnat/nat"
	"github.com/sipnat/sipnat/route"
	"github.com/sipnat/sipnat/rport"
)

var (
	in = flow.Flow{
		Transport: flow.UDP,
		Local:     netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("203.0.113.9:40112"),
	}
	out = flow.Flow{
		Transport: flow.TCP, Conn: 7,
		Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("203.0.113.77:41000"),
	}
	leg = flow.Leg{In: flow.Peer{Flow: in, NAT: true}, Out: flow.Peer{Flow: out, NAT: true}, Branch: "z9hG4bKown"}
)

// names is a layer that goes by its addresses.
type names struct{}

func (names) Name(f flow.Flow) (string, int) { return f.Local.Addr().String(), int(f.Local.Port()) }

func (names) IsSelf(host string, port int) bool { return host == "192.0.2.1" || host == "example.org" }

func parse(t *testing.T, m torture.Message) sip.Message {
	t.Helper()
	msg, err := sip.NewParser().ParseSIP(m.Wire())
	require.NoError(t, err)
	if req, ok := msg.(*sip.Request); ok {
		req.SetSource(in.Remote.String())
		req.SetTransport("UDP")
	}
	return msg
}

// TestParse pins which of the messages sipgo parses.
func TestParse(t *testing.T) {
	require.Len(t, torture.Messages(), 49)
	for _, m := range torture.Messages() {
		_, err := sip.NewParser().ParseSIP(m.Wire())
		require.Equal(t, m.Refused, err != nil, "%s: %v", m.Name, err)
	}
}

// TestReaders shows every message to what only reads.
func TestReaders(t *testing.T) {
	for _, m := range torture.Messages() {
		if m.Refused {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			msg := parse(t, m)
			before := msg.String()
			d := &nat.Detector{Tests: nat.TestAll}
			verdicts := []nat.Verdict{}
			switch msg := msg.(type) {
			case *sip.Request:
				verdicts = append(verdicts, nat.Detect(msg, nat.TestAll), d.Detect(msg))
				require.Equal(t, nat.Detect(msg, nat.TestAll), verdicts[1])
			case *sip.Response:
				verdicts = append(verdicts, nat.DetectReply(msg, in), d.DetectReply(msg, in))
			}
			require.Equal(t, verdicts[1].NATed, d.Behind(msg, in))
			for _, v := range verdicts {
				b, err := json.Marshal(v)
				require.NoError(t, err)
				require.True(t, json.Valid(b))
				require.NotEmpty(t, v.String())
				require.Len(t, v.Evidence(), count(v.Fired()))
			}
			require.Equal(t, before, msg.String())
		})
	}
}

func count(tests nat.Test) int {
	n := 0
	for range tests.Each() {
		n++
	}
	return n
}

// edit is a function that changes messages.
type edit struct {
	name string
	run  func(sip.Message) error
	once bool // doing it twice is more than doing it once
}

func onRequest(f func(*sip.Request) error) func(sip.Message) error {
	return func(msg sip.Message) error {
		if req, ok := msg.(*sip.Request); ok {
			return f(req)
		}
		return nil
	}
}

func onResponse(f func(*sip.Response) error) func(sip.Message) error {
	return func(msg sip.Message) error {
		if res, ok := msg.(*sip.Response); ok {
			return f(res)
		}
		return nil
	}
}

func edits(t *testing.T) []edit {
	signer, err := alias.New([]byte("0123456789abcdef0123456789abcdef"))
	require.NoError(t, err)
	legacy := &alias.Legacy{Allow: func(flow.Flow) bool { return true }}
	router := &route.Router{Layer: names{}, Key: []byte("k")}
	repair := nat.SDPRepair{Flags: nat.SDPConnection | nat.SDPOrigin}
	resolve := func(f func(*sip.Request) (flow.Flow, error)) func(sip.Message) error {
		return onRequest(func(req *sip.Request) error {
			_, err := f(req)
			return err
		})
	}
	return []edit{
		{name: "nat.FixContact", run: func(msg sip.Message) error { _, err := nat.FixContact(msg, in); return err }},
		{name: "nat.FixSDP", run: func(msg sip.Message) error {
			_, err := nat.FixSDP(msg, repair.Flags, in.Remote.Addr())
			return err
		}},
		{name: "nat.SDPRepair.Branch", run: onRequest(func(req *sip.Request) error { return repair.Branch(req, leg) })},
		{name: "nat.SDPRepair.Reply", run: onResponse(func(res *sip.Response) error { return repair.Reply(res, leg) })},
		{name: "alias.Signer.Add", run: func(msg sip.Message) error { return signer.Add(msg, in) }},
		{name: "alias.Signer.Resolve", run: resolve(signer.Resolve)},
		{name: "alias.Signer.Strip", run: onRequest(func(req *sip.Request) error { signer.Strip(req); return nil })},
		{name: "alias.Signer.Branch", run: onRequest(func(req *sip.Request) error { return signer.Branch(req, leg) })},
		{name: "alias.Signer.Reply", run: onResponse(func(res *sip.Response) error { return signer.Reply(res, leg) })},
		{name: "alias.Legacy.Add", run: func(msg sip.Message) error { return legacy.Add(msg, in) }},
		{name: "alias.Legacy.Resolve", run: resolve(legacy.Resolve)},
		{name: "alias.Legacy.Strip", run: onRequest(func(req *sip.Request) error { legacy.Strip(req); return nil })},
		{name: "alias.Legacy.Branch", run: onRequest(func(req *sip.Request) error { return legacy.Branch(req, leg) })},
		{name: "alias.Legacy.Reply", run: onResponse(func(res *sip.Response) error { return legacy.Reply(res, leg) })},
		{name: "rport.Local", run: onRequest(func(req *sip.Request) error { rport.Local(req); return nil })},
		{name: "rport.Reply", run: onRequest(func(req *sip.Request) error {
			rport.Reply(req, sip.NewResponse(200, "OK"))
			return nil
		})},
		{name: "route.Router.Branch", once: true, run: onRequest(func(req *sip.Request) error { return router.Branch(req, leg) })},
		{name: "route.Router.RecordRoute", once: true, run: onRequest(func(req *sip.Request) error { return router.RecordRoute(req, in, out) })},
		{name: "route.Router.Loose", run: onRequest(func(req *sip.Request) error { _, err := router.Loose(req); return err })},
	}
}

// TestEdits shows every message to what changes messages: an error leaves it as
// it was, and a second time changes nothing.
func TestEdits(t *testing.T) {
	for _, e := range edits(t) {
		t.Run(e.name, func(t *testing.T) {
			for _, m := range torture.Messages() {
				if m.Refused {
					continue
				}
				msg := parse(t, m)
				before := msg.String()
				if e.run(msg) != nil {
					require.Equal(t, before, msg.String(), m.Name)
					continue
				}
				once := msg.String()
				if e.once {
					continue
				}
				_ = e.run(msg) // the alias is gone now, for one
				require.Equal(t, once, msg.String(), m.Name)
			}
		})
	}
}

// TestMiddleware puts every request through the chain of an edge, and answers it.
func TestMiddleware(t *testing.T) {
	signer, legacy := alias.Ephemeral(), &alias.Legacy{}
	chain := []func(sipgo.RequestHandler) sipgo.RequestHandler{
		(&nat.Detector{}).Middleware, (&route.Router{Layer: names{}}).Middleware, signer.Middleware, legacy.Middleware,
	}
	messages := torture.Messages()
	plain := messages[slices.IndexFunc(messages, func(m torture.Message) bool { return m.Name == "baddate" })]
	for _, m := range messages {
		if m.Refused {
			continue
		}
		req, ok := parse(t, m).(*sip.Request)
		if !ok {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			// sipgo makes no transaction of some of them: take that of another.
			rec := siptest.NewServerTxRecorder(parse(t, plain).(*sip.Request))
			t.Cleanup(rec.Terminate)
			passed := false
			h := sipgo.RequestHandler(func(req *sip.Request, tx sip.ServerTransaction) {
				passed = true
				v, ok := nat.VerdictOf(tx)
				require.True(t, ok)
				require.Equal(t, in.Remote, v.Source)
			})
			for i := len(chain) - 1; i >= 0; i-- {
				h = chain[i](h)
			}
			h(req, rec)
			require.Equal(t, passed, len(rec.Result()) == 0, "passed on or answered, and not both")
		})
	}
}

// packet is a socket with one datagram on it.
type packet struct {
	net.PacketConn
	data []byte
}

func (p packet) ReadFrom(b []byte) (int, net.Addr, error) {
	return copy(b, p.data), net.UDPAddrFromAddrPort(in.Remote), nil
}

// TestPackets shows the bytes of every message, parsed or not, to what works on
// bytes; what sipgo parsed before it parses after.
func TestPackets(t *testing.T) {
	for name, mw := range map[string]func(net.PacketConn) net.PacketConn{"Always": rport.Always, "OnMismatch": rport.OnMismatch} {
		t.Run(name, func(t *testing.T) {
			for _, m := range torture.Messages() {
				b := make([]byte, 65535)
				n, _, err := mw(packet{data: m.Wire()}).ReadFrom(b)
				require.NoError(t, err, m.Name)
				msg, err := sip.NewParser().ParseSIP(b[:n])
				if m.Refused {
					continue
				}
				require.NoError(t, err, m.Name)
				if req, ok := msg.(*sip.Request); ok && name == "Always" {
					value, ok := req.Via().Params.Get("rport")
					require.True(t, ok, m.Name)
					require.Empty(t, value, m.Name)
				}
			}
		})
	}
}
