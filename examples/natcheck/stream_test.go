// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
)

// piece is a TCP segment of a test.
type piece struct {
	seq  int
	text string
}

func TestStreams(t *testing.T) {
	msg := phoneRegister
	n := len(msg)
	withBody := long(700)
	tests := []struct {
		name     string
		pieces   []piece
		messages int
		gaps     bool
	}{
		{"one", []piece{{0, msg}}, 1, false},
		{"two in one segment", []piece{{0, msg + msg}}, 2, false},
		{"byte by byte", func() (list []piece) {
			for i := range withBody[60:] {
				list = append(list, piece{60 + i, withBody[60+i : 61+i]})
			}
			return append([]piece{{0, withBody[:60]}}, list...)
		}(), 1, false},
		{"repeated", []piece{{0, msg[:100]}, {0, msg[:100]}, {100, msg[100:]}, {100, msg[100:]}}, 1, false},
		{"repeated with more", []piece{{0, msg[:100]}, {50, msg[50:]}}, 1, false},
		{"keepalives between", []piece{{0, "\r\n\r\n"}, {4, msg}, {4 + n, "\r\n\r\n" + msg}}, 2, false},
		{"out of order is not waited for", []piece{{0, msg[:60]}, {100, msg[100:]}, {60, msg[60:100]}, {n, msg}}, 1, true},
		{"missing", []piece{{0, msg[:60]}, {100, msg[100:]}, {n, msg}}, 1, true},
		{"missing between messages", []piece{{0, msg}, {n + 10, msg}}, 2, true},
		{"begun before the capture", []piece{{0, msg[100:]}, {n - 100, msg}}, 1, false},
		{"no SIP", []piece{{0, "GET / HTTP/1.1\r\n\r\n"}, {18, "\x16\x03\x01"}}, 0, false},
		{"too large", []piece{{0, strings.Replace(msg, "Content-Length: 0", "Content-Length: 99999999", 1)}, {n + 7, msg}}, 1, false},
		{"no Content-Length", []piece{{0, strings.Replace(msg, "Content-Length: 0\r\n", "", 1)}}, 1, false},
		{"sequence numbers turn over", []piece{{-50, msg[:50]}, {0, msg[50:]}}, 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFrames(t, layers.LinkTypeEthernet, phone, server)
			back := newFrames(t, layers.LinkTypeEthernet, server, phone)
			for _, syn := range []bool{false, true} {
				if syn && strings.HasPrefix(tt.name, "begun") {
					continue
				}
				var list [][]byte
				if syn {
					list = append(list, f.segment(uint32(tt.pieces[0].seq)-1, "", true, false))
				}
				for _, p := range tt.pieces {
					list = append(list, f.tcp(uint32(p.seq), p.text), back.tcp(9, ""))
				}
				got := table(t, pcap(t, f.link, append(list, f.segment(0, "", false, true))...))
				require.Contains(t, got, fmt.Sprintf("packets, %d SIP messages", tt.messages), got)
				require.Equal(t, tt.gaps, strings.Contains(got, "gaps in TCP streams"), got)
			}
		})
	}
}

// However long a capture is, what is held of it is bounded.
func TestCaptureMemory(t *testing.T) {
	open := func() *capture {
		return &capture{index: map[sender]*endpoint{}, streams: streams{open: map[direction]*stream{}}}
	}
	dst := netip.MustParseAddrPort(server)
	source := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), 5060)
	}
	t.Run("endpoints", func(t *testing.T) {
		c := open()
		for i := range maxEndpoints + 10 {
			c.add(packet{transport: flow.UDP, src: source(i), dst: dst, payload: []byte(phoneRegister), size: len(phoneRegister)})
		}
		require.Len(t, c.endpoints, maxEndpoints)
		require.Contains(t, c.report(false), "10 messages of further endpoints")
	})
	t.Run("streams", func(t *testing.T) {
		c := open()
		for i := range 3 * maxStreams {
			c.add(packet{transport: flow.TCP, src: source(i), dst: dst, payload: []byte(phoneRegister[:50]), size: 50})
		}
		require.Len(t, c.streams.open, maxStreams)
	})
	t.Run("headers without an end", func(t *testing.T) {
		c := open()
		text := []byte(strings.Repeat("X: y\r\n", 200))
		start := []byte("INVITE sip:a SIP/2.0\r\n")
		c.add(packet{transport: flow.TCP, src: source(1), dst: dst, payload: start, size: len(start)})
		seq := uint32(len(start))
		for range 1000 {
			c.add(packet{transport: flow.TCP, src: source(1), dst: dst, payload: text, size: len(text), seq: seq})
			seq += uint32(len(text))
			require.LessOrEqual(t, len(c.streams.open[direction{source(1), dst}].rest), maxMessage)
		}
		require.Zero(t, c.messages)
	})
	t.Run("claims", func(t *testing.T) {
		c := open()
		for i := range 1000 {
			m := []byte(message("sip:x", fmt.Sprintf("<sip:a@host%d%s>", i, strings.Repeat("x", 1000))))
			c.add(packet{transport: flow.UDP, src: source(1), dst: dst, payload: m, size: len(m)})
		}
		require.Len(t, c.endpoints[0].contact.values, maxClaims)
		require.Len(t, c.endpoints[0].contact.values[0], claimWidth)
	})
}

// FuzzCapture reads any file: it ends, and shows nothing that a terminal would
// take for a command.
func FuzzCapture(f *testing.F) {
	frame := newFrames(f, layers.LinkTypeEthernet, phone, server)
	f.Add(pcapBytes(f, frame.link, frame.udp(phoneRegister), frame.tcp(1, phoneRegister)))
	six := newFrames(f, layers.LinkTypeLinuxSLL, "[2001:db8::9]:40112", "[2001:db8::1]:5060")
	f.Add(pcapBytes(f, six.link, six.udp(phoneRegister), six.tcp(1, phoneRegister[:40]), six.tcp(41, phoneRegister[40:])))
	f.Fuzz(func(t *testing.T, file []byte) {
		var out strings.Builder
		err := explainCapture(strings.NewReader(string(file)), &out, options{pcap: "-"})
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
		}
		odd := strings.IndexFunc(out.String(), func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') })
		require.Negative(t, odd, "%q", out.String())
	})
}

func TestColours(t *testing.T) {
	c := &capture{index: map[sender]*endpoint{}, streams: streams{open: map[direction]*stream{}}}
	c.add(packet{transport: flow.UDP, src: netip.MustParseAddrPort(phone), dst: netip.MustParseAddrPort(server), payload: []byte(phoneRegister), size: len(phoneRegister)})
	coloured := c.report(true)
	require.Contains(t, coloured, "\x1b[31mbehind NAT\x1b[0m")
	require.Contains(t, coloured, "\x1b[31m*   2  received: Via says 10.0.0.5, seen 203.0.113.9\x1b[0m")
	bare := coloured
	for _, code := range []colour{bold, red, green, yellow, grey} {
		bare = strings.ReplaceAll(bare, "\x1b["+string(code)+"m", "")
	}
	require.Equal(t, c.report(false), strings.ReplaceAll(bare, "\x1b[0m", ""), "they change nothing else")
}
