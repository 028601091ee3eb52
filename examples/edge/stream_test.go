// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"
)

// keys writes a certificate for example.com and its key, and returns the files
// and what a phone is to trust.
func keys(t *testing.T) (cert, key string, trust *x509.CertPool) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	pair := s.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	trust = x509.NewCertPool()
	trust.AddCert(s.Certificate())
	cert = file(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})))
	return cert, file(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))), trust
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

// Phones register over each transport, on several listeners of one too.
func TestStreams(t *testing.T) {
	cert, key, trust := keys(t)
	listeners := []string{"tcp", "tls", "tls", "ws", "ws", "wss", "wss"}
	args := []string{"-open", "-media", "none", "-cert", cert, "-key", key, "-listen", "udp:127.0.0.1:0"}
	for i, transport := range listeners {
		listeners[i] = transport + ":" + free(t)
		args = append(args, "-listen", listeners[i])
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan int, 1)
	var out bytes.Buffer
	go func() { done <- run(ctx, args, &out, &out) }()
	defer func() {
		stop()
		require.Zero(t, <-done, &out)
	}()
	for _, l := range listeners {
		t.Run(l, func(t *testing.T) {
			transport, addr, _ := strings.Cut(l, ":")
			var c net.Conn
			require.Eventually(t, func() bool {
				var err error
				c, err = net.Dial("tcp", addr)
				return err == nil
			}, 10*time.Second, 10*time.Millisecond)
			defer func() { _ = c.Close() }()
			if transport == "tls" || transport == "wss" {
				c = tls.Client(c, &tls.Config{RootCAs: trust, ServerName: "example.com"})
			}
			require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
			msg := strings.Replace(message("REGISTER", "sip:example.com", "alice"+transport+addr[10:], 1), "SIP/2.0/UDP", "SIP/2.0/"+strings.ToUpper(transport), 1)
			if !strings.HasPrefix(transport, "ws") {
				_, err := io.WriteString(c, msg)
				require.NoError(t, err)
				got, err := bufio.NewReader(c).ReadString('\n')
				require.NoError(t, err)
				require.Equal(t, "SIP/2.0 200 OK\r\n", got)
				return
			}
			_, _, err := ws.Dialer{Protocols: []string{"sip"}}.Upgrade(c, &url.URL{Scheme: transport, Host: addr, Path: "/"})
			require.NoError(t, err)
			require.NoError(t, wsutil.WriteClientText(c, []byte(msg)))
			got, err := wsutil.ReadServerText(c)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(string(got), "SIP/2.0 200 OK\r\n"), string(got))
		})
	}
}
