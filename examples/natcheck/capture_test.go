// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"
)

const (
	phone  = "203.0.113.9:40112"
	server = "192.0.2.1:5060"
)

// phoneRegister is what a phone behind NAT sends.
var phoneRegister = message("sip:example.com", "<sip:a@10.0.0.5:5060>")

// table runs natcheck on a capture that must be good.
func table(t *testing.T, file string, args ...string) string {
	t.Helper()
	code, stdout, stderr := start(t, "", append([]string{"-pcap", file}, args...)...)
	require.Zero(t, code, stderr)
	require.Empty(t, stderr)
	require.NotContains(t, stdout, "\x1b", "no colours in a pipe")
	return stdout
}

// fields are those of the table's line that begins with prefix, columns being
// two blanks apart.
func fields(t *testing.T, text, prefix string) []string {
	t.Helper()
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, prefix+"  ") {
			continue
		}
		var list []string
		for field := range strings.SplitSeq(strings.TrimSpace(line), "  ") {
			if field != "" {
				list = append(list, strings.TrimSpace(field))
			}
		}
		return list
	}
	require.Fail(t, "no line", "%q in\n%s", prefix, text)
	return nil
}

func TestCaptureOfARealCall(t *testing.T) {
	// sipp behind the kernel's NAT calls sipp, over UDP and then over TCP;
	// taken by tcpdump at the called side.
	got := table(t, filepath.Join("testdata", "sipp.pcap"))
	want := [][]string{
		{"udp 203.0.113.9:20757", "192.168.77.2:5060", "192.168.77.2:5060", "192.168.77.2", "behind NAT", "-", "531", "3", "0", "0"},
		{"udp 203.0.113.1:5060", "-", "203.0.113.1:5060", "203.0.113.1", "no NAT", "-", "485", "0", "3", "0"},
		{"tcp 203.0.113.9:15553", "192.168.77.2:5060", "192.168.77.2:5060", "192.168.77.2", "behind NAT", "-", "531", "3", "0", "0"},
		{"tcp 203.0.113.1:5060", "-", "203.0.113.1:5060", "203.0.113.1", "no NAT", "-", "485", "0", "3", "0"},
	}
	for _, row := range want {
		require.Equal(t, row, fields(t, got, row[0]))
	}
	require.Contains(t, got, "\n  *  16  port: Via says 192.168.77.2:5060, seen 203.0.113.9:20757\n")
	require.Contains(t, got, "\n     16  port: Via says 192.168.77.2:5060, seen 203.0.113.9:15553\n", "on TCP it says nothing")
	require.True(t, strings.HasSuffix(got, "\n23 packets, 12 SIP messages, 4 endpoints\n"))
}

func TestCaptureLinks(t *testing.T) {
	const phone6, server6 = "[2001:db8::9]:40112", "[2001:db8::1]:5060"
	for _, link := range []layers.LinkType{
		layers.LinkTypeEthernet, layers.LinkTypeLinuxSLL, layers.LinkTypeLinuxSLL2, layers.LinkTypeRaw, layers.LinkTypeNull, layers.LinkTypeIPv4, layers.LinkTypeIPv6,
	} {
		t.Run(link.String()+strconv.Itoa(int(link)), func(t *testing.T) {
			for i, ends := range [][2]string{{phone, server}, {phone6, server6}} {
				if link == layers.LinkTypeIPv4 && i == 1 || link == layers.LinkTypeIPv6 && i == 0 {
					continue
				}
				f := newFrames(t, link, ends[0], ends[1])
				for _, file := range []string{pcap(t, link, f.udp(phoneRegister)), pcapng(t, link, f.udp(phoneRegister))} {
					row := fields(t, table(t, file), "udp "+ends[0])
					require.Equal(t, []string{"udp " + ends[0], "10.0.0.5:5060", "10.0.0.5:5060", "-", "behind NAT", "-", strconv.Itoa(len(phoneRegister)), "1", "0", "0"}, row)
				}
			}
		})
	}
}

