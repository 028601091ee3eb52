// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

// Addresses of an edge between two networks: the inside one, and a private one
// that a 1:1 NAT has edgeIP for.
const (
	innerIP  = "172.20.0.1"
	outerIP  = "10.50.0.10"
	insideIP = "172.20.0.20"
)

// border is a lab whose edge stands between an inside network and, behind a 1:1
// NAT, the public one:
//
//	inside ── edge ── 1:1 NAT (203.0.113.10) ── public network ─┬─ NAT A ── phone A
//	                                                            └─ phone C
type border struct {
	*lab
	edge   *host
	inside *actor // ingrid; her network knows no way to the public one
	a, c   *actor
}

// newBorder builds it, with an edge whose media is "embedded" or "rtpengine".
func newBorder(t *testing.T, media string) *border {
	t.Helper()
	need(t, "netns")
	b := &border{lab: newLab(t, labConfig{})}
	b.edge = b.host("sbc", outerIP)
	gate, inside := b.host("gate", edgeIP), b.host("in", insideIP)
	hosts := []*host{b.edge, gate, inside}
	t.Cleanup(func() {
		for _, h := range hosts {
			removeNamespace(h.ns)
		}
	})
	lines := ""
	for _, h := range hosts {
		lines += "netns add " + h.ns + "\n"
	}
	link := func(h *host, dev string, to *host, port string) {
		lines += "link add " + dev + " netns " + h.ns + " type veth peer name " + port + " netns " + to.ns + "\n"
	}
	link(gate, "out", b.public, "gate")
	link(b.edge, "eth0", gate, "in")
	link(inside, "eth0", b.edge, "eth1")
	b.ip(nil, lines)
	b.ip(b.lab.edge, "addr del "+edgeIP+"/24 dev eth0\n") // the gate has it here
	b.ip(b.public, "link set gate master br0\nlink set gate up\n")
	b.ip(gate, up("in", "10.50.0.1/24")+up("out", edgeIP+"/24"))
	b.ip(b.edge, up("eth0", outerIP+"/24")+up("eth1", innerIP+"/24")+"route add default via 10.50.0.1\n")
	b.ip(inside, up("eth0", insideIP+"/24"))
	gate.nft(t, `table ip one {
	chain pre {
		type nat hook prerouting priority -100;
		iifname "out" ip daddr `+edgeIP+` dnat to `+outerIP+`
	}
	chain post {
		type nat hook postrouting priority 100;
		oifname "out" ip saddr `+outerIP+` snat to `+edgeIP+`
	}
}
`)
	gate.sysctl(t, "net/ipv4/ip_forward", "1")

	if media == "rtpengine" {
		b.edge.daemonBetween(t, "internal/"+innerIP, "external/"+outerIP+"!"+edgeIP)
	}
	self, err := os.Executable()
	require.NoError(t, err)
	p := b.edge.start(t, "sbc", "env", borderEnv+"="+media, self, "-test.run=^TestBorderEdge$", "-test.timeout=5m")
	p.ready(t, "listeners", func() bool { return strings.Contains(p.output(), borderReady) })

	b.inside = &actor{
		ua: inside.ua(t, actorSIP), voice: inside.voice(t, actorRTP, 'i'), user: "ingrid",
		taken: map[int]bool{}, met: map[string]bool{},
	}
	b.inside.bindAt(t, innerIP)
	b.a, b.c = b.phoneA.actor(t, "alice"), b.phoneC.actor(t, "carol")
	return b
}

// bindAt registers the phone at an address of the edge.
func (a *actor) bindAt(t testing.TB, edge string) {
	t.Helper()
	aor := "<sip:" + a.user + "@" + edge + ">"
	id := "reg-" + a.host.ns
	a.write(t, netip.MustParseAddrPort(edge+":5060"), strings.Join([]string{
		"REGISTER sip:" + edge + " SIP/2.0", a.via(), "From: " + aor + ";tag=1", "To: " + aor, "Call-ID: " + id,
		"CSeq: 1 REGISTER", "Contact: <sip:" + a.user + "@" + a.addr.String() + ">", "Expires: 600", "Max-Forwards: 70",
	}, "\n"), content{})
	d := a.await(t, "answer to REGISTER", func(msg sip.Message) bool { return isResponse(msg, id, sip.REGISTER, 0, 200) })
	require.Equal(t, 200, d.msg.(*sip.Response).StatusCode)
}

