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
	// moveTries is after how many copies without a reply a command whose reply
	// may be too large for a datagram takes the alternative link: one is lost now
	// and then.
	moveTries = 2
)

// command is a request on its way.
type command struct {
	name    string
	callID  string // "" for none
	serial  uint64
	request []byte // cookie and all
}

// moves reports whether the reply may be too large for a datagram.
func (c *command) moves() bool {
	switch c.name {
	case "list", "query", "statistics":
		return true
	}
	return false
}

// roundTrip sends a request and returns the payload of its reply, when it is
// the command's turn.
func (c *Client) roundTrip(ctx context.Context, cmd command) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if cmd.callID != "" {
		if turn := c.queue.enter(cmd.callID); turn != nil {
			if _, err := c.wait(ctx, turn, nil); err != nil {
				c.queue.giveUp(cmd.callID, turn)
				return nil, err
			}
		}
		defer c.queue.leave(cmd.callID)
	}
	var s *slot
	select {
	case s = <-c.window.free:
	default:
		var err error
		if s, err = c.wait(ctx, nil, c.window.free); err != nil {
			return nil, err
		}
	}
	if !c.register(cmd.serial, s) {
		c.window.release(s, false)
		return nil, ErrClosed
	}
	x := exchange{c: c, slot: s, link: c.link}
	payload, err := x.run(ctx, &cmd)
	if err != nil {
		c.giveUp(cmd.serial, s)
	}
	c.window.release(s, err == nil && x.tries == 1)
	return payload, err
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

// exchange is one command in flight.
type exchange struct {
	c     *Client
	slot  *slot
	link  link
	tries int
	// cause is why the last copy did not get out, refused how many were refused.
	cause   error
	refused int
	lost    <-chan error // of the copy that is on a stream
}

// run sends copies of the request until the reply is there or time is up.
func (x *exchange) run(ctx context.Context, cmd *command) ([]byte, error) {
	if _, datagrams := x.link.(*datagramLink); !datagrams || x.c.alternative != nil {
		// What is under way on a stream ends with the command.
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
	}
	if len(cmd.request) > maxDatagram && !x.move() {
		return nil, fmt.Errorf("%d bytes do not fit a datagram: %w", len(cmd.request), syscall.EMSGSIZE)
	}
	replies := x.c.replies.Load()
	left, retry := x.c.cfg.timeout(), x.c.cfg.retry()
	for left > 0 {
		refusals := x.c.refusals.Load()
		if err := x.send(ctx, cmd); err != nil {
			return nil, err
		}
		pause := min(retry, left)
		payload, err := x.listen(ctx, pause)
		if payload != nil || err != nil {
			return payload, err
		}
		left -= pause
		retry *= 2
		if x.c.refusals.Load() != refusals {
			x.refused++
			x.cause = syscall.ECONNREFUSED
		}
		silent := x.c.replies.Load() == replies
		if x.refused == x.tries && x.tries >= refusedTries && silent {
			break
		}
	}
	if x.c.replies.Load() == replies {
		x.link.reset()
	}
	if x.cause != nil {
		return nil, fmt.Errorf("%w: %w", ErrTimeout, x.cause)
	}
	return nil, ErrTimeout
}

// send sends a copy, unless one is on a stream that has not been lost.
func (x *exchange) send(ctx context.Context, cmd *command) (err error) {
	if cmd.moves() && x.tries >= moveTries {
		x.move()
	}
	select {
	case x.cause = <-x.lost:
		x.lost = nil
	default:
		if x.lost != nil {
			return nil
		}
	}
	if x.tries++; x.tries == 2 {
		x.c.window.lost(x.c.cfg.retry())
	}
	x.lost, err = x.link.send(ctx, cmd.request)
	if errors.Is(err, syscall.EMSGSIZE) {
		if !x.move() {
			return err
		}
		x.lost, err = x.link.send(ctx, cmd.request)
	}
	if err != nil || x.lost == nil {
		x.cause = err
	}
	return nil
}

// move takes the alternative link, with the same cookie: the engine executes the
// command once. It reports whether the command is on a stream now.
func (x *exchange) move() bool {
	if _, datagrams := x.link.(*datagramLink); !datagrams {
		return true
	}
	if x.c.alternative == nil {
		return false
	}
	x.link = x.c.alternative
	return true
}

// listen waits for the reply. Neither reply nor error means that it was in vain.
func (x *exchange) listen(ctx context.Context, pause time.Duration) ([]byte, error) {
	x.slot.timer.Reset(pause)
	select {
	case payload := <-x.slot.reply:
		x.slot.timer.Stop()
		return payload, nil
	case <-x.slot.timer.C:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-x.c.closed:
		return nil, ErrClosed
	}
}
