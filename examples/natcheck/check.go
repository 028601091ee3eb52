// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

// answer is what natcheck has to say about a message.
type answer struct {
	ID        json.RawMessage `json:"id,omitempty"`
	Tests     []nat.Test      `json:"tests"`
	NATed     bool            `json:"natted"`
	CGNAT     bool            `json:"cgnat"`
	WebSocket bool            `json:"websocket"`
	Proxied   bool            `json:"proxied"`
	ALG       []string        `json:"alg"`
	// Contact is what add_contact_alias would make of the Contacts.
	Contact []string `json:"contact"`
	// Received is what fix_nated_register would store.
	Received string `json:"received"`
	// RURI is what handle_ruri_alias would do.
	RURI  ruri   `json:"ruri"`
	Error string `json:"error,omitempty"`

	verdict nat.Verdict
	start   string // the first line of the message
}

type ruri struct {
	Found       bool   `json:"found"`
	URI         string `json:"uri"`
	Destination string `json:"destination"`
	Error       string `json:"error"`
}

// check judges a message that came by path. decisive are the tests that decide
// whether its sender is behind NAT; all of them are run.
func check(message string, path flow.Flow, decisive nat.Test) (answer, error) {
	msg, err := sip.NewParser().ParseSIP([]byte(wireForm(message)))
	if err != nil {
		return answer{}, fmt.Errorf("no SIP message: %w", err)
	}
	mend(msg)
	a := answer{Tests: []nat.Test{}, ALG: []string{}, Contact: []string{}, Received: uriOf(path)}
	a.start, _, _ = strings.Cut(strings.TrimLeft(message, "\r\n"), "\n")
	switch m := msg.(type) {
	case *sip.Request:
		m.SetSource(path.Remote.String())
		m.SetTransport(path.Transport.Upper())
		a.judge(nat.Detect(m, nat.TestAll), decisive)
		a.RURI = resolve(m)
	case *sip.Response:
		a.judge(nat.DetectReply(m, path), decisive)
	}
	a.Contact, err = aliased(msg, path)
	return a, err
}

func (a *answer) judge(v nat.Verdict, decisive nat.Test) {
	a.verdict = v
	for t := range v.Fired().Each() {
		a.Tests = append(a.Tests, t)
	}
	a.NATed = v.Fired()&decisive != 0 && !v.Proxied
	a.CGNAT, a.WebSocket, a.Proxied = v.CGNAT, v.WebSocket, v.Proxied
	a.ALG = append(a.ALG, v.ALG.Names()...)
}

// aliased is the Contacts of msg with Kamailio's alias, whatever its method.
func aliased(msg sip.Message, path flow.Flow) ([]string, error) {
	values := []string{}
	var legacy alias.Legacy
	if err := legacy.Add(msg, path); err != nil {
		return values, err
	}
	for _, h := range msg.GetHeaders("Contact") {
		values = append(values, h.Value())
	}
	return values, nil
}

// resolve takes Kamailio's alias off the Request-URI of a copy of req.
func resolve(req *sip.Request) ruri {
	legacy := alias.Legacy{Allow: func(flow.Flow) bool { return true }}
	req = req.Clone()
	f, err := legacy.Resolve(req)
	out := ruri{URI: req.Recipient.String()}
	switch {
	case errors.Is(err, alias.ErrNone):
	case err != nil:
		out.Found, out.Error = true, err.Error()
	default:
		out.Found, out.Destination = true, uriOf(f)
	}
	return out
}

// uriOf is a path as Kamailio writes it into $du and the received AVP: the
// transport only if it is not UDP, and "ws" for both WebSocket transports.
func uriOf(f flow.Flow) string {
	host := f.Remote.Addr().String()
	if f.Remote.Addr().Is6() {
		host = "[" + f.Remote.Addr().WithZone("").String() + "]"
	}
	uri := fmt.Sprintf("sip:%s:%d", host, f.Remote.Port())
	switch f.Transport {
	case flow.UDP:
		return uri
	case flow.WSS:
		return uri + ";transport=ws"
	}
	return uri + ";transport=" + f.Transport.String()
}

// mend takes the headers of a URI off its last parameter: sipgo 1.7.2 reads
// ";ob?X=y" as a parameter "ob?X=y" and the header X=y, and would print both.
func mend(msg sip.Message) {
	if req, ok := msg.(*sip.Request); ok {
		mendURI(&req.Recipient)
	}
	for _, h := range msg.GetHeaders("Contact") {
		if contact, ok := h.(*sip.ContactHeader); ok {
			mendURI(&contact.Address)
		}
	}
}

func mendURI(uri *sip.Uri) {
	if n := len(uri.UriParams); n > 0 && len(uri.Headers) > 0 {
		uri.UriParams[n-1].K, _, _ = strings.Cut(uri.UriParams[n-1].K, "?")
	}
}

// wireForm lets people feed messages out of editors, whose lines end with LF:
// the header section of a message without any CRLF gets them. A body is left
// as it is, since Content-Length counts its bytes.
func wireForm(message string) string {
	if strings.Contains(message, "\r\n") {
		return message
	}
	head, body, _ := strings.Cut(message, "\n\n")
	head = strings.TrimRight(head, "\n")
	return strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body
}
