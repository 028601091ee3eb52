// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// host is one machine of the lab: a network namespace.
type host struct {
	name, ns, ip string
}

// run runs a command on the host to its end and returns what it printed.
func (h *host) run(t testing.TB, argv ...string) string {
	t.Helper()
	out, err := exec.Command("ip", append([]string{"netns", "exec", h.ns}, argv...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %v\n%s", h.name, argv, err, out)
	}
	return string(out)
}

// within runs fn on a thread that is in the namespace of the host. Sockets that
// fn opens stay there; fn must not start goroutines that are to be there.
func (h *host) within(fn func() error) error {
	errc := make(chan error, 1)
	go func() { errc <- h.enter(fn) }()
	return <-errc
}

func (h *host) enter(fn func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer func() { _ = home.Close() }()
	there, err := os.Open("/run/netns/" + h.ns)
	if err != nil {
		return err
	}
	defer func() { _ = there.Close() }()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	err = fn()
	// A thread that cannot return stays locked, and so ends with its goroutine.
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		return back
	}
	runtime.UnlockOSThread()
	return err
}

// listenUDP opens a socket on the host; it is closed with the test.
func (h *host) listenUDP(t testing.TB, addr string) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	err := h.within(func() (err error) {
		c, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", h.name, err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// dialTCP connects from the host. The caller closes the connection.
func (h *host) dialTCP(addr string) (*net.TCPConn, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	var c *net.TCPConn
	err = h.within(func() (err error) {
		c, err = net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(to))
		return err
	})
	return c, err
}

// sysctl sets a kernel parameter of the namespace: "net/ipv4/ip_forward".
func (h *host) sysctl(t testing.TB, key, value string) {
	t.Helper()
	err := h.within(func() error {
		return os.WriteFile(filepath.Join("/proc/sys", key), []byte(value), 0)
	})
	if err != nil {
		t.Fatalf("%s: %v", h.name, err)
	}
}

// nft loads a ruleset into the namespace.
func (h *host) nft(t testing.TB, rules string) {
	t.Helper()
	cmd := exec.Command("ip", "netns", "exec", h.ns, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: nft: %v\n%s\n%s", h.name, err, out, rules)
	}
}