func TestCaptureVerdicts(t *testing.T) {
	honest := strings.ReplaceAll(phoneRegister, "10.0.0.5:5060", phone)
	reply := "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nCSeq: 1 INVITE\r\nContact: <sip:b@10.0.0.7>\r\nContent-Length: 0\r\n\r\n"
	tests := []struct {
		name     string
		messages []string
		args     []string
		column   int
		want     string
	}{
		{"honest", []string{honest}, nil, 4, "no NAT"},
		{"one of two", []string{honest, phoneRegister}, nil, 4, "behind NAT"},
		{"by other tests", []string{phoneRegister}, []string{"-tests", "source"}, 4, "no NAT"},
		{"a reply's Contact", []string{reply}, nil, 4, "behind NAT"},
		{"a reply's Via is not its sender's", []string{reply}, nil, 1, "-"},
		{"carrier", []string{strings.ReplaceAll(phoneRegister, "10.0.0.5", "100.64.0.5")}, nil, 4, "behind carrier-grade NAT"},
		{"another proxy's", []string{strings.Replace(phoneRegister, "Via:", "Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKp\r\nVia:", 1)}, nil, 4, "proxy"},
		{"unreadable", []string{"REGISTER sip:a SIP/2.0\r\nVia\r\n\r\n"}, nil, 4, "unknown"},
		{"unreadable is counted", []string{"REGISTER sip:a SIP/2.0\r\nVia\r\n\r\n", honest}, nil, 9, "1"},
		{"half rewritten", []string{strings.Replace(honest, "a@"+phone, "a@10.0.0.5:5060", 1)}, nil, 5, "contact"},
		{"claims once each", []string{honest, honest, phoneRegister}, nil, 1, "203.0.113.9:40112 10.0.0.5:5060"},
		{"no more than three", []string{message("sip:x", "<sip:a@h1>,<sip:a@h2>,<sip:a@h3>,<sip:a@h4>")}, nil, 2, "h1 h2 h3 ..."},
		{"escape sequences", []string{strings.Replace(phoneRegister, "10.0.0.5", "h\x1b[31m", 1)}, nil, 1, "h?[31m:5060"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFrames(t, layers.LinkTypeEthernet, phone, server)
			list := [][]byte{f.udp("\x80\x00rtp"), f.udp("\r\n\r\n")}
			for _, m := range tt.messages {
				list = append(list, f.udp(m))
			}
			got := table(t, pcap(t, f.link, list...), tt.args...)
			require.Equal(t, tt.want, fields(t, got, "udp "+phone)[tt.column], got)
		})
	}
}

// long is a request of more bytes than UDP carries everywhere.
func long(body int) string {
	text := strings.Repeat("x", body)
	return strings.Replace(phoneRegister, "Content-Length: 0\r\n\r\n", "Content-Length: "+strconv.Itoa(body)+"\r\n\r\n"+text, 1)
}

func TestCaptureLargestMessage(t *testing.T) {
	f := newFrames(t, layers.LinkTypeRaw, phone, server)
	exact := long(fragmentLimit)
	exact = long(fragmentLimit - (len(exact) - fragmentLimit))
	require.Len(t, exact, fragmentLimit)
	got := table(t, pcap(t, f.link, f.udp(exact)))
	require.Equal(t, "1300", fields(t, got, "udp "+phone)[6])
	require.NotContains(t, got, "too large")

	got = table(t, pcap(t, f.link, f.udp(long(1400)), f.udp(phoneRegister)))
	size := strconv.Itoa(len(long(1400)))
	require.Equal(t, size+"!", fields(t, got, "udp "+phone)[6])
	require.Contains(t, got, "too large: "+size+" bytes over UDP, more than 1300")

	got = table(t, pcap(t, f.link, f.tcp(1, long(1400))))
	require.Equal(t, size, fields(t, got, "tcp "+phone)[6], "no limit on streams")
}

func TestCaptureFragments(t *testing.T) {
	for _, ends := range [][2]string{{phone, server}, {"[2001:db8::9]:40112", "[2001:db8::1]:5060"}} {
		f := newFrames(t, layers.LinkTypeRaw, ends[0], ends[1])
		whole := f.udp(long(2000))
		first, second := split(whole, 1400)
		got := table(t, pcap(t, f.link, first, second))
		row := fields(t, got, "udp "+ends[0])
		require.Equal(t, strconv.Itoa(len(long(2000)))+"!", row[6])
		require.Equal(t, []string{"behind NAT", "1", "0", "0"}, []string{row[4], row[7], row[8], row[9]})
		require.Contains(t, got, "\n2 packets, 1 SIP messages, 1 endpoints\n")
	}
	t.Run("cut off by the capture", func(t *testing.T) {
		f := newFrames(t, layers.LinkTypeRaw, phone, server)
		frame := f.udp(long(1000))
		got := table(t, pcap(t, f.link, frame[:600], frame[:40]))
		row := fields(t, got, "udp "+phone)
		require.Equal(t, []string{"behind NAT", "1", "0"}, []string{row[4], row[7], row[9]})
		require.Equal(t, strconv.Itoa(len(long(1000))), row[6])
	})
}

