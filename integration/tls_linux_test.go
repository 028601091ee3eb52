// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// tlsEdge starts examples/edge on UDP, TLS and WSS, and returns what a phone is to
// trust; the certificate is for example.com.
func (l *lab) tlsEdge(t *testing.T) *tls.Config {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	pair := s.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	cert, key := filepath.Join(t.TempDir(), "cert"), filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	binary, err := buildEdge()
	require.NoError(t, err)
	p := l.edge.start(t, "edge", binary, "-open", "-media", "none", "-ping", "2s", "-cert", cert, "-key", key,
		"-listen", "udp:"+edgeIP+":5060", "-listen", "tls:"+edgeIP+":5061", "-listen", "wss:"+edgeIP+":443")
	l.answers(t, p, edgeIP+":5060")
	trust := x509.NewCertPool()
	trust.AddCert(s.Certificate())
	return &tls.Config{RootCAs: trust, ServerName: "example.com"}
}

// TestEncryptedPhones has phones on TLS and WSS behind a NAT register, be called
// on their connections, lose them and come back. The edge never opens one.
func TestEncryptedPhones(t *testing.T) {
	t.Parallel()
	l := newLab(t, labConfig{})
	trust := l.tlsEdge(t)
	dialled := l.edge.count(t, "output", "tcp flags & (syn | ack) == syn")
	caller := l.phoneB.ua(t, 5060)
	caller.register(t, "bob", edgeIP+":5060")
	for _, transport := range []string{"tls", "wss"} {
		t.Run(transport, func(t *testing.T) {
			user := "alice-" + transport
			p := l.phoneA.stream(t, transport, trust, user)
			p.register(t)
			callStream(t, caller, p)

			t.Run("to another one", func(t *testing.T) {
				other := l.phoneA2.stream(t, transport, trust, "dave-"+transport)
				other.register(t)
				other.send(t, other.request("MESSAGE", p.aor()))
				p.answer(t, p.incoming(t, sip.MESSAGE))
				require.Equal(t, 200, other.response(t, sip.MESSAGE).StatusCode)
			})

			t.Run("without its connection", func(t *testing.T) {
				inCall := openCall(t, caller, p)
				p.hangUp()
				eventually(t, answerWithin, "that the edge knows", func() bool {
					caller.send(t, edgeIP+":5060", caller.request("OPTIONS", "sip:"+edgeIP), "")
					caller.response(t, sip.OPTIONS)
					return !established(t, l.edge, p.mapped)
				})
				caller.inDialog(t, "BYE", inCall)
				res, _ := caller.response(t, sip.BYE)
				require.Contains(t, []int{480, 430}, res.StatusCode)
				caller.send(t, edgeIP+":5060", caller.request("INVITE", p.aor()), "")
				res, _ = caller.response(t, sip.INVITE)
				require.Equal(t, 404, res.StatusCode, "an open edge knows nobody but those that are registered")
				caller.ack(t, res)
			})

			t.Run("come back", func(t *testing.T) {
				again := l.phoneA.stream(t, transport, trust, user)
				again.register(t)
				callStream(t, caller, again)
			})
		})
	}
	require.Zero(t, dialled.packets(t), "connections that the edge tried to open")
	require.Zero(t, l.natA.unsolicited().packets(t), "what the edge sent past the connections")
}

// callStream calls p from a UDP phone and hangs up.
func callStream(t *testing.T, caller *ua, p *streamPhone) {
	t.Helper()
	caller.inDialog(t, "BYE", openCall(t, caller, p))
	p.answer(t, p.incoming(t, sip.BYE))
	bye, _ := caller.response(t, sip.BYE)
	require.Equal(t, 200, bye.StatusCode)
}

// openCall calls p from a UDP phone and returns the 200.
func openCall(t *testing.T, caller *ua, p *streamPhone) *sip.Response {
	t.Helper()
	caller.send(t, edgeIP+":5060", caller.request("INVITE", p.aor()), "")
	p.answer(t, p.incoming(t, sip.INVITE))
	res, _ := caller.response(t, sip.INVITE)
	require.Equal(t, 200, res.StatusCode)
	caller.inDialog(t, "ACK", res)
	p.incoming(t, sip.ACK)
	return res
}

// inDialog sends a request along the route set and to the target of a 200.
func (u *ua) inDialog(t *testing.T, method string, res *sip.Response) {
	t.Helper()
	lines := strings.Split(u.request(method, res.Contact().Address.String()), "\n")
	lines[2], lines[3], lines[4] = "From: "+res.From().Value(), "To: "+res.To().Value(), "Call-ID: "+res.CallID().Value()
	if method == "ACK" {
		lines[5] = strings.Replace(res.CSeq().Value(), "INVITE", "ACK", 1)
		lines[5] = "CSeq: " + lines[5]
	}
	routes := res.GetHeaders("Record-Route")
	for i := len(routes) - 1; i >= 0; i-- {
		lines = append(lines, "Route: "+routes[i].Value())
	}
	u.send(t, edgeIP+":5060", strings.Join(lines, "\n"), "")
}

// ack acknowledges a failure.
func (u *ua) ack(t *testing.T, res *sip.Response) {
	t.Helper()
	branch, _ := res.Via().Params.Get("branch")
	lines := strings.Split(u.request("ACK", res.To().Address.String()), "\n")
	lines[1] = "Via: SIP/2.0/UDP " + u.addr.String() + ";branch=" + branch
	lines[2], lines[3], lines[4] = "From: "+res.From().Value(), "To: "+res.To().Value(), "Call-ID: "+res.CallID().Value()
	lines[5] = "CSeq: " + strings.Replace(res.CSeq().Value(), "INVITE", "ACK", 1)
	u.send(t, edgeIP+":5060", strings.Join(lines, "\n"), "")
}

// established reports whether the host has a TCP connection from that address.
func established(t *testing.T, h *host, remote string) bool {
	t.Helper()
	return strings.Contains(h.run(t, "ss", "-Htn", "state", "established"), remote)
}
