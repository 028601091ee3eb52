// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"slices"
	"sync"
)

// callQueue lets one command per call through, the others in the order of their
// coming. The engine's threads read one socket and overtake each other: an
// answer sent behind its offer without waiting may meet an unknown call, and a
// delete may leave it behind.
type callQueue struct {
	mu    sync.Mutex
	calls map[string][]chan struct{} // those who wait; the key is there while one is in flight
}

// enter takes the turn of a call and returns nil, or else what is closed when
// the turn has come.
func (q *callQueue) enter(callID string) (turn chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting, busy := q.calls[callID]
	if !busy {
		if q.calls == nil {
			q.calls = map[string][]chan struct{}{}
		}
		q.calls[callID] = nil
		return nil
	}
	turn = make(chan struct{})
	q.calls[callID] = append(waiting, turn)
	return turn
}

// leave passes the turn on.
func (q *callQueue) leave(callID string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := q.calls[callID]
	if len(waiting) == 0 {
		delete(q.calls, callID)
		return
	}
	q.calls[callID] = waiting[1:]
	close(waiting[0])
}

// giveUp ends the wait for a turn, which may just have come.
func (q *callQueue) giveUp(callID string, turn chan struct{}) {
	q.mu.Lock()
	waiting := q.calls[callID]
	i := slices.Index(waiting, turn)
	if i >= 0 {
		q.calls[callID] = slices.Delete(waiting, i, i+1)
	}
	q.mu.Unlock()
	if i < 0 {
		q.leave(callID)
	}
}
