// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const register = `REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKa
From: <sip:alice@example.com>;tag=1
To: <sip:alice@example.com>
Call-ID: 4ae7899d
CSeq: 1 REGISTER
Contact: %s
Content-Length: 0

`

func start(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

// ask puts questions to natcheck -jsonl and reads its answers.
func ask(t *testing.T, questions ...any) []map[string]any {
	t.Helper()
	var in strings.Builder
	for _, q := range questions {
		if text, ok := q.(string); ok {
			in.WriteString(text + "\n")
			continue
		}
		line, err := json.Marshal(q)
		require.NoError(t, err)
		in.Write(append(line, '\n'))
	}
	code, stdout, stderr := start(t, in.String(), "-jsonl")
	require.Zero(t, code)
	require.Empty(t, stderr)
	var answers []map[string]any
	for line := range strings.Lines(stdout) {
		var a map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &a))
		answers = append(answers, a)
	}
	require.Len(t, answers, len(questions))
	return answers
}

func message(uri, contact string) string {
	text := strings.Replace(fmt.Sprintf(register, contact), "sip:example.com SIP", uri+" SIP", 1)
	return strings.ReplaceAll(text, "\n", "\r\n")
}

func TestJSONL(t *testing.T) {
	const contact = `"A" <sip:a@10.0.0.5:5060;ob?X=y>;expires=60, <sip:b@203.0.113.9:40112;transport=udp>`
	line, err := json.Marshal(map[string]any{"id": 7, "source": "203.0.113.9:40112", "transport": "udp", "message": message("sip:example.com", contact)})
	require.NoError(t, err)
	code, stdout, _ := start(t, string(line), "-jsonl") // no line end behind it
	require.Zero(t, code)
	require.JSONEq(t, `{"id":7,"tests":[1,2,4,16,128],"natted":true,"cgnat":false,"websocket":false,"proxied":false,"alg":["via"],
		"contact":["\"A\" <sip:a@10.0.0.5:5060;alias=203.0.113.9~40112~1;ob?X=y>;expires=60","<sip:b@203.0.113.9:40112;transport=udp>"],
		"received":"sip:203.0.113.9:40112","ruri":{"found":false,"uri":"sip:example.com","destination":"","error":""}}`, stdout)
}

func TestJSONLFields(t *testing.T) {
	q := func(source, transport, message string) map[string]any {
		return map[string]any{"id": "x", "source": source, "transport": transport, "message": message}
	}
	clean := strings.ReplaceAll(message("sip:example.com", "<sip:a@203.0.113.9:40112>"), "10.0.0.5:5060", "203.0.113.9:40112")
	proxied := strings.Replace(clean, "Via:", "Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKp\r\nVia:", 1)
	reply := "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa\r\nCSeq: 1 INVITE\r\nContact: <sip:b@203.0.113.9:40112>\r\nContent-Length: 0\r\n\r\n"
	ruri := func(value string) string { return message("sip:b@10.0.0.7;x=1"+value, "*") }
	tests := []struct {
		name     string
		question map[string]any
		field    string
		want     string
	}{
		{"clean", q("203.0.113.9:40112", "", clean), "tests", `[]`},
		{"clean, natted", q("203.0.113.9:40112", "udp", clean), "natted", `false`},
		{"proxied", q("203.0.113.9:40112", "udp", proxied), "proxied", `true`},
		{"proxied is not natted", q("203.0.113.9:40112", "udp", proxied), "natted", `false`},
		{"tests fire on proxied messages all the same", q("203.0.113.9:40112", "udp", proxied), "tests", `[2,4,16]`},
		{"reply: not against the Via", q("203.0.113.9:40112", "udp", reply), "tests", `[]`},
		{"reply: contact", q("203.0.113.9:40112", "udp", reply), "contact", `["<sip:b@203.0.113.9:40112;alias=203.0.113.9~40112~1>"]`},
		{"star", q("203.0.113.9:40112", "udp", message("sip:example.com", "*")), "contact", `["*"]`},
		{"no Contact", q("203.0.113.9:40112", "udp", strings.Replace(clean, "Contact: <sip:a@203.0.113.9:40112>\r\n", "", 1)), "contact", `[]`},
		{"carrier", q("100.64.1.1:5060", "udp", clean), "cgnat", `true`},
		{"ws", q("203.0.113.9:40112", "WSS", clean), "websocket", `true`},
		{"received tcp", q("203.0.113.9:40112", "TCP", clean), "received", `"sip:203.0.113.9:40112;transport=tcp"`},
		{"received wss", q("203.0.113.9:40112", "wss", clean), "received", `"sip:203.0.113.9:40112;transport=ws"`},
		{"received IPv6", q("[2001:db8::9]:5060", "udp", clean), "received", `"sip:[2001:db8::9]:5060"`},
		{"received mapped", q("[::ffff:203.0.113.9]:5060", "tls", clean), "received", `"sip:203.0.113.9:5060;transport=tls"`},
		{
			"alias", q("203.0.113.9:1", "udp", ruri(";alias=198.51.100.7~5060~1")), "ruri",
			`{"found":true,"uri":"sip:b@10.0.0.7;x=1","destination":"sip:198.51.100.7:5060","error":""}`,
		},
		{
			"alias tcp IPv6", q("203.0.113.9:1", "udp", ruri(";alias=[2001:db8::7]~5060~2")), "ruri",
			`{"found":true,"uri":"sip:b@10.0.0.7;x=1","destination":"sip:[2001:db8::7]:5060;transport=tcp","error":""}`,
		},
		{
			"alias malformed", q("203.0.113.9:1", "udp", ruri(";alias=host.example~5060~1")), "ruri",
			`{"found":true,"uri":"sip:b@10.0.0.7;x=1;alias=host.example~5060~1","destination":"","error":"alias: malformed"}`,
		},
		{"the id comes back", q("203.0.113.9:1", "udp", clean), "id", `"x"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ask(t, tt.question)[0]
			require.NotContains(t, got, "error")
			value, err := json.Marshal(got[tt.field])
			require.NoError(t, err)
			require.JSONEq(t, tt.want, string(value))
		})
	}
}

