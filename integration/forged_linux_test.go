// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
)

// victim is an address behind the edge that nobody out there may reach: no
// packet of any kind may leave for it.
const victim = "172.16.5.1"

// token finds our alias in a Contact.
var token = regexp.MustCompile(`;sna=([A-Za-z0-9_-]+)`)

// TestForgedAlias sends requests whose R-URI names a private address of the
// edge's side in every way that an alias could be forged.
func TestForgedAlias(t *testing.T) {
	t.Parallel()
	need(t, "netns")
	l := edgeLab(t, labConfig{}, edgeConfig{media: "none"})
	sent := l.edge.count(t, "output", "ip daddr 172.16.0.0/12")
	at := edgeIP + ":5060"
	control := l.edge.listenUDP(t, edgeIP+":0")
	_, err := control.WriteToUDPAddrPort([]byte("control"), forgedFlow().Remote)
	require.NoError(t, err)
	require.Equal(t, 1, sent.packets(t), "the counter counts")
	sent.reset(t)
	phone, attacker := l.phoneA.softphone(t, false), l.phoneC.softphone(t, false)
	phone.register(t, "alice", at)
	attacker.register(t, "mallory", at)

	// A call from the phone shows the attacker a good alias of it.
	phone.invite(t, "sip:mallory@"+edgeIP, at)
	contact := attacker.accept(t).Contact().Address.String()
	phone.established(t)
	attacker.incoming(t, sip.ACK)
	good := token.FindStringSubmatch(contact)
	require.Len(t, good, 2, "alias in %s", contact)

	t.Run("control: the good alias reaches the phone", func(t *testing.T) {
		attacker.cseq++
		attacker.send(t, at, attacker.inDialog("INFO"), "")
		req, from := phone.incoming(t, sip.INFO)
		require.NotContains(t, req.Recipient.String(), "sna=", "the phone gets its own Contact back")
		phone.reply(t, req, from, 200, "OK", "")
		res, _ := attacker.response(t, sip.INFO)
		require.Equal(t, 200, res.StatusCode)
	})
	for _, f := range forgeries(t, contact, good[1]) {
		t.Run(f.name, func(t *testing.T) {
			attack(t, attacker, phone, f)
			require.Zero(t, sent.packets(t), "packets for %s", victim)
		})
	}
}

// forgery is an R-URI and what the sender may get for it: these codes, or the
// phone's own answer if the request may be routed by the R-URI alone.
type forgery struct {
	name, uri string
	codes     []int
	routed    bool // may reach the phone, which answers 486
}

// forgedFlow is the path to the victim.
func forgedFlow() flow.Flow {
	return flow.Flow{
		Transport: flow.UDP,
		Local:     netip.MustParseAddrPort(edgeIP + ":5060"),
		Remote:    netip.MustParseAddrPort(victim + ":5060"),
	}
}

func forgeries(t *testing.T, contact, good string) []forgery {
	t.Helper()
	other, err := alias.New([]byte("a key that is not the edge's, 32b"))
	require.NoError(t, err)
	foreign := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", User: "mallory", Host: victim})
	foreign.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "mallory", Host: victim, Port: 5060}})
	require.NoError(t, other.Add(foreign, forgedFlow()))
	flipped := good[:len(good)-4] + strings.Map(rot, good[len(good)-4:])
	user, _, _ := strings.Cut(strings.TrimPrefix(contact, "sip:"), "@")
	const legacy = ";alias=" + victim + "~5060~1"
	return []forgery{
		{"legacy alias on a user of ours", "sip:alice@" + edgeIP + legacy, []int{403, 486}, true},
		{"legacy alias on a foreign address", "sip:x@192.0.2.9:5060" + legacy, []int{403, 404}, false},
		{"legacy alias on the address itself", "sip:x@" + victim + ":5060" + legacy, []int{403, 404}, false},
		{"the address itself", "sip:x@" + victim + ":5060", []int{403, 404}, false},
		{"signed by another key", foreign.Contact().Address.String(), []int{403, 404}, false},
		{"signature altered", strings.Replace(contact, good, flipped, 1), []int{403}, false},
		{"user part altered", strings.Replace(contact, "sip:"+user+"@", "sip:someone@", 1), []int{403}, false},
		{"not base64", strings.Replace(contact, good, "!!!!", 1), []int{400, 403, 404}, false},
		{"empty", "sip:alice@" + edgeIP + ";sna=", []int{400, 403, 486}, true},
	}
}

func rot(r rune) rune {
	if r == 'A' {
		return 'B'
	}
	return 'A'
}

// attack sends a request out of dialog, one that claims to be in a dialog, and
// an ACK.
func attack(t *testing.T, attacker, phone *softphone, f forgery) {
	t.Helper()
	at := edgeIP + ":5060"
	for _, inDialog := range []bool{false, true} {
		head := attacker.request("MESSAGE", f.uri)
		if inDialog {
			head = strings.Replace(head, "\nCall-ID:", ";tag=made-up\nCall-ID:", 1)
		}
		before, finals := phone.requests(sip.MESSAGE), attacker.responses(sip.MESSAGE)
		attacker.send(t, at, head, "")
		if f.routed {
			eventually(t, answerWithin, "a refusal, or the request at the phone", func() bool {
				return attacker.responses(sip.MESSAGE) > finals || phone.requests(sip.MESSAGE) > before
			})
			if phone.requests(sip.MESSAGE) > before {
				req, from := phone.incoming(t, sip.MESSAGE)
				require.NotContains(t, req.Recipient.String(), victim)
				phone.reply(t, req, from, 486, "Busy Here", "")
				before++
			}
		}
		res, _ := attacker.response(t, sip.MESSAGE)
		require.Contains(t, f.codes, res.StatusCode, "in dialog: %v", inDialog)
		require.Equal(t, before, phone.requests(sip.MESSAGE), "in dialog: %v", inDialog)
	}
	acks := phone.requests(sip.ACK)
	attacker.send(t, at, strings.Replace(attacker.request("ACK", f.uri), "\nCall-ID:", ";tag=made-up\nCall-ID:", 1), "")
	attacker.send(t, at, attacker.request("OPTIONS", "sip:"+edgeIP), "")
	attacker.response(t, sip.OPTIONS)
	require.Zero(t, attacker.responses(sip.ACK), "responses to ACK")
	if !f.routed {
		require.Equal(t, acks, phone.requests(sip.ACK), "ACK at the phone")
	}
}
