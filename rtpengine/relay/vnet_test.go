// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/transport/v4/vnet"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// wan is a simulated internet; join puts a host on it.
func wan(t *testing.T) (internet *vnet.Router, join func(r *vnet.Router, ips ...string) *vnet.Net) {
	t.Helper()
	logs := logging.NewDefaultLoggerFactory()
	internet, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "0.0.0.0/0", LoggerFactory: logs})
	require.NoError(t, err)
	return internet, func(r *vnet.Router, ips ...string) *vnet.Net {
		n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: ips})
		require.NoError(t, err)
		require.NoError(t, r.AddNet(n))
		return n
	}
}

// A phone behind a simulated symmetric NAT, which says its private address, and
// a public one.
func TestSimulatedNAT(t *testing.T) {
	internet, join := wan(t)
	home, err := vnet.NewRouter(&vnet.RouterConfig{
		StaticIPs: []string{publicA}, CIDR: "192.168.1.0/24", LoggerFactory: logging.NewDefaultLoggerFactory(),
		NATType: &vnet.NATType{
			MappingBehavior: vnet.EndpointAddrPortDependent, FilteringBehavior: vnet.EndpointAddrPortDependent,
			MappingLifeTime: time.Minute,
		},
	})
	require.NoError(t, err)
	require.NoError(t, internet.AddRouter(home))
	host, atHome, trunk := join(internet, relayIP), join(home, "192.168.1.10"), join(internet, "203.0.113.20")
	require.NoError(t, internet.Start())
	defer func() { require.NoError(t, internet.Stop()) }()

	r, err := relay.New(relay.Config{Address: netip.MustParseAddr(relayIP), Listen: host.ListenPacket})
	require.NoError(t, err)
	defer r.Close()
	a, err := atHome.ListenPacket("udp4", "192.168.1.10:4000")
	require.NoError(t, err)
	defer a.Close()
	b, err := trunk.ListenPacket("udp4", addrB)
	require.NoError(t, err)
	defer b.Close()

	forB, err := r.Offer(t.Context(), rtpengine.Params{
		CallID: "c", FromTag: "A", SDP: audio("192.168.1.10:4000"),
		ReceivedFrom: netip.MustParseAddr(publicA), Flags: flags(t, "SIP-source-address strict-source"),
	})
	require.NoError(t, err)
	forA, err := r.Answer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "A", ToTag: "B", SDP: audio(addrB)})
	require.NoError(t, err)
	hop := func(from, to net.PacketConn, by []byte, payload string) {
		_, err := from.WriteTo(rtpPacket(1, payload), net.UDPAddrFromAddrPort(ports(t, by)[0]))
		require.NoError(t, err)
		buf := make([]byte, 2048)
		n, _, err := to.ReadFrom(buf)
		require.NoError(t, err)
		require.Equal(t, payload, string(buf[12:n]))
	}
	for range 10 {
		hop(a, b, forA, "from A")
		hop(b, a, forB, "from B")
	}
}
