// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Ngctl sends commands to rtpengine.
//
//	ngctl -engine udp:127.0.0.1:2223 offer -call-id X -from-tag A -flags "replace-origin ICE=remove" < sdp
//	ngctl play-media -call-id X -from-tag A -option file=/announcements/wait.wav
//	ngctl query -call-id X
//	ngctl -dump answer -call-id X -from-tag A -to-tag B -flags RTP/AVP < sdp
//	ngctl -jsonl < commands.jsonl
//
// Of offer, answer and publish it prints the SDP, of other commands the reply:
// as JSON, or, of list, query and statistics on a terminal, as a table. With
// -jsonl each line of the input is an object {"id", "command", "flags",
// "options", "sdp"}, and each line of the output {"id", "reply"} or, with -dump,
// {"id", "dict"}; {"id", "error"} if it came to nothing.
//
// It exits with 0, with 1 if the engine refused or did not answer, and with 2
// for wrong flags.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/sipnat/sipnat/rtpengine"
)

func main() {
	info, err := os.Stdout.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, terminal))
}

// run is the program; it returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, terminal bool) int {
	opts, err := parseFlags(args, stdin, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "ngctl:", err)
		return 2
	}
	opts.table = terminal && !opts.json
	var client *rtpengine.Client // none for -dump
	if !opts.dump {
		config := rtpengine.Config{Timeout: opts.timeout, Alternative: opts.alternative}
		if client, err = config.Dial(opts.engine); err != nil {
			fmt.Fprintln(stderr, "ngctl:", err)
			return 2
		}
		defer func() { _ = client.Close() }()
	}
	if err := opts.run(client, stdin, stdout); err != nil {
		fmt.Fprintln(stderr, "ngctl:", err)
		return 1
	}
	return 0
}

func (o *options) run(client *rtpengine.Client, stdin io.Reader, stdout io.Writer) error {
	switch {
	case o.jsonl:
		return answerLines(stdin, stdout, client)
	case client == nil:
		return printJSON(stdout, o.dict)
	}
	reply, err := client.Do(context.Background(), o.command, o.dict)
	if err != nil {
		return err
	}
	return o.show(stdout, reply)
}

// options are what the command line says.
type options struct {
	engine, alternative string
	timeout             time.Duration
	dump, json, jsonl   bool
	table               bool // whether replies are for people

	command string
	dict    rtpengine.Dict
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
