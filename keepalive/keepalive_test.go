// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/leak"
	"github.com/sipnat/sipnat/keepalive"
)

func TestMain(m *testing.M) { leak.Main(m) }

var _ keepalive.Sender = (*flow.Layer)(nil)

// peer is the flow of the i-th phone.
// The layer pings many phones in one system call.
var _ keepalive.BatchSender = (*flow.Layer)(nil)

func peer(i int) flow.Flow {
	return flow.Flow{
		Transport: flow.UDP,
		Local:     netip.MustParseAddrPort("192.0.2.1:5060"),
		Remote:    netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, byte(i >> 16), byte(i >> 8), byte(i)}), 40000),
	}
}

func stream(tr flow.Transport) flow.Flow {
	f := peer(1)
	f.Transport, f.Conn = tr, 1
	return f
}

type sent struct {
	at    time.Time
	flow  flow.Flow
	bytes []byte
}

// network is both ends: a Sender that records, and a PacketConn on which the
// phones answer as reply says.
type network struct {
	in chan datagram

	mu    sync.Mutex
	sent  []sent
	out   []sent                    // by WriteTo: what the middleware answers
	reply func(s sent) (status int) // 0 for none
	fail  func(f flow.Flow) error
}

type datagram struct {
	bytes []byte
	from  net.Addr
	err   error
}

func (n *network) Write(b []byte, f flow.Flow) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail != nil {
		if err := n.fail(f); err != nil {
			return err
		}
	}
	s := sent{time.Now(), f, bytes.Clone(b)}
	n.sent = append(n.sent, s)
	if n.reply == nil || len(b) <= 4 || f.Transport.Reliable() {
		return nil // what nobody answers, or on no socket
	}
	if status := n.reply(s); status > 0 {
		n.in <- datagram{bytes: answer(s.bytes, status), from: net.UDPAddrFromAddrPort(f.Remote)}
	}
	return nil
}

func (n *network) Name(flow.Flow) (string, int) { return "edge.example.com", 5060 }

func (n *network) ReadFrom(b []byte) (int, net.Addr, error) {
	d, ok := <-n.in
	if !ok {
		return 0, nil, net.ErrClosed
	}
	return copy(b, d.bytes), d.from, d.err
}

func (n *network) WriteTo(b []byte, to net.Addr) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.out = append(n.out, sent{bytes: bytes.Clone(b), flow: flow.Flow{Remote: to.(*net.UDPAddr).AddrPort()}})
	return len(b), nil
}

func (n *network) Close() error                     { close(n.in); return nil }
func (n *network) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(peer(0).Local) }
func (n *network) SetDeadline(time.Time) error      { return nil }
func (n *network) SetReadDeadline(time.Time) error  { return nil }
func (n *network) SetWriteDeadline(time.Time) error { return nil }

// take is what was sent since the last take.
func (n *network) take() []sent {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.sent
	n.sent = nil
	return all
}

// answers is what the middleware has sent since the last call.
func (n *network) answers() []sent {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.out
	n.out = nil
	return all
}

func (n *network) set(reply func(sent) int, fail func(flow.Flow) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reply, n.fail = reply, fail
}

// answering is the reply of a phone that is well.
func answering(sent) int { return 200 }

// answer is what a phone makes of an OPTIONS.
func answer(options []byte, status int) []byte {
	msg, err := sip.ParseMessage(options)
	if err != nil {
		panic(err)
	}
	return []byte(sip.NewResponseFromRequest(msg.(*sip.Request), status, "Whatever", nil).String())
}

// lab is a running pinger.
type lab struct {
	*keepalive.Pinger
	net *network

	mu   sync.Mutex
	dead []string
}

func (l *lab) deaths() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string{}, l.dead...)
}

// run runs test on a running pinger, in a bubble with a clock of its own.
func run(t *testing.T, config keepalive.Config, test func(t *testing.T, l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &network{in: make(chan datagram, 1<<16)}
		l := &lab{Pinger: keepalive.New(n, config), net: n}
		l.Dead = func(id string) {
			l.Remove(id) // as a registrar does; no lock is held
			l.mu.Lock()
			defer l.mu.Unlock()
			l.dead = append(l.dead, id)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { require.ErrorIs(t, l.Run(ctx), context.Canceled) })
		pc := l.PacketConn(n)
		wg.Go(func() {
			b := make([]byte, 2048)
			for {
				if _, _, err := pc.ReadFrom(b); errors.Is(err, net.ErrClosed) {
					return
				}
			}
		})
		defer func() {
			cancel()
			_ = n.Close()
			wg.Wait()
		}()
		test(t, l)
	})
}

// sleep lets time pass and everything that is due happen.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
