// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// ngctl runs the program.
func ngctl(t *testing.T, stdin string, terminal bool, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(stdin), &out, &errs, terminal)
	return code, out.String(), errs.String()
}

func TestDump(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{
			"the example",
			[]string{"-dump", "offer", "-call-id", "X", "-from-tag", "A", "-flags", "replace-origin ICE=remove"},
			`{"command":"offer","call-id":"X","from-tag":"A","replace":["origin"],"ICE":"remove","sdp":"v=0\r\n","supports":["load limit"]}`,
		},
		{
			"flags behind the command",
			[]string{"answer", "-call-id", "X", "-from-tag", "A", "-to-tag", "B", "-received-from", "192.0.2.1", "-dump"},
			`{"command":"answer","call-id":"X","from-tag":"A","to-tag":"B","received-from":["IP4","192.0.2.1"],"sdp":"v=0\r\n"}`,
		},
		{
			"branch delete",
			[]string{"-dump", "delete", "-call-id", "X", "-from-tag", "A", "-to-tag", "B", "-flags", "fatal delete-delay=0"},
			`{"command":"delete","call-id":"X","from-tag":"A","to-tag":"B","flags":["fatal","to-tag"],"delete-delay":0}`,
		},
		{
			"options",
			[]string{"-dump", "Play-Media", "-call-id", "X", "-flags", "all", "-option", "file=/x.wav", "-option", "repeat-times=3", "-option", `x={"a":[1,"b"]}`},
			`{"command":"play media","call-id":"X","flags":["all"],"file":"/x.wav","repeat-times":3,"x":{"a":[1,"b"]}}`,
		},
		{"nothing but a command", []string{"-dump", "ping"}, `{"command":"ping"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out, errs := ngctl(t, "v=0\r\n", false, tc.args...)
			require.Empty(t, errs)
			require.Zero(t, code)
			require.JSONEq(t, tc.want, out)
		})
	}
}

func TestWrongFlags(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no command":        {nil, "a command is required"},
		"unknown command":   {[]string{"ofer"}, `unknown command "ofer"`},
		"unknown flag":      {[]string{"-x", "offer"}, "flag provided but not defined: -x"},
		"second command":    {[]string{"ping", "list"}, `unexpected argument "list"`},
		"missing call-id":   {[]string{"offer", "-from-tag", "A"}, "call-id is missing"},
		"unknown word":      {[]string{"ping", "-flags", "ICE=remov"}, "ICE=remove"},
		"bad option":        {[]string{"ping", "-option", "x"}, "must be KEY=VALUE"},
		"option twice":      {[]string{"ping", "-option", "x=1", "-option", "x=2"}, "x is given twice"},
		"bad JSON":          {[]string{"ping", "-option", "x=[1"}, "unexpected EOF"},
		"fraction":          {[]string{"ping", "-option", "x=[1.5]"}, "1.5 is no integer"},
		"option that is no": {[]string{"query", "-call-id", "c", "-option", "call-id=d"}, "is set otherwise already"},
		"bad address":       {[]string{"offer", "-received-from", "x"}, "received-from"},
		"jsonl and command": {[]string{"-jsonl", "offer"}, "-jsonl does not go with a command"},
		"empty sdp":         {[]string{"offer", "-call-id", "c", "-from-tag", "f"}, "sdp is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := ngctl(t, "", false, tc.args...)
			require.Equal(t, 2, code)
			require.Empty(t, out)
			require.Contains(t, errs, tc.says)
			require.True(t, strings.HasPrefix(errs, "ngctl: "), errs)
			require.Equal(t, 1, strings.Count(errs, "\n"), "one line: %s", errs)
		})
	}
	code, _, errs := ngctl(t, "", false, "-h")
	require.Zero(t, code)
	require.Contains(t, errs, "play-media")
}

func TestJSONLDump(t *testing.T) {
	in := `{"id":1,"command":"offer","flags":"RTP/AVP strict-source","options":{"call-id":"c","from-tag":"f","new-key":7},"sdp":"v=0"}
{"id":"two","command":"block-media","options":{"call-id":"c","flags":["all"]}}

{"id":3,"command":"offer","flags":"SIP-source-address","options":{"call-id":"c","from-tag":"f","received-from":["IP4","192.0.2.1"]},"sdp":"v=0"}
{"id":4,"command":"offer","flags":"RTP/AVPX"}
{"id":5,"command":"sing"}
{"id":6,"command":"ping","options":[1]}
nonsense
{"id":8,"command":"ping"}`
	code, out, errs := ngctl(t, in, false, "-jsonl", "-dump")
	require.Zero(t, code)
	require.Empty(t, errs)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	want := []string{
		`{"id":1,"dict":{"command":"offer","call-id":"c","from-tag":"f","new-key":7,"sdp":"v=0","transport-protocol":"RTP/AVP","flags":["strict-source"],"supports":["load limit"]}}`,
		`{"id":"two","dict":{"command":"block media","call-id":"c","flags":["all"]}}`,
		`{"id":3,"dict":{"command":"offer","call-id":"c","from-tag":"f","received-from":["IP4","192.0.2.1"],"sdp":"v=0","flags":["SIP-source-address"],"supports":["load limit"]}}`,
	}
	require.Len(t, lines, 8)
	for i, w := range want {
		require.JSONEq(t, w, lines[i])
	}
	for i, says := range map[int]string{3: "RTP/AVPX", 4: "sing", 5: "options is no object", 6: "no JSON object"} {
		var r result
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &r))
		require.Contains(t, r.Error, says)
		require.Nil(t, r.Dict)
	}
	require.JSONEq(t, `{"id":8,"dict":{"command":"ping"}}`, lines[7])
}

// engine answers every request with the next payload and returns its address.
func engine(t *testing.T, payloads ...string) string {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 64<<10)
		for _, p := range payloads {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			cookie, _, _ := bytes.Cut(buf[:n], []byte(" "))
			_, _ = pc.WriteTo(append(append(cookie, ' '), p...), from)
		}
	}()
	t.Cleanup(func() {
		_ = pc.Close()
		<-done
	})
	return "udp:" + pc.LocalAddr().String()
}

func TestReplies(t *testing.T) {
	const call = "d7:createdi100e4:tagsd1:ad3:tag1:a6:mediasld5:indexi1e4:type5:audio8:protocol7:RTP/AVP7:streamsld" +
		"13:local address9:127.0.0.110:local porti40000e5:flagsl4:RTP\x20e5:statsd7:packetsi5eeeeeeee6:result2:oke"
	const stats = "d6:result2:ok10:statisticsd17:currentstatisticsd13:sessionstotali3e10:packetratei0eeee"
	for _, tc := range []struct {
		name     string
		payload  string
		terminal bool
		args     []string
		code     int
		says     string
	}{
		{"sdp", "d3:sdp5:v=0\r\n6:result2:oke", false, []string{"offer", "-call-id", "c", "-from-tag", "f"}, 0, "v=0\r\n"},
		{"the whole reply", "d3:sdp5:v=0\r\n6:result2:oke", true, []string{"-json", "offer", "-call-id", "c", "-from-tag", "f"}, 0, `"result": "ok"`},
		{"a table of calls", "d5:callsl1:ae6:result2:oke", true, []string{"list"}, 0, "a\n1 calls\n"},
		{"JSON of calls", "d5:callsl1:ae6:result2:oke", false, []string{"list"}, 0, `"calls": [`},
		{"a table of a call", call, true, []string{"query", "-call-id", "c"}, 0, "127.0.0.1:40000"},
		{"a table of counters", stats, true, []string{"statistics"}, 0, "currentstatistics.sessionstotal  3\n"},
		{"pong", "d6:result4:ponge", true, []string{"ping"}, 0, `"result": "pong"`},
		{"a refusal", "d6:result5:error12:error-reason15:Unknown call-ide", false, []string{"query", "-call-id", "c"}, 1, "ngctl: rtpengine: query: Unknown call-id\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out, errs := ngctl(t, "v=0", tc.terminal, append([]string{"-engine", engine(t, tc.payload)}, tc.args...)...)
			require.Equal(t, tc.code, code, errs)
			require.Contains(t, out+errs, tc.says)
		})
	}
	code, _, errs := ngctl(t, "", false, "-engine", "nowhere", "ping")
	require.Equal(t, 2, code)
	require.Contains(t, errs, `address "nowhere"`)
}

func TestJSONL(t *testing.T) {
	at := engine(t, "d3:sdp1:x6:result2:oke", "d6:result5:error12:error-reason15:Unknown call-ide")
	in := `{"id":1,"command":"offer","options":{"call-id":"c","from-tag":"f"},"sdp":"v=0"}` + "\n" +
		`{"id":2,"command":"query","options":{"call-id":"c"}}` + "\n"
	code, out, errs := ngctl(t, in, false, "-jsonl", "-engine", at)
	require.Zero(t, code, errs)
	require.Equal(t, `{"id":1,"reply":{"result":"ok","sdp":"x"}}`+"\n"+
		`{"id":2,"error":"rtpengine: query: Unknown call-id"}`+"\n", out)
}
