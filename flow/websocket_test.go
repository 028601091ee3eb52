// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

// Pings come between sipgo's frames, never inside one, and are empty.
func TestWebSocketPing(t *testing.T) {
	e := newEdge(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- e.layer.ServeWS(e.srv, ln) }()
	defer func() {
		_ = ln.Close()
		require.ErrorIs(t, <-served, net.ErrClosed)
	}()
	c, _, _, err := ws.Dialer{Protocols: []string{"sip"}}.Dial(t.Context(), "ws://"+ln.Addr().String())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	require.NoError(t, wsutil.WriteClientText(c, []byte(options("1", "SIP/2.0/WS phone.invalid"))))
	f := <-e.flows
	require.Equal(t, flow.WS, f.Transport)
	require.NotZero(t, f.Conn)

	const each = 200
	var wg sync.WaitGroup
	wg.Go(func() {
		for range each {
			err := flow.ErrBusy
			for errors.Is(err, flow.ErrBusy) { // until the last one is out
				err = e.layer.Write(nil, f)
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Go(func() {
		for range each {
			if err := e.layer.Send(outgoing(e.layer, f), f); err != nil {
				t.Error(err)
				return
			}
		}
	})
	pings, messages := 0, 0
	for pings < each || messages < each+1 {
		frame, err := ws.ReadFrame(c)
		require.NoError(t, err)
		switch frame.Header.OpCode {
		case ws.OpPing:
			require.Empty(t, frame.Payload)
			pings++
		case ws.OpText:
			require.True(t, strings.HasPrefix(string(frame.Payload), "OPTIONS ") || strings.HasPrefix(string(frame.Payload), "SIP/2.0 200"))
			messages++
		default:
			t.Fatalf("frame %v", frame.Header)
		}
	}
	wg.Wait()
}
