// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"context"
	"sync"
)

// streamLink is a way on which a request arrives unless the connection is lost:
// WebSocket and HTTP. Connections are made when they are needed.
type streamLink struct {
	c *Client
	carrier

	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

// carrier is what differs between the two.
type carrier interface {
	// carry brings a request to the engine and its reply to Client.deliver. It
	// returns when ctx ends, and an error when the way is lost.
	carry(ctx context.Context, request []byte) error
	// reset drops the connections.
	reset()
	// wait drops them and waits for the carrier's goroutines.
	wait()
}

func (l *streamLink) send(ctx context.Context, request []byte) (<-chan error, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	lost := make(chan error, 1)
	l.wg.Go(func() {
		err := l.carry(ctx, request)
		if err == nil || ctx.Err() != nil {
			return
		}
		if refused(err) {
			l.c.refusals.Add(1)
		}
		lost <- err
	})
	return lost, nil
}

func (l *streamLink) close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.reset()
	l.wg.Wait()
	l.wait()
	return nil
}
