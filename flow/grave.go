// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"time"

	"github.com/emiago/sipgo/sip"
)

// mourning is how long a dead connection stays in sipgo's table: longer than any
// request of its is in hand.
const mourning = 30 * time.Second

// bury leaves c in sipgo's table, where writing to it fails, and calls the
// hooks. A request that has been read but has not had its connection looked up
// yet would find none, and sipgo would dial what the client wrote into the Via.
func (c *conn) bury() {
	l := c.listener.layer
	pool := c.pool()
	at := c.RemoteAddr().String()
	l.graves.Lock()
	if corpse := c.corpse(); corpse != nil && !l.reborn(c) {
		pool.Add(at, corpse)
		time.AfterFunc(mourning, func() { l.exhume(pool, at) })
	}
	l.graves.Unlock()
	l.mu.RLock()
	hooks := l.onClose
	l.mu.RUnlock()
	for _, fn := range hooks {
		fn(c.flow)
	}
}

// exhume takes a dead connection out of sipgo's table.
func (l *Layer) exhume(pool *sip.ConnectionPool, at string) {
	l.graves.Lock()
	defer l.graves.Unlock()
	c := pool.Get(at)
	if c == nil {
		return
	}
	if mine := connOf(c); mine != nil && mine.ended.Load() && !l.reborn(mine) {
		pool.Delete(at)
	}
	_, _ = c.TryClose()
}

// reborn reports whether a newer connection from the same address has taken
// c's place. The caller holds graves, so that none does meanwhile.
func (l *Layer) reborn(c *conn) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, ok := l.byPeer[c.peer()]
	return ok
}

// corpse is c as sipgo's table is to hold it; nil if sipgo never did.
func (c *conn) corpse() sip.Connection {
	if c.webSocket() {
		return c.standIn
	}
	return &sip.TCPConnection{Conn: c}
}

// stand puts the corpse of a WebSocket into sipgo's table in its lifetime, where
// it serves as well as sipgo's own. sipgo ends a WebSocket for more reasons than
// can be told from its bytes: a close frame, a ping with a payload, text that is
// no SIP. On other streams the guard sees the end coming.
func (c *conn) stand() {
	l := c.listener.layer
	l.graves.Lock()
	defer l.graves.Unlock()
	c.standIn = &sip.WSConnection{Conn: &second{c}}
	c.pool().Add(c.RemoteAddr().String(), c.standIn)
}

func (c *conn) pool() *sip.ConnectionPool {
	return c.listener.srv.TransportLayer().Pool(c.flow.Transport.String())
}
