// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import "time"

// sweepEvery is how often calls are looked through: they end up to that much
// late.
const sweepEvery = time.Second

// sweep ends dialogs whose time has come, until Close.
func (r *Relay) sweep() {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-r.done:
			return
		case <-t.C:
			for _, c := range r.all() {
				r.sweepCall(c)
			}
			r.engine.ledger.sample(time.Now())
		}
	}
}

func (r *Relay) all() []*call {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := make([]*call, 0, len(r.calls))
	for _, c := range r.calls {
		calls = append(calls, c)
	}
	return calls
}

// sweepCall passes by a call that a command is busy with.
func (r *Relay) sweepCall(c *call) {
	select {
	case c.turn <- struct{}{}:
	default:
		return
	}
	now := time.Now()
	end := endRegular // of delete-delay
	var over []*dialog
	timedOut := false
	for _, d := range c.dialogs {
		deleted := !d.expires.IsZero() && !now.Before(d.expires)
		silent := d.expires.IsZero() && r.silent(d, now)
		if deleted || silent {
			over = append(over, d)
			timedOut = timedOut || silent
			switch {
			case silent && d.quiet():
				end = endSilent
			case silent:
				end = endTimeout
			}
		}
	}
	c.remove(over)
	ended := len(over) > 0 && len(c.dialogs) == 0
	if ended {
		c.end = end
	}
	r.leave(c)
	if ended && timedOut && r.cfg.OnTimeout != nil {
		r.cfg.OnTimeout(c.id)
	}
}

func (r *Relay) silent(d *dialog, now time.Time) bool {
	limit := r.cfg.timeout()
	if d.quiet() {
		limit = r.cfg.silentTimeout()
	}
	return limit > 0 && now.Sub(d.lastSign()) >= limit
}
