// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Edge is an "SBC lite": it stands between phones behind NAT and the world.
// Phones register with it, call and are called through it, and their media is
// relayed.
//
//	edge -listen udp:192.0.2.1:5060 -listen tcp:192.0.2.1:5060 -users users.txt -domain example.com
//
// With -cert and -key it listens on tls: and wss: too.
//
// A line of the users file is "user:password". -open lets everybody in, for
// trying out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: 0 when ctx has ended it, 1 when it could not
// start or failed, 2 for wrong flags.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	slog.SetDefault(slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	cfg, err := parseConfig(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "edge:", err)
		return 2
	}
	e, err := newEdge(cfg)
	if err != nil {
		fmt.Fprintln(stderr, "edge:", err)
		return 1
	}
	cfg.describe(stdout)
	if err := e.serve(ctx); err != nil {
		fmt.Fprintln(stderr, "edge:", err)
		return 1
	}
	return 0
}
