// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// Addresses of the lab. The public network is 203.0.113.0/24.
const (
	edgeIP  = "203.0.113.10"
	edgeIP2 = "203.0.113.11"
	natAIP  = "203.0.113.1"
	natBIP  = "203.0.113.2"
	nowhere = "203.0.113.254" // the way to private addresses: a router that is not there
)

// lab is the network of one test; see the package comment for the drawing.
type lab struct {
	t      *testing.T
	prefix string

	public, natA, natB                    *host
	edge, phoneA, phoneA2, phoneB, phoneC *host
}

// labConfig says what differs from lab to lab.
type labConfig struct {
	udpTimeout int // seconds that a NAT keeps an idle UDP mapping; 0 means 60
}

// labSerial tells the labs of one test process apart.
var labSerial atomic.Int32

// newLab builds the network and removes it at the end of the test.
func newLab(t *testing.T, cfg labConfig) *lab {
	t.Helper()
	need(t, "netns")
	l := &lab{t: t, prefix: fmt.Sprintf("sn%d-%d-", os.Getpid(), labSerial.Add(1))}
	l.public = l.host("pub", "")
	l.natA = l.host("natA", natAIP)
	l.natB = l.host("natB", natBIP)
	l.edge = l.host("edge", edgeIP)
	l.phoneA = l.host("pA", "192.168.1.100")
	l.phoneA2 = l.host("pA2", "192.168.1.101")
	l.phoneB = l.host("pB", "10.0.0.50")
	l.phoneC = l.host("pC", "203.0.113.30")
	t.Cleanup(l.remove)
	l.build()
	for _, n := range []*host{l.natA, l.natB} {
		l.masquerade(n, cfg.udpTimeout)
	}
	return l
}

func (l *lab) host(name, ip string) *host {
	return &host{name: name, ns: l.prefix + name, ip: ip}
}

func (l *lab) hosts() []*host {
	return []*host{l.public, l.natA, l.natB, l.edge, l.phoneA, l.phoneA2, l.phoneB, l.phoneC}
}

// build makes the namespaces, the links between them and their addresses.
func (l *lab) build() {
	l.t.Helper()
	l.remove()
	var b strings.Builder
	for _, h := range l.hosts() {
		fmt.Fprintf(&b, "netns add %s\n", h.ns)
	}
	link := func(h *host, dev string, to *host, port string) {
		fmt.Fprintf(&b, "link add %s netns %s type veth peer name %s netns %s\n", dev, h.ns, port, to.ns)
	}
	link(l.edge, "eth0", l.public, "edge")
	link(l.natA, "out", l.public, "natA")
	link(l.natB, "out", l.public, "natB")
	link(l.phoneC, "eth0", l.public, "phoneC")
	link(l.phoneA, "eth0", l.natA, "a1")
	link(l.phoneA2, "eth0", l.natA, "a2")
	link(l.phoneB, "eth0", l.natB, "b1")
	l.ip(nil, b.String())

	l.ip(l.public, bridge("", "edge", "natA", "natB", "phoneC"))
	l.ip(l.natA, bridge("192.168.1.1/24", "a1", "a2")+up("out", natAIP+"/24"))
	l.ip(l.natB, bridge("10.0.0.1/24", "b1")+up("out", natBIP+"/24"))
	l.ip(l.phoneA, up("eth0", l.phoneA.ip+"/24")+"route add default via 192.168.1.1\n")
	l.ip(l.phoneA2, up("eth0", l.phoneA2.ip+"/24")+"route add default via 192.168.1.1\n")
	l.ip(l.phoneB, up("eth0", l.phoneB.ip+"/24")+"route add default via 10.0.0.1\n")
	l.ip(l.phoneC, up("eth0", l.phoneC.ip+"/24")+blackhole("eth0"))
	l.ip(l.edge, up("eth0", edgeIP+"/24")+"addr add "+edgeIP2+"/24 dev eth0\n"+blackhole("eth0"))
}

