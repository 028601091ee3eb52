// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

// ngDaemon is an rtpengine on a loopback address of its own, in no lab.
type ngDaemon struct {
	*process
	ip   string
	args []string
}

// ngSerial gives each daemon an address.
var ngSerial atomic.Int32

// ownIP returns a loopback address that no other test uses.
func ownIP() string {
	n := int(ngSerial.Add(1))
	return fmt.Sprintf("127.%d.%d.%d", 1+os.Getpid()/250%250, os.Getpid()%250, n)
}

// startNG starts a daemon and waits for its pong.
func startNG(t testing.TB, args ...string) *ngDaemon {
	t.Helper()
	need(t, "rtpengine")
	d := &ngDaemon{ip: ownIP(), args: args}
	d.start(t)
	return d
}

func (d *ngDaemon) start(t testing.TB) {
	t.Helper()
	argv := append([]string{
		"rtpengine", "--config-file=none", "--table=-1", "--interface=" + d.ip, "--listen-ng=" + d.ip + ":2223",
		"--listen-http=" + d.ip + ":2225", "--num-threads=2", "--foreground", "--log-stderr", "--log-level=5",
	}, d.args...)
	d.process = startHere(t, argv...)
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(d.ip), 0)))
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	n := 0
	d.ready(t, "pong", func() bool {
		n++
		return len(ask(c, d.ip+":2223", fmt.Sprintf("%s-%d d7:command4:pinge", c.LocalAddr(), n))) > 0
	})
}

func (d *ngDaemon) addr() string { return "udp:" + d.ip + ":2223" }

// client returns a client that moves to HTTP where it must.
func (d *ngDaemon) client(t testing.TB) *rtpengine.Client {
	t.Helper()
	c, err := rtpengine.Config{Alternative: "http://" + d.ip + ":2225"}.Dial(d.addr())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// startHere starts a program outside of any lab. Its end is like that of one
// inside.
func startHere(t testing.TB, argv ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{name: argv[0], kill: cancel, done: make(chan struct{})}
	out, err := os.Create(filepath.Join(t.TempDir(), argv[0]+".log"))
	require.NoError(t, err)
	p.out = out.Name()
	p.cmd = exec.CommandContext(ctx, argv[0], argv[1:]...)
	p.cmd.Dir = filepath.Dir(p.out)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.Cancel = func() error { return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }
	require.NoError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // the exit code is kept in ProcessState
		_ = out.Close()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s printed:\n%s", p.name, tail(p.output(), logTail))
		}
	})
	return p
}

// ngSDP is a body with one audio line.
func ngSDP(ip string, port int) []byte {
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 0 101\r\n"+
		"a=rtpmap:101 telephone-event/8000\r\n", ip, port)
}

// ngCall is a call between two sockets, set up at a daemon.
type ngCall struct {
	id   string
	a, b *net.UDPConn
	toA  netip.AddrPort // where a sends to
}

// establish sets a call up.
func (d *ngDaemon) establish(t testing.TB, c *rtpengine.Client, id string, flags rtpengine.Flags) *ngCall {
	t.Helper()
	call := &ngCall{id: id, a: d.socket(t), b: d.socket(t)}
	p := rtpengine.Params{CallID: id, FromTag: "A", SDP: ngSDP(d.ip, port(call.a)), Flags: flags}
	_, err := c.Offer(t.Context(), p)
	require.NoError(t, err)
	p.ToTag, p.SDP = "B", ngSDP(d.ip, port(call.b))
	_, err = c.Answer(t.Context(), p)
	require.NoError(t, err)
	d2, err := c.Query(t.Context(), rtpengine.Params{CallID: id})
	require.NoError(t, err)
	for _, tag := range rtpengine.ReadCall(d2).Tags {
		if tag.Tag == "A" {
			call.toA = tag.Medias[0].Streams[0].Local
		}
	}
	require.True(t, call.toA.IsValid())
	return call
}

func (d *ngDaemon) socket(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(d.ip), 0)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func port(c *net.UDPConn) int { return c.LocalAddr().(*net.UDPAddr).Port }

// rtp sends a packet of A's.
func (c *ngCall) rtp(t testing.TB, pt byte, marker bool, seq uint16, ts uint32, payload []byte) {
	t.Helper()
	b := []byte{0x80, pt, byte(seq >> 8), byte(seq), byte(ts >> 24), byte(ts >> 16), byte(ts >> 8), byte(ts), 1, 2, 3, 4}
	if marker {
		b[1] |= 0x80
	}
	_, err := c.a.WriteToUDPAddrPort(append(b, payload...), c.toA)
	require.NoError(t, err)
}
