// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"
)

// frames builds captured frames of one kind of link.
type frames struct {
	t        testing.TB
	link     layers.LinkType
	src, dst netip.AddrPort
}

func newFrames(t testing.TB, link layers.LinkType, src, dst string) frames {
	return frames{t, link, netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)}
}

// udp is a datagram.
func (f frames) udp(payload string) []byte {
	udp := &layers.UDP{SrcPort: layers.UDPPort(f.src.Port()), DstPort: layers.UDPPort(f.dst.Port())}
	return f.frame(layers.IPProtocolUDP, udp, payload)
}

// tcp is a segment.
func (f frames) tcp(seq uint32, payload string) []byte { return f.segment(seq, payload, false, false) }

func (f frames) segment(seq uint32, payload string, syn, fin bool) []byte {
	tcp := &layers.TCP{SrcPort: layers.TCPPort(f.src.Port()), DstPort: layers.TCPPort(f.dst.Port()), Seq: seq, SYN: syn, FIN: fin, ACK: true, Window: 1000}
	return f.frame(layers.IPProtocolTCP, tcp, payload)
}

type transportLayer interface {
	gopacket.SerializableLayer
	SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
}

func (f frames) frame(proto layers.IPProtocol, transport transportLayer, payload string) []byte {
	src, dst := net.IP(f.src.Addr().AsSlice()), net.IP(f.dst.Addr().AsSlice())
	var ip interface {
		gopacket.SerializableLayer
		gopacket.NetworkLayer
	} = &layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: src, DstIP: dst}
	if f.src.Addr().Is6() {
		ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: src, DstIP: dst}
	}
	require.NoError(f.t, transport.SetNetworkLayerForChecksum(ip))
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	require.NoError(f.t, gopacket.SerializeLayers(buf, opts, ip, transport, gopacket.Payload(payload)))
	return f.onLink(buf.Bytes())
}

// onLink puts the header of the link in front of an IP packet.
func (f frames) onLink(packet []byte) []byte {
	ether := uint16(layers.EthernetTypeIPv4)
	if f.src.Addr().Is6() {
		ether = uint16(layers.EthernetTypeIPv6)
	}
	var head []byte
	switch f.link {
	case layers.LinkTypeEthernet:
		head = append(make([]byte, 12), 0x81, 0x00, 0, 7) // a VLAN tag
		head = binary.BigEndian.AppendUint16(head, ether)
	case layers.LinkTypeLinuxSLL:
		head = binary.BigEndian.AppendUint16([]byte{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0}, ether)
	case layers.LinkTypeLinuxSLL2:
		head = append(binary.BigEndian.AppendUint16(nil, ether), make([]byte, 18)...)
		head[9], head[11] = 1, 6 // Ethernet
	case layers.LinkTypeNull:
		head = []byte{2, 0, 0, 0}
		if f.src.Addr().Is6() {
			head[0] = 10
		}
	}
	return append(head, packet...)
}

// pcap writes frames into a capture file of the test.
func pcap(t testing.TB, link layers.LinkType, list ...[]byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "test.pcap")
	require.NoError(t, os.WriteFile(name, pcapBytes(t, link, list...), 0o600))
	return name
}

func pcapBytes(t testing.TB, link layers.LinkType, list ...[]byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	require.NoError(t, w.WriteFileHeader(65536, link))
	for i, frame := range list {
		at := time.Unix(int64(i), 0)
		require.NoError(t, w.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(frame), Length: len(frame)}, frame))
	}
	return file.Bytes()
}

// pcapng is pcap in the newer format.
func pcapng(t testing.TB, link layers.LinkType, list ...[]byte) string {
	t.Helper()
	var file bytes.Buffer
	w, err := pcapgo.NewNgWriter(&file, link)
	require.NoError(t, err)
	for i, frame := range list {
		at := time.Unix(int64(i), 0)
		require.NoError(t, w.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(frame), Length: len(frame)}, frame))
	}
	require.NoError(t, w.Flush())
	name := filepath.Join(t.TempDir(), "test.pcapng")
	require.NoError(t, os.WriteFile(name, file.Bytes(), 0o600))
	return name
}
