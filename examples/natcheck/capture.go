// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/sipnat/sipnat/flow"
)

// capture is what was found in a capture file.
type capture struct {
	opts      options
	endpoints []*endpoint // by first appearance
	index     map[sender]*endpoint
	streams   streams

	packets, messages, foreign, overflow int
}

// sender identifies an endpoint.
type sender struct {
	transport flow.Transport
	addr      netip.AddrPort
}

// explainCapture reads the capture file that opts name and prints a table of
// the endpoints that sent SIP, with the evidence. What was read of a file
// before a fault is printed too.
func explainCapture(stdin io.Reader, out io.Writer, opts options) error {
	in, name := stdin, "standard input"
	if opts.pcap != "-" {
		file, err := os.Open(opts.pcap)
		if err != nil {
			return err
		}
		defer file.Close()
		in, name = file, opts.pcap
	}
	c := &capture{opts: opts, index: map[sender]*endpoint{}, streams: streams{open: map[direction]*stream{}}}
	fault := c.read(in)
	if fault == nil || c.packets > 0 {
		if _, err := io.WriteString(out, c.report(paletteFor(out))); err != nil {
			return err
		}
	}
	if fault != nil {
		return fmt.Errorf("%s: %w", name, fault)
	}
	return nil
}

// frameSource is a reader of one of the two formats of capture files.
type frameSource interface {
	ZeroCopyReadPacketData() ([]byte, gopacket.CaptureInfo, error)
	LinkType() layers.LinkType
}

// pcapngMagic begins a file of the newer format.
var pcapngMagic = [4]byte{0x0a, 0x0d, 0x0d, 0x0a}

func openCapture(in io.Reader) (frameSource, error) {
	r := bufio.NewReader(in)
	magic, err := r.Peek(len(pcapngMagic))
	if err != nil {
		return nil, errors.New("no capture file: too short")
	}
	var source frameSource
	if bytes.Equal(magic, pcapngMagic[:]) {
		source, err = pcapgo.NewNgReader(r, pcapgo.NgReaderOptions{SkipUnknownVersion: true})
	} else {
		source, err = pcapgo.NewReader(r)
	}
	if err != nil {
		return nil, fmt.Errorf("no capture file: %s", printable(err.Error(), 80))
	}
	return source, nil
}

func (c *capture) read(in io.Reader) error {
	source, err := openCapture(in)
	if err != nil {
		return err
	}
	if _, ok := firstLayer(source.LinkType(), nil); !ok {
		return fmt.Errorf("link type %d (%s) is not supported", source.LinkType(), source.LinkType())
	}
	d := newDecoder()
	for {
		frame, _, err := source.ZeroCopyReadPacketData()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("broken off after %d packets: %s", c.packets, printable(err.Error(), 80))
		}
		c.packets++
		first, _ := firstLayer(source.LinkType(), frame)
		if p, ok := d.decode(first, frame); ok {
			c.add(p)
		}
	}
}

func (c *capture) add(p packet) {
	if p.transport == flow.TCP {
		c.streams.add(p, func(message []byte) { c.judge(p, message, len(message)) })
		return
	}
	if looksLikeSIP(p.payload) {
		c.judge(p, p.payload, p.size)
		return
	}
	c.foreign++
}

func (c *capture) judge(p packet, wire []byte, size int) {
	key := sender{p.transport, p.src}
	e := c.index[key]
	if e == nil {
		if len(c.endpoints) == maxEndpoints {
			c.overflow++
			return
		}
		e = &endpoint{transport: p.transport, addr: p.src}
		c.index[key] = e
		c.endpoints = append(c.endpoints, e)
	}
	c.messages++
	e.judge(wire, size, p.dst, decisive(c.opts, p.transport))
}
