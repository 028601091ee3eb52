// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import "github.com/sipnat/sipnat/flow"

// Sender sends the pings; *flow.Layer is one. It is called by one goroutine at
// a time and keeps neither argument.
type Sender interface {
	// Write sends b as it is on f; on WS and WSS, where b is empty, an empty ping
	// frame. It returns flow.ErrFlowGone if the stream of f has ended. It should
	// not block: the other bindings wait.
	Write(b []byte, f flow.Flow) error
	// Name is what we are known by on f; port 0 leaves it out.
	Name(f flow.Flow) (host string, port int)
}

// BatchSender is a Sender that sends many datagrams in one system call. A Sender
// that has this method too is given the pings on UDP by it, up to 64 at once.
type BatchSender interface {
	Sender
	// WriteBatch sends messages[i] on flows[i], all of which are UDP, in order,
	// and returns how many it has sent. If that is not all, err says why the next
	// one could not be sent; the caller goes on behind it. It keeps no argument.
	WriteBatch(messages [][]byte, flows []flow.Flow) (n int, err error)
}
