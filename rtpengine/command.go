// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import (
	"context"
)

// Ping asks whether the engine is there.
func (c *Client) Ping(ctx context.Context) error {
	serial, b := c.request(64)
	b = append(b, "d7:command4:pinge"...)
	_, err := c.send(ctx, "ping", "", serial, b)
	return err
}

// Offer has the engine take an SDP offer and returns what is to be forwarded in
// its place. It needs CallID, FromTag and SDP, replaces rtpengine_offer.
func (c *Client) Offer(ctx context.Context, p Params) ([]byte, error) {
	return c.exchangeSDP(ctx, "offer", &p)
}

// Answer does the same with an SDP answer, which needs ToTag as well:
// rtpengine_answer. An answer without its offer is [ErrUnknownCall].
func (c *Client) Answer(ctx context.Context, p Params) ([]byte, error) {
	return c.exchangeSDP(ctx, "answer", &p)
}

// Delete ends a call, or with FromTag, and ToTag or ViaBranch, a branch of it:
// rtpengine_delete. That there is no such call is an error only with the flag
// fatal. Of the Flags only those of delete are sent: fatal, delete-delay= and
// the like.
func (c *Client) Delete(ctx context.Context, p Params) error {
	if err := p.check("delete"); err != nil {
		return err
	}
	if len(p.Extra) > 0 {
		_, err := c.doMerged(ctx, "delete", &p)
		return err
	}
	serial, b := c.request(p.size())
	_, err := c.send(ctx, "delete", p.CallID, serial, p.appendDelete(b))
	return err
}

// doMerged sends a command whose Params have Extra.
func (c *Client) doMerged(ctx context.Context, command string, p *Params) (Dict, error) {
	d, err := p.merged(command)
	if err != nil {
		return nil, err
	}
	return c.Do(ctx, command, d)
}

// Query returns what the engine knows of a call, all of it or that of the
// party FromTag or ToTag: streams, counters, endpoints; rtpengine_query. [ReadCall]
// makes a struct of it. A reply too large for a datagram is never sent, which
// without Config.Alternative ends as [ErrTimeout] with an engine in good health.
func (c *Client) Query(ctx context.Context, p Params) (Dict, error) {
	if err := p.check("query"); err != nil {
		return nil, err
	}
	if len(p.Extra) > 0 {
		return c.doMerged(ctx, "query", &p)
	}
	serial, b := c.request(p.size())
	r, err := c.send(ctx, "query", p.CallID, serial, p.appendQuery(b))
	if err != nil {
		return nil, err
	}
	return r.dict("query")
}

// Do sends any command with the keys of d, which is not changed, and returns
// the whole reply. Nothing is checked but that it can be encoded. The key
// call-id, if there is one, puts it in line with the other commands of the call.
func (c *Client) Do(ctx context.Context, command string, d Dict) (Dict, error) {
	if command == "" {
		return nil, &ParamError{"do", "command", "is missing"}
	}
	serial, b := c.request(512)
	b, err := appendDict(b, command, d)
	if err != nil {
		return nil, err
	}
	r, err := c.send(ctx, command, callIDOf(d), serial, b)
	if err != nil {
		return nil, err
	}
	return r.dict(command)
}

func (c *Client) exchangeSDP(ctx context.Context, command string, p *Params) ([]byte, error) {
	if err := p.check(command); err != nil {
		return nil, err
	}
	if len(p.Extra) > 0 {
		reply, err := c.doMerged(ctx, command, p)
		if err != nil {
			return nil, err
		}
		return sdpOf(command, reply)
	}
	serial, b := c.request(p.size())
	r, err := c.send(ctx, command, p.CallID, serial, p.appendOffer(b, command))
	if err != nil {
		return nil, err
	}
	if len(r.sdp) == 0 {
		return nil, &failure{command, ErrNoSDP}
	}
	// A part of the payload, which nobody else holds.
	return r.sdp, nil
}

// request begins a request with a new cookie.
func (c *Client) request(size int) (serial uint64, b []byte) {
	serial = c.serial.Add(1)
	return serial, c.appendCookie(make([]byte, 0, size), serial)
}

// send returns a reply that says ok.
func (c *Client) send(ctx context.Context, name, callID string, serial uint64, request []byte) (reply, error) {
	payload, err := c.roundTrip(ctx, command{name, callID, serial, request})
	if err != nil {
		return reply{}, &failure{name, err}
	}
	return judge(name, payload)
}

func callIDOf(d Dict) string {
	for _, key := range []string{"call-id", "call id"} {
		switch v := d[key].(type) {
		case string:
			return v
		case []byte:
			return string(v)
		}
	}
	return ""
}
