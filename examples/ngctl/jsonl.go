// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/sipnat/sipnat/rtpengine"
)

// order is a line of -jsonl input. The id is handed back as it came.
type order struct {
	ID      json.RawMessage `json:"id"`
	Command string          `json:"command"`
	Flags   string          `json:"flags"`
	Options json.RawMessage `json:"options"`
	SDP     string          `json:"sdp"`
}

// result is a line of the output.
type result struct {
	ID    json.RawMessage `json:"id,omitempty"`
	Dict  rtpengine.Dict  `json:"dict,omitempty"`
	Reply rtpengine.Dict  `json:"reply,omitempty"`
	Error string          `json:"error,omitempty"`
}

// answerLines runs the lines of in, one after the other, and answers each by one
// of out. Without a client it says what would be sent.
func answerLines(in io.Reader, out io.Writer, client *rtpengine.Client) error {
	reader := bufio.NewReader(in)
	enc := json.NewEncoder(out) // one write per line
	enc.SetEscapeHTML(false)
	for {
		line, err := reader.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := enc.Encode(answerLine(line, client)); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func answerLine(line []byte, client *rtpengine.Client) (r result) {
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return result{ID: o.ID, Error: fmt.Sprintf("no JSON object: %v", err)}
	}
	r.ID = o.ID
	command, d, err := o.request()
	if err == nil {
		if client == nil {
			r.Dict = d
			return r
		}
		r.Reply, err = client.Do(context.Background(), command, d)
	}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

// request returns what is to be sent.
func (o *order) request() (command string, d rtpengine.Dict, err error) {
	if command, err = spelling(o.Command); err != nil {
		return "", nil, err
	}
	p := rtpengine.Params{SDP: []byte(o.SDP)}
	if p.Flags, err = rtpengine.ParseFlags(o.Flags); err != nil {
		return "", nil, err
	}
	if len(o.Options) > 0 {
		v, err := decodeJSON(o.Options)
		if err != nil {
			return "", nil, fmt.Errorf("options: %w", err)
		}
		d, ok := v.(rtpengine.Dict)
		if !ok && v != nil {
			return "", nil, errors.New("options is no object")
		}
		p.Extra = d
	}
	for key, to := range map[string]*string{
		"call-id": &p.CallID, "from-tag": &p.FromTag, "to-tag": &p.ToTag, "via-branch": &p.ViaBranch,
	} {
		if s, ok := p.Extra[key].(string); ok {
			*to = s
			delete(p.Extra, key)
		}
	}
	if a, ok := sourceOf(p.Extra["received-from"]); ok {
		p.ReceivedFrom = a
		delete(p.Extra, "received-from")
	}
	d, err = p.Request(command)
	return command, d, err
}

// sourceOf reads an address, or family and address as the engine takes them.
func sourceOf(v any) (netip.Addr, bool) {
	if l, ok := v.([]any); ok && len(l) == 2 {
		v = l[1]
	}
	s, _ := v.(string)
	a, err := netip.ParseAddr(s)
	return a, err == nil
}
