// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

// wavFile is a file of silence.
func wavFile(length time.Duration) []byte {
	n := uint32(length / (125 * time.Microsecond)) // samples of 8 kHz
	var b bytes.Buffer
	b.WriteString("RIFF")
	_ = binary.Write(&b, binary.LittleEndian, 36+2*n)
	b.WriteString("WAVEfmt ")
	for _, v := range []any{uint32(16), uint16(1), uint16(1), uint32(8000), uint32(16000), uint16(2), uint16(16)} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("data")
	_ = binary.Write(&b, binary.LittleEndian, 2*n)
	b.Write(make([]byte, 2*n))
	return b.Bytes()
}

// TestRtpengineCommands has the real daemon take every typed command.
func TestRtpengineCommands(t *testing.T) {
	t.Parallel()
	d := startNG(t, "--recording-method=pcap", "--recording-dir="+t.TempDir())
	c := d.client(t)
	ctx := t.Context()
	call := d.establish(t, c, "c1", rtpengine.MustParseFlags("inject-DTMF"))
	whole, a := rtpengine.Party{CallID: "c1"}, rtpengine.Party{CallID: "c1", FromTag: "A"}
	require.NoError(t, c.Ping(ctx))

	t.Run("list", func(t *testing.T) {
		calls, err := c.List(ctx, 0)
		require.NoError(t, err)
		require.Equal(t, []string{"c1"}, calls)
	})
	t.Run("query", func(t *testing.T) {
		var packets int64
		seq := uint16(0)
		eventually(t, answerWithin, "packets in the statistics", func() bool {
			seq++
			call.rtp(t, 0, seq == 1, seq, uint32(seq)*160, make([]byte, 160))
			reply, err := c.Query(ctx, rtpengine.Params{CallID: "c1"})
			require.NoError(t, err)
			q := rtpengine.ReadCall(reply)
			require.Len(t, q.Tags, 2)
			packets = q.RTP.Packets
			return packets >= 3
		})
		_, err := c.Query(ctx, rtpengine.Params{CallID: "none"})
		require.ErrorIs(t, err, rtpengine.ErrUnknownCall)
	})
	t.Run("statistics", func(t *testing.T) {
		s, err := c.Statistics(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 1, s.Sessions)
	})
	for _, p := range []rtpengine.Party{whole, a} {
		for name, run := range map[string]func() error{
			"block media":     func() error { return errors.Join(c.BlockMedia(ctx, p), c.UnblockMedia(ctx, p)) },
			"silence media":   func() error { return errors.Join(c.SilenceMedia(ctx, p), c.UnsilenceMedia(ctx, p)) },
			"block DTMF":      func() error { return c.BlockDTMF(ctx, p, rtpengine.DTMFBlock{Mode: "silence"}) },
			"unblock DTMF":    func() error { return c.UnblockDTMF(ctx, p) },
			"forwarding":      func() error { return errors.Join(c.StartForwarding(ctx, p, "m"), c.StopForwarding(ctx, p)) },
			"start recording": func() error { return c.StartRecording(ctx, p, rtpengine.Recording{Metadata: "k:v"}) },
			"stop recording":  func() error { return c.StopRecording(ctx, p) },
		} {
			t.Run(name, func(t *testing.T) { require.NoError(t, run()) })
		}
	}
	t.Run("pause recording, not in 10.5", func(t *testing.T) {
		require.ErrorIs(t, c.PauseRecording(ctx, whole), errors.ErrUnsupported)
	})
	t.Run("play media", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "silence.wav")
		require.NoError(t, os.WriteFile(file, wavFile(3*time.Second), 0o644))
		for _, m := range []rtpengine.Media{{File: file}, {Blob: wavFile(3 * time.Second), Repeat: 2}} {
			length, err := c.PlayMedia(ctx, a, m)
			require.NoError(t, err)
			require.Equal(t, 3*time.Second, length)
			require.NoError(t, c.StopMedia(ctx, a))
		}
		var refusal *rtpengine.Error
		_, err := c.PlayMedia(ctx, whole, rtpengine.Media{File: "/nowhere.wav"})
		require.ErrorAs(t, err, &refusal)
	})
	t.Run("play DTMF", func(t *testing.T) {
		require.NoError(t, c.PlayDTMF(ctx, a, rtpengine.Digit{Code: '#', Duration: 200 * time.Millisecond, Volume: -10}))
		var refusal *rtpengine.Error
		require.ErrorAs(t, c.PlayDTMF(ctx, rtpengine.Party{CallID: "c1", FromTag: "B"}, rtpengine.Digit{Code: '1'}), &refusal, "B sent no media")
	})
	t.Run("subscribe", func(t *testing.T) {
		o, err := c.SubscribeRequest(ctx, rtpengine.Subscription{CallID: "c1", Flags: rtpengine.MustParseFlags("siprec")})
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"A", "B"}, o.FromTags)
		require.Equal(t, 2, strings.Count(string(o.SDP), "m=audio"))
		require.NoError(t, c.Unsubscribe(ctx, "c1", o.ToTag))

		o, err = c.SubscribeRequest(ctx, rtpengine.Subscription{CallID: "c1", FromTags: []string{"A"}, ToTag: "REC"})
		require.NoError(t, err)
		require.Equal(t, "REC", o.ToTag)
		require.NoError(t, c.SubscribeAnswer(ctx, rtpengine.Params{CallID: "c1", ToTag: "REC", SDP: ngSDP(d.ip, 9)}))
		require.NoError(t, c.Unsubscribe(ctx, "c1", "REC"))
	})
	t.Run("publish", func(t *testing.T) {
		sdp, err := c.Publish(ctx, rtpengine.Params{CallID: "p1", FromTag: "A", SDP: ngSDP(d.ip, 9)})
		require.NoError(t, err)
		require.Contains(t, string(sdp), "a=recvonly")
	})
	t.Run("delete", func(t *testing.T) {
		for _, p := range []rtpengine.Params{{CallID: "c1"}, {CallID: "p1"}} {
			p.Flags = rtpengine.MustParseFlags("delete-delay=0")
			require.NoError(t, c.Delete(ctx, p))
		}
		calls, err := c.List(ctx, 100)
		require.NoError(t, err)
		require.Empty(t, calls)
		p := rtpengine.Params{CallID: "c1", Flags: rtpengine.MustParseFlags("fatal")}
		var refusal *rtpengine.Error
		require.ErrorAs(t, c.Delete(ctx, p), &refusal)
	})
}

