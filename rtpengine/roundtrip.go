// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

const (
	// maxDatagram is the largest payload of a UDP datagram over IPv4.
	maxDatagram = 65507
	// refusedTries is after how many copies of a command it is given up, if the
	// engine's host refused each and nothing was heard from the engine meanwhile.
	// A quick restart of the daemon fits in.
	refusedTries = 3
)

// roundTrip sends a request, cookie and all, and returns the payload of its
// reply, when it is the command's turn.
func (c *Client) roundTrip(ctx context.Context, callID string, serial uint64, request []byte) ([]byte, error) {
	if len(request) > maxDatagram {
		return nil, fmt.Errorf("%d bytes do not fit a datagram: %w", len(request), syscall.EMSGSIZE)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if callID != "" {
		if turn := c.queue.enter(callID); turn != nil {
			if _, err := c.wait(ctx, turn, nil); err != nil {
				c.queue.giveUp(callID, turn)
				return nil, err
			}
		}
		defer c.queue.leave(callID)
	}
	var s *slot
	select {
	case s = <-c.window:
	default:
		var err error
		if s, err = c.wait(ctx, nil, c.window); err != nil {
			return nil, err
		}
	}
	defer func() { c.window <- s }()
	return c.exchange(ctx, serial, s, request)
}

// wait blocks until turn is closed or there is room in the window, for as long
// as a command may wait for its reply. A channel that is nil is not waited for.
func (c *Client) wait(ctx context.Context, turn <-chan struct{}, window <-chan *slot) (*slot, error) {
	timer := time.NewTimer(c.cfg.timeout())
	defer timer.Stop()
	select {
	case <-turn:
		return nil, nil
	case s := <-window:
		return s, nil
	case <-timer.C:
		return nil, ErrTimeout
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.closed:
		return nil, ErrClosed
	}
}

// exchange sends copies of the request until the reply is there or time is up.
func (c *Client) exchange(ctx context.Context, serial uint64, s *slot, request []byte) ([]byte, error) {
	if !c.register(serial, s) {
		return nil, ErrClosed
	}
	payload, err := c.retransmit(ctx, s, request)
	if err != nil {
		c.giveUp(serial, s)
		return nil, err
	}
	return payload, nil
}

func (c *Client) retransmit(ctx context.Context, s *slot, request []byte) ([]byte, error) {
	var (
		cause   error // of the last copy that did not get out
		refused = 0
		replies = c.replies.Load()
		left    = c.cfg.timeout()
		retry   = c.cfg.retry()
	)
	for tries := 1; left > 0; tries++ {
		refusals := c.refusals.Load()
		if cause = c.write(request); errors.Is(cause, syscall.EMSGSIZE) {
			return nil, cause
		}
		pause := min(retry, left)
		s.timer.Reset(pause)
		select {
		case payload := <-s.reply:
			s.timer.Stop()
			return payload, nil
		case <-s.timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.closed:
			return nil, ErrClosed
		}
		left -= pause
		retry *= 2
		if c.refusals.Load() != refusals {
			refused++
			cause = syscall.ECONNREFUSED
		}
		if refused == tries && tries >= refusedTries && c.replies.Load() == replies {
			break
		}
	}
	if cause != nil {
		return nil, fmt.Errorf("%w: %w", ErrTimeout, cause)
	}
	return nil, ErrTimeout
}
