// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Natcheck says why the sender of a SIP message is taken to be behind NAT, and
// what Kamailio's nathelper would make of the message.
//
//	natcheck -src 203.0.113.9:40112 [-transport udp] [-tests all] < message
//	natcheck -pcap FILE [-tests 18]
//	natcheck -jsonl < messages.jsonl
//
// With -pcap, FILE is a capture (pcap or pcapng, gzipped or not; - for standard
// input) taken where the packets arrive, and the output a table of all that sent
// SIP in it: what they claim, whether they are behind NAT, what looks half
// rewritten on the way, the largest message, and the evidence. Read are UDP and
// TCP over IPv4 and IPv6, from Ethernet (with VLAN tags), loopback, raw IP and
// Linux cooked captures. Not read are TLS and WebSocket; IPv6 extension headers
// other than fragments and hop-by-hop options; fragments are not put together:
// a datagram is judged by the first, which has its size. TCP segments are taken
// in the order of the capture; where one is missing or out of order, reading goes
// on at the next that begins with a message.
//
// With -jsonl, each line of the input is an object {"id", "message", "source",
// "transport"}, and each line of the output the answer to one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program: 0 on success, 1 if the input could not be judged, 2 for
// wrong flags.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	opts, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "natcheck:", err)
		return 2
	case opts.pcap != "":
		err = explainCapture(stdin, stdout, opts)
	case opts.jsonl:
		err = answerLines(stdin, stdout, opts.tests)
	default:
		err = explainOne(stdin, stdout, opts)
	}
	if err != nil {
		fmt.Fprintln(stderr, "natcheck:", err)
		return 1
	}
	return 0
}

type options struct {
	path  flow.Flow
	tests nat.Test // with pcap, 0 stands for those that fit the transport
	jsonl bool
	pcap  string
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var opts options
	fs := flag.NewFlagSet("natcheck", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // one line of our own for a wrong flag
	src := fs.String("src", "", "`IP:PORT` that the message came from")
	transport := fs.String("transport", "udp", "udp, tcp, tls, ws or wss")
	tests := fs.String("tests", "", "the tests that decide: a number as for nat_uac_test, names, or all (default all; 18 with -pcap, 2 for TCP there)")
	fs.StringVar(&opts.pcap, "pcap", "", "judge the senders in a capture `FILE`")
	fs.BoolVar(&opts.jsonl, "jsonl", false, "judge one JSON object a line")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fs.SetOutput(stderr)
			fs.Usage()
		}
		return opts, err
	}
	if fs.NArg() > 0 {
		return opts, fmt.Errorf("unexpected argument %q: the message is read from standard input", fs.Arg(0))
	}
	if err := opts.setTests(*tests); err != nil {
		return opts, err
	}
	if opts.jsonl || opts.pcap != "" {
		return opts, alone(opts, fs)
	}
	if *src == "" {
		return opts, errors.New("-src IP:PORT is required")
	}
	var err error
	opts.path, err = parsePath(*src, *transport)
	return opts, err
}

func (o *options) setTests(text string) (err error) {
	if text == "" {
		if o.pcap == "" {
			o.tests = nat.TestAll
		}
		return nil
	}
	if o.tests, err = nat.ParseTests(text); err != nil {
		return fmt.Errorf("-tests: %w", err)
	}
	return nil
}

// alone refuses flags that do not go with -jsonl and -pcap.
func alone(opts options, fs *flag.FlagSet) (err error) {
	fs.Visit(func(f *flag.Flag) {
		switch {
		case opts.pcap != "" && (f.Name == "src" || f.Name == "transport" || f.Name == "jsonl"):
			err = fmt.Errorf("-%s does not go with -pcap: the packets name their path", f.Name)
		case opts.pcap == "" && f.Name == "src":
			err = errors.New("-src does not go with -jsonl: each line names its source")
		}
	})
	return err
}

// parsePath reads where a message came from. No transport means UDP.
func parsePath(source, transport string) (flow.Flow, error) {
	addr, err := netip.ParseAddrPort(source)
	if err != nil || addr.Port() == 0 {
		return flow.Flow{}, fmt.Errorf("source %q is no IP:PORT", source)
	}
	if transport == "" {
		transport = flow.UDP.String()
	}
	t, ok := flow.ParseTransport(transport)
	if !ok {
		return flow.Flow{}, fmt.Errorf("unknown transport %q", transport)
	}
	return flow.Flow{Transport: t, Remote: netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())}, nil
}
