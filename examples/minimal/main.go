// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Minimal is a whole edge: phones behind NAT register, call and are called,
// their pinholes are held open and their media is relayed. No authentication:
// for trying things out.
//
//	minimal -listen 192.0.2.1:5060
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/netip"

	"github.com/emiago/sipgo"

	"github.com/sipnat/sipnat"
	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
	"github.com/sipnat/sipnat/nat"
	"github.com/sipnat/sipnat/proxy"
	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/route"
	"github.com/sipnat/sipnat/rport"
	"github.com/sipnat/sipnat/rtpengine/manage"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:5060", "UDP address for SIP; RTP uses its IP address")
	flag.Parse()
	addr, err := netip.ParseAddrPort(*listen)
	check(err)
	pc, err := net.ListenPacket("udp", *listen)
	check(err)
	ua, err := sipgo.NewUA()
	check(err)
	srv, err := sipgo.NewServer(ua)
	check(err)

	layer := &flow.Layer{UDPMTUSize: 65535}
	pinger := keepalive.New(layer, keepalive.Config{})
	detector := &nat.Detector{Self: layer.IsSelf}
	signer := alias.Ephemeral()
	router := &route.Router{Layer: layer}
	location := &registrar.Registrar{AOR: registrar.Unauthenticated, NAT: detector.Behind, OnBind: pinger.Add, OnUnbind: pinger.Remove}
	engine, err := relay.New(relay.Config{Address: addr.Addr()})
	check(err)
	media := &manage.Manager{Engine: engine}
	edge := &proxy.Forwarder{
		Layer: layer, NAT: detector.Behind, Locate: location.Locate,
		Branch: []proxy.BranchHook{router.Branch, signer.Branch, media.Branch},
		Reply:  []proxy.ReplyHook{signer.Reply, media.Reply},
	}
	pinger.Dead = location.Drop
	sipnat.Handle(srv, edge.Handle, keepalive.AnswerOptions, detector.Middleware, router.Middleware, location.Middleware, signer.Middleware)

	go pinger.Run(context.Background())
	check(layer.ServeUDP(srv, pc, pinger.PacketConn, rport.Always))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
