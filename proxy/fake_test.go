// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/proxy"
)

// fakeLayer is a layer without a network: it keeps what is sent and lets the test
// play the phones.
type fakeLayer struct {
	mu   sync.Mutex
	txs  []*clientTx
	acks []*sip.Request
	outs []string
	// fail, if set, is what Do returns for a flow.
	fail func(f flow.Flow) error
	// auto, if set, plays the phone.
	auto func(tx *clientTx)
}

func (l *fakeLayer) Resolve(_ context.Context, uri *sip.Uri) (flow.Flow, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outs = append(l.outs, uri.Host)
	host, err := netip.ParseAddr(uri.Host)
	if err != nil {
		return flow.Flow{}, &flow.Refusal{Code: 416, Reason: "Unsupported URI Scheme"}
	}
	return flow.Flow{Transport: flow.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.AddrPortFrom(host, 5060)}, nil
}

func (l *fakeLayer) Find(flow.Transport, netip.AddrPort) (flow.Flow, error) {
	return flow.Flow{}, flow.ErrFlowGone
}

func (l *fakeLayer) Do(ctx context.Context, req *sip.Request, f flow.Flow) (sip.ClientTransaction, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		if err := l.fail(f); err != nil {
			return nil, err
		}
	}
	tx := &clientTx{req: req, flow: f, responses: make(chan *sip.Response), done: make(chan struct{})}
	l.txs = append(l.txs, tx)
	if l.auto != nil {
		go l.auto(tx)
	}
	return tx, nil
}

func (l *fakeLayer) Send(req *sip.Request, _ flow.Flow) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acks = append(l.acks, req)
	return nil
}

func (l *fakeLayer) Via(_ flow.Flow, branch string) *sip.ViaHeader {
	v := &sip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "UDP", Host: "192.0.2.1", Port: 5060, Params: sip.NewParams()}
	v.Params.Add("branch", branch)
	return v
}

func (l *fakeLayer) IsSelf(host string, port int) bool { return host == "192.0.2.1" && port == 5060 }

// sent lists what was sent in transactions, "INVITE sip:b1@… ", and ACKs last.
func (l *fakeLayer) sent() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, tx := range l.txs {
		out = append(out, string(tx.req.Method)+" "+tx.req.Recipient.User)
	}
	for _, ack := range l.acks {
		out = append(out, "ACK "+ack.Recipient.User)
	}
	return out
}

// to is the transaction that was sent to a user by a method.
func (l *fakeLayer) to(t *testing.T, method, user string) *clientTx {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, tx := range l.txs {
		if string(tx.req.Method) == method && tx.req.Recipient.User == user {
			return tx
		}
	}
	require.Failf(t, "not sent", "%s %s", method, user)
	return nil
}

// clientTx is a client transaction that the test answers.
type clientTx struct {
	req       *sip.Request
	flow      flow.Flow
	responses chan *sip.Response
	done      chan struct{}
	once      sync.Once

	mu    sync.Mutex
	err   error
	again func(*sip.Response)
}

func (tx *clientTx) Responses() <-chan *sip.Response    { return tx.responses }
func (tx *clientTx) Done() <-chan struct{}              { return tx.done }
func (tx *clientTx) OnTerminate(sip.FnTxTerminate) bool { return true }
func (tx *clientTx) Terminate()                         { tx.end(sip.ErrTransactionTerminated) }
func (tx *clientTx) OnRetransmission(f sip.FnTxResponse) bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.again = f
	return true
}

func (tx *clientTx) Err() error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return tx.err
}

func (tx *clientTx) end(err error) {
	tx.once.Do(func() {
		tx.mu.Lock()
		tx.err = err
		tx.mu.Unlock()
		close(tx.done)
	})
}

func (tx *clientTx) terminated() bool {
	select {
	case <-tx.done:
		return true
	default:
		return false
	}
}

// response is what the phone says: to the request as it got it.
func (tx *clientTx) response(code int, edit ...func(*sip.Response)) *sip.Response {
	res := sip.NewResponseFromRequest(tx.req, code, fmt.Sprint("R", code), nil)
	res.SetDestination("") // a response from the network has none
	for _, e := range edit {
		e(res)
	}
	return res
}

