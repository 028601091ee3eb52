// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/emiago/sipgo"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat"
	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
	"github.com/sipnat/sipnat/proxy"
	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/route"
	"github.com/sipnat/sipnat/rport"
	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/manage"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

const (
	borderEnv   = "SIPNAT_BORDER" // its value is the media: "embedded" or "rtpengine"
	borderReady = "border edge is ready"
)

// TestBorderEdge is the edge of TestTwoNetworks, which starts this program again
// for it: in a namespace of its own, whose routes the flow layer asks the kernel
// for. By itself it does nothing.
func TestBorderEdge(t *testing.T) {
	media := os.Getenv(borderEnv)
	if media == "" {
		return
	}
	ua, err := sipgo.NewUA()
	require.NoError(t, err)
	srv, err := sipgo.NewServer(ua)
	require.NoError(t, err)

	layer := &flow.Layer{}
	detector := &nat.Detector{Self: layer.IsSelf}
	signer := alias.Ephemeral()
	router := &route.Router{Layer: layer}
	location := &registrar.Registrar{AOR: registrar.Unauthenticated, NAT: detector.Behind}
	manager := &manage.Manager{Engine: borderEngine(t, media), Direction: manage.ByLocal(map[netip.Prefix]string{
		netip.MustParsePrefix("172.20.0.0/16"): "internal",
		netip.MustParsePrefix("0.0.0.0/0"):     "external",
	})}
	forwarder := &proxy.Forwarder{
		Layer: layer, NAT: detector.Behind, Locate: location.Locate,
		Branch: []proxy.BranchHook{router.Branch, signer.Branch, manager.Branch},
		Reply:  []proxy.ReplyHook{signer.Reply, manager.Reply},
	}
	sipnat.Handle(srv, forwarder.Handle, detector.Middleware, router.Middleware, location.Middleware, signer.Middleware)
	served := make(chan error)
	for _, ip := range []string{innerIP, outerIP} {
		pc, err := net.ListenPacket("udp4", ip+":5060")
		require.NoError(t, err)
		if ip == outerIP {
			layer.AdvertiseAs(pc.LocalAddr(), edgeIP)
		}
		go func() { served <- layer.ServeUDP(srv, pc, rport.Always) }()
	}
	fmt.Println(borderReady)
	require.NoError(t, <-served) // until it is killed
}

// borderEngine is the media engine with an interface in each network.
func borderEngine(t *testing.T, media string) manage.Engine {
	t.Helper()
	if media == "rtpengine" {
		client, err := rtpengine.Dial("udp:" + mediaNG)
		require.NoError(t, err)
		return client
	}
	r, err := relay.New(relay.Config{Interfaces: []relay.Interface{
		{Name: "internal", Address: netip.MustParseAddr(innerIP)},
		{Name: "external", Address: netip.MustParseAddr(outerIP), Advertise: netip.MustParseAddr(edgeIP)},
	}})
	require.NoError(t, err)
	return r
}
