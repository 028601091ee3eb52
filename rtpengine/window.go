// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"sync"
	"time"
)

// smallWindow is what losses leave at least: with 4 commands in flight the
// engine is as fast as with more.
const smallWindow = 4

// slot is a place in the window, used by one command after another: a timer
// and a channel per command cost as much as all the rest.
type slot struct {
	reply chan []byte // of 1
	timer *time.Timer // stopped
}

// window bounds how many commands are in flight, by a number of slots. When
// replies stay away the engine's socket overflows, or somebody's does: the
// number is halved, and grows by one for each windowful of prompt replies.
type window struct {
	free chan *slot

	mu     sync.Mutex
	size   float64
	parked []*slot // those that are taken out
	cut    time.Time
}

func newWindow(size int) *window {
	w := &window{free: make(chan *slot, size), size: float64(size)}
	for range size {
		s := &slot{reply: make(chan []byte, 1), timer: time.NewTimer(time.Hour)}
		s.timer.Stop()
		w.free <- s
	}
	return w
}

// lost shrinks the window, at most once per interval: the losses of one burst
// are one event.
func (w *window) lost(interval time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if now.Sub(w.cut) < interval {
		return
	}
	w.cut = now
	w.size = max(w.size/2, float64(min(smallWindow, cap(w.free))))
}

// release gives a slot back. prompt says that the first copy was answered.
func (w *window) release(s *slot, prompt bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if prompt {
		w.size = min(w.size+1/w.size, float64(cap(w.free)))
	}
	// Slots never outnumber the channel's room: no send here blocks.
	if cap(w.free)-len(w.parked) > int(w.size) {
		w.parked = append(w.parked, s)
		return
	}
	w.free <- s
	for n := len(w.parked); n > 0 && cap(w.free)-n < int(w.size); n = len(w.parked) {
		w.free <- w.parked[n-1]
		w.parked = w.parked[:n-1]
	}
}
