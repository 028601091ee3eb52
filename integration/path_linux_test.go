// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// TestPathCalls has phones behind NATs register at a Kamailio that believes every
// Contact, by way of an edge that puts itself into the Path.
func TestPathCalls(t *testing.T) {
	t.Parallel()
	need(t, "netns", "baresip", "kamailio")
	l := newLab(t, labConfig{})
	l.startRegistrar(t)
	l.startPathEdge(t, "5060", "the first edge's key")
	stray := l.edge.count(t, "output", "ip daddr { 10.0.0.0/8, 192.168.0.0/16 }")
	a := l.phoneA.phone(t, phoneConfig{user: "alice"})
	b := l.phoneB.phone(t, phoneConfig{user: "bob"})
	c := l.phoneC.softphone(t, false)

	t.Run("called from the registrar's side", func(t *testing.T) {
		c.call(t, "sip:alice@"+edgeIP2, registrarAt)
		a.expect(t, "CALL_ESTABLISHED")
		c.reinvite(t, "sendonly")
		c.bye(t)
		a.expect(t, "CALL_CLOSED")
		require.Equal(t, 2, a.received("INVITE "))
		require.Equal(t, 2, a.received("ACK "))
	})
	t.Run("and the phone hangs up", func(t *testing.T) {
		c.call(t, "sip:bob@"+edgeIP2, registrarAt)
		b.expect(t, "CALL_ESTABLISHED")
		b.do(t, "hold", "")
		req, from := c.incoming(t, sip.INVITE)
		c.reply(t, req, from, 200, "OK", c.sdp("recvonly"))
		c.incoming(t, sip.ACK)
		b.do(t, "hangup", "")
		c.ended(t)
		b.expect(t, "CALL_CLOSED")
	})
	// These pass the edge twice, the registrar in between: whoever sends within
	// the dialog goes on from the edge to a Route that is not ours.
	t.Run("a phone calls another", func(t *testing.T) {
		dial(t, a, b)
		hangup(t, a, b)
	})
	t.Run("and is hung up on", func(t *testing.T) {
		dial(t, b, a)
		hangup(t, a, b)
	})
	require.Zero(t, stray.packets(t), "packets for private addresses")
	require.Zero(t, l.natA.misdirected().packets(t), "SIP to wrong ports of NAT A")
	require.Zero(t, l.natB.misdirected().packets(t), "SIP to wrong ports of NAT B")
}

// registeredPath registers a user through the edge and returns the Path that the
// registrar has stored.
func registeredPath(t *testing.T, u *ua, user, at string) string {
	t.Helper()
	u.register(t, user, at)
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := len(u.got) - 1; i >= 0; i-- {
		if h := u.got[i].msg.GetHeaders("Path"); len(h) > 0 {
			return h[0].Value()
		}
	}
	t.Fatalf("no Path in what %s got", user)
	return ""
}

// pathToken is the user part of a Path.
func pathToken(t *testing.T, path string) string {
	t.Helper()
	token, _, ok := strings.Cut(strings.TrimPrefix(path, "<sip:"), "@")
	require.True(t, ok, path)
	return token
}

