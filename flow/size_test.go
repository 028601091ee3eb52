// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

// large is a request that does not fit by padding bytes of body and headers.
func large(l *flow.Layer, f flow.Flow, padding int) *sip.Request {
	req := outgoing(l, f)
	req.AppendHeader(sip.NewHeader("Supported", "path"))
	req.AppendHeader(sip.NewHeader("X-Own", "Via: no"))
	req.SetBody([]byte("Via: of the body\r\n" + strings.Repeat("x", padding)))
	return req
}

func TestSizes(t *testing.T) {
	tests := []struct {
		name             string
		set              func(*flow.Layer)
		padding          int
		compact          bool
		compacted, large uint64
		err              error
	}{
		{"fits", nil, 100, false, 0, 0, nil},
		{"fits with short names", nil, 1000, true, 1, 0, nil},
		{"does not fit, and is sent", nil, 3000, true, 1, 1, nil},
		{"does not fit, and is refused", func(l *flow.Layer) { l.RefuseLarge = true }, 3000, true, 1, 0, flow.ErrTooLarge},
		{"fits with short names, and is not refused", func(l *flow.Layer) { l.RefuseLarge = true }, 1000, true, 1, 0, nil},
		{"does not fit, and no short names are wanted", func(l *flow.Layer) { l.CompactLarge = false }, 3000, false, 0, 1, nil},
		{"a limit of one's own", func(l *flow.Layer) { l.UDPLimit = 4000 }, 3000, false, 0, 0, nil},
		{"no limit", func(l *flow.Layer) { l.UDPLimit = -1 }, 3000, false, 0, 0, nil},
	}
	for _, tt := range tests {
		for _, how := range []string{"Do", "Send"} {
			t.Run(tt.name+", "+how, func(t *testing.T) {
				e := newEdge(t)
				e.layer.CompactLarge = true
				if tt.set != nil {
					tt.set(e.layer)
				}
				own := e.listenUDP(t, "127.0.0.1:0")
				p := newPhone(t, "127.0.0.1:0")
				f := flow.Flow{Transport: flow.UDP, Local: own, Remote: p.addr()}
				req := large(e.layer, f, tt.padding)
				if tt.compact && tt.err == nil && tt.large == 0 { // just above
					req.SetBody(append(req.Body(), make([]byte, 1310-len(req.String()))...))
				}
				want := req.String()
				var err error
				if how == "Do" {
					var tx sip.ClientTransaction
					if tx, err = e.layer.Do(t.Context(), req, f); err == nil {
						tx.Terminate()
					}
				} else {
					err = e.layer.Send(req, f)
				}
				require.ErrorIs(t, err, tt.err)
				s := e.layer.Stats()
				require.Equal(t, tt.compacted, s.Compacted)
				require.Equal(t, tt.large, s.Large)
				if tt.err != nil {
					code, _ := flow.Status(err)
					require.Equal(t, 513, code)
					return
				}
				got, _ := p.receive()
				require.Equal(t, tt.compact, strings.Contains(got, "\r\nv:SIP/2.0/UDP "), got)
				msg, err := sip.ParseMessage([]byte(got))
				require.NoError(t, err)
				require.Equal(t, strings.TrimSpace(strings.SplitN(want, "\r\n\r\n", 2)[1]), strings.TrimSpace(string(msg.Body())))
				if tt.compact {
					require.Contains(t, got, "\r\nk:path\r\nX-Own: Via: no\r\n")
					require.Less(t, len(got), len(want))
				} else {
					require.Equal(t, want, got)
				}
			})
		}
	}
}

// A response is sent however large it is.
func TestLargeResponsesAreSent(t *testing.T) {
	e := newEdge(t)
	e.layer.RefuseLarge, e.layer.CompactLarge = true, true
	e.srv.OnNoRoute(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", make([]byte, 3000)))
	})
	to := e.listenUDP(t, "127.0.0.1:0")
	p := newPhone(t, "127.0.0.1:0")
	p.send(options("1", p.via()), to)
	res, _ := p.receive()
	require.Contains(t, res, "\r\nv:SIP/2.0/UDP ")
	require.Equal(t, uint64(1), e.layer.Stats().Large)
}

// What is sent to a broadcast address is answered from ours in that network.
func TestBroadcastIsAnsweredFromAnAddressOfOurs(t *testing.T) {
	e := newEdge(t)
	port := e.listenUDP(t, "0.0.0.0:0").Port()
	p := newPhone(t, "127.0.0.1:0")
	_, err := p.WriteTo([]byte(options("1", p.via())), &net.UDPAddr{IP: net.IPv4(127, 255, 255, 255), Port: int(port)})
	require.NoError(t, err)
	res, from := p.receive()
	require.Contains(t, res, "200 OK")
	require.Equal(t, fmt.Sprintf("127.0.0.1:%d", port), from.String())
	require.Equal(t, from, (<-e.flows).Local)
}

// A link-local peer is reached although its flow has no zone.
func TestLinkLocal(t *testing.T) {
	ip, err := linkLocal()
	if err != nil {
		t.Skip("needs an interface with a link-local address: ", err)
	}
	for _, addr := range []string{"[::]:0", "[" + ip.String() + "]:0"} {
		t.Run(addr, func(t *testing.T) {
			e := newEdge(t)
			pc := listen(t, addr)
			e.serveLinkLocal(t, pc)
			p := newPhone(t, "["+ip.String()+"]:0")
			_, err := p.WriteTo([]byte(options("1", p.via())), &net.UDPAddr{IP: ip.IP, Zone: ip.Zone, Port: pc.LocalAddr().(*net.UDPAddr).Port})
			require.NoError(t, err)
			res, _ := p.receive()
			require.Contains(t, res, "200 OK")
			f := <-e.flows
			require.Equal(t, ip.IP.String(), f.Remote.Addr().String(), "no zone")
			require.NoError(t, e.layer.Write([]byte("\r\n"), f))
			ping, _ := p.receive()
			require.Equal(t, "\r\n", ping)
		})
	}
}

func (e *edge) serveLinkLocal(t *testing.T, pc net.PacketConn) {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- e.layer.ServeUDP(e.srv, pc) }()
	t.Cleanup(func() {
		_ = pc.Close()
		require.NoError(t, <-served)
	})
}

func linkLocal() (*net.IPAddr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, i := range interfaces {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() == nil && n.IP.IsLinkLocalUnicast() {
				return &net.IPAddr{IP: n.IP, Zone: i.Name}, nil
			}
		}
	}
	return nil, errors.New("none")
}
