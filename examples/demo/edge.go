// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/pion/transport/v4/vnet"

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

const pingInterval = mappingLife / 4

// edge is the server in the middle, built as in examples/minimal.
type edge struct {
	addr   netip.AddrPort
	pc     net.PacketConn
	ua     *sipgo.UserAgent
	relay  *relay.Relay
	media  *manage.Manager
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// startEdge starts the edge on a simulated host; tap sees its messages. With
// handling off it is a plain proxy and registrar that believes what it reads.
func startEdge(host *vnet.Net, handling bool, tap *tap) (*edge, error) {
	e := &edge{addr: netip.MustParseAddrPort(edgeIP + ":5060")}
	var err error
	if e.pc, err = listen(host, e.addr.String()); err != nil {
		return nil, err
	}
	if e.ua, err = sipgo.NewUA(sipgo.WithUserAgentTransactionLayerOptions(
		sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {}))); err != nil {
		return nil, err
	}
	srv, err := sipgo.NewServer(e.ua)
	if err != nil {
		return nil, err
	}
	layer := &flow.Layer{UDPMTUSize: 65535}
	var ctx context.Context
	ctx, e.cancel = context.WithCancel(context.Background())
	if !handling {
		e.believing(srv, layer)
		e.wg.Go(func() { _ = layer.ServeUDP(srv, tap.on(e.pc)) })
		return e, nil
	}

	pinger := keepalive.New(layer, keepalive.Config{Interval: pingInterval})
	detector := &nat.Detector{Self: layer.IsSelf}
	signer := alias.Ephemeral()
	router := &route.Router{Layer: layer}
	location := &registrar.Registrar{AOR: registrar.Unauthenticated, NAT: detector.Behind, OnBind: pinger.Add, OnUnbind: pinger.Remove}
	e.relay, err = relay.New(relay.Config{Address: e.addr.Addr(), Listen: func(_, addr string) (net.PacketConn, error) { return listen(host, addr) }})
	if err != nil {
		return nil, err
	}
	e.media = &manage.Manager{Engine: e.relay}
	forwarder := &proxy.Forwarder{
		Layer: layer, NAT: detector.Behind, Locate: location.Locate,
		Branch: []proxy.BranchHook{router.Branch, signer.Branch, e.media.Branch},
		Reply:  []proxy.ReplyHook{signer.Reply, e.media.Reply},
	}
	sipnat.Handle(srv, forwarder.Handle, keepalive.AnswerOptions, detector.Middleware, router.Middleware, location.Middleware, signer.Middleware)
	e.wg.Go(func() { _ = pinger.Run(ctx) })
	e.wg.Go(func() { _ = layer.ServeUDP(srv, tap.on(e.pc), pinger.PacketConn, rport.Always) })
	return e, nil
}

// believing is what a server does that takes addresses at their word: a call
// goes to the Contact that was registered.
func (e *edge) believing(srv *sipgo.Server, layer *flow.Layer) {
	router := &route.Router{Layer: layer}
	location := &registrar.Registrar{AOR: registrar.Unauthenticated}
	forwarder := &proxy.Forwarder{
		Layer: layer, Branch: []proxy.BranchHook{router.Branch},
		Locate: func(req *sip.Request) ([]flow.Target, error) {
			targets, err := location.Locate(req)
			for i := range targets {
				targets[i].Peer = flow.Peer{}
			}
			return targets, err
		},
	}
	sipnat.Handle(srv, forwarder.Handle, router.Middleware, location.Middleware)
}

func (e *edge) close() {
	e.cancel()
	_ = e.pc.Close()
	if e.media != nil {
		_ = e.media.Close()
		_ = e.relay.Close()
	}
	_ = e.ua.Close()
	e.wg.Wait()
	time.Sleep(5 * time.Millisecond) // the simulation's last packets
}
