// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Command relayload puts the same load of RTP on package relay and on rtpengine,
// in turn, and prints what both lose and what CPU time they spend on a packet.
//
//	go run ./bench/relayload -calls 500 -talk 10s -rounds 3
//
// Each engine is a process of its own on the loopback interface, which is told of
// the calls by the ng protocol. CPU time is theirs alone, user and system, from
// /proc: Linux only. rtpengine relays in user space (--table=-1). Without
// rtpengine in the PATH, -engine relay runs ours alone.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"time"
)

// config is what the flags say.
type config struct {
	load    load
	rounds  int
	engines []string
}

func main() {
	var cfg config
	serve := flag.String("serve", "", "be the relay, with ng on this address (the program starts itself so)")
	engine := flag.String("engine", "both", "relay, rtpengine or both")
	flag.IntVar(&cfg.load.calls, "calls", 500, "calls at a time, of 50 packets a second each way")
	flag.DurationVar(&cfg.load.talk, "talk", 10*time.Second, "how long they talk")
	flag.IntVar(&cfg.rounds, "rounds", 3, "how often each engine has its turn")
	flag.Parse()
	cfg.engines = []string{"relay", "rtpengine"}
	if *engine != "both" {
		cfg.engines = []string{*engine}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := error(nil)
	if *serve != "" {
		err = serveRelay(*serve, os.Stdin)
	} else {
		err = run(ctx, cfg, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "relayload:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

// run has the engines take turns and prints a table.
func run(ctx context.Context, cfg config, out io.Writer) error {
	engines := map[string]*engine{}
	defer func() {
		for _, e := range engines {
			e.stop()
		}
	}()
	for i, name := range cfg.engines {
		// Below the ports that the host gives to others.
		first := 10000 + 10000*i
		e, err := startEngine(ctx, name, netip.MustParseAddr("127.0.0.1"), first, first+9999)
		if err != nil {
			return err
		}
		engines[name] = e
	}
	fmt.Fprintf(out, "%-10s %5s %9s %6s %11s %9s %9s\n", "engine", "round", "packets", "lost", "CPU/packet", "delay p50", "p99")
	sums := map[string]result{}
	for round := range cfg.rounds {
		for _, name := range cfg.engines {
			r, err := cfg.load.put(ctx, engines[name])
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			r.print(out, name, fmt.Sprint(round+1))
			sum := sums[name]
			sum.add(r)
			sums[name] = sum
		}
	}
	for _, name := range cfg.engines {
		sum := sums[name]
		sum.print(out, name, "all")
	}
	if ours, theirs := sums["relay"], sums["rtpengine"]; ours.received > 0 && theirs.received > 0 {
		fmt.Fprintf(out, "CPU time per packet, relay to rtpengine: %.2f\n", ours.perPacket()/theirs.perPacket())
	}
	return nil
}
