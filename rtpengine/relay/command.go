// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package relay

import (
	"context"
	"slices"
	"time"

	"github.com/sipnat/sipnat/rtpengine"
)

// reasonLimit is what a relay with MaxCalls calls refuses another one with.
const reasonLimit = "Parallel session limit reached"

// Offer takes a party's SDP offer, opens ports where there are none yet, and
// returns the SDP for the other party. It replaces rtpengine_offer. A refused
// offer leaves the call as it was.
func (r *Relay) Offer(ctx context.Context, p rtpengine.Params) ([]byte, error) {
	return r.exchange(ctx, "offer", p)
}

// Answer takes the answer to an offer and returns the SDP for the offerer. It
// replaces rtpengine_answer. p.FromTag is the offerer, p.ToTag the answerer.
func (r *Relay) Answer(ctx context.Context, p rtpengine.Params) ([]byte, error) {
	return r.exchange(ctx, "answer", p)
}

func (r *Relay) exchange(ctx context.Context, command string, p rtpengine.Params) ([]byte, error) {
	reply, err := r.Do(ctx, command, p.Dict())
	if err != nil {
		return nil, err
	}
	sdp, _ := reply["sdp"].(string)
	return []byte(sdp), nil
}

// Delete ends a call; with p.FromTag the forks that the tags and the branch
// name. It replaces rtpengine_delete. Ports are closed when it returns, unless
// the flags have a delete-delay.
func (r *Relay) Delete(ctx context.Context, p rtpengine.Params) error {
	_, err := r.Do(ctx, "delete", p.Dict())
	return err
}

// Query returns the state of a call, as rtpengine's query does: tags, their
// media and streams with local port, endpoint, packets and bytes, and totals.
// Numbers are int64.
func (r *Relay) Query(ctx context.Context, p rtpengine.Params) (rtpengine.Dict, error) {
	return r.Do(ctx, "query", p.Dict())
}

// Ping reports whether the relay is open.
func (r *Relay) Ping(ctx context.Context) error {
	_, err := r.Do(ctx, "ping", nil)
	return err
}

// Do runs a command of the ng protocol: ping, offer, answer, delete, query, list
// or statistics. It returns the reply's dictionary, or a refusal as *rtpengine.Error. The
// dictionary d is only read.
func (r *Relay) Do(ctx context.Context, command string, d rtpengine.Dict) (rtpengine.Dict, error) {
	return r.count(ctx, "in process", command, d)
}

func (r *Relay) do(ctx context.Context, command string, d rtpengine.Dict) (rtpengine.Dict, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	refuse := func(reason string) (rtpengine.Dict, error) {
		return nil, &rtpengine.Error{Command: command, Reason: reason}
	}
	switch command {
	case "ping":
		return r.ping()
	case "statistics":
		return r.statistics()
	case "offer", "answer", "delete", "query", "list":
	default:
		if slices.Contains(foreignCommands(), command) {
			return refuse(unsupported(command, nil))
		}
		return refuse("Unrecognized command")
	}
	o, reason := readOptions(d)
	if reason == "" {
		reason = o.missing(command)
	}
	if reason != "" {
		return refuse(reason)
	}
	if command == "list" {
		return r.list(o.limit)
	}
	c, err := r.enter(ctx, command, o.callID, command == "offer")
	if err != nil {
		return nil, err
	}
	defer r.leave(c)
	reply, reason := r.run(c, command, &o)
	if reason != "" {
		return refuse(reason)
	}
	return reply, nil
}

// foreignCommands are rtpengine's commands that this relay does not have.
func foreignCommands() []string {
	return []string{
		"start recording", "stop recording", "pause recording", "start forwarding", "stop forwarding",
		"block DTMF", "unblock DTMF", "block media", "unblock media", "silence media", "unsilence media",
		"play media", "stop media", "play DTMF", "publish", "subscribe request", "subscribe answer", "unsubscribe",
		"connect", "create", "create answer", "mesh", "inject start", "inject stop", "transform", "cli", "CLI",
	}
}

// missing returns which key the command lacks, in the daemon's words.
func (o *options) missing(command string) string {
	exchange := command == "offer" || command == "answer"
	switch {
	case command == "list":
	case o.callID == "":
		return "No call-id in message"
	case exchange && o.fromTag == "":
		return "No from-tag in message"
	case command == "answer" && o.toTag == "":
		return "No to-tag in message"
	case exchange && o.toTag == o.fromTag:
		return reasonNoMatch
	case exchange && o.sdp == "":
		return reasonNoSDP
	}
	return ""
}

// run executes a command of a call whose turn is taken.
func (r *Relay) run(c *call, command string, o *options) (reply rtpengine.Dict, reason string) {
	var sdp string
	switch command {
	case "offer":
		sdp, reason = c.offer(&r.engine, o)
	case "answer":
		sdp, reason = c.accept(&r.engine, o)
	case "delete":
		return r.delete(c, o)
	default:
		return c.query(o)
	}
	if reason != "" {
		return nil, reason
	}
	return rtpengine.Dict{"result": "ok", "sdp": sdp}, ""
}

func (r *Relay) ping() (rtpengine.Dict, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	return rtpengine.Dict{"result": "pong"}, nil
}

func (r *Relay) list(limit int) (rtpengine.Dict, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	ids := []any{}
	for id := range r.calls {
		if len(ids) >= limit {
			break
		}
		ids = append(ids, id)
	}
	return rtpengine.Dict{"result": "ok", "calls": ids}, nil
}

// delete removes dialogs now, or marks them for the sweeper. The reply has their
// last counters.
func (r *Relay) delete(c *call, o *options) (reply rtpengine.Dict, reason string) {
	const nothing = "Call-ID not found or tags didn't match"
	gone := c.forDelete(o)
	if len(gone) == 0 {
		if o.fatal {
			return nil, nothing
		}
		return rtpengine.Dict{"result": "ok", "warning": nothing}, ""
	}
	if o.delay > 0 {
		for _, d := range gone {
			d.expires = time.Now().Add(o.delay)
		}
		return c.report(gone), ""
	}
	reply = c.report(gone)
	c.remove(gone)
	c.end = endRegular
	return reply, ""
}
