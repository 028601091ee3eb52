// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sipnat/sipnat/rtpengine"
)

// commands are those of rtpengine, newer ones included.
var commands = []string{
	"answer", "block DTMF", "block media", "cli", "connect", "create", "create answer", "delete", "inject start", "inject stop",
	"list", "mesh", "offer", "pause recording", "ping", "play DTMF", "play media", "publish", "query", "silence media",
	"start forwarding", "start recording", "statistics", "stop forwarding", "stop media", "stop recording",
	"subscribe answer", "subscribe request", "transform", "unblock DTMF", "unblock media", "unsilence media", "unsubscribe",
}

// spelling returns a command as the engine spells it: block-dtmf is "block DTMF".
func spelling(word string) (string, error) {
	for _, c := range commands {
		if strings.EqualFold(c, strings.NewReplacer("-", " ", "_", " ").Replace(word)) {
			return c, nil
		}
	}
	return "", fmt.Errorf("unknown command %q: one of %s", word, hyphenated())
}

func hyphenated() string {
	out := make([]string, len(commands))
	for i, c := range commands {
		out[i] = strings.ReplaceAll(c, " ", "-")
	}
	return strings.Join(out, ", ")
}

func takesSDP(command string) bool {
	return slices.Contains([]string{"offer", "answer", "publish", "subscribe answer"}, command)
}

// parseFlags reads the command line and, of a command that needs one, the SDP.
func parseFlags(args []string, stdin io.Reader, stderr io.Writer) (*options, error) {
	o := &options{}
	var p rtpengine.Params
	var flags string
	extra := rtpengine.Dict{}

	fs := flag.NewFlagSet("ngctl", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // one line of our own for a wrong flag
	fs.StringVar(&o.engine, "engine", "udp:127.0.0.1:2223", "udp:`HOST:PORT`, ws://HOST:PORT or http://HOST:PORT")
	fs.StringVar(&o.alternative, "alternative", "", "another `address` of the same engine, for what is too large for UDP")
	fs.DurationVar(&o.timeout, "timeout", 0, "how long to wait for the reply (default 3.75s)")
	fs.BoolVar(&o.dump, "dump", false, "print the dictionary as JSON and send nothing")
	fs.BoolVar(&o.json, "json", false, "print the whole reply as JSON")
	fs.BoolVar(&o.jsonl, "jsonl", false, "run one JSON object a line")
	fs.StringVar(&p.CallID, "call-id", "", "the call")
	fs.StringVar(&p.FromTag, "from-tag", "", "the party whose SDP an offer carries")
	fs.StringVar(&p.ToTag, "to-tag", "", "the other party")
	fs.StringVar(&p.ViaBranch, "via-branch", "", "tells forks apart")
	fs.StringVar(&flags, "flags", "", "the flag `string` that Kamailio's and OpenSIPS' modules take")
	fs.Func("received-from", "`IP` address that the SIP message came from", func(s string) (err error) {
		p.ReceivedFrom, err = netip.ParseAddr(s)
		return err
	})
	fs.Func("option", "any other `KEY=VALUE`, repeatable; a value may be a number, a JSON list or object, or text", func(s string) error {
		return addOption(extra, s)
	})
	command, err := parseTwice(fs, args)
	if errors.Is(err, flag.ErrHelp) {
		fs.SetOutput(stderr)
		fmt.Fprintf(stderr, "usage: ngctl [flags] command [flags]\ncommands: %s\n", hyphenated())
		fs.PrintDefaults()
	}
	if err != nil {
		return o, err
	}
	if o.jsonl {
		if command != "" {
			return o, fmt.Errorf("-jsonl does not go with a command: %q", command)
		}
		return o, nil
	}
	if o.command, err = spelling(command); err != nil {
		return o, err
	}
	if p.Flags, err = rtpengine.ParseFlags(flags); err != nil {
		return o, fmt.Errorf("-flags: %w", err)
	}
	if takesSDP(o.command) {
		if p.SDP, err = io.ReadAll(io.LimitReader(stdin, 1<<20)); err != nil {
			return o, err
		}
	}
	p.Extra = extra
	o.dict, err = p.Request(o.command)
	return o, err
}

// parseTwice takes flags before the command and behind it.
func parseTwice(fs *flag.FlagSet, args []string) (command string, err error) {
	if err := fs.Parse(args); err != nil {
		return "", err
	}
	if fs.NArg() == 0 {
		if jsonl := fs.Lookup("jsonl").Value.String(); jsonl == "true" {
			return "", nil
		}
		return "", errors.New("a command is required, -h lists them")
	}
	command = fs.Arg(0)
	if err := fs.Parse(fs.Args()[1:]); err != nil {
		return "", err
	}
	if fs.NArg() > 0 {
		return "", fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return command, nil
}

func addOption(d rtpengine.Dict, s string) error {
	key, value, found := strings.Cut(s, "=")
	if !found || key == "" {
		return errors.New("must be KEY=VALUE")
	}
	if _, twice := d[key]; twice {
		return fmt.Errorf("%s is given twice", key)
	}
	v, err := valueOf(value)
	d[key] = v
	return err
}

func valueOf(s string) (any, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	if s == "" || (s[0] != '[' && s[0] != '{' && s[0] != '"') {
		return s, nil
	}
	return decodeJSON([]byte(s))
}

// decodeJSON reads a value whose numbers are integers, as bencode has them.
func decodeJSON(b []byte) (any, error) {
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("more than one value")
	}
	return integers(v)
}

func integers(v any) (_ any, err error) {
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			return nil, fmt.Errorf("%s is no integer", v)
		}
		return n, nil
	case []any:
		for i := range v {
			if v[i], err = integers(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range v {
			if v[k], err = integers(v[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