// split makes two fragments of an IP packet.
func split(packet []byte, at int) (first, second []byte) {
	if packet[0]>>4 == 4 {
		at = 20 + at&^7
		first, second = bytes.Clone(packet[:at]), append(bytes.Clone(packet[:20]), packet[at:]...)
		first[6] |= 0x20 // more fragments
		second[6], second[7] = byte((at-20)>>11), byte((at-20)>>3)
		for _, p := range [][]byte{first, second} {
			p[2], p[3] = byte(len(p)>>8), byte(len(p))
		}
		return first, second
	}
	at = 40 + at&^7
	fragment := func(offset int, more byte, data []byte) []byte {
		p := append(bytes.Clone(packet[:40]), packet[6], 0, byte(offset>>8), byte(offset)&^7|more, 0, 0, 0, 1)
		p = append(p, data...)
		p[6] = 44
		p[4], p[5] = byte((len(p)-40)>>8), byte(len(p)-40)
		return p
	}
	return fragment(0, 1, packet[40:at]), fragment(at-40, 0, packet[at:])
}

func TestCaptureFaults(t *testing.T) {
	f := newFrames(t, layers.LinkTypeRaw, phone, server)
	good, err := os.ReadFile(pcap(t, f.link, f.udp(phoneRegister), f.udp(phoneRegister)))
	require.NoError(t, err)
	file := func(data []byte) string {
		name := filepath.Join(t.TempDir(), "x.pcap")
		require.NoError(t, os.WriteFile(name, data, 0o600))
		return name
	}
	tests := []struct{ name, file, want string }{
		{"no such file", filepath.Join(t.TempDir(), "none.pcap"), "no such file"},
		{"a directory", t.TempDir(), "no capture file"},
		{"empty", file(nil), "no capture file: too short"},
		{"text", file([]byte("INVITE sip:a SIP/2.0\r\nTo: <sip:a>\r\n\r\n")), "no capture file"},
		{"gzip of nothing", file([]byte{0x1f, 0x8b, 8, 0, 0}), "no capture file"},
		{"wireless", pcap(t, layers.LinkTypeIEEE802_11), "link type 105 (802.11) is not supported"},
		{"unnamed link", pcap(t, 250), "link type 250"},
		{"only the header of pcapng", file([]byte{0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0}), "no capture file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := start(t, "", "-pcap", tt.file)
			require.Equal(t, 1, code)
			require.Empty(t, stdout)
			require.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
			require.Contains(t, stderr, tt.want)
		})
	}
	t.Run("broken off: what was read is shown", func(t *testing.T) {
		code, stdout, stderr := start(t, "", "-pcap", file(good[:len(good)-5]))
		require.Equal(t, 1, code)
		require.Equal(t, "behind NAT", fields(t, stdout, "udp "+phone)[4])
		require.Contains(t, stderr, "broken off after 1 packets")
		require.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
	})
	t.Run("no SIP", func(t *testing.T) {
		require.Equal(t, "1 packets, 0 SIP messages, 0 endpoints\n", table(t, pcap(t, f.link, f.udp("hello"))))
	})
	t.Run("standard input", func(t *testing.T) {
		code, stdout, _ := start(t, string(good), "-pcap", "-")
		require.Zero(t, code)
		require.Equal(t, "2", fields(t, stdout, "udp "+phone)[7])
	})
	for _, args := range [][]string{{"-src", phone}, {"-jsonl"}, {"-transport", "tcp"}, {"-tests", "4096"}, {"more.pcap"}} {
		code, _, stderr := start(t, "", append([]string{"-pcap", "x.pcap"}, args...)...)
		require.Equal(t, 2, code, args)
		require.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
	}
}
