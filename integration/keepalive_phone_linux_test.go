// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pinged is a phone that sends nothing but its REGISTERs and answers to OPTIONS.
type pinged struct {
	user string
	conn net.Conn
	cseq int

	registered, message atomic.Int32
}

// phones opens n of them on the host: on UDP, or on connections of TCP.
func (h *host) phones(t testing.TB, n int, network string) []*pinged {
	t.Helper()
	all := make([]*pinged, n)
	for i := range all {
		all[i] = &pinged{user: fmt.Sprintf("%s-%s-%d", h.name, network, i)}
	}
	h.connect(t, all, network)
	return all
}

// connect gives phones new sockets.
func (h *host) connect(t testing.TB, all []*pinged, network string) {
	t.Helper()
	require.NoError(t, h.within(func() error {
		for _, u := range all {
			c, err := net.Dial(network, edgeIP+":5060")
			if err != nil {
				return err
			}
			u.conn = c
		}
		return nil
	}))
	for _, u := range all {
		c, ended := u.conn, make(chan struct{})
		go func() {
			defer close(ended)
			u.read(c)
		}()
		t.Cleanup(func() {
			_ = c.Close()
			<-ended
		})
	}
}

// read serves one socket to its end. No message has a body.
func (u *pinged) read(c net.Conn) {
	var rest []byte
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		rest = append(rest, b[:n]...)
		for {
			rest = bytes.TrimLeft(rest, "\r\n") // pings on TCP
			end := bytes.Index(rest, []byte("\r\n\r\n"))
			if end < 0 {
				break
			}
			u.take(c, rest[:end+4])
			rest = rest[end+4:]
		}
	}
}

func (u *pinged) take(c net.Conn, message []byte) {
	switch text := string(message); {
	case strings.HasPrefix(text, "MESSAGE "):
		n, _ := strconv.Atoi(strings.TrimPrefix(strings.Fields(text)[1], "sip:"))
		u.message.Store(int32(n))
	case strings.HasPrefix(text, "SIP/2.0 200 "):
		u.registered.Add(1)
	case strings.HasPrefix(text, "OPTIONS "):
		if msg, err := sip.ParseMessage(message); err == nil {
			res := sip.NewResponseFromRequest(msg.(*sip.Request), 200, "OK", nil)
			_, _ = c.Write([]byte(res.String()))
		}
	}
}

// registerAll has each phone register, and waits until all are answered.
func registerAll(t testing.TB, all []*pinged) {
	t.Helper()
	before := make([]int32, len(all))
	send := func(u *pinged) {
		local := u.conn.LocalAddr()
		_, err := fmt.Fprintf(u.conn, "REGISTER sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/%[2]s %[3]s;branch=z9hG4bK-%[4]s-%[5]d\r\n"+
			"From: <sip:%[4]s@%[1]s>;tag=1\r\nTo: <sip:%[4]s@%[1]s>\r\nCall-ID: %[4]s\r\nCSeq: %[5]d REGISTER\r\nMax-Forwards: 70\r\n"+
			"Contact: <sip:%[4]s@%[3]s;transport=%[6]s>\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n",
			edgeIP, strings.ToUpper(local.Network()), local, u.user, u.cseq, local.Network())
		require.NoError(t, err)
	}
	for i, u := range all {
		before[i] = u.registered.Load()
		u.cseq++
		send(u)
	}
	last := time.Now()
	eventually(t, answerWithin, "200 for all", func() bool {
		again, waiting := time.Since(last) > time.Second, 0
		for i, u := range all {
			if u.registered.Load() > before[i] {
				continue
			}
			waiting++
			if again && u.conn.LocalAddr().Network() == "udp" {
				send(u) // as Timer E does: a burst may overflow the edge's socket
			}
		}
		if again {
			last = time.Now()
		}
		return waiting == 0
	})
}

// reached is how many of the phones have got the MESSAGE of that number.
func reached(all []*pinged, number int32) int {
	n := 0
	for _, u := range all {
		if u.message.Load() == number {
			n++
		}
	}
	return n
}

// listenTCP opens a listener on the host.
func (h *host) listenTCP(t testing.TB, addr string) net.Listener {
	t.Helper()
	var ln net.Listener
	require.NoError(t, h.within(func() (err error) {
		ln, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
		return err
	}))
	return ln
}

// reboot has a NAT forget all its mappings, as conntrack -F.
func (h *host) reboot(t testing.TB) {
	t.Helper()
	require.NoError(t, h.within(func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		const ctDelete = 1<<8 | 2 // NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE: without an entry, all
		msg := binary.NativeEndian.AppendUint32(nil, unix.SizeofNlMsghdr+4)
		msg = binary.NativeEndian.AppendUint16(msg, ctDelete)
		msg = binary.NativeEndian.AppendUint16(msg, unix.NLM_F_REQUEST|unix.NLM_F_ACK)
		msg = append(msg, make([]byte, 8+4)...) // sequence, port; family, version, resource
		if err := unix.Sendto(fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return err
		}
		ack := make([]byte, 4096)
		n, _, err := unix.Recvfrom(fd, ack, 0)
		if err != nil {
			return err
		}
		if n < unix.SizeofNlMsghdr+4 {
			return fmt.Errorf("netlink: an answer of %d bytes", n)
		}
		if code := int32(binary.NativeEndian.Uint32(ack[unix.SizeofNlMsghdr:])); code != 0 {
			return unix.Errno(-code)
		}
		return nil
	}))
}