func (tx *clientTx) answer(code int, edit ...func(*sip.Response)) {
	select {
	case tx.responses <- tx.response(code, edit...):
	case <-tx.done:
	}
}

func with(name, value string) func(*sip.Response) {
	return func(res *sip.Response) { res.AppendHeader(sip.NewHeader(name, value)) }
}

func contact(uri string) func(*sip.Response) {
	return func(res *sip.Response) {
		var u sip.Uri
		if err := sip.ParseUri(uri, &u); err != nil {
			panic(err)
		}
		res.AppendHeader(&sip.ContactHeader{Address: u})
	}
}

// message is a request as from the network; lines are put in before the body.
func message(t testing.TB, method string, lines ...string) *sip.Request {
	t.Helper()
	text := strings.Join(append([]string{
		method + " sip:bob@example.com SIP/2.0",
		"Via: SIP/2.0/UDP 10.0.0.7:5060;rport;branch=z9hG4bKalice" + method,
		"From: <sip:alice@example.com>;tag=a1",
		"To: <sip:bob@example.com>",
		"Call-ID: call-1",
		"CSeq: 1 " + method,
	}, append(lines, "Content-Length: 0", "", "")...), "\r\n")
	msg, err := sip.ParseMessage([]byte(text))
	require.NoError(t, err)
	req := msg.(*sip.Request)
	req.SetTransport("UDP")
	req.SetSource("203.0.113.9:40112")
	return req
}

// target is a phone behind 198.51.100.N.
func target(user string, q int) flow.Target {
	n := user[len(user)-1] - '0'
	return flow.Target{
		URI: sip.Uri{Scheme: "sip", User: user, Host: "10.1.1.1"},
		Peer: flow.Peer{NAT: true, Flow: flow.Flow{
			Transport: flow.UDP,
			Local:     netip.MustParseAddrPort("192.0.2.1:5060"),
			Remote:    netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, n}), 30000),
		}},
		Q: q,
	}
}

// call is one request in a forwarder on a fake layer, within a bubble.
type call struct {
	t        *testing.T
	net      *fakeLayer
	fwd      *proxy.Forwarder
	req      *sip.Request
	tx       *siptest.ServerTxRecorder
	returned chan struct{}

	mu     sync.Mutex
	finals []string // "branch-peer code" in the order of the hooks
}

func newCall(t *testing.T, req *sip.Request) *call {
	c := &call{t: t, net: &fakeLayer{}, req: req, returned: make(chan struct{})}
	c.fwd = proxy.WithFake(&proxy.Forwarder{}, c.net)
	c.fwd.Reply = []proxy.ReplyHook{func(res *sip.Response, leg flow.Leg) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !res.IsProvisional() {
			c.finals = append(c.finals, fmt.Sprint(leg.Out.Flow.Remote.Addr(), " ", res.StatusCode))
		}
		return nil
	}}
	return c
}

func (c *call) start(targets ...flow.Target) {
	c.tx = siptest.NewServerTxRecorder(c.req)
	go func() {
		defer close(c.returned)
		c.fwd.Forward(c.req, c.tx, targets)
		c.tx.TerminateGracefully()
	}()
	synctest.Wait()
}

// upstream lists what the caller got.
func (c *call) upstream() []int {
	synctest.Wait()
	var codes []int
	for _, res := range c.tx.Result() {
		codes = append(codes, res.StatusCode)
	}
	return codes
}

func (c *call) answer(user string, code int, edit ...func(*sip.Response)) {
	c.t.Helper()
	c.net.to(c.t, string(c.req.Method), user).answer(code, edit...)
	synctest.Wait()
}

// cancel is the caller's CANCEL, as sipgo's transaction layer passes it.
func (c *call) cancel() {
	req := c.req.Clone()
	req.Method = sip.CANCEL
	req.CSeq().MethodName = sip.CANCEL
	require.NoError(c.t, c.tx.Receive(req))
	synctest.Wait()
}

func (c *call) hooks() []string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.finals
}

func (c *call) done() bool {
	synctest.Wait()
	select {
	case <-c.returned:
		return true
	default:
		return false
	}
}
