// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// public is where the messages of these tests come from unless a test says
// otherwise: a NAT with a mapped port.
const public = "203.0.113.9:40112"

// parse reads a message written with plain line ends; its Content-Length is
// filled in where it holds a %d.
func parse(t testing.TB, text string) sip.Message {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	body = strings.ReplaceAll(body, "\n", "\r\n")
	if strings.Contains(head, "%d") {
		head = fmt.Sprintf(head, len(body))
	}
	wire := strings.ReplaceAll(strings.TrimRight(head, "\n"), "\n", "\r\n") + "\r\n\r\n" + body
	msg, err := sip.NewParser().ParseSIP([]byte(wire))
	require.NoError(t, err)
	return msg
}

// request is a request that came from source over transport. lines are its
// headers beside those that every request has, then an empty line and a body.
func request(t testing.TB, source, transport, lines string) *sip.Request {
	t.Helper()
	head, body, _ := strings.Cut(lines, "\n\n")
	req := parse(t, strings.Join([]string{
		"INVITE sip:bob@example.com SIP/2.0", strings.TrimSpace(head),
		"From: <sip:alice@example.com>;tag=1", "To: <sip:bob@example.com>", "Call-ID: a84b4c76e66710",
		"CSeq: 1 INVITE", "Max-Forwards: 70", "Content-Length: %d",
	}, "\n")+"\n\n"+body).(*sip.Request)
	req.SetSource(source)
	req.SetTransport(transport)
	return req
}

// reply is a 200 to INVITE with further headers.
func reply(t testing.TB, lines string) *sip.Response {
	t.Helper()
	head, body, _ := strings.Cut(lines, "\n\n")
	return parse(t, strings.Join([]string{
		"SIP/2.0 200 OK", strings.TrimSpace(head),
		"From: <sip:alice@example.com>;tag=1", "To: <sip:bob@example.com>;tag=2", "Call-ID: a84b4c76e66710",
		"CSeq: 1 INVITE", "Content-Length: %d",
	}, "\n")+"\n\n"+body).(*sip.Response)
}

// fixture is a message of testdata, as it came off the wire from public.
func fixture(t testing.TB, name string) *sip.Request {
	t.Helper()
	wire, err := os.ReadFile(filepath.Join("testdata", name+".sip"))
	require.NoError(t, err)
	msg, err := sip.NewParser().ParseSIP(wire)
	require.NoError(t, err)
	req := msg.(*sip.Request)
	req.SetSource(public)
	req.SetTransport("UDP")
	return req
}
