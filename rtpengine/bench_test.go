// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"bytes"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/bencode"
	"github.com/sipnat/sipnat/rtpengine"
)

const benchSDP = "v=0\r\no=- 1 1 IN IP4 192.168.1.2\r\ns=-\r\nc=IN IP4 192.168.1.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n" +
	"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"

func benchOffer() rtpengine.Params {
	p := full
	p.CallID, p.ToTag, p.SDP = "843817637684230@998sdasdh09", "", []byte(benchSDP)
	return p
}

// mirror is a conn whose engine answers every datagram with the same SDP.
type mirror struct {
	net.Conn
	replies chan []byte
	reply   []byte
}

func newMirror() *mirror {
	sdp := bencode.AppendString([]byte(" d3:sdp"), benchSDP)
	return &mirror{replies: make(chan []byte, 1024), reply: append(sdp, "6:result2:oke"...)}
}

func (m *mirror) Write(b []byte) (int, error) {
	cookie, _, _ := bytes.Cut(b, []byte(" "))
	m.replies <- cookie
	return len(b), nil
}

func (m *mirror) Read(b []byte) (int, error) {
	cookie, ok := <-m.replies
	if !ok {
		return 0, net.ErrClosed
	}
	return copy(b[copy(b, cookie):], m.reply) + len(cookie), nil
}

func (m *mirror) Close() error {
	close(m.replies)
	return nil
}

// BenchmarkOffer is a whole offer but the system calls.
func BenchmarkOffer(b *testing.B) {
	c := rtpengine.New(newMirror(), rtpengine.Config{})
	defer func() { _ = c.Close() }()
	p := benchOffer()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Offer(b.Context(), p); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCodec is what BenchmarkOffer spends on bencode.
func BenchmarkCodec(b *testing.B) {
	p := benchOffer()
	reply := newMirror().reply[1:]
	b.Run("offer", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			request := rtpengine.EncodeOffer(&p)
			sdp, err := rtpengine.DecodeSDP(reply)
			if err != nil || len(sdp) == 0 || len(request) == 0 {
				b.Fatal(err)
			}
		}
	})
	d := p.Dict()
	b.Run("dict", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			request, err := bencode.Append(nil, d)
			if err != nil || len(request) == 0 {
				b.Fatal(err)
			}
			if _, err := bencode.Decode(reply); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParseFlags(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rtpengine.ParseFlags("replace-origin ICE=remove RTP/AVP rtcp-mux-demux strict-source"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestCodecAllocations(t *testing.T) {
	p := benchOffer()
	reply := newMirror().reply[1:]
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = rtpengine.EncodeOffer(&p) }), 1.0, "the datagram")
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = rtpengine.DecodeSDP(reply) }))
}