// TestRtpengineTransports runs the same commands over every transport, and what
// UDP cannot carry by the alternative one.
func TestRtpengineTransports(t *testing.T) {
	t.Parallel()
	d := startNG(t)
	http := "http://" + d.ip + ":2225"
	for name, addr := range map[string]string{"udp": d.addr(), "http": http, "ws": "ws://" + d.ip + ":2225"} {
		t.Run(name, func(t *testing.T) {
			c, err := rtpengine.Dial(addr)
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Close()) }()
			require.NoError(t, c.Ping(t.Context()))
			errs := make(chan error, 50)
			for i := range cap(errs) {
				go func() {
					p := rtpengine.Params{CallID: fmt.Sprintf("%s-%d", name, i), FromTag: "A", SDP: ngSDP(d.ip, 9)}
					_, err := c.Offer(t.Context(), p)
					p.ToTag = "B"
					_, err2 := c.Answer(t.Context(), p)
					errs <- errors.Join(err, err2, c.Delete(t.Context(), rtpengine.Params{CallID: p.CallID}))
				}()
			}
			for range cap(errs) {
				require.NoError(t, <-errs)
			}
		})
	}
	t.Run("a list that UDP drops", func(t *testing.T) {
		c := d.client(t)
		long := strings.Repeat("x", 240)
		for i := range 300 {
			_, err := c.Offer(t.Context(), rtpengine.Params{CallID: fmt.Sprintf("%s-%d", long, i), FromTag: "A", SDP: ngSDP(d.ip, 9)})
			require.NoError(t, err)
		}
		calls, err := c.List(t.Context(), 10000)
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(calls), 300)
		bare, err := rtpengine.Config{Timeout: time.Second}.Dial(d.addr())
		require.NoError(t, err)
		defer func() { _ = bare.Close() }()
		_, err = bare.List(t.Context(), 10000)
		require.ErrorIs(t, err, rtpengine.ErrTimeout, "without an alternative")
	})
	t.Run("a request that UDP does not take", func(t *testing.T) {
		c := d.client(t)
		sdp := append(ngSDP(d.ip, 9), strings.Repeat("a=x-padding:0123456789\r\n", 4000)...)
		got, err := c.Offer(t.Context(), rtpengine.Params{CallID: "large", FromTag: "A", SDP: sdp})
		require.NoError(t, err)
		require.Greater(t, len(got), 90_000)
	})
}

// TestRtpengineDTMFLog presses a key and listens to the daemon's log.
func TestRtpengineDTMFLog(t *testing.T) {
	t.Parallel()
	need(t, "rtpengine")
	listener := (&ngDaemon{ip: ownIP()}).socket(t)
	events := make(chan rtpengine.DTMF, 10)
	ended := make(chan error, 1)
	go func() { ended <- rtpengine.ServeDTMF(listener, func(e rtpengine.DTMF) { events <- e }) }()
	d := startNG(t, "--dtmf-log-dest="+listener.LocalAddr().String())
	c := d.client(t)
	call := d.establish(t, c, "c1", rtpengine.MustParseFlags("detect-DTMF"))
	seq := uint16(0)
	send := func(pt byte, ts uint32, payload []byte) {
		seq++
		call.rtp(t, pt, seq == 1, seq, ts, payload)
	}
	var got rtpengine.DTMF
	ts := uint32(0)
	eventually(t, answerWithin, "the log of a key", func() bool {
		ts += 1600
		send(0, ts, make([]byte, 160))
		for n := range 7 {
			end := byte(0)
			if n >= 4 {
				end = 0x80
			}
			duration := uint16(min(n+1, 5) * 160)
			send(101, ts+160, []byte{11, end | 10, byte(duration >> 8), byte(duration)})
		}
		select {
		case got = <-events:
			return true
		default:
			return false
		}
	})
	require.Equal(t, "c1", got.CallID)
	require.Equal(t, "A", got.SourceTag)
	require.Equal(t, "#", string(got.Digit))
	require.NoError(t, listener.Close())
	require.NoError(t, <-ended)
}
