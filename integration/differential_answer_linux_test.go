// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

// diffAnswer is what one side makes of a message, in a form that both have.
type diffAnswer struct {
	bits     nat.Test
	contacts []string // with the alias of the sender, as sipgo prints them
	raw      string   // Kamailio's Contacts as they are
	received string
	// resolved is how the Request-URI's alias was read: 1 for good, 2 for none,
	// -1 for bad; then where it leads to and what is left of the URI.
	resolved int
	du, ru   string
}

// ours asks this library, in legacy mode and with every destination allowed.
func (m *diffMessage) ours() (diffAnswer, error) {
	msg, err := sip.NewParser().ParseSIP([]byte(m.text))
	if err != nil {
		return diffAnswer{}, err
	}
	a := diffAnswer{received: kamailioURI(m.peer.flow)}
	legacy := alias.Legacy{Allow: func(flow.Flow) bool { return true }}
	switch msg := msg.(type) {
	case *sip.Request:
		msg.SetSource(m.peer.flow.Remote.String())
		msg.SetTransport(m.peer.flow.Transport.Upper())
		a.bits = nat.Detect(msg, nat.TestAll).Fired()
		f, err := legacy.Resolve(msg)
		switch {
		case err == nil:
			a.resolved, a.du = 1, kamailioURI(f)
		case errors.Is(err, alias.ErrNone):
			a.resolved = 2
		default:
			a.resolved = -1
		}
		a.ru = msg.Recipient.String()
	case *sip.Response:
		a.bits = nat.DetectReply(msg, m.peer.flow).Fired()
	}
	if err := legacy.Add(msg, m.peer.flow); err != nil {
		return diffAnswer{}, err
	}
	a.contacts = contactsOf(msg)
	return a, nil
}

// theirs reads Kamailio's answer.
func (m *diffMessage) theirs(text string) (diffAnswer, error) {
	var a diffAnswer
	bits, err := strconv.ParseUint(headerOf(text, "X-Bits"), 10, 16)
	if err != nil {
		return a, fmt.Errorf("no answer of the oracle's: %w", err)
	}
	a.bits = nat.Test(bits)
	if m.reply {
		relayed, err := sip.NewParser().ParseSIP([]byte(text))
		if err != nil {
			return a, err
		}
		a.contacts, a.raw = contactsOf(relayed), text
		return a, nil
	}
	a.received = headerOf(text, "X-Received")
	a.du = nullIsNone(headerOf(text, "X-DU"))
	a.ru = printedURI(headerOf(text, "X-RU"))
	switch code := headerOf(text, "X-RURI-Code"); code {
	case "1", "2", "-1":
		a.resolved, _ = strconv.Atoi(code)
	default:
		return a, fmt.Errorf("handle_ruri_alias returned %q", code)
	}
	a.raw = nullIsNone(headerOf(text, "X-Contact"))
	a.contacts, err = printedContacts(a.raw)
	return a, err
}

// nullIsNone undoes how Kamailio prints a variable without a value.
func nullIsNone(v string) string {
	if v == "<null>" {
		return ""
	}
	return v
}

// printedURI is a URI as sipgo prints it, for comparison.
func printedURI(text string) string {
	var u sip.Uri
	if err := sip.ParseUri(text, &u); err != nil {
		return "unreadable: " + text
	}
	return u.String()
}

func printedContacts(values string) ([]string, error) {
	if values == "" {
		return nil, nil
	}
	msg, err := sip.NewParser().ParseSIP([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=a\r\nTo: <sip:a@b>;tag=b\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\nContact: " + values + "\r\n\r\n"))
	if err != nil {
		return nil, fmt.Errorf("contact %q: %w", values, err)
	}
	return contactsOf(msg), nil
}

func contactsOf(msg sip.Message) []string {
	var values []string
	for _, h := range msg.GetHeaders("Contact") {
		values = append(values, h.Value())
	}
	return values
}

// kamailioURI is a flow as Kamailio writes it into $du and the received AVP.
func kamailioURI(f flow.Flow) string {
	u := "sip:" + f.Remote.String()
	switch f.Transport {
	case flow.UDP:
		return u
	case flow.WSS:
		return u + ";transport=ws"
	}
	return u + ";transport=" + f.Transport.String()
}

// diffDifference is one thing about a message that the two see differently.
type diffDifference struct {
	m            *diffMessage
	what         string   // "contact", "contacts", "received", "ruri" or "bit"
	bit          nat.Test // of "bit"
	contact      int      // of "contact": which of them
	ours, theirs diffAnswer
}

// differences compares answers.
func differences(m *diffMessage, ours, theirs diffAnswer) []diffDifference {
	var list []diffDifference
	note := func(what string, bit nat.Test, contact int) {
		list = append(list, diffDifference{m: m, what: what, bit: bit, contact: contact, ours: ours, theirs: theirs})
	}
	for bit := range (ours.bits ^ theirs.bits).Each() {
		note("bit", bit, 0)
	}
	if len(ours.contacts) != len(theirs.contacts) {
		note("contacts", 0, 0)
	} else {
		for i := range ours.contacts {
			if ours.contacts[i] != theirs.contacts[i] {
				note("contact", 0, i)
			}
		}
	}
	if m.reply {
		return list
	}
	if ours.received != theirs.received {
		note("received", 0, 0)
	}
	if ours.resolved != theirs.resolved || ours.du != theirs.du || ours.ru != theirs.ru {
		note("ruri", 0, 0)
	}
	return list
}

func (d diffDifference) String() string {
	show := func(a diffAnswer) string {
		return fmt.Sprintf("bits %v, contacts %q (%s), received %q, resolved %d to %q, ru %q", a.bits, a.contacts, a.raw, a.received, a.resolved, a.du, a.ru)
	}
	return fmt.Sprintf("%s %v/%d of message %d from %s %s\nours:     %s\nKamailio: %s\n%s",
		d.what, d.bit, d.contact, d.m.id, d.m.peer.flow.Transport, d.m.peer.flow.Remote, show(d.ours), show(d.theirs), d.m.text)
}
