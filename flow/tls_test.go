// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

// A phone on TLS or WSS is called back on its connection; one that never ends
// the handshake keeps nobody out.
func TestEncryptedStreams(t *testing.T) {
	keys := httptest.NewTLSServer(nil)
	defer keys.Close()
	pki := &tls.Config{Certificates: keys.TLS.Certificates}
	client := &tls.Config{RootCAs: keys.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"}
	for _, transport := range []flow.Transport{flow.TLS, flow.WSS} {
		t.Run(transport.String(), func(t *testing.T) {
			e := newEdge(t)
			ln, err := tls.Listen("tcp", "127.0.0.1:0", pki)
			require.NoError(t, err)
			serve := map[flow.Transport]func(*sipgo.Server, net.Listener) error{flow.TLS: e.layer.ServeTLS, flow.WSS: e.layer.ServeWSS}[transport]
			served := make(chan error, 1)
			go func() { served <- serve(e.srv, ln) }()
			defer func() {
				_ = ln.Close()
				require.ErrorIs(t, <-served, net.ErrClosed)
			}()
			dial(t, ln.Addr().String()) // and says nothing
			c := tls.Client(dial(t, ln.Addr().String()), client)
			require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
			msg := options("1", "SIP/2.0/"+transport.Upper()+" phone.invalid")
			if transport == flow.WSS {
				_, _, err = ws.Dialer{Protocols: []string{"sip"}}.Upgrade(c, &url.URL{Scheme: "wss", Host: "example.com", Path: "/"})
				require.NoError(t, err)
				require.NoError(t, wsutil.WriteClientText(c, []byte(msg)))
			} else {
				_, err = io.WriteString(c, msg)
				require.NoError(t, err)
			}
			f := <-e.flows
			require.Equal(t, transport, f.Transport)
			require.NotZero(t, f.Conn)
			tx, err := e.layer.Do(t.Context(), outgoing(e.layer, f), f)
			require.NoError(t, err)
			tx.Terminate()
			r := bufio.NewReader(c)
			for got := ""; got != "OPTIONS sip:bob@10.0.0.5 SIP/2.0"; {
				if transport == flow.WSS {
					text, err := wsutil.ReadServerText(c)
					require.NoError(t, err)
					got, _, _ = strings.Cut(string(text), "\r\n")
					continue
				}
				got = line(t, c, r)
			}
			require.NoError(t, c.Close())
		})
	}
}
