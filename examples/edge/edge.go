// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat"
	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
	"github.com/sipnat/sipnat/nat"
	"github.com/sipnat/sipnat/proxy"
	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/route"
	"github.com/sipnat/sipnat/rport"
	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/manage"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// edge is everything that runs.
type edge struct {
	cfg     config
	ua      *sipgo.UserAgent
	srv     *sipgo.Server
	layer   *flow.Layer
	handler sipgo.RequestHandler
	pinger  *keepalive.Pinger
	media   *manage.Manager
	engine  io.Closer // nil with -media none
	sockets []io.Closer
	serving []func() error
	running []func(context.Context) error
}

func newEdge(cfg config) (*edge, error) {
	ua, err := sipgo.NewUA(sipgo.WithUserAgentTransactionLayerOptions(
		sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {}))) // late ones: nothing to log
	if err != nil {
		return nil, err
	}
	srv, err := sipgo.NewServer(ua)
	if err != nil {
		return nil, err
	}
	e := &edge{cfg: cfg, ua: ua, srv: srv, layer: &flow.Layer{Advertise: cfg.advertise, UDPMTUSize: 65535}}
	e.pinger = keepalive.New(e.layer, keepalive.Config{Interval: cfg.ping})
	if err := e.wire(); err != nil {
		e.close()
		return nil, err
	}
	for _, l := range cfg.listen {
		if err := e.open(l); err != nil {
			e.close()
			return nil, err
		}
	}
	return e, nil
}

// wire puts the packages together: requests pass the middleware from the first
// to the last, what is forwarded and its replies pass the hooks.
func (e *edge) wire() error {
	detector := &nat.Detector{Tests: e.cfg.tests, Self: e.layer.IsSelf}
	signer := alias.Ephemeral()
	router := &route.Router{Layer: e.layer, Domains: e.cfg.domains}
	location := &registrar.Registrar{AOR: registrar.Unauthenticated, NAT: detector.Behind, Domains: e.cfg.domains}
	if e.cfg.ping > 0 {
		location.OnBind, location.OnUnbind = e.pinger.Add, e.pinger.Remove
		e.pinger.Dead = location.Drop
		e.running = append(e.running, e.pinger.Run)
	}
	e.layer.OnClose(location.Closed)

	forwarder := &proxy.Forwarder{Layer: e.layer, NAT: detector.Behind, Locate: location.Locate}
	forwarder.Branch = []proxy.BranchHook{router.Branch, signer.Branch}
	forwarder.Reply = []proxy.ReplyHook{signer.Reply}
	if err := e.relayMedia(forwarder); err != nil {
		return err
	}

	chain := []func(sipgo.RequestHandler) sipgo.RequestHandler{keepalive.AnswerOptions, detector.Middleware, router.Middleware, signer.Middleware}
	if !e.cfg.open {
		realm := e.cfg.listen[0].addr.Addr().String()
		if len(e.cfg.domains) > 0 {
			realm = e.cfg.domains[0]
		}
		auth := newDigestAuth(realm, e.cfg.users)
		location.AOR = auth.aor
		location.Known = func(address string) bool {
			user, _, _ := strings.Cut(address, "@")
			_, ok := e.cfg.users[user]
			return ok
		}
		chain = append(chain, auth.middleware)
	}
	// REGISTER and OPTIONS over UDP are answered without a transaction, for which the
	// store in memory is fast enough; all else comes through sipgo.
	e.handler = sipnat.Chain(append(chain, location.Middleware)...)(forwarder.Handle)
	sipnat.Handle(e.srv, e.handler)
	return nil
}

