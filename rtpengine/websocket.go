// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"bytes"
	"context"
	"net/http"
	"sync"

	"github.com/coder/websocket"

	"github.com/sipnat/sipnat/internal/bencode"
)

const (
	// subprotocol is what rtpengine demands of a WebSocket that carries ng.
	subprotocol = "ng.rtpengine.com"
	// maxReply is the largest reply that is read from a stream, cookie and all.
	maxReply = bencode.MaxSize + 64
)

// webSocket gives each command a connection of its own while it is in flight.
// One would do, as the protocol has it; but the threads of rtpengine 10.5 write
// their replies to a connection in pieces and without a lock, so that two
// commands in flight may get each other's.
type webSocket struct {
	c      *Client
	url    string
	client *http.Client

	mu     sync.Mutex
	idle   []*websocket.Conn
	closed bool
}

func (w *webSocket) carry(ctx context.Context, request []byte) error {
	for {
		conn, fresh, err := w.borrow(ctx)
		if err != nil {
			return err
		}
		if err = w.exchange(ctx, conn, request); err == nil {
			w.giveBack(conn)
			return nil
		}
		_ = conn.CloseNow()
		if fresh || ctx.Err() != nil {
			return err
		}
		// The engine has closed it since, or was started again.
	}
}

// exchange sends a request and waits for its reply. If ctx ends meanwhile, the
// connection is of no use any more.
func (w *webSocket) exchange(ctx context.Context, conn *websocket.Conn, request []byte) error {
	if err := conn.Write(ctx, websocket.MessageBinary, request); err != nil {
		return err
	}
	cookie, _, _ := bytes.Cut(request, []byte(" "))
	for {
		_, msg, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		if got, _, _ := bytes.Cut(msg, []byte(" ")); bytes.Equal(got, cookie) {
			w.c.deliver(msg)
			return nil
		}
	}
}

// borrow returns a connection that nobody uses, a new one if there is none.
func (w *webSocket) borrow(ctx context.Context) (conn *websocket.Conn, fresh bool, err error) {
	w.mu.Lock()
	if n := len(w.idle); n > 0 {
		conn, w.idle = w.idle[n-1], w.idle[:n-1]
	}
	w.mu.Unlock()
	if conn != nil {
		return conn, false, nil
	}
	conn, _, err = websocket.Dial(ctx, w.url, &websocket.DialOptions{HTTPClient: w.client, Subprotocols: []string{subprotocol}})
	if err != nil {
		return nil, true, err
	}
	conn.SetReadLimit(maxReply)
	return conn, true, nil
}

func (w *webSocket) giveBack(conn *websocket.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		_ = conn.CloseNow()
		return
	}
	w.idle = append(w.idle, conn)
}

func (w *webSocket) reset() {
	w.mu.Lock()
	idle := w.idle
	w.idle = nil
	w.mu.Unlock()
	for _, conn := range idle {
		_ = conn.CloseNow()
	}
}

func (w *webSocket) wait() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.reset()
	w.client.CloseIdleConnections()
}
