// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat"
	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/keepalive"
	"github.com/sipnat/sipnat/nat"
	"github.com/sipnat/sipnat/proxy"
	"github.com/sipnat/sipnat/route"
	"github.com/sipnat/sipnat/rport"
)

// registrarAt is where Kamailio is a registrar that knows nothing of NATs.
const registrarAt = edgeIP2 + ":5060"

// registrarConfig has the registrar's path_mode at its default: a REGISTER with
// Path and without "Supported: path" is 420.
const registrarConfig = `#!KAMAILIO
debug=2
log_stderror=yes
children=2
auto_aliases=no
disable_tcp=yes
listen=udp:203.0.113.11:5060
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "use_path", 1)

request_route {
	if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
	if (is_method("OPTIONS") && uri==myself && $rU==$null) { sl_send_reply("200", "OK"); exit; }
	if (is_method("CANCEL")) {
		if (t_check_trans()) { t_relay(); }
		exit;
	}
	if (has_totag()) {
		if (loose_route()) { t_relay(); exit; }
		if (is_method("ACK") && t_check_trans()) { t_relay(); }
		exit;
	}
	t_check_trans();
	loose_route();
	if (is_method("REGISTER")) {
		if (!save("location")) { sl_reply_error(); }
		exit;
	}
	record_route();
	if ($rd!="203.0.113.10" && $rd!="203.0.113.11") { sl_send_reply("404", "Not Found"); exit; }
	if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
	t_relay();
}
`

// startRegistrar starts Kamailio and waits until it answers.
func (l *lab) startRegistrar(t testing.TB) {
	t.Helper()
	need(t, "kamailio")
	dir := t.TempDir()
	cfg := filepath.Join(dir, "kamailio.cfg")
	require.NoError(t, os.WriteFile(cfg, []byte(registrarConfig), 0o600))
	p := l.edge.start(t, "registrar", "kamailio", "-DD", "-E", "-m", "32", "-M", "4", "-Y", dir,
		"-P", filepath.Join(dir, "pid"), "-f", cfg)
	l.answers(t, p, registrarAt)
}

// startPathEdge starts, in this process, an edge that keeps no registrations: it
// forwards them, with Path, to the registrar, and whatever else its phones begin.
// It listens on UDP and TCP of a port of the edge host.
func (l *lab) startPathEdge(t *testing.T, port string, key string) {
	t.Helper()
	ua, err := sipgo.NewUA()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ua.Close()) })
	srv, err := sipgo.NewServer(ua)
	require.NoError(t, err)
	layer := &flow.Layer{UDPMTUSize: 65535}
	detector := &nat.Detector{Self: layer.IsSelf}
	router := &route.Router{Layer: layer, Key: []byte(key)}
	signer, err := alias.New([]byte(key))
	require.NoError(t, err)
	upstream := sip.Uri{Scheme: "sip", Host: edgeIP2, Port: 5060, UriParams: sip.HeaderParams{{K: "lr"}}}
	forwarder := &proxy.Forwarder{
		Layer: layer, NAT: detector.Behind,
		Locate: func(req *sip.Request) ([]flow.Target, error) {
			return []flow.Target{{URI: req.Recipient, Route: []sip.Uri{upstream}}}, nil
		},
		Branch: []proxy.BranchHook{router.Branch, signer.Branch},
		Reply:  []proxy.ReplyHook{signer.Reply},
	}
	sipnat.Handle(srv, forwarder.Handle, keepalive.AnswerOptions, detector.Middleware, router.Middleware, signer.Middleware)

	pc := l.edge.listenUDP(t, edgeIP+":"+port)
	var ln net.Listener
	require.NoError(t, l.edge.within(func() (err error) {
		ln, err = net.Listen("tcp", edgeIP+":"+port)
		return err
	}))
	udp, tcp := make(chan error, 1), make(chan error, 1)
	go func() { udp <- layer.ServeUDP(srv, pc, rport.Always) }()
	go func() { tcp <- layer.ServeTCP(srv, ln) }()
	t.Cleanup(func() {
		require.NoError(t, pc.Close())
		require.NoError(t, <-udp)
		require.NoError(t, ln.Close())
		require.ErrorIs(t, <-tcp, net.ErrClosed)
	})
	at := netip.MustParseAddrPort(edgeIP + ":" + port)
	eventually(t, answerWithin, "the edge on "+at.String(), func() bool { return layer.IsSelf(at.Addr().String(), int(at.Port())) })
}