func TestJSONLErrors(t *testing.T) {
	good := message("sip:example.com", "*")
	answers := ask(t,
		"not JSON",
		`{"id":1} trailing`,
		`[]`,
		map[string]any{"id": 2, "source": "203.0.113.9:1", "message": "hello"},
		map[string]any{"id": 3, "source": "203.0.113.9", "message": good},
		map[string]any{"id": 4, "source": "203.0.113.9:1", "transport": "sctp", "message": good},
		map[string]any{"id": 5, "source": "203.0.113.9:1", "message": ""},
		map[string]any{"id": 6, "source": "203.0.113.9:1", "message": good},
	)
	for i, a := range answers[:7] {
		require.NotEmpty(t, a["error"], "answer %d", i)
	}
	require.EqualValues(t, 2, answers[3]["id"])
	require.NotContains(t, answers[7], "error", "it goes on")
}

func TestExplain(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(register, "<sip:a@10.0.0.5:5060>"), "sip:example.com SIP", "sip:b@h;alias=198.51.100.7~9~1 SIP", 1)
	code, stdout, stderr := start(t, text, "-src", "203.0.113.9:40112", "-tests", "18")
	require.Zero(t, code, stderr)
	require.Equal(t, `REGISTER sip:b@h;alias=198.51.100.7~9~1 SIP/2.0
seen from   203.0.113.9:40112 over udp
verdict     behind NAT
      1  contact: Contact says 10.0.0.5, seen 203.0.113.9
  *   2  received: Via says 10.0.0.5, seen 203.0.113.9
      4  via: Via says 10.0.0.5, seen 203.0.113.9
  *  16  port: Via says 10.0.0.5:5060, seen 203.0.113.9:40112
    128  contact-port: Contact says 10.0.0.5:5060, seen 203.0.113.9:40112
contact     <sip:a@10.0.0.5:5060;alias=203.0.113.9~40112~1>
received    sip:203.0.113.9:40112
request-uri sip:b@h -> sip:198.51.100.7:9
`, stdout)

	_, stdout, _ = start(t, text, "-src", "10.0.0.5:5060", "-tests", "received,port")
	require.Contains(t, stdout, "verdict     not behind NAT, by the tests received|port\n")
	_, stdout, _ = start(t, strings.Replace(text, "Via:", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKp\nVia:", 1), "-src", "192.0.2.1:5060")
	require.Contains(t, stdout, "verdict     came through another proxy")
	_, stdout, _ = start(t, strings.Replace(text, "Via: SIP/2.0/UDP 10.0.0.5:5060", "Via: SIP/2.0/UDP 203.0.113.9:40112", 1), "-src", "203.0.113.9:40112")
	require.Contains(t, stdout, "half rewritten (contact): a Contact is private")

	code, stdout, stderr = start(t, "hello", "-src", "203.0.113.9:1")
	require.Equal(t, 1, code)
	require.Empty(t, stdout)
	require.Equal(t, 1, strings.Count(stderr, "\n"))
}

func TestFlags(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"-src", "example.com:5060"},
		{"-src", "203.0.113.9"},
		{"-src", "203.0.113.9:0"},
		{"-src", "203.0.113.9:1", "-transport", "x"},
		{"-src", "203.0.113.9:1", "-tests", "4096"},
		{"-nope"},
		{"-jsonl", "-tests", "0"},
		{"-jsonl", "-src", "203.0.113.9:1"},
		{"-src", "203.0.113.9:1", "message.sip"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			code, stdout, stderr := start(t, "", args...)
			require.Equal(t, 2, code)
			require.Empty(t, stdout)
			require.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %q", stderr)
			require.True(t, strings.HasPrefix(stderr, "natcheck: "))
		})
	}
	code, _, stderr := start(t, "", "-h")
	require.Zero(t, code)
	require.Contains(t, stderr, "-src")
}
