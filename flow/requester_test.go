// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
)

// pbx is a user of sipgo's dialogs on a layer. Its phones write a private address
// into Contact and Via and can be reached on their flow alone.
type pbx struct {
	*edge
	at      netip.AddrPort
	signer  *alias.Signer
	client  *sipgo.Client
	contact sip.ContactHeader
}

// where a phone behind NAT says that it is: nobody is there.
const private = "10.255.255.1:5099"

func newPBX(t *testing.T) *pbx {
	t.Helper()
	e := newEdge(t)
	p := &pbx{edge: e, signer: alias.Ephemeral()}
	client, err := sipgo.NewClient(e.ua)
	require.NoError(t, err)
	client.TxRequester = &flow.Requester{Layer: e.layer, Alias: p.signer.Resolve}
	p.client = client
	return p
}

// serve begins to listen: the handlers must be set before.
func (p *pbx) serve(t *testing.T) {
	t.Helper()
	p.at = p.listenUDP(t, "127.0.0.1:0")
	p.contact = sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "pbx", Host: "127.0.0.1", Port: int(p.at.Port())}}
}

// call is what the PBX knows of a registered phone: its Contact and its flow.
func (p *pbx) call(t *testing.T, ph phone) sip.Uri {
	t.Helper()
	var contact sip.Uri
	require.NoError(t, sip.ParseUri("sip:bob@"+private, &contact))
	uri, err := p.signer.URI(contact, flow.Flow{Transport: flow.UDP, Local: p.at, Remote: ph.addr()})
	require.NoError(t, err)
	return uri
}

// next is the next request of that method. Where it came from, and that the
// phone never sees an alias in its Request-URI, is checked.
func (p *pbx) next(t *testing.T, ph phone, method string) string {
	t.Helper()
	for {
		msg, from := ph.receive()
		require.Equal(t, p.at, from)
		if strings.HasPrefix(msg, method+" ") {
			line, _, _ := strings.Cut(msg, "\r\n")
			require.Equal(t, method+" sip:bob@"+private+" SIP/2.0", line)
			require.Contains(t, msg, "\r\nVia: SIP/2.0/UDP "+p.at.String()+";")
			return msg
		}
	}
}

// answer is the phone's reply; more are header lines.
func answer(req, status string, more ...string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + status + "\r\n")
	for line := range strings.SplitSeq(req, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "To":
			if !strings.Contains(line, "tag=") {
				line += ";tag=bob"
			}
			fallthrough
		case "Via", "From", "Call-ID", "CSeq":
			b.WriteString(line + "\r\n")
		}
	}
	for _, line := range append(more, "Content-Length: 0", "", "") {
		b.WriteString(line + "\r\n")
	}
	return strings.TrimSuffix(b.String(), "\r\n")
}

func header(msg, name string) string {
	_, rest, _ := strings.Cut(msg, "\r\n"+name+": ")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

// alias puts the phone's flow on the Contact of its 200, as a B2BUA does.
func (p *pbx) alias(ph phone) sipgo.AnswerOptions {
	return sipgo.AnswerOptions{OnResponse: func(res *sip.Response) error {
		return p.signer.Add(res, flow.Flow{Transport: flow.UDP, Local: p.at, Remote: ph.addr()})
	}}
}

func TestRequesterCallsAPhoneBehindNAT(t *testing.T) {
	p := newPBX(t)
	p.serve(t)
	ph := newPhone(t, "127.0.0.1:0")
	dialogs := sipgo.NewDialogClientCache(p.client, p.contact)
	answered := make(chan error, 1)
	var call *sipgo.DialogClientSession
	var err error
	call, err = dialogs.Invite(t.Context(), p.call(t, ph), nil)
	require.NoError(t, err)
	defer func() { _ = call.Close() }()
	go func() { answered <- call.WaitAnswer(t.Context(), p.alias(ph)) }()

	invite := p.next(t, ph, "INVITE")
	ph.send(answer(invite, "180 Ringing", "Contact: <sip:bob@"+private+">"), p.at)
	ph.send(answer(invite, "200 OK", "Contact: <sip:bob@"+private+">"), p.at)
	require.NoError(t, <-answered)
	require.NoError(t, call.Ack(t.Context()))
	ack := p.next(t, ph, "ACK")
	require.NotEqual(t, header(invite, "Via"), header(ack, "Via"), "the ACK of a 2xx is a transaction of its own")

	reinvite := sip.NewRequest(sip.INVITE, *call.InviteResponse.Contact().Address.Clone())
	replied := make(chan error, 1)
	go func() {
		res, err := call.Do(t.Context(), reinvite)
		if err == nil {
			err = p.signer.Add(res, flow.Flow{Transport: flow.UDP, Local: p.at, Remote: ph.addr()})
		}
		replied <- err
	}()
	ph.send(answer(p.next(t, ph, "INVITE"), "200 OK", "Contact: <sip:bob@"+private+">"), p.at)
	require.NoError(t, <-replied)
	require.NoError(t, call.Ack(t.Context()))
	p.next(t, ph, "ACK")

	go func() { replied <- call.Bye(t.Context()) }()
	ph.send(answer(p.next(t, ph, "BYE"), "200 OK"), p.at)
	require.NoError(t, <-replied)
}

func TestRequesterCancels(t *testing.T) {
	p := newPBX(t)
	p.serve(t)
	ph := newPhone(t, "127.0.0.1:0")
	ua := sipgo.DialogUA{Client: p.client, ContactHDR: p.contact}
	call, err := ua.Invite(t.Context(), p.call(t, ph), nil)
	require.NoError(t, err)
	defer func() { _ = call.Close() }()
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- call.WaitAnswer(ctx, p.alias(ph)) }()
	invite := p.next(t, ph, "INVITE")
	ph.send(answer(invite, "180 Ringing", "Contact: <sip:bob@"+private+">"), p.at)
	giveUp()
	cancel := p.next(t, ph, "CANCEL")
	require.Equal(t, header(invite, "Via"), header(cancel, "Via"))
	require.Equal(t, strings.Fields(header(invite, "CSeq"))[0], strings.Fields(header(cancel, "CSeq"))[0])
	ph.send(answer(cancel, "200 OK"), p.at)
	ph.send(answer(invite, "487 Request Terminated"), p.at)
	require.ErrorIs(t, <-ended, context.Canceled)
	p.next(t, ph, "ACK")
}

