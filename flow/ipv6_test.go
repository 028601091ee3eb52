// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

// Over IPv6 each transport has its flow, is sent along it, and is not dialled when
// it has gone.
func TestIPv6(t *testing.T) {
	t.Run("udp", func(t *testing.T) {
		e := newEdge(t)
		one, two := e.listenUDP(t, "[::1]:0"), e.listenUDP(t, "[::1]:0")
		p := newPhone(t, "[::1]:0")
		for i, to := range []netip.AddrPort{one, two, one, one} {
			p.send(options(string(rune('a'+i)), p.via()), to)
			res, from := p.receive()
			require.Equal(t, to, from)
			require.Contains(t, res, ";received=::1")
			f := <-e.flows
			require.Equal(t, flow.Flow{Transport: flow.UDP, Local: to, Remote: p.addr()}, f)
			require.NoError(t, e.layer.Send(outgoing(e.layer, f), f))
			req, from := p.receive()
			require.Equal(t, to, from)
			require.Contains(t, req, "Via: SIP/2.0/UDP "+to.String()+";")
		}
	})
	for _, transport := range []flow.Transport{flow.TCP, flow.WS} {
		t.Run(transport.String(), func(t *testing.T) {
			e := newEdge(t)
			gone := make(chan flow.Flow, 1)
			e.layer.OnClose(func(f flow.Flow) { gone <- f })
			to := e.listenStreamOn(t, transport, "[::1]:0")
			var c net.Conn
			if transport == flow.WS {
				c = upgrade(t, to.String())
				require.NoError(t, wsutil.WriteClientText(c, []byte(options("1", "SIP/2.0/WS phone.invalid"))))
			} else {
				c = dial(t, to.String())
				_, err := io.WriteString(c, options("1", "SIP/2.0/TCP [2001:db8::1]:5060"))
				require.NoError(t, err)
				require.Equal(t, "SIP/2.0 200 OK", line(t, c, bufio.NewReader(c)))
			}
			f := <-e.flows
			require.Equal(t, flow.Flow{Transport: transport, Local: to, Remote: c.LocalAddr().(*net.TCPAddr).AddrPort(), Conn: f.Conn}, f)
			found, err := e.layer.Find(transport, f.Remote)
			require.NoError(t, err)
			require.Equal(t, f, found)
			tx, err := e.layer.Do(t.Context(), outgoing(e.layer, f), f)
			require.NoError(t, err)
			tx.Terminate()
			require.NoError(t, c.Close())
			require.Equal(t, f, <-gone)
			_, err = e.layer.Do(t.Context(), outgoing(e.layer, f), f)
			require.ErrorIs(t, err, flow.ErrFlowGone)
		})
	}
}

// One host has a /64 of addresses: that is what is counted.
func TestOrigin(t *testing.T) {
	for in, want := range map[string]string{"192.0.2.7": "192.0.2.7/32", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64"} {
		require.Equal(t, want, flow.Origin(netip.MustParseAddr(in)).String())
	}
}
