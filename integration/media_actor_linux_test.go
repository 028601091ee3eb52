// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// actor is a phone that a test plays message by message, with a voice. It hands
// out each message once, in whatever order the test asks for them.
type actor struct {
	*ua
	*voice
	user  string
	taken map[int]bool    // of got
	met   map[string]bool // transactions of requests that were handed out
	said  int             // versions of its SDP
	calls int
}

// SIP and RTP ports of an actor.
const (
	actorSIP = 5070
	actorRTP = 6070
)

// actor starts a phone on the host and registers it.
func (h *host) actor(t testing.TB, user string) *actor {
	t.Helper()
	a := &actor{
		ua: h.ua(t, actorSIP), voice: h.voice(t, actorRTP, user[0]), user: user,
		taken: map[int]bool{}, met: map[string]bool{},
	}
	a.bind(t, user, "")
	return a
}

// bind registers the phone as a user, with parameters of the Contact.
func (a *actor) bind(t testing.TB, user, params string) {
	t.Helper()
	aor := "<sip:" + user + "@" + edgeIP + ">"
	a.calls++
	id := fmt.Sprintf("reg%d-%s", a.calls, a.host.ns)
	a.write(t, netip.MustParseAddrPort(edgeIP+":5060"), strings.Join([]string{
		"REGISTER sip:" + edgeIP + " SIP/2.0", a.via(),
		"From: " + aor + ";tag=1", "To: " + aor, "Call-ID: " + id, "CSeq: 1 REGISTER",
		"Contact: <sip:" + user + "@" + a.addr.String() + ">" + params, "Expires: 600", "Max-Forwards: 70",
	}, "\n"), content{})
	d := a.await(t, "answer to REGISTER", func(msg sip.Message) bool { return isResponse(msg, id, sip.REGISTER, 0, 200) })
	require.Equal(t, 200, d.msg.(*sip.Response).StatusCode)
}

// content is a body as it goes over the wire.
type content struct{ kind, text string }

// sdp is a description of the phone's own voice at its own, maybe private,
// address.
func (a *actor) sdp() content { return a.sdpOf(a.voice) }

func (a *actor) sdpOf(v *voice) content {
	a.said++
	return content{"application/sdp", fmt.Sprintf("v=0\r\no=%[1]s 1 %[2]d IN IP4 %[3]s\r\ns=-\r\nc=IN IP4 %[3]s\r\nt=0 0\r\nm=audio %[4]d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n",
		a.user, a.said, a.host.ip, v.port())}
}

// write sends lines that end in \n, and a body as it is.
func (a *actor) write(t testing.TB, to netip.AddrPort, head string, c content) {
	t.Helper()
	if c.kind != "" {
		head += "\nContent-Type: " + c.kind
	}
	head = strings.ReplaceAll(head, "\n", "\r\n")
	_, err := a.ua.conn.WriteToUDPAddrPort(fmt.Appendf(nil, "%s\r\nContent-Length: %d\r\n\r\n%s", head, len(c.text), c.text), to)
	require.NoError(t, err)
}

// via is a new Via; it does not ask for rport.
func (a *actor) via() string {
	a.ua.mu.Lock()
	defer a.ua.mu.Unlock()
	a.seq++
	return fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK-%s-%d", a.addr, a.host.ns, a.seq)
}

// await waits for a message that matches and was not handed out yet.
func (a *actor) await(t testing.TB, what string, match func(sip.Message) bool) datagram {
	t.Helper()
	var found datagram
	eventually(t, answerWithin, what+" at "+a.user, func() bool {
		a.ua.mu.Lock()
		defer a.ua.mu.Unlock()
		for i, d := range a.got {
			if !a.taken[i] && match(d.msg) {
				found, a.taken[i] = d, true
				return true
			}
		}
		return false
	})
	return found
}

// isResponse: to that request, final or with that code; seq 0 is any.
func isResponse(msg sip.Message, callID string, method sip.RequestMethod, seq uint32, code int) bool {
	res, ok := msg.(*sip.Response)
	return ok && res.CallID().Value() == callID && res.CSeq().MethodName == method &&
		(seq == 0 || res.CSeq().SeqNo == seq) && (res.StatusCode >= 200 || res.StatusCode == code)
}

// request waits for a request of a call whose transaction was not handed out.
func (a *actor) request(t testing.TB, method sip.RequestMethod, callID string) received {
	t.Helper()
	d := a.await(t, string(method), func(msg sip.Message) bool {
		req, ok := msg.(*sip.Request)
		return ok && req.Method == method && req.CallID().Value() == callID && !a.met[transaction(req)]
	})
	req := d.msg.(*sip.Request)
	a.met[transaction(req)] = true
	return received{req, d.from}
}

// received is a request with where it came from.
type received struct {
	*sip.Request
	from netip.AddrPort
}

func transaction(req *sip.Request) string {
	branch, _ := req.Via().Params.Get("branch")
	return string(req.Method) + branch
}

// side is one phone's side of a call.
type side struct {
	*actor
	callID        string
	local, remote string // the values of From and To of requests from here
	target        sip.Uri
	routes        []sip.Uri
	seq           uint32

	invite    string // the head of the last INVITE that it sent
	inviteSeq uint32
	asked     received // the INVITE that opened the call, at the callee
	tag       string   // the callee's
}