// The phone calls, from behind NAT; we hang up.
func TestRequesterEndsACallFromAPhoneBehindNAT(t *testing.T) {
	p := newPBX(t)
	hungUp := make(chan error, 1)
	confirmed := make(chan struct{})
	dialogs := sipgo.NewDialogServerCache(p.client, sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "pbx", Host: "127.0.0.1", Port: 5060}})
	p.srv.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) {
		if err := p.signer.Add(req, flow.Of(req, tx)); err != nil {
			hungUp <- err
			return
		}
		call, err := dialogs.ReadInvite(req, tx)
		if err != nil {
			hungUp <- err
			return
		}
		if err := call.Respond(200, "OK", nil); err != nil {
			hungUp <- err
			return
		}
		<-confirmed
		hungUp <- call.Bye(context.Background())
	})
	p.srv.OnAck(func(req *sip.Request, tx sip.ServerTransaction) {
		if err := dialogs.ReadAck(req, tx); err != nil {
			t.Error(err)
		}
		close(confirmed)
	})
	p.serve(t)
	ph := newPhone(t, "127.0.0.1:0")
	request := func(method, branch, to string) string {
		return strings.Join([]string{
			method + " sip:pbx@" + p.at.String() + " SIP/2.0", "Via: SIP/2.0/UDP " + private + ";rport;branch=z9hG4bK" + branch,
			"From: <sip:bob@example.com>;tag=bob", "To: " + to, "Call-ID: c", "CSeq: 1 " + method, "Max-Forwards: 70",
			"Contact: <sip:bob@" + private + ">", "Content-Length: 0", "", "",
		}, "\r\n")
	}
	ph.send(request("INVITE", "1", "<sip:pbx@example.com>"), p.at)
	var ok string
	for !strings.HasPrefix(ok, "SIP/2.0 200") {
		var from netip.AddrPort
		ok, from = ph.receive()
		require.Equal(t, p.at, from)
	}
	ph.send(request("ACK", "2", header(ok, "To")), p.at)
	ph.send(answer(p.next(t, ph, "BYE"), "200 OK"), p.at)
	require.NoError(t, <-hungUp)
}

func TestRequesterRefuses(t *testing.T) {
	p := newPBX(t)
	p.serve(t)
	ph := newPhone(t, "127.0.0.1:0")
	forged := p.call(t, ph)
	forged.User = "mallory"
	ua := sipgo.DialogUA{Client: p.client, ContactHDR: p.contact}
	_, err := ua.Invite(t.Context(), forged, nil)
	require.ErrorIs(t, err, alias.ErrForged)
	code, _ := flow.Status(err)
	require.Equal(t, 403, code)
}

// Without an alias a request goes where its URI says.
func TestRequesterWithoutAlias(t *testing.T) {
	p := newPBX(t)
	p.serve(t)
	ph := newPhone(t, "127.0.0.1:0")
	req := outgoing(p.layer, flow.Flow{Transport: flow.UDP, Local: p.at, Remote: ph.addr()})
	req.RemoveHeader("Via")
	req.Recipient = sip.Uri{Scheme: "sip", User: "bob", Host: "127.0.0.1", Port: int(ph.addr().Port())}
	for _, r := range []*flow.Requester{{Layer: p.layer}, {Layer: p.layer, Alias: p.signer.Resolve}} {
		tx, err := r.Request(t.Context(), req)
		require.NoError(t, err)
		tx.Terminate()
		msg, from := ph.receive()
		require.Equal(t, p.at, from)
		require.True(t, strings.HasPrefix(msg, "OPTIONS sip:bob@127.0.0.1:"+strconv.Itoa(int(ph.addr().Port()))+" SIP/2.0\r\n"))
		require.Nil(t, req.Via(), "the caller's request is not edited")
	}
}
