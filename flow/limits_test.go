// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

// closed waits until the edge closes c, whatever it sent before.
func closed(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err := io.Copy(io.Discard, c)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestSilenceEndsAStream(t *testing.T) {
	half := options("half", "SIP/2.0/TCP h")
	tests := []struct {
		name            string
		idle, handshake time.Duration
		send            []string // in pieces
		counted         uint64
	}{
		{"after a message", 50 * time.Millisecond, time.Hour, []string{options("1", "SIP/2.0/TCP h")}, 1},
		{"after a keepalive", 50 * time.Millisecond, time.Hour, []string{"\r\n\r\n"}, 1},
		{"after a message and a keepalive at once", 50 * time.Millisecond, time.Hour, []string{options("1", "SIP/2.0/TCP h") + "\r\n"}, 1},
		{"after half a line", time.Hour, 50 * time.Millisecond, []string{half[:20]}, 1},
		{"after half a message", time.Hour, 50 * time.Millisecond, []string{half[:60], half[60:80]}, 1},
		{"after a whole message and half a one", time.Hour, 50 * time.Millisecond, []string{half + half[:60]}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEdge(t)
			e.layer.IdleTimeout, e.layer.HandshakeTimeout = tt.idle, tt.handshake
			c := dial(t, e.listenTCP(t).String())
			for _, s := range tt.send {
				_, err := io.WriteString(c, s)
				require.NoError(t, err)
			}
			closed(t, c)
			require.Equal(t, tt.counted, e.layer.Stats().Silent)
		})
	}
}

// A byte now and then is no message: the deadline is the message's.
func TestSlowLorisIsClosed(t *testing.T) {
	e := newEdge(t)
	e.layer.HandshakeTimeout = 100 * time.Millisecond
	c := dial(t, e.listenTCP(t).String())
	var trickle sync.WaitGroup
	trickle.Go(func() {
		for _, err := io.WriteString(c, "OPTIONS sip:edge SIP/2.0\r\n"); err == nil; {
			_, err = io.WriteString(c, "X: y\r\n")
			<-time.After(10 * time.Millisecond)
		}
	})
	closed(t, c)
	_ = c.Close()
	trickle.Wait()
	require.Equal(t, uint64(1), e.layer.Stats().Silent)
}

func TestStreamsAreLimited(t *testing.T) {
	for name, set := range map[string]func(*flow.Layer){
		"of one source": func(l *flow.Layer) { l.MaxStreamsPerSource = 3 },
		"in all":        func(l *flow.Layer) { l.MaxStreams = 3 },
	} {
		for _, transport := range []flow.Transport{flow.TCP, flow.WS} {
			t.Run(name+", "+transport.String(), func(t *testing.T) {
				e := newEdge(t)
				set(e.layer)
				to := e.listenStream(t, transport).String()
				var phones []net.Conn
				for range 3 {
					phones = append(phones, dial(t, to)) // that say nothing yet
				}
				closed(t, dial(t, to))
				require.Equal(t, uint64(1), e.layer.Stats().Refused)
				if name == "of one source" {
					other, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 88)}}).Dial("tcp", to)
					require.NoError(t, err)
					defer func() { _ = other.Close() }()
				}
				require.NoError(t, phones[0].Close())
				require.Eventually(t, func() bool { // its place is free
					c, err := net.Dial("tcp", to)
					require.NoError(t, err)
					defer func() { _ = c.Close() }()
					require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
					_, err = c.Read(make([]byte, 1))
					return errors.Is(err, os.ErrDeadlineExceeded)
				}, 10*time.Second, 10*time.Millisecond)
			})
		}
	}
}

// Whoever pings all phones waits for none that does not read.
func TestWriteDoesNotWait(t *testing.T) {
	e := newEdge(t)
	e.layer.WriteTimeout = time.Hour
	to := e.listenTCP(t).String()
	stuck, sound := dial(t, to), dial(t, to)
	var flows []flow.Flow
	for i, c := range []net.Conn{stuck, sound} {
		_, err := io.WriteString(c, options(strconv.Itoa(i), "SIP/2.0/TCP h"))
		require.NoError(t, err)
		flows = append(flows, <-e.flows)
	}
	require.NoError(t, e.layer.Write(make([]byte, 64<<20), flows[0])) // more than any buffer takes
	require.ErrorIs(t, e.layer.Write([]byte("\r\n\r\n"), flows[0]), flow.ErrBusy)
	r := bufio.NewReader(sound)
	require.Equal(t, "SIP/2.0 200 OK", line(t, sound, r))
	skipHeaders(t, sound, r)
	require.NoError(t, e.layer.Write([]byte("ping\r\n"), flows[1]))
	require.Equal(t, "ping", line(t, sound, r))
	require.NoError(t, stuck.Close())
}

// A listener outlives that no more files may be opened.
func TestAcceptGoesOn(t *testing.T) {
	e := newEdge(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- e.layer.ServeTCP(e.srv, &failing{Listener: ln}) }()
	c := dial(t, ln.Addr().String())
	_, err = io.WriteString(c, options("1", "SIP/2.0/TCP h"))
	require.NoError(t, err)
	require.Equal(t, flow.TCP, (<-e.flows).Transport)
	require.Equal(t, uint64(3), e.layer.Stats().ReadErrors)
	require.NoError(t, ln.Close())
	require.ErrorIs(t, <-served, net.ErrClosed)
}

// failing fails three times.
type failing struct {
	net.Listener
	n int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.n++; f.n <= 3 {
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return f.Listener.Accept()
}
