// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package sipnat_test

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
	"github.com/sipnat/sipnat/route"
	"github.com/sipnat/sipnat/rport"
)

// phoneInvite is an INVITE of usual size by a phone behind NAT.
func phoneInvite() []byte {
	body := strings.Join([]string{
		"v=0", "o=alice 2890844526 2890844526 IN IP4 10.0.0.5", "s=-", "c=IN IP4 10.0.0.5", "t=0 0",
		"m=audio 49170 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000", "a=sendrecv", "",
	}, "\r\n")
	return []byte(strings.Join([]string{
		"INVITE sip:bob@example.com SIP/2.0",
		"Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK776asdhds",
		"Max-Forwards: 70",
		`From: "Alice" <sip:alice@example.com>;tag=1928301774`,
		"To: <sip:bob@example.com>",
		"Call-ID: a84b4c76e66710@pc33.example.com",
		"CSeq: 314159 INVITE",
		"Contact: <sip:alice@10.0.0.5:5060;transport=udp>",
		"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, UPDATE, INFO",
		"Supported: replaces, timer, 100rel",
		"User-Agent: phone/1.2.3",
		"Content-Type: application/sdp",
		"Content-Length: " + strconv.Itoa(len(body)),
		"", body,
	}, "\r\n"))
}

// invites is a socket on which the same INVITE arrives for ever.
type invites struct {
	net.PacketConn
	data []byte
	from net.Addr
}

func (s *invites) ReadFrom(b []byte) (int, net.Addr, error) { return copy(b, s.data), s.from, nil }

// BenchmarkChain is what a call that sets out from behind NAT costs beside
// sipgo's parser: rport on the datagram, Detect, the signed alias on the Contact,
// Record-Route. %parse is the four in percent of what the parser takes for the
// same INVITE in the same run; the parts are given too. Each is the time per
// INVITE in the median batch, so that it does not matter what else runs on the
// machine; the garbage collector is left out by that, to the parser's advantage.
// ns/op is a batch of all on average.
func BenchmarkChain(b *testing.B) {
	source := netip.MustParseAddrPort("203.0.113.9:40112")
	in := flow.Flow{Transport: flow.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: source}
	out := flow.Flow{Transport: flow.UDP, Local: in.Local, Remote: netip.MustParseAddrPort("203.0.113.77:5060")}
	wire := phoneInvite()
	pc := rport.Always(&invites{data: wire, from: net.UDPAddrFromAddrPort(source)})
	signer := alias.Ephemeral()
	router := &route.Router{Layer: &flow.Layer{}, Key: []byte("0123456789abcdef0123456789abcdef")}
	parser := sip.NewParser()
	buf := make([]byte, 32<<10) // as sipgo reads

	// A batch is small enough to stay in the cache, as a single request does, and
	// large enough for the reading of the clock not to count.
	var batch [8]*sip.Request
	stages := []struct {
		name string
		do   func(i int) bool
		took []time.Duration
	}{
		{name: "parse-ns", do: func(i int) bool {
			msg, err := parser.ParseSIP(wire)
			batch[i], _ = msg.(*sip.Request)
			msg.SetSource("203.0.113.9:40112")
			return err == nil
		}},
		{name: "rport-ns", do: func(int) bool {
			_, _, err := pc.ReadFrom(buf)
			return err == nil
		}},
		{name: "detect-ns", do: func(i int) bool { return nat.Detect(batch[i], nat.TestReceived|nat.TestPort).NATed }},
		{name: "alias-ns", do: func(i int) bool { return signer.Add(batch[i], in) == nil }},
		{name: "route-ns", do: func(i int) bool { return router.RecordRoute(batch[i], in, out) == nil }},
	}
	b.ReportAllocs()
	for b.Loop() {
		for s := range stages {
			stage := &stages[s]
			begin := time.Now()
			for i := range batch {
				if !stage.do(i) {
					b.Fatal(stage.name)
				}
			}
			stage.took = append(stage.took, time.Since(begin))
		}
	}
	var parse, chain time.Duration
	for i, stage := range stages {
		slices.Sort(stage.took)
		median := stage.took[len(stage.took)/2]
		b.ReportMetric(float64(median)/float64(len(batch)), stage.name)
		if i == 0 {
			parse = median
			continue
		}
		chain += median
	}
	b.ReportMetric(100*float64(chain)/float64(parse), "%parse")
}

// What BenchmarkChain measures does its work.
func TestChainOfTheBenchmark(t *testing.T) {
	source := netip.MustParseAddrPort("203.0.113.9:40112")
	in := flow.Flow{Transport: flow.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: source}
	buf := make([]byte, 32<<10)
	n, _, err := rport.Always(&invites{data: phoneInvite(), from: net.UDPAddrFromAddrPort(source)}).ReadFrom(buf)
	require.NoError(t, err)
	msg, err := sip.NewParser().ParseSIP(buf[:n])
	require.NoError(t, err)
	req := msg.(*sip.Request)
	req.SetSource(source.String())
	require.True(t, req.Via().Params.Has("rport"))
	require.True(t, nat.Detect(req, nat.TestReceived|nat.TestPort).NATed)
	signer := alias.Ephemeral()
	require.NoError(t, signer.Add(req, in))
	router := &route.Router{Layer: &flow.Layer{}}
	require.NoError(t, router.RecordRoute(req, in, in))
	require.Contains(t, req.Contact().Value(), "<sip:alice@10.0.0.5:5060;sna=")
	require.Equal(t, "192.0.2.1", req.RecordRoute().Address.Host)
}
