// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"bytes"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

func TestDialRefuses(t *testing.T) {
	for _, addr := range []string{
		"", "127.0.0.1:2223", "udp", "udp:", "udp:127.0.0.1", "udp:127.0.0.1:port!", "udp:127.0.0.1:99999",
		"ws:127.0.0.1:2223", "ws://127.0.0.1", "ws://", "http://127.0.0.1/ng", "http://[::1/", "tcp:127.0.0.1:2223",
	} {
		t.Run(addr, func(t *testing.T) {
			c, err := rtpengine.Dial(addr)
			require.ErrorContains(t, err, "rtpengine: address ")
			require.Nil(t, c)
			c, err = rtpengine.Config{Alternative: addr}.Dial("udp:127.0.0.1:2223")
			if addr != "" {
				require.ErrorContains(t, err, "rtpengine: address ")
				require.Nil(t, c)
			}
			if c != nil {
				require.NoError(t, c.Close())
			}
		})
	}
	_, err := rtpengine.Dial("tcp:127.0.0.1:2223")
	require.EqualError(t, err, `rtpengine: address "tcp:127.0.0.1:2223": must be udp:HOST:PORT, ws://HOST:PORT or http://HOST:PORT`)
}

// lossy is an engine on a real socket: of each command it drops the first copy,
// and it answers the second one twice.
func lossy(t *testing.T) (addr string) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		seen := map[string]bool{}
		buf := make([]byte, 64<<10)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			cookie, _, _ := bytes.Cut(buf[:n], []byte(" "))
			if !seen[string(cookie)] {
				seen[string(cookie)] = true
				continue
			}
			reply := append(cookie, " d3:sdp1:x6:result2:oke"...)
			for range 2 {
				_, _ = pc.WriteTo(reply, from)
			}
		}
	})
	t.Cleanup(func() {
		_ = pc.Close()
		wg.Wait()
	})
	return "udp:" + pc.LocalAddr().String()
}

func TestDial(t *testing.T) {
	c, err := rtpengine.Dial(lossy(t))
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	errs := make(chan error, 20)
	for i := range cap(errs) {
		go func() {
			p := rtpengine.Params{CallID: string(rune('a' + i)), FromTag: "f", SDP: []byte("v=0")}
			_, err := c.Offer(t.Context(), p)
			errs <- err
		}()
	}
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
}

// A port that nobody listens on: the kernel reports it, on Linux in place of
// sending the next datagram. The client ends early and says so.
func TestDialNobody(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := pc.LocalAddr().String()
	require.NoError(t, pc.Close())
	c, err := rtpengine.Dial("udp:" + addr)
	require.NoError(t, err)
	require.ErrorIs(t, c.Ping(t.Context()), rtpengine.ErrTimeout)
	require.NoError(t, c.Close())
}
