// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sipnat/sipnat/flow"
)

//go:embed testdata/differential.cfg
var oracleConfig string

// The oracle's addresses, and those that it is asked from: the same host owns
// them all, so that a message may come from any kind of address.
var (
	oracle4     = netip.MustParseAddrPort("203.0.113.10:5060")
	oracle4b    = netip.MustParseAddrPort("203.0.113.11:5060")
	oracle4port = netip.MustParseAddrPort("203.0.113.10:5070")
	oracle6     = netip.MustParseAddrPort("[2001:db8::10]:5060")

	diffSources = []string{
		"203.0.113.50", "198.51.100.7", "2001:db8::50", // public
		"10.1.2.3", "172.16.5.5", "192.168.1.77", "100.64.3.4", "192.0.0.3", "192.0.0.100", // Kamailio's private ones
		"169.254.9.9", "198.18.0.5", "127.0.0.77", "fd00::50", // ours beside them
	}
)

// oracle is a real Kamailio in a namespace of its own, and the sockets that ask it.
type oracle struct {
	peers []*diffPeer
	sinks map[string]string // "udp4", "tcp6", ... -> where Kamailio may forward to

	mu      sync.Mutex
	waiting map[string]chan string // by Call-ID
}

// diffPeer is one socket that asks.
type diffPeer struct {
	flow  flow.Flow // Local is the oracle's side
	write func(text string, to netip.AddrPort) error
}