// invitesBy calls a user by an address of the edge.
func (a *actor) invitesBy(t testing.TB, edge, user string, c content) *side {
	t.Helper()
	a.calls++
	s := &side{actor: a, callID: fmt.Sprintf("call%d-%s", a.calls, a.host.ns), seq: 1, inviteSeq: 1}
	uri := "sip:" + user + "@" + edge
	s.local, s.remote = fmt.Sprintf("<sip:%s@%s>;tag=caller%d", a.user, edge, a.calls), "<"+uri+">"
	require.NoError(t, sip.ParseUri(uri, &s.target))
	s.invite = s.head("INVITE", 1)
	a.write(t, netip.MustParseAddrPort(edge+":5060"), s.invite, c)
	return s
}

// TestTwoNetworks has a phone of an inside network call, and be called by, phones
// on the public one: each side is told the engine's address in its own network,
// the outer one as the 1:1 NAT has it.
func TestTwoNetworks(t *testing.T) {
	t.Parallel()
	for _, media := range []string{"embedded", "rtpengine"} {
		t.Run(media, func(t *testing.T) {
			t.Parallel()
			b := newBorder(t, media)
			for _, outer := range []*actor{b.c, b.a} {
				t.Run("out to "+outer.user, func(t *testing.T) {
					x := b.inside.invitesBy(t, innerIP, outer.user, b.inside.sdp())
					y := outer.called(t, x.callID)
					b.passes(t, x, y, innerIP, edgeIP)
				})
				t.Run("in from "+outer.user, func(t *testing.T) {
					x := outer.invites(t, "ingrid", outer.sdp())
					y := b.inside.called(t, x.callID)
					b.passes(t, x, y, edgeIP, innerIP)
				})
			}
		})
	}
}

// passes goes on with a call that rings: it is answered, each side re-INVITEs, and
// is ended. Each side is told the engine's address in its network.
func (b *border) passes(t *testing.T, x, y *side, forX, forY string) {
	t.Helper()
	told := func(s *side, sdp []byte, ip string) {
		t.Helper()
		at := mediaAddr(t, sdp)
		require.Equal(t, ip, at.Addr().String(), "where %s is told to send", s.user)
		s.speak(at)
	}
	told(y, y.asked.Body(), forY)
	y.answers(t, 200, y.sdp())
	told(x, x.gets(t, "INVITE", 200).Body(), forX)
	x.send(t, "ACK", content{})
	y.incoming(t, "ACK")
	converse(t, x.voice, y.voice)
	for _, again := range []struct {
		by, other        *side
		forBy, forOthers string
	}{{y, x, forY, forX}, {x, y, forX, forY}} {
		again.by.send(t, "INVITE", again.by.sdp())
		req := again.other.incoming(t, "INVITE")
		told(again.other, req.Body(), again.forOthers)
		again.other.responds(t, req, 200, again.other.sdp())
		told(again.by, again.by.gets(t, "INVITE", 200).Body(), again.forBy)
		again.by.send(t, "ACK", content{})
		again.other.incoming(t, "ACK")
		converse(t, x.voice, y.voice)
	}
	bye(t, y, x)
	deaf(t, x.voice, y.voice)
	x.speak()
	y.speak()
}

// daemonBetween starts rtpengine with several interfaces.
func (h *host) daemonBetween(t *testing.T, interfaces ...string) {
	t.Helper()
	need(t, "rtpengine")
	args := []string{
		"rtpengine", "--config-file=none", "--table=-1", "--listen-ng=" + mediaNG, "--port-min=30000", "--port-max=32000",
		"--num-threads=2", "--delete-delay=0", "--foreground", "--log-stderr", "--log-level=6",
	}
	for _, i := range interfaces {
		args = append(args, "--interface="+i)
	}
	p := h.start(t, "rtpengine", args...)
	c := h.listenUDP(t, "127.0.0.1:0")
	p.ready(t, "pong", func() bool { return bytes.Contains(ask(c, mediaNG, "1 d7:command4:pinge"), []byte("pong")) })
}
