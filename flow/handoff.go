// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"bytes"
	"errors"
)

// ErrBusy says that a stream has not taken what was written to it before: its
// peer does not read. Nothing was sent.
var ErrBusy = errors.New("flow: the stream is stuck")

// hand gives b to a goroutine that writes it, so that whoever pings all phones
// waits for none. There is one at most: a peer that does not read is closed after
// WriteTimeout, and until then costs a goroutine and no time.
func (c *conn) hand(b []byte) error {
	if !c.handing.CompareAndSwap(false, true) {
		return ErrBusy
	}
	if c.webSocket() {
		go c.deliver(c.ping)
		return nil
	}
	b = bytes.Clone(b)
	go c.deliver(func() error {
		_, err := c.Write(b)
		return err
	})
	return nil
}

// deliver writes. What fails to be written closes the stream, and OnClose tells.
func (c *conn) deliver(write func() error) {
	_ = write()
	c.handing.Store(false)
}
