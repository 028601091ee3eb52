// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

// listenAddr is one -listen.
type listenAddr struct {
	transport flow.Transport
	addr      netip.AddrPort
}

type config struct {
	listen    []listenAddr
	keys      []tls.Certificate // for tls and wss
	advertise string
	media     string
	tests     nat.Test
	ping      time.Duration
	domains   []string
	users     users
	open      bool
}

// parseConfig reads the command line. Every error is one line that says what to
// type instead.
func parseConfig(args []string, stderr io.Writer) (config, error) {
	var cfg config
	var usersFile, certFile, keyFile string
	fs := flag.NewFlagSet("edge", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Func("listen", "`TRANSPORT:HOST:PORT` to listen on, udp, tcp, tls, ws or wss; repeatable (default udp:127.0.0.1:5060)", func(s string) error {
		l, err := parseListen(s)
		cfg.listen = append(cfg.listen, l)
		return err
	})
	fs.StringVar(&certFile, "cert", "", "`FILE` with the certificate chain in PEM, for -listen tls: and wss:")
	fs.StringVar(&keyFile, "key", "", "`FILE` with its private key in PEM")
	fs.StringVar(&cfg.advertise, "advertise", "", "`HOST` that phones know us by, when 1:1 NAT is in front of us")
	fs.StringVar(&cfg.media, "media", "embedded", "`embedded`, none, or udp:HOST:PORT of an rtpengine; several with commas")
	tests := fs.String("tests", "18", "NAT tests, as for Kamailio's nat_uac_test, or names")
	fs.DurationVar(&cfg.ping, "ping", 25*time.Second, "interval of keepalive pings; 0 sends none")
	fs.Func("domain", "`NAME` of a domain whose users register here; repeatable (default: every domain is ours)", func(s string) error {
		cfg.domains = append(cfg.domains, s)
		return nil
	})
	fs.StringVar(&usersFile, "users", "", "`FILE` of lines user:password; phones must authenticate")
	fs.BoolVar(&cfg.open, "open", false, "no authentication: everybody may register as anybody")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fs.SetOutput(stderr)
			fs.Usage()
		}
		return cfg, err
	}
	if fs.NArg() > 0 {
		return cfg, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if cfg.listen == nil {
		cfg.listen = []listenAddr{{flow.UDP, netip.MustParseAddrPort("127.0.0.1:5060")}}
	}
	var err error
	if cfg.keys, err = readKeys(cfg.listen, certFile, keyFile); err != nil {
		return cfg, err
	}
	if cfg.tests, err = nat.ParseTests(*tests); err != nil {
		return cfg, fmt.Errorf("-tests: %w", err)
	}
	if err := checkMedia(cfg.media); err != nil {
		return cfg, err
	}
	if cfg.open == (usersFile != "") {
		return cfg, errors.New("either -users FILE (who may register) or -open (everybody may) is needed")
	}
	if usersFile != "" {
		cfg.users, err = readUsers(usersFile)
	}
	return cfg, err
}

func parseListen(s string) (listenAddr, error) {
	name, addr, _ := strings.Cut(s, ":")
	t, ok := flow.ParseTransport(name)
	if !ok {
		return listenAddr{}, fmt.Errorf("%q is not TRANSPORT:HOST:PORT with udp, tcp, tls, ws or wss", s)
	}
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return listenAddr{}, fmt.Errorf("%q: HOST must be an IP address, PORT a number", s)
	}
	return listenAddr{t, ap}, nil
}

// readKeys reads the certificate, which encrypted listeners must have and others
// have no use for.
func readKeys(listen []listenAddr, certFile, keyFile string) ([]tls.Certificate, error) {
	var secure *listenAddr
	for i, l := range listen {
		if l.transport.Secure() {
			secure = &listen[i]
		}
	}
	switch given := certFile != "" || keyFile != ""; {
	case secure == nil && given:
		return nil, errors.New("-cert and -key are for -listen tls:HOST:PORT and wss:HOST:PORT: there is none")
	case secure == nil:
		return nil, nil
	case certFile == "" || keyFile == "":
		return nil, fmt.Errorf("-listen %s:%s needs -cert FILE and -key FILE", secure.transport, secure.addr)
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("-cert, -key: %w", err)
	}
	return []tls.Certificate{pair}, nil
}

func checkMedia(media string) error {
	if media == "embedded" || media == "none" {
		return nil
	}
	for engine := range strings.SplitSeq(media, ",") {
		if addr, ok := strings.CutPrefix(engine, "udp:"); !ok || addr == "" {
			return fmt.Errorf("-media: %q is not embedded, none or udp:HOST:PORT[,udp:HOST:PORT…]", media)
		}
	}
	return nil
}

// describe says what to type into a phone.
func (c config) describe(w io.Writer) {
	for _, l := range c.listen {
		host := l.addr.Addr().String()
		if c.advertise != "" {
			host = c.advertise
		}
		fmt.Fprintf(w, "listening on %s:%s; in the phone: server %s, port %d, transport %s\n", l.transport, l.addr, host, l.addr.Port(), l.transport)
	}
	who := fmt.Sprintf("%d users may register", len(c.users))
	if c.open {
		who = "anybody may register as anybody (-open)"
	}
	domains := "any domain"
	if len(c.domains) > 0 {
		domains = strings.Join(c.domains, ", ")
	}
	fmt.Fprintf(w, "%s, for %s; media: %s; NAT tests: %s; pings: %s\n", who, domains, c.media, c.tests, c.ping)
}
