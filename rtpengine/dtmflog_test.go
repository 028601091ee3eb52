// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

const dtmfLine = `{"callid":"c1","source_tag":"A","tags":["A","B"],"type":"DTMF","timestamp":1795328380,` +
	`"source_ip":"127.0.0.11","event":11,"duration":80,"volume":10}`

var dtmfEvent = rtpengine.DTMF{
	CallID: "c1", SourceTag: "A", Tags: []string{"A", "B"}, Source: netip.MustParseAddr("127.0.0.11"),
	Time: time.Unix(1795328380, 0), Digit: '#', Event: 11, Duration: 80 * ms, Volume: 10,
}

func TestParseDTMF(t *testing.T) {
	got, err := rtpengine.ParseDTMF([]byte(dtmfLine))
	require.NoError(t, err)
	require.Equal(t, dtmfEvent, got)
	for _, line := range []string{
		"", "{}", "null", "[]", `{"type":"DTMF","event":16}`, `{"type":"DTMF","event":-1}`, `{"type":"x","event":1}`,
		`{"type":"DTMF","event":1,"source_ip":"x"}`, `{"callid":"a"b","type":"DTMF","event":1}`, `{"type":"DTMF","event":1,"duration":-1}`,
	} {
		_, err := rtpengine.ParseDTMF([]byte(line))
		require.ErrorIs(t, err, rtpengine.ErrBadReply, line)
	}
}

func TestServeDTMF(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	events := make(chan rtpengine.DTMF)
	ended := make(chan error)
	go func() { ended <- rtpengine.ServeDTMF(pc, func(d rtpengine.DTMF) { events <- d }) }()
	c, err := net.Dial("udp", pc.LocalAddr().String())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	for _, line := range []string{"junk", dtmfLine, dtmfLine} {
		_, err := c.Write([]byte(line))
		require.NoError(t, err)
	}
	require.Equal(t, dtmfEvent, <-events)
	require.Equal(t, dtmfEvent, <-events, "a second press of the same key looks the same")
	require.NoError(t, pc.Close())
	require.NoError(t, <-ended)
}

func FuzzParseDTMF(f *testing.F) {
	f.Add([]byte(dtmfLine))
	f.Add([]byte(`{"type":"DTMF"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := rtpengine.ParseDTMF(b)
		if err != nil {
			require.Zero(t, d)
			return
		}
		require.Contains(t, "0123456789*#ABCD", string(d.Digit))
		require.GreaterOrEqual(t, d.Duration, time.Duration(0))
	})
}