// TestPathTokens shows an edge good and bad tokens of its own and of another.
func TestPathTokens(t *testing.T) {
	t.Parallel()
	need(t, "netns", "kamailio")
	l := newLab(t, labConfig{})
	l.startRegistrar(t)
	l.startPathEdge(t, "5060", "the first edge's key")
	l.startPathEdge(t, "5080", "the second edge's key, another one")
	const first, second = edgeIP + ":5060", edgeIP + ":5080"
	alice, bob := l.phoneA.ua(t, 5070), l.phoneB.ua(t, 5070)
	attacker := l.phoneC.ua(t, 5070)
	path, other := registeredPath(t, alice, "alice", first), registeredPath(t, bob, "bob", second)
	require.Contains(t, path, "@"+first+";lr;ob>")
	require.Contains(t, other, "@"+second+";lr;ob>")
	token, foreign := pathToken(t, path), pathToken(t, other)
	aliceURI, bobURI := "sip:alice@"+alice.addr.String(), "sip:bob@"+bob.addr.String()

	t.Run("the registrar wants Supported, which the edge adds", func(t *testing.T) {
		attacker.send(t, registrarAt, attacker.request("REGISTER", "sip:"+edgeIP2, "Path: <sip:"+first+";lr>", "Expires: 60"), "")
		res, _ := attacker.response(t, sip.REGISTER)
		require.Equal(t, 420, res.StatusCode)
	})
	t.Run("control: each along its Path", func(t *testing.T) {
		for _, u := range []struct {
			phone     *ua
			at        string
			uri, path string
		}{{alice, first, aliceURI, path}, {bob, second, bobURI, other}, {bob, registrarAt, "sip:bob@" + edgeIP2, ""}} {
			var more []string
			if u.path != "" {
				more = []string{"Route: " + u.path}
			}
			attacker.send(t, u.at, attacker.request("MESSAGE", u.uri, more...), "")
			req, from := u.phone.incoming(t, sip.MESSAGE)
			require.Equal(t, "sip:"+req.Recipient.User+"@"+u.phone.addr.String(), req.Recipient.String(), "its own Contact")
			require.Nil(t, req.Route())
			u.phone.reply(t, req, from, 200, "OK", "")
			res, _ := attacker.response(t, sip.MESSAGE)
			require.Equal(t, 200, res.StatusCode)
		}
	})
	got := alice.requests(sip.MESSAGE) + bob.requests(sip.MESSAGE)
	flipped := token[:len(token)-6] + strings.Map(rot, token[len(token)-6:len(token)-2]) + token[len(token)-2:]
	for _, bad := range []struct {
		name, uri, path string
		code            int
	}{
		{"altered", aliceURI, strings.Replace(path, token, flipped, 1), 403},
		{"for another user", "sip:mallory@" + alice.addr.String(), path, 403},
		{"another edge's name", bobURI, other, 403},
		{"another edge's token under our name", bobURI, strings.Replace(path, token, foreign, 1), 404},
		{"none", aliceURI, strings.Replace(path, token+"@", "", 1), 404},
	} {
		t.Run(bad.name, func(t *testing.T) {
			attacker.send(t, first, attacker.request("MESSAGE", bad.uri, "Route: "+bad.path), "")
			res, _ := attacker.response(t, sip.MESSAGE)
			require.Equal(t, bad.code, res.StatusCode)
			require.Equal(t, got, alice.requests(sip.MESSAGE)+bob.requests(sip.MESSAGE), "nobody got it")
		})
	}
}

// TestPathDeadFlow: who calls a phone whose connection has ended hears so at once,
// from the edge and by way of the registrar.
func TestPathDeadFlow(t *testing.T) {
	t.Parallel()
	need(t, "netns", "kamailio")
	l := newLab(t, labConfig{})
	l.startRegistrar(t)
	l.startPathEdge(t, "5060", "the first edge's key")
	caller := l.phoneC.ua(t, 5070)
	conn, err := l.phoneA.dialTCP(edgeIP + ":5060")
	require.NoError(t, err)
	own := conn.LocalAddr().String()
	_, err = fmt.Fprintf(conn, strings.ReplaceAll(`REGISTER sip:%[1]s SIP/2.0
Via: SIP/2.0/TCP %[2]s;branch=z9hG4bK-dead
From: <sip:dave@%[1]s>;tag=1
To: <sip:dave@%[1]s>
Call-ID: dead-%[2]s
CSeq: 1 REGISTER
Contact: <sip:dave@%[2]s;transport=tcp>
Max-Forwards: 70
Expires: 600
Content-Length: 0

`, "\n", "\r\n"), edgeIP, own)
	require.NoError(t, err)
	b := make([]byte, 4096)
	n, err := conn.Read(b)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(b[:n]), "SIP/2.0 200 "), "%s", b[:n])
	require.NoError(t, conn.Close())

	dials := l.edge.count(t, "output", "ip daddr "+natAIP+" tcp flags & (syn | ack) == syn")
	eventually(t, answerWithin, "430 by way of the registrar", func() bool {
		caller.send(t, registrarAt, caller.request("MESSAGE", "sip:dave@"+edgeIP2), "")
		res, _ := caller.response(t, sip.MESSAGE)
		return res.StatusCode == 430
	})
	require.Zero(t, dials.packets(t), "connections that the edge opened to the NAT")
}
