// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/leak"
	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/manage"
)

func TestMain(m *testing.M) { leak.Main(m) }

var _ manage.Engine = (*rtpengine.Client)(nil)

// engine is an Engine that writes down what it is asked.
type engine struct {
	mu      sync.Mutex
	log     []string // "offer A>B b1 SDP", "delete A>B b1 [flags]"
	params  []rtpengine.Params
	running int
	most    int // commands that ran together

	delay time.Duration
	fail  func(command string, p rtpengine.Params) error
}

func (e *engine) Offer(ctx context.Context, p rtpengine.Params) ([]byte, error) {
	return e.run(ctx, "offer", p)
}

func (e *engine) Answer(ctx context.Context, p rtpengine.Params) ([]byte, error) {
	return e.run(ctx, "answer", p)
}

func (e *engine) Delete(ctx context.Context, p rtpengine.Params) error {
	_, err := e.run(ctx, "delete", p)
	return err
}

// run answers with the SDP and the number of the command, so that a result that
// is used again shows.
func (e *engine) run(ctx context.Context, command string, p rtpengine.Params) ([]byte, error) {
	e.mu.Lock()
	tail := string(p.SDP)
	if command == "delete" {
		tail = p.Flags.String()
	}
	e.log = append(e.log, strings.TrimSpace(fmt.Sprintf("%s %s>%s %s %s", command, p.FromTag, p.ToTag, p.ViaBranch, tail)))
	e.params = append(e.params, p)
	n := len(e.log)
	e.running++
	e.most = max(e.most, e.running)
	delay, fail := e.delay, e.fail
	e.mu.Unlock()
	defer func() { e.mu.Lock(); e.running--; e.mu.Unlock() }()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, rtpengine.ErrTimeout
		}
	}
	if fail != nil {
		if err := fail(command, p); err != nil {
			return nil, err
		}
	}
	return fmt.Appendf(nil, "%s/%d", p.SDP, n), nil
}

func (e *engine) set(delay time.Duration, fail func(string, rtpengine.Params) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.delay, e.fail = delay, fail
}

// took returns what was asked since the last time, once all is quiet.
func (e *engine) took() []string {
	synctest.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	log := e.log
	e.log = nil
	return log
}

// Legs: A calls B. A is behind NAT, B and C are not.
var (
	peerA = flow.Peer{NAT: true, Flow: flow.Flow{
		Transport: flow.UDP,
		Local:     netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("203.0.113.9:40112"),
	}}
	peerB = flow.Peer{Flow: flow.Flow{
		Transport: flow.UDP,
		Local:     netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("198.51.100.7:5060"),
	}}
	peerC = flow.Peer{Flow: flow.Flow{
		Transport: flow.UDP,
		Local:     netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort("198.51.100.8:5060"),
	}}
)

func aToB(branch string) flow.Leg { return flow.Leg{In: peerA, Out: peerB, Branch: branch} }
func bToA(branch string) flow.Leg { return flow.Leg{In: peerB, Out: peerA, Branch: branch} }

// scene is a call in the making.
type scene struct {
	*testing.T
	m      *manage.Manager
	e      *engine
	callID string
}

// play runs fn with a manager of its own, in a bubble.
func play(t *testing.T, fn func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &engine{}
		s := &scene{T: t, e: e, m: &manage.Manager{Engine: e}, callID: "call-1"}
		fn(s)
		require.NoError(t, s.m.Close())
	})
}

func message(first, callID, method, from, to string, cseq int, sdp string) sip.Message {
	text := first + "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n" +
		"From: <sip:a@example.net>" + tagParam(from) + "\r\nTo: <sip:b@example.net>" + tagParam(to) + "\r\n" +
		"Call-ID: " + callID + "\r\nCSeq: " + fmt.Sprint(cseq) + " " + method + "\r\n"
	if sdp != "" {
		text += "Content-Type: application/sdp\r\n"
	}
	text += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(sdp), sdp)
	msg, err := sip.ParseMessage([]byte(text))
	if err != nil {
		panic(err)
	}
	return msg
}

func tagParam(tag string) string {
	if tag == "" {
		return ""
	}
	return ";tag=" + tag
}

func (s *scene) request(method, from, to string, cseq int, sdp string) *sip.Request {
	return message(method+" sip:b@example.net SIP/2.0", s.callID, method, from, to, cseq, sdp).(*sip.Request)
}

func (s *scene) response(code int, method, from, to string, cseq int, sdp string) *sip.Response {
	return message(fmt.Sprintf("SIP/2.0 %d Whatever", code), s.callID, method, from, to, cseq, sdp).(*sip.Response)
}

// req passes a request through Branch and returns the SDP that goes on.
func (s *scene) req(method, from, to string, cseq int, sdp string, leg flow.Leg) string {
	s.Helper()
	req := s.request(method, from, to, cseq, sdp)
	require.NoError(s, s.m.Branch(req, leg))
	return s.bodyOf(req)
}

// res passes a response through Reply and returns the SDP that goes on.
func (s *scene) res(code int, method, from, to string, cseq int, sdp string, leg flow.Leg) string {
	s.Helper()
	res := s.response(code, method, from, to, cseq, sdp)
	require.NoError(s, s.m.Reply(res, leg))
	return s.bodyOf(res)
}

func (s *scene) bodyOf(msg sip.Message) string {
	s.Helper()
	require.Equal(s, len(msg.Body()), int(*msg.ContentLength()), "Content-Length")
	return string(msg.Body())
}

// engine asserts what the engine was asked since the last time.
func (s *scene) engine(want ...string) {
	s.Helper()
	require.Equal(s, want, s.e.took())
}

// up sets up a call from A to B over branch b1.
func (s *scene) up() {
	s.Helper()
	s.req("INVITE", "A", "", 1, "a1", aToB("b1"))
	s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1"))
	s.req("ACK", "A", "B", 1, "", aToB("x"))
	s.engine("offer A> b1 a1", "answer A>B b1 b1")
}

func refuse(reason string) func(string, rtpengine.Params) error {
	return func(command string, _ rtpengine.Params) error {
		return &rtpengine.Error{Command: command, Reason: reason}
	}
}
