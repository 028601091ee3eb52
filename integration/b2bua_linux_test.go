// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat"
	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
	"github.com/sipnat/sipnat/nat"
	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/rport"
)

// pbx is a user of the library without the forwarder: sipgo's dialogs behind the
// same middleware. It answers what is called and can call; it has no media.
type pbx struct {
	layer    *flow.Layer
	signer   *alias.Signer
	detector *nat.Detector
	location *registrar.Registrar
	in       *sipgo.DialogServerCache
	out      *sipgo.DialogClientCache
	answered chan *sipgo.DialogServerSession
	requests chan string // methods of in-dialog requests, as they come
}

// newPBX starts one on the edge host.
func newPBX(t *testing.T, l *lab) *pbx {
	t.Helper()
	ua, err := sipgo.NewUA()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ua.Close()) })
	srv, err := sipgo.NewServer(ua)
	require.NoError(t, err)
	client, err := sipgo.NewClient(ua)
	require.NoError(t, err)
	p := &pbx{
		layer: &flow.Layer{}, signer: alias.Ephemeral(), detector: &nat.Detector{},
		answered: make(chan *sipgo.DialogServerSession, 1), requests: make(chan string, 100),
	}
	p.location = &registrar.Registrar{AOR: registrar.Unauthenticated, NAT: p.detector.Behind}
	client.TxRequester = &flow.Requester{Layer: p.layer, Alias: p.signer.Resolve}
	contact := sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "pbx", Host: edgeIP, Port: 5060}}
	p.in = sipgo.NewDialogServerCache(client, contact)
	p.out = sipgo.NewDialogClientCache(client, contact)

	sipnat.Handle(srv, p.serve, keepalive.AnswerOptions, p.detector.Middleware, p.location.Middleware)
	pc := l.edge.listenUDP(t, edgeIP+":5060")
	served := make(chan error, 1)
	go func() { served <- p.layer.ServeUDP(srv, pc, rport.Always) }()
	t.Cleanup(func() {
		require.NoError(t, pc.Close())
		require.NoError(t, <-served)
	})
	return p
}

// serve answers calls and what comes in their dialogs. The flow goes onto the
// Contact of an INVITE before sipgo's dialog takes it for its target.
func (p *pbx) serve(req *sip.Request, tx sip.ServerTransaction) {
	f := flow.Of(req, tx)
	_, inDialog := req.To().Params.Get("tag")
	if inDialog {
		p.requests <- req.Method.String()
	}
	switch req.Method {
	case sip.INVITE:
		if inDialog {
			res := sip.NewResponseFromRequest(req, 200, "OK", pbxSDP())
			res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
			res.AppendHeader(sip.NewHeader("Contact", fmt.Sprintf("<sip:pbx@%s:5060>", edgeIP)))
			_ = tx.Respond(res)
			return
		}
		if p.detector.Behind(req, f) {
			_ = p.signer.Add(req, f)
		}
		d, err := p.in.ReadInvite(req, tx)
		if err != nil {
			return
		}
		if d.RespondSDP(pbxSDP()) == nil {
			p.answered <- d
		}
	case sip.ACK:
		_ = p.in.ReadAck(req, tx)
	case sip.BYE:
		if p.in.ReadBye(req, tx) != nil {
			_ = p.out.ReadBye(req, tx)
		}
	}
}

// call places a call to whoever has registered as user.
func (p *pbx) call(t *testing.T, user string) *sipgo.DialogClientSession {
	t.Helper()
	targets, err := p.location.Lookup(t.Context(), user)
	require.NoError(t, err)
	require.Len(t, targets, 1)
	f := targets[0].Peer.Flow
	uri, err := p.signer.URI(targets[0].URI, f)
	require.NoError(t, err)
	d, err := p.out.Invite(t.Context(), uri, pbxSDP(), sip.NewHeader("Content-Type", "application/sdp"))
	require.NoError(t, err)
	require.NoError(t, d.WaitAnswer(t.Context(), sipgo.AnswerOptions{OnResponse: func(res *sip.Response) error {
		if p.detector.Behind(res, f) {
			return p.signer.Add(res, f)
		}
		return nil
	}}))
	require.NoError(t, d.Ack(t.Context()))
	return d
}

// next is the next in-dialog request of that method, others passed over.
func (p *pbx) next(t *testing.T, method string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), answerWithin)
	defer cancel()
	for {
		select {
		case got := <-p.requests:
			if got == method {
				return
			}
		case <-ctx.Done():
			t.Fatalf("no %s reached the PBX", method)
		}
	}
}

// pbxSDP offers or answers a port that nobody listens on.
func pbxSDP() []byte {
	ap := netip.AddrPortFrom(netip.MustParseAddr(edgeIP), 39998)
	return fmt.Appendf(nil, "v=0\r\no=pbx 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n", ap.Addr(), ap.Port())
}

// dialog is what sipgo's two kinds of dialog have in common.
type dialog interface {
	Do(ctx context.Context, req *sip.Request) (*sip.Response, error)
	WriteRequest(req *sip.Request) error
}

// TestB2BUA has NAT'd phones call, and be called by, a server that is built on
// sipgo's dialogs and no forwarder.
func TestB2BUA(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip")
	l := newLab(t, labConfig{})
	p := newPBX(t, l)
	a := l.phoneA.phone(t, phoneConfig{user: "alice"})
	b := l.phoneB.phone(t, phoneConfig{user: "bob"})

	reinvite := func(t *testing.T, phone *phone, d dialog, target sip.Uri) {
		t.Helper()
		invites, acks := phone.received("INVITE "), phone.received("ACK ")
		req := sip.NewRequest(sip.INVITE, target)
		req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		req.SetBody(pbxSDP())
		res, err := d.Do(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, 200, res.StatusCode)
		require.NoError(t, d.WriteRequest(sip.NewRequest(sip.ACK, target)))
		eventually(t, answerWithin, "ACK of the re-INVITE", func() bool { return phone.received("ACK ") == acks+1 })
		require.Equal(t, invites+1, phone.received("INVITE "))
	}

	t.Run("a phone calls the server", func(t *testing.T) {
		a.do(t, "dial", "sip:pbx@"+edgeIP)
		a.expect(t, "CALL_ESTABLISHED")
		d := <-p.answered
		p.next(t, "ACK")
		a.do(t, "hold", "")
		p.next(t, "INVITE")
		p.next(t, "ACK")
		reinvite(t, a, d, d.InviteRequest.Contact().Address)
		require.NoError(t, d.Bye(t.Context()))
		a.expect(t, "CALL_CLOSED")
		require.Equal(t, 1, a.received("BYE "))
	})
	t.Run("the server calls a phone", func(t *testing.T) {
		d := p.call(t, "bob")
		b.expect(t, "CALL_ESTABLISHED")
		require.Equal(t, 1, b.received("ACK "))
		b.do(t, "hold", "")
		p.next(t, "INVITE")
		p.next(t, "ACK")
		reinvite(t, b, d, d.InviteResponse.Contact().Address)
		b.do(t, "hangup", "")
		p.next(t, "BYE")
		b.expect(t, "CALL_CLOSED")
	})
	require.Zero(t, l.natA.misdirected().packets(t), "SIP to wrong ports of NAT A")
	require.Zero(t, l.natB.misdirected().packets(t), "SIP to wrong ports of NAT B")
}
