// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestWrongFlags(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"nobody may register", nil, "either -users FILE (who may register) or -open (everybody may) is needed"},
		{"both", []string{"-open", "-users", file(t, "a:b")}, "either -users FILE"},
		{"unknown flag", []string{"-opne"}, "flag provided but not defined: -opne"},
		{"argument", []string{"-open", "x"}, `unexpected argument "x"`},
		{"no transport", []string{"-open", "-listen", "127.0.0.1:5060"}, "is not TRANSPORT:HOST:PORT with udp, tcp, tls, ws or wss"},
		{"host name", []string{"-open", "-listen", "udp:localhost:5060"}, "HOST must be an IP address"},
		{"unknown transport", []string{"-open", "-listen", "sctp:127.0.0.1:5060"}, "is not TRANSPORT:HOST:PORT"},
		{"TLS without a certificate", []string{"-open", "-listen", "tls:127.0.0.1:5061"}, "-listen tls:127.0.0.1:5061 needs -cert FILE and -key FILE"},
		{"WSS without a key", []string{"-open", "-listen", "udp:127.0.0.1:5060", "-listen", "wss:127.0.0.1:443", "-cert", "x"}, "-listen wss:127.0.0.1:443 needs -cert FILE and -key FILE"},
		{"certificate for nothing", []string{"-open", "-listen", "ws:127.0.0.1:80", "-cert", "x", "-key", "x"}, "-cert and -key are for -listen tls:HOST:PORT and wss:HOST:PORT"},
		{"no certificate file", []string{"-open", "-listen", "tls:127.0.0.1:5061", "-cert", "/nonexistent", "-key", "/nonexistent"}, "-cert, -key: open /nonexistent"},
		{"no certificate in the file", []string{"-open", "-listen", "tls:127.0.0.1:5061", "-cert", file(t, "x"), "-key", file(t, "x")}, "-cert, -key: tls: failed to find any PEM data"},
		{"tests", []string{"-open", "-tests", "x"}, "-tests: "},
		{"media", []string{"-open", "-media", "x"}, `-media: "x" is not embedded, none or udp:HOST:PORT[,`},
		{"one of several engines", []string{"-open", "-media", "udp:127.0.0.1:1,127.0.0.1:2"}, "is not embedded, none or udp:HOST:PORT"},
		{"no such file", []string{"-users", "/nonexistent"}, "-users: open /nonexistent"},
		{"bad line", []string{"-users", file(t, "# who\nalice:secret\n\nbob\n")}, ":4: want user:password"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, 2, run(t.Context(), tt.args, &stdout, &stderr))
			require.Contains(t, stderr.String(), tt.want)
			require.Equal(t, 1, strings.Count(stderr.String(), "\n"), "one line: %s", &stderr)
			require.Empty(t, stdout.String())
		})
	}
}

func TestCannotStart(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = pc.Close() }()
	for name, args := range map[string][]string{
		"port taken":                   {"-listen", "udp:" + pc.LocalAddr().String()},
		"SDP needs an address":         {"-listen", "udp:127.0.0.1:0", "-advertise", "edge.example.com"},
		"no address behind the engine": {"-listen", "udp:127.0.0.1:0", "-media", "udp:"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			require.NotZero(t, run(t.Context(), append(args, "-open"), &out, &out))
			require.Equal(t, 1, strings.Count(out.String(), "\n"), "one line: %s", &out)
		})
	}
}

func TestHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-h"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "-advertise")
}

// startEdge runs an edge on a port of its own and returns a socket that talks
// to it.
func startEdge(t *testing.T, args ...string) *net.UDPConn {
	t.Helper()
	probe, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := probe.LocalAddr().(*net.UDPAddr)
	require.NoError(t, probe.Close())
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan int, 1)
	var out bytes.Buffer
	go func() {
		done <- run(ctx, append(args, "-listen", "udp:"+addr.String(), "-listen", "tcp:127.0.0.1:0"), &out, &out)
	}()
	t.Cleanup(func() {
		stop()
		require.Zero(t, <-done, &out)
	})
	c, err := net.DialUDP("udp", nil, addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.Eventually(t, func() bool {
		_, _ = c.Write([]byte(message("OPTIONS", "sip:"+addr.String(), "probe", 1)))
		require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		_, err := c.Read(make([]byte, 2048))
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	return c
}

func message(method, uri, user string, cseq int, headers ...string) string {
	lines := []string{
		method + " " + uri + " SIP/2.0", fmt.Sprintf("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK%s%s%d%d", user, method, cseq, len(headers)), "Max-Forwards: 70",
		fmt.Sprintf("From: <sip:%s@example.com>;tag=1", user), fmt.Sprintf("To: <sip:%s@example.com>", user), "Call-ID: " + user,
		fmt.Sprintf("CSeq: %d %s", cseq, method), fmt.Sprintf("Contact: <sip:%s@10.0.0.1:5060>", user),
	}
	return strings.Join(append(append(lines, headers...), "Content-Length: 0", "", ""), "\r\n")
}

// ask sends a request and returns the first answer that is not a leftover of the
// start.
func ask(t *testing.T, c *net.UDPConn, msg string) string {
	t.Helper()
	_, err := c.Write([]byte(msg))
	require.NoError(t, err)
	buf := make([]byte, 4096)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
	for {
		n, err := c.Read(buf)
		require.NoError(t, err)
		if got := string(buf[:n]); !strings.Contains(got, "Call-ID: probe\r\n") {
			return got
		}
	}
}

func TestOpen(t *testing.T) {
	c := startEdge(t, "-open")
	require.Contains(t, ask(t, c, message("REGISTER", "sip:example.com", "alice", 1)), "SIP/2.0 200 OK")
	require.Contains(t, ask(t, c, message("MESSAGE", "sip:nobody@example.com", "alice", 2)), "SIP/2.0 404 ")
	require.Contains(t, ask(t, c, message("REGISTER", "sip:example.com", "alice", 3, "Expires: x")), "SIP/2.0 400 ")
	require.Contains(t, ask(t, c, "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bKbad\r\nTo: <sip:alice@example.com>\r\nFrom: <\r\n\r\n"), "SIP/2.0 400 ")
	require.Contains(t, ask(t, c, message("BYE", "sip:alice@10.0.0.1;sna=AAAA", "alice", 4)), "SIP/2.0 403 ")
	require.Contains(t, ask(t, c, message("MESSAGE", "sip:x@192.0.2.1", "alice", 5, "Route: <sip:192.0.2.1;lr>")), "SIP/2.0 403 ")
}