// relayMedia adds the hooks for media: an engine's, or SDP repair towards peers
// that latch.
func (e *edge) relayMedia(f *proxy.Forwarder) error {
	var repair nat.SDPRepair
	switch e.cfg.media {
	case "none":
		f.Branch = append(f.Branch, repair.Branch)
		f.Reply = append(f.Reply, repair.Reply)
		return nil
	case "embedded":
		r, err := e.newRelay()
		if err != nil {
			return err
		}
		e.engine = r
		e.media = &manage.Manager{Engine: r}
	default:
		set, err := e.dialEngines()
		if err != nil {
			return err
		}
		e.engine = set
		e.media = &manage.Manager{Engine: set}
	}
	f.Branch = append(f.Branch, e.media.Branch)
	f.Reply = append(f.Reply, e.media.Reply)
	return nil
}

// dialEngines is the set of the rtpengines that -media names, one or several.
func (e *edge) dialEngines() (*rtpengine.Set, error) {
	set := rtpengine.NewSet(rtpengine.SetConfig{})
	for addr := range strings.SplitSeq(e.cfg.media, ",") {
		if err := set.Dial(addr, 1); err != nil {
			return nil, errors.Join(err, set.Close())
		}
	}
	e.running = append(e.running, set.Run)
	return set, nil
}

func (e *edge) newRelay() (*relay.Relay, error) {
	rc := relay.Config{Address: e.cfg.listen[0].addr.Addr()}
	if e.cfg.advertise != "" {
		ip, err := netip.ParseAddr(strings.Trim(e.cfg.advertise, "[]"))
		if err != nil {
			return nil, errors.New("-media embedded writes -advertise into SDP: it must be an IP address")
		}
		rc.Advertise = ip
	}
	if rc.Address.IsUnspecified() {
		ip, err := outwardAddr(rc.Address)
		if err != nil {
			return nil, fmt.Errorf("-media embedded needs an address of ours for SDP; listen on one instead of %s: %w", rc.Address, err)
		}
		rc.Address = ip
	}
	return relay.New(rc)
}

// outwardAddr is the address that packets to the Internet leave from.
func outwardAddr(like netip.Addr) (netip.Addr, error) {
	to := "192.0.2.1:9" // a documentation address (RFC 5737): nothing is sent
	if like.Is6() {
		to = "[2001:db8::1]:9"
	}
	c, err := net.Dial("udp", to)
	if err != nil {
		return netip.Addr{}, err
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

// open binds one -listen.
func (e *edge) open(l listenAddr) error {
	if l.transport == flow.UDP {
		pc, err := net.ListenPacket("udp", l.addr.String())
		if err != nil {
			return err
		}
		e.sockets = append(e.sockets, pc)
		e.serving = append(e.serving, func() error {
			return e.layer.ServeUDP(e.srv, pc, e.pinger.PacketConn, rport.Always, e.layer.Stateless(e.handler))
		})
		return nil
	}
	ln, err := net.Listen("tcp", l.addr.String())
	if err != nil {
		return err
	}
	if l.transport.Secure() {
		ln = tls.NewListener(ln, &tls.Config{Certificates: e.cfg.keys, MinVersion: tls.VersionTLS12})
	}
	serve := map[flow.Transport]func(*sipgo.Server, net.Listener) error{
		flow.TCP: e.layer.ServeTCP, flow.TLS: e.layer.ServeTLS, flow.WS: e.layer.ServeWS, flow.WSS: e.layer.ServeWSS,
	}[l.transport]
	e.sockets = append(e.sockets, ln)
	e.serving = append(e.serving, func() error { return serve(e.srv, ln) })
	return nil
}

// serve runs until ctx ends, which is no error, or a listener fails.
func (e *edge) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, len(e.serving))
	var wg sync.WaitGroup
	for _, serve := range e.serving {
		wg.Go(func() { failed <- serve() })
	}
	for _, run := range e.running {
		wg.Go(func() { _ = run(ctx) })
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	cancel()
	e.close()
	wg.Wait()
	return err
}

func (e *edge) close() {
	for _, s := range e.sockets {
		_ = s.Close()
	}
	if e.media != nil {
		_ = e.media.Close()
	}
	if e.engine != nil {
		_ = e.engine.Close()
	}
	_ = e.ua.Close()
}