// startOracle builds the namespace, starts Kamailio in it and opens the sockets.
func startOracle(t *testing.T) *oracle {
	t.Helper()
	need(t, "netns", "kamailio")
	l := &lab{t: t}
	h := &host{name: "oracle", ns: fmt.Sprintf("sn%d-%d-oracle", os.Getpid(), labSerial.Add(1))}
	l.ip(nil, "netns add "+h.ns+"\n")
	t.Cleanup(func() { removeNamespace(h.ns) })
	var b strings.Builder
	b.WriteString("link set lo up\n")
	for _, addr := range append(diffSources, oracle4.Addr().String(), oracle4b.Addr().String(), oracle6.Addr().String()) {
		if strings.Contains(addr, ":") {
			fmt.Fprintf(&b, "addr add %s/128 dev lo nodad\n", addr)
		} else if !strings.HasPrefix(addr, "127.") {
			fmt.Fprintf(&b, "addr add %s/32 dev lo\n", addr)
		}
	}
	l.ip(h, b.String())

	dir := t.TempDir()
	cfg := filepath.Join(dir, "kamailio.cfg")
	if err := os.WriteFile(cfg, []byte(oracleConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	p := h.start(t, "kamailio", "kamailio", "-DD", "-E", "-m", "32", "-M", "4", "-Y", dir,
		"-P", filepath.Join(dir, "pid"), "-f", cfg)
	o := &oracle{sinks: map[string]string{}, waiting: map[string]chan string{}}
	o.awaitUDP(t, h, p)
	o.open(t, h, p)
	return o
}

func (o *oracle) awaitUDP(t testing.TB, h *host, p *process) {
	c := h.listenUDP(t, "203.0.113.50:0")
	n := 0
	p.ready(t, "an answer to OPTIONS", func() bool {
		n++
		return strings.HasPrefix(string(ask(c, oracle4.String(), options(oracle4.String(), c.LocalAddr().String(), n))), "SIP/2.0 ")
	})
}

// open opens all sockets; those of TCP may have to wait for Kamailio's listener.
func (o *oracle) open(t testing.TB, h *host, p *process) {
	t.Helper()
	for name, addr := range map[string]string{"4": "198.51.100.7:6000", "6": "[2001:db8::50]:6000"} {
		o.listen(t, h, addr)
		o.sinks["udp"+name] = addr
		o.sink(t, h, "tcp"+name, addr)
	}
	for _, source := range diffSources {
		for _, port := range []string{"5060", "5061", "40112"} {
			o.peers = append(o.peers, udpPeer(o.listen(t, h, net.JoinHostPort(source, port))))
		}
		for _, port := range []string{"5060", "40113"} {
			p.ready(t, "a TCP connection", func() bool { return o.dial(t, h, net.JoinHostPort(source, port)) == nil })
		}
	}
}

// listen opens a UDP socket of either family.
func (o *oracle) listen(t testing.TB, h *host, addr string) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	err := h.within(func() (err error) {
		c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go o.readUDP(c)
	return c
}

func udpPeer(c *net.UDPConn) *diffPeer {
	local := c.LocalAddr().(*net.UDPAddr).AddrPort()
	p := &diffPeer{flow: flow.Flow{Transport: flow.UDP, Local: oracle4, Remote: local}}
	if local.Addr().Is6() {
		p.flow.Local = oracle6
	}
	p.write = func(text string, to netip.AddrPort) error {
		_, err := c.WriteToUDPAddrPort([]byte(text), to)
		return err
	}
	return p
}

// sink is a TCP listener that Kamailio may forward to.
func (o *oracle) sink(t testing.TB, h *host, name, addr string) {
	t.Helper()
	var ln net.Listener
	err := h.within(func() (err error) {
		ln, err = net.Listen("tcp", addr)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	o.sinks[name] = addr
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go o.readTCP(c)
		}
	}()
}

// dial opens a TCP connection from a port of its own, as a phone behind a NAT
// that keeps ports would.
func (o *oracle) dial(t testing.TB, h *host, from string) error {
	source := netip.MustParseAddrPort(from)
	p := &diffPeer{flow: flow.Flow{Transport: flow.TCP, Local: oracle4, Remote: source}}
	if source.Addr().Is6() {
		p.flow.Local = oracle6
	}
	var c *net.TCPConn
	err := h.within(func() (err error) {
		c, err = net.DialTCP("tcp", net.TCPAddrFromAddrPort(source), net.TCPAddrFromAddrPort(p.flow.Local))
		return err
	})
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = c.Close() })
	go o.readTCP(c)
	p.write = func(text string, _ netip.AddrPort) error {
		_, err := io.WriteString(c, text)
		return err
	}
	o.peers = append(o.peers, p)
	return nil
}

func (o *oracle) readUDP(c *net.UDPConn) {
	b := make([]byte, 65535)
	for {
		n, _, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		o.deliver(string(b[:n]))
	}
}

// readTCP reads until the other side closes, which Kamailio does when it ends.
func (o *oracle) readTCP(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for {
		var head strings.Builder
		for !strings.HasSuffix(head.String(), "\r\n\r\n") {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
		}
		n, _ := strconv.Atoi(headerOf(head.String(), "Content-Length"))
		body := make([]byte, n)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		o.deliver(head.String() + string(body))
	}
}

func (o *oracle) deliver(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.waiting[headerOf(text, "Call-ID")] <- text:
	default: // nobody waits, or it is a second copy
	}
}

// Kamailio is asked again if an answer takes as long as this: only UDP on a
// machine under load needs it.
const (
	oraclePatience = 3 * time.Second
	oracleTries    = 4
)

// ask sends a message from p and returns what comes back for its Call-ID.
func (o *oracle) ask(p *diffPeer, to netip.AddrPort, callID, text string) (string, error) {
	inbox := make(chan string, 1)
	o.mu.Lock()
	o.waiting[callID] = inbox
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		delete(o.waiting, callID)
		o.mu.Unlock()
	}()
	for range oracleTries {
		if err := p.write(text, to); err != nil {
			return "", err
		}
		timeout := time.NewTimer(oraclePatience)
		select {
		case answer := <-inbox:
			timeout.Stop()
			return answer, nil
		case <-timeout.C:
		}
	}
	return "", errors.New("no answer")
}

// headerOf is the value of the first header of that name.
func headerOf(text, name string) string {
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
