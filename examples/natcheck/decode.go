// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/sipnat/sipnat/flow"
)

// packet is what matters of a captured one. payload lives until the next is
// decoded.
type packet struct {
	transport flow.Transport // UDP or TCP
	src, dst  netip.AddrPort
	payload   []byte
	size      int // of the payload on the wire; more than was captured if cut off or fragmented

	seq      uint32 // TCP
	syn, end bool
}

func (p *packet) cut() bool { return len(p.payload) < p.size }

// decoder takes captured frames apart. It holds the layers, so that a frame
// costs no allocation.
type decoder struct {
	ethernet layers.Ethernet
	tag      layers.Dot1Q
	loopback layers.Loopback
	sll      layers.LinuxSLL
	sll2     layers.LinuxSLL2
	ip4      layers.IPv4
	ip6      layers.IPv6
	part6    layers.IPv6Fragment
	udp      layers.UDP
	tcp      layers.TCP

	parsers map[gopacket.LayerType]*gopacket.DecodingLayerParser
	found   []gopacket.LayerType
}

func newDecoder() *decoder {
	d := &decoder{parsers: map[gopacket.LayerType]*gopacket.DecodingLayerParser{}}
	for _, first := range []gopacket.LayerType{
		layers.LayerTypeEthernet, layers.LayerTypeLoopback, layers.LayerTypeLinuxSLL, layers.LayerTypeLinuxSLL2,
		layers.LayerTypeIPv4, layers.LayerTypeIPv6,
	} {
		parser := gopacket.NewDecodingLayerParser(first, &d.ethernet, &d.tag, &d.loopback, &d.sll, &d.sll2, &d.ip4, &d.ip6, &d.part6, &d.udp, &d.tcp)
		parser.IgnoreUnsupported = true
		d.parsers[first] = parser
	}
	return d
}

// firstLayer is what a frame of a link begins with; false for links that
// natcheck does not know.
func firstLayer(link layers.LinkType, frame []byte) (gopacket.LayerType, bool) {
	switch link {
	case layers.LinkTypeEthernet:
		return layers.LayerTypeEthernet, true
	case layers.LinkTypeNull, layers.LinkTypeLoop:
		return layers.LayerTypeLoopback, true
	case layers.LinkTypeLinuxSLL:
		return layers.LayerTypeLinuxSLL, true
	case layers.LinkTypeLinuxSLL2:
		return layers.LayerTypeLinuxSLL2, true
	case layers.LinkTypeIPv4:
		return layers.LayerTypeIPv4, true
	case layers.LinkTypeIPv6:
		return layers.LayerTypeIPv6, true
	case layers.LinkTypeRaw, 12, 14: // DLT_RAW has another number on some systems
		if len(frame) > 0 && frame[0]>>4 == 6 {
			return layers.LayerTypeIPv6, true
		}
		return layers.LayerTypeIPv4, true
	}
	return 0, false
}

// decode reads a frame. ok is false if it is neither UDP nor TCP, the second
// and later fragments of a datagram among them.
func (d *decoder) decode(first gopacket.LayerType, frame []byte) (p packet, ok bool) {
	// What follows a fault is not decoded, what stands before it is good.
	_ = d.parsers[first].DecodeLayers(frame, &d.found)
	var src, dst []byte
	left := 0 // bytes of the IP packet behind its header, as they were sent
	for _, layer := range d.found {
		switch layer {
		case layers.LayerTypeIPv4:
			src, dst, left = d.ip4.SrcIP, d.ip4.DstIP, int(d.ip4.Length)-len(d.ip4.Contents)
			if d.ip4.Flags&layers.IPv4MoreFragments != 0 && d.ip4.FragOffset == 0 && d.ip4.Protocol == layers.IPProtocolUDP {
				return d.datagram(src, dst, d.ip4.Payload)
			}
		case layers.LayerTypeIPv6:
			src, dst, left = d.ip6.SrcIP, d.ip6.DstIP, int(d.ip6.Length)
		case layers.LayerTypeIPv6Fragment:
			left -= len(d.part6.Contents)
			if d.part6.MoreFragments && d.part6.FragmentOffset == 0 && d.part6.NextHeader == layers.IPProtocolUDP {
				return d.datagram(src, dst, d.part6.Payload)
			}
		case layers.LayerTypeUDP:
			return d.describeUDP(src, dst)
		case layers.LayerTypeTCP:
			return d.describeTCP(src, dst, left)
		}
	}
	return packet{}, false
}

// datagram reads the first fragment of one: its UDP header tells the size of
// the whole.
func (d *decoder) datagram(src, dst, data []byte) (packet, bool) {
	if d.udp.DecodeFromBytes(data, gopacket.NilDecodeFeedback) != nil {
		return packet{}, false
	}
	return d.describeUDP(src, dst)
}

func (d *decoder) describeUDP(src, dst []byte) (packet, bool) {
	p := packet{transport: flow.UDP, payload: d.udp.Payload, size: max(int(d.udp.Length)-8, len(d.udp.Payload))}
	return p, p.address(src, uint16(d.udp.SrcPort), dst, uint16(d.udp.DstPort))
}

func (d *decoder) describeTCP(src, dst []byte, left int) (packet, bool) {
	p := packet{
		transport: flow.TCP, payload: d.tcp.Payload, size: max(left-len(d.tcp.Contents), len(d.tcp.Payload)),
		seq: d.tcp.Seq, syn: d.tcp.SYN, end: d.tcp.FIN || d.tcp.RST,
	}
	return p, p.address(src, uint16(d.tcp.SrcPort), dst, uint16(d.tcp.DstPort))
}

func (p *packet) address(src []byte, srcPort uint16, dst []byte, dstPort uint16) (ok bool) {
	from, okFrom := netip.AddrFromSlice(src)
	to, okTo := netip.AddrFromSlice(dst)
	p.src, p.dst = netip.AddrPortFrom(from.Unmap(), srcPort), netip.AddrPortFrom(to.Unmap(), dstPort)
	return okFrom && okTo && srcPort != 0
}
