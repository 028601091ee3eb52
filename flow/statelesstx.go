// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"bytes"
	"hash/maphash"
	"net"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// statelessTx is a server transaction that ends when its handler returns.
type statelessTx struct {
	req *sip.Request
	way way

	mu    sync.Mutex
	final bool
	ended bool
	done  chan struct{} // made when somebody asks for it
	hooks []sip.FnTxTerminate
}

// Respond sends res to where the request came from. Behind a final response it
// does nothing; behind the handler's return it fails.
func (tx *statelessTx) Respond(res *sip.Response) error {
	tx.mu.Lock()
	ended, late := tx.ended, tx.final
	tx.final = tx.final || !ended && !res.IsProvisional()
	tx.mu.Unlock()
	switch {
	case ended:
		return sip.ErrTransactionTerminated
	case late:
		return nil
	}
	if toTag(tx.req.To()) == "" {
		steady(res, tx.req, tx.way.seed)
	}
	return tx.way.WriteMsg(res)
}

// Terminate ends the transaction and calls the hooks, once.
func (tx *statelessTx) Terminate() {
	tx.mu.Lock()
	if tx.ended {
		tx.mu.Unlock()
		return
	}
	tx.ended = true
	if tx.done != nil {
		close(tx.done)
	}
	hooks := tx.hooks
	tx.mu.Unlock()
	if len(hooks) == 0 {
		return
	}
	key, _ := sip.ServerTxKeyMake(tx.req) // it has one: see sound
	for _, fn := range hooks {
		fn(key, sip.ErrTransactionTerminated)
	}
}

// OnTerminate registers f to be called when the handler has returned; false if it
// has.
func (tx *statelessTx) OnTerminate(f sip.FnTxTerminate) bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.ended {
		return false
	}
	tx.hooks = append(tx.hooks, f)
	return true
}

// Done is closed when the handler has returned.
func (tx *statelessTx) Done() <-chan struct{} {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.done == nil {
		tx.done = make(chan struct{})
		if tx.ended {
			close(tx.done)
		}
	}
	return tx.done
}

// Err is nil until the handler has returned.
func (tx *statelessTx) Err() error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.ended {
		return sip.ErrTransactionTerminated
	}
	return nil
}

// Acks never has one: an INVITE is never here.
func (tx *statelessTx) Acks() <-chan *sip.Request { return nil }

// OnCancel never calls f: only an INVITE can be cancelled. False if the handler
// has returned.
func (tx *statelessTx) OnCancel(sip.FnTxCancel) bool { return tx.Err() == nil }

// Connection is the packet's way back, by which Of knows the flow.
func (tx *statelessTx) Connection() sip.Connection { return &tx.way }

// way is the way back to the source of one packet.
type way struct {
	pc   net.PacketConn
	to   net.Addr
	flow Flow
	seed maphash.Seed
}

// LocalAddr is the listener's address.
func (w *way) LocalAddr() net.Addr { return w.pc.LocalAddr() }

var printed = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// WriteMsg sends msg to the packet's source.
func (w *way) WriteMsg(msg sip.Message) error {
	buf := printed.Get().(*bytes.Buffer)
	defer printed.Put(buf)
	buf.Reset()
	msg.StringWrite(buf)
	_, err := w.pc.WriteTo(buf.Bytes(), w.to)
	return err
}

// Ref counts nothing: the socket is not a transaction's to close.
func (*way) Ref(int) int { return 1 }

// TryClose closes nothing.
func (*way) TryClose() (int, error) { return 1, nil }

// Close closes nothing.
func (*way) Close() error { return nil }
