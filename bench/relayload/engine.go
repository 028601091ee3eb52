// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/relay"
)

// engine is a running media engine.
type engine struct {
	*rtpengine.Client
	cmd   *exec.Cmd
	stdin io.Closer // the relay ends with it
	log   bytes.Buffer
}

// startEngine starts "relay" or "rtpengine" with media ports from first to last,
// and waits until it answers.
func startEngine(ctx context.Context, name string, ip netip.Addr, first, last int) (*engine, error) {
	ng, err := freePort(ip)
	if err != nil {
		return nil, err
	}
	e := &engine{}
	switch name {
	case "relay":
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		e.cmd = exec.Command(self, "-serve", fmt.Sprintf("%s,%d,%d", ng, first, last))
		if e.stdin, err = e.cmd.StdinPipe(); err != nil {
			return nil, err
		}
	case "rtpengine":
		e.cmd = exec.Command("rtpengine", "--config-file=none", "--table=-1", "--interface="+ip.String(),
			"--listen-ng="+ng.String(), "--num-threads=2", "--foreground", "--log-stderr", "--log-level=4",
			"--port-min="+strconv.Itoa(first), "--port-max="+strconv.Itoa(last))
	default:
		return nil, errors.New("no such engine: " + name)
	}
	e.cmd.Stderr = &e.log
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	if e.Client, err = rtpengine.Dial("udp:" + ng.String()); err != nil {
		e.stop()
		return nil, err
	}
	for range 50 {
		probe, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		err = e.Ping(probe)
		cancel()
		if err == nil {
			return e, nil
		}
		time.Sleep(50 * time.Millisecond) // the socket may not be there yet, which is told at once
	}
	e.stop()
	return nil, fmt.Errorf("%s does not answer: %w\n%s", name, err, e.log.Bytes())
}

func freePort(ip netip.Addr) (netip.AddrPort, error) {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

func (e *engine) stop() {
	if e.Client != nil {
		_ = e.Close()
	}
	if e.stdin != nil {
		_ = e.stdin.Close()
	}
	_ = e.cmd.Process.Kill()
	_ = e.cmd.Wait()
}

// cpu is the CPU time that the process has had, user and system.
func (e *engine) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", e.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// The second field, the name, may have anything in it but ends with the last
	// parenthesis; utime is the 14th, stime the 15th.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 13 {
		return 0, errors.New("unreadable /proc/PID/stat")
	}
	ticks := 0
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(string(f))
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100, nil // USER_HZ is 100 wherever Go runs
}

// serveRelay is the relay's process: "ADDR:PORT,FIRST,LAST". It ends with its
// input.
func serveRelay(what string, until io.Reader) error {
	parts := strings.Split(what, ",")
	if len(parts) != 3 {
		return errors.New("-serve: ADDR:PORT,FIRST,LAST")
	}
	ng, err := netip.ParseAddrPort(parts[0])
	if err != nil {
		return err
	}
	cfg := relay.Config{Address: ng.Addr()}
	for i, port := range []*int{&cfg.PortMin, &cfg.PortMax} {
		if *port, err = strconv.Atoi(parts[1+i]); err != nil {
			return err
		}
	}
	r, err := relay.New(cfg)
	if err != nil {
		return err
	}
	defer r.Close()
	pc, err := net.ListenPacket("udp", parts[0])
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, until)
		_ = r.Close()
	}()
	return r.ServeNG(pc)
}