// invites calls a user of the edge.
func (a *actor) invites(t testing.TB, user string, c content) *side {
	t.Helper()
	a.calls++
	s := &side{actor: a, callID: fmt.Sprintf("call%d-%s", a.calls, a.host.ns), seq: 1, inviteSeq: 1}
	uri := "sip:" + user + "@" + edgeIP
	s.local, s.remote = fmt.Sprintf("<sip:%s@%s>;tag=caller%d", a.user, edgeIP, a.calls), "<"+uri+">"
	require.NoError(t, sip.ParseUri(uri, &s.target))
	s.routes = []sip.Uri{{Scheme: "sip", Host: edgeIP, Port: 5060, UriParams: sip.HeaderParams{{K: "lr"}}}}
	s.invite = s.head("INVITE", 1)
	a.write(t, s.hop(), s.invite, c)
	s.routes = nil
	return s
}

// called waits for the INVITE of a call.
func (a *actor) called(t testing.TB, callID string) *side {
	t.Helper()
	req := a.request(t, sip.INVITE, callID)
	a.calls++
	s := &side{actor: a, callID: callID, asked: req, tag: fmt.Sprintf("callee%d-%s", a.calls, a.user)}
	s.local, s.remote = req.To().Value()+";tag="+s.tag, req.From().Value()
	s.target, s.routes = req.Contact().Address, recordRoutes(req.Request)
	return s
}

func (s *side) hop() netip.AddrPort {
	next := s.target
	if len(s.routes) > 0 {
		next = s.routes[0]
	}
	return netip.MustParseAddrPort(hop(next))
}

func (s *side) head(method string, seq uint32, more ...string) string {
	lines := []string{
		method + " " + s.target.String() + " SIP/2.0", s.via(),
		"From: " + s.local, "To: " + s.remote, "Call-ID: " + s.callID,
		fmt.Sprintf("CSeq: %d %s", seq, method), "Max-Forwards: 70",
		"Contact: <sip:" + s.user + "@" + s.addr.String() + ">",
	}
	for _, r := range s.routes {
		lines = append(lines, "Route: <"+r.String()+">")
	}
	return strings.Join(append(lines, more...), "\n")
}

// send sends a request of the call, with the next number but for ACK.
func (s *side) send(t testing.TB, method string, c content, more ...string) {
	t.Helper()
	seq := s.inviteSeq
	if method != "ACK" {
		s.seq++
		seq = s.seq
	}
	head := s.head(method, seq, more...)
	if method == "INVITE" {
		s.invite, s.inviteSeq = head, seq
	}
	s.write(t, s.hop(), head, c)
}

// gets waits for a response to the last request of that method, and acknowledges
// the refusal of an INVITE.
func (s *side) gets(t testing.TB, method string, code int) *sip.Response {
	t.Helper()
	seq := s.seq
	if method == "INVITE" {
		seq = s.inviteSeq
	}
	d := s.await(t, fmt.Sprintf("%d to %s", code, method), func(msg sip.Message) bool {
		return isResponse(msg, s.callID, sip.RequestMethod(method), seq, code)
	})
	res := d.msg.(*sip.Response)
	if method == "INVITE" && res.StatusCode >= 300 {
		s.repeat(t, "ACK", res)
	}
	require.Equal(t, code, res.StatusCode, "%s", d.text)
	if method == "INVITE" && code < 300 && res.Contact() != nil {
		s.remote, s.target = res.To().Value(), res.Contact().Address
		if s.tag == "" && res.CSeq().SeqNo == 1 {
			s.routes = recordRoutes(res)
			slices.Reverse(s.routes)
		}
	}
	return res
}

// code waits for any final response to the last request of that transaction.
func (s *side) code(t testing.TB, method string) int {
	t.Helper()
	d := s.await(t, "answer to "+method, func(msg sip.Message) bool {
		return isResponse(msg, s.callID, sip.RequestMethod(method), s.inviteSeq, 200)
	})
	return d.msg.(*sip.Response).StatusCode
}

// repeat sends a request of the same transaction as the last INVITE: CANCEL, or
// the ACK of a refusal.
func (s *side) repeat(t testing.TB, method string, res *sip.Response) {
	t.Helper()
	lines := strings.Split(s.invite, "\n")
	lines[0] = method + strings.TrimPrefix(lines[0], "INVITE")
	if res != nil {
		lines[3] = "To: " + res.To().Value()
	}
	lines[5] = fmt.Sprintf("CSeq: %d %s", s.inviteSeq, method)
	s.write(t, netip.MustParseAddrPort(edgeIP+":5060"), strings.Join(lines, "\n"), content{})
}

// incoming waits for a request of the call from the other side.
func (s *side) incoming(t testing.TB, method string) received {
	t.Helper()
	return s.request(t, sip.RequestMethod(method), s.callID)
}

// answers answers the INVITE that opened the call.
func (s *side) answers(t testing.TB, code int, c content, more ...string) {
	t.Helper()
	s.responds(t, s.asked, code, c, more...)
}

// responds answers a request.
func (s *side) responds(t testing.TB, req received, code int, c content, more ...string) {
	t.Helper()
	bare := sip.NewResponseFromRequest(req.Request, code, "Reason", nil)
	if s.tag != "" && !req.To().Params.Has("tag") {
		bare.To().Params.Remove("tag")
		bare.To().Params.Add("tag", s.tag)
	}
	for bare.RemoveHeader("Content-Length") {
	}
	head := strings.ReplaceAll(strings.TrimSpace(bare.String()), "\r\n", "\n")
	more = append(more, "Contact: <sip:"+s.user+"@"+s.addr.String()+">")
	s.write(t, req.from, head+"\n"+strings.Join(more, "\n"), c)
}

// heeds takes the address for RTP from SDP of the other side; it must be one of
// the edge.
func (s *side) heeds(t testing.TB, sdp []byte) netip.AddrPort {
	t.Helper()
	addr := mediaAddr(t, sdp)
	require.Equal(t, edgeIP, addr.Addr().String(), "media goes through the relay")
	s.speak(addr)
	return addr
}
