// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// call invites a user by way of the server at a host and port, and returns the
// 200 that it acknowledged.
func (s *softphone) call(t testing.TB, uri, at string) *sip.Response {
	t.Helper()
	s.invite(t, uri, at)
	return s.established(t)
}

func (s *softphone) invite(t testing.TB, uri, at string) {
	t.Helper()
	s.cseq = 0
	s.send(t, at, s.request("INVITE", uri, "Content-Type: application/sdp"), s.sdp("sendrecv"))
}

// established waits for the 200 to invite and acknowledges it.
func (s *softphone) established(t testing.TB) *sip.Response {
	t.Helper()
	res, _ := s.response(t, sip.INVITE)
	require.Equal(t, 200, res.StatusCode, "INVITE")
	s.from, s.to, s.callID = res.From().Value(), res.To().Value(), res.CallID().Value()
	s.cseq, s.target = res.CSeq().SeqNo, res.Contact().Address
	s.routes = recordRoutes(res)
	slices.Reverse(s.routes)
	s.ack(t)
	s.heed(t, res.Body())
	return res
}

// answer waits for a call, takes it and waits for the ACK. It returns the INVITE.
func (s *softphone) answer(t testing.TB) *sip.Request {
	t.Helper()
	req := s.accept(t)
	s.incoming(t, sip.ACK)
	return req
}

// accept waits for a call and takes it.
func (s *softphone) accept(t testing.TB) *sip.Request {
	t.Helper()
	req, from := s.incoming(t, sip.INVITE)
	s.cseq = 0
	res := s.reply(t, req, from, 200, "OK", s.sdp("sendrecv"))
	s.from, s.to, s.callID = res.To().Value(), res.From().Value(), res.CallID().Value()
	s.target = req.Contact().Address
	s.routes = recordRoutes(req)
	s.heed(t, req.Body())
	return req
}

// reinvite changes the direction of the media and returns the 200 that it
// acknowledged.
func (s *softphone) reinvite(t testing.TB, direction string) *sip.Response {
	t.Helper()
	s.cseq++
	s.send(t, s.nextHop(), s.inDialog("INVITE", "Content-Type: application/sdp", "Contact: <sip:ua@"+s.addr.String()+">"), s.sdp(direction))
	res, _ := s.response(t, sip.INVITE)
	require.Equal(t, 200, res.StatusCode, "re-INVITE with %s", direction)
	s.ack(t)
	s.heed(t, res.Body())
	return res
}

func (s *softphone) ack(t testing.TB) {
	t.Helper()
	s.send(t, s.nextHop(), s.inDialog("ACK"), "")
}

// bye ends the call.
func (s *softphone) bye(t testing.TB) {
	t.Helper()
	s.cseq++
	s.send(t, s.nextHop(), s.inDialog("BYE"), "")
	res, _ := s.response(t, sip.BYE)
	require.Equal(t, 200, res.StatusCode, "BYE")
}

// ended waits until the other side ends the call.
func (s *softphone) ended(t testing.TB) {
	t.Helper()
	req, from := s.incoming(t, sip.BYE)
	s.reply(t, req, from, 200, "OK", "")
}

func (s *softphone) nextHop() string {
	if len(s.routes) > 0 {
		return hop(s.routes[0])
	}
	return hop(s.target)
}

// inDialog is a request within the call, with its current CSeq number.
func (s *softphone) inDialog(method string, more ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	lines := []string{
		method + " " + s.target.String() + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK-ua-%s-%d", s.addr, s.host.ns, s.seq),
		"From: " + s.from,
		"To: " + s.to,
		"Call-ID: " + s.callID,
		fmt.Sprintf("CSeq: %d %s", s.cseq, method),
		"Max-Forwards: 70",
	}
	for _, r := range s.routes {
		lines = append(lines, "Route: <"+r.String()+">")
	}
	return strings.Join(append(lines, more...), "\n")
}

// recordRoutes is the Record-Route of a message from the top.
func recordRoutes(msg sip.Message) []sip.Uri {
	var uris []sip.Uri
	for _, h := range msg.GetHeaders("Record-Route") {
		if rr, ok := h.(*sip.RecordRouteHeader); ok {
			uris = append(uris, rr.Address)
		}
	}
	return uris
}