func up(dev, addr string) string {
	return fmt.Sprintf("link set lo up\naddr add %s dev %s\nlink set %s up\n", addr, dev, dev)
}

func bridge(addr string, ports ...string) string {
	s := "link add br0 type bridge\nlink set br0 up\n"
	if addr != "" {
		s += fmt.Sprintf("addr add %s dev br0\n", addr)
	}
	for _, p := range ports {
		s += fmt.Sprintf("link set %s master br0\nlink set %s up\n", p, p)
	}
	return s
}

// blackhole lets packets to private addresses leave and get lost, as on the
// real Internet, instead of failing at the sender.
func blackhole(dev string) string {
	return fmt.Sprintf("neigh add %s lladdr 02:00:00:00:00:fe dev %s nud permanent\nroute add default via %s\n", nowhere, dev, nowhere)
}

// masquerade makes a NAT of n: mapped ports are arbitrary, per destination; what
// was not asked for is dropped and counted.
func (l *lab) masquerade(n *host, timeout int) {
	l.t.Helper()
	if timeout == 0 {
		timeout = 60
	}
	n.nft(l.t, `table ip nat {
	chain post {
		type nat hook postrouting priority 100;
		oifname "out" masquerade random
	}
}
table inet guard {
	counter unsolicited { }
	counter sip { }
	chain refuse {
		meta l4proto { tcp, udp } th sport 5060 counter name sip
		counter name unsolicited drop
	}
	chain forward {
		type filter hook forward priority 0;
		iifname "out" ct state new jump refuse
	}
	chain input {
		type filter hook input priority 0;
		iifname "out" ct state new meta l4proto { tcp, udp } jump refuse
	}
}
`)
	n.sysctl(l.t, "net/ipv4/ip_forward", "1")
	n.sysctl(l.t, "net/netfilter/nf_conntrack_udp_timeout", strconv.Itoa(timeout))
	n.sysctl(l.t, "net/netfilter/nf_conntrack_udp_timeout_stream", strconv.Itoa(timeout))
}

// ip runs lines of ip commands, in the namespace of h if there is one.
func (l *lab) ip(h *host, lines string) {
	l.t.Helper()
	args := []string{"-batch", "-"}
	if h != nil {
		args = append([]string{"-n", h.ns}, args...)
	}
	cmd := exec.Command("ip", args...)
	cmd.Stdin = strings.NewReader(lines)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("ip %v: %v\n%s\n%s", args, err, out, lines)
	}
}

// remove takes the lab down, with every process that still runs in it.
func (l *lab) remove() {
	for _, h := range l.hosts() {
		if _, err := os.Stat("/run/netns/" + h.ns); err == nil {
			removeNamespace(h.ns)
		}
	}
}

func removeNamespace(ns string) {
	out, _ := exec.Command("ip", "netns", "pids", ns).Output()
	for _, f := range bytes.Fields(out) {
		if pid, err := strconv.Atoi(string(f)); err == nil && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by itself
		}
	}
	_ = exec.Command("ip", "netns", "del", ns).Run()
}

// sweep removes the namespaces and build folders of test processes that are
// gone, and our own.
func sweep() {
	over := func(pid int) bool { return pid == os.Getpid() || syscall.Kill(pid, 0) == syscall.ESRCH }
	var pid, serial int
	namespaces, _ := os.ReadDir("/run/netns")
	for _, e := range namespaces {
		if n, _ := fmt.Sscanf(e.Name(), "sn%d-%d-", &pid, &serial); n == 2 && over(pid) {
			removeNamespace(e.Name())
		}
	}
	folders, _ := filepath.Glob(filepath.Join(os.TempDir(), buildFolder+"*"))
	for _, f := range folders {
		if n, _ := fmt.Sscanf(filepath.Base(f), buildFolder+"%d", &pid); n == 1 && over(pid) {
			_ = os.RemoveAll(f)
		}
	}
}
