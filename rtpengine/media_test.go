// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

func TestTypedCommandsOnTheWire(t *testing.T) {
	type client = rtpengine.Client
	whole := rtpengine.Party{CallID: "c"}
	a := rtpengine.Party{CallID: "c", FromTag: "a", Label: "not this one"}
	all, directional := list{"all"}, list{"directional"}
	for _, tc := range []struct {
		name string
		run  func(ctx context.Context, c *client) error
		want dict
	}{
		{"block media", func(ctx context.Context, c *client) error { return c.BlockMedia(ctx, whole) }, dict{"flags": all}},
		{"unblock media", func(ctx context.Context, c *client) error { return c.UnblockMedia(ctx, a) }, dict{"from-tag": "a", "flags": directional}},
		{"silence media", func(ctx context.Context, c *client) error {
			return c.SilenceMedia(ctx, rtpengine.Party{CallID: "c", Label: "l"})
		}, dict{"label": "l", "flags": directional}},
		{"unsilence media", func(ctx context.Context, c *client) error {
			return c.UnsilenceMedia(ctx, rtpengine.Party{CallID: "c", Address: netip.MustParseAddr("::ffff:192.0.2.1")})
		}, dict{"address": "192.0.2.1", "flags": directional}},
		{"start forwarding", func(ctx context.Context, c *client) error { return c.StartForwarding(ctx, whole, "m") }, dict{"metadata": "m", "flags": all}},
		{"stop forwarding", func(ctx context.Context, c *client) error { return c.StopForwarding(ctx, whole) }, dict{"flags": all}},
		{"block DTMF", func(ctx context.Context, c *client) error {
			return c.BlockDTMF(ctx, a, rtpengine.DTMFBlock{
				Mode: "tone", Trigger: "*1", TriggerEnd: "#", Digit: "7", Frequency: 600, Volume: -10, Delay: 100 * ms,
				TriggerMode: "silence", TriggerEndMode: "off", EventDelay: 2 * time.Second,
			})
		}, dict{
			"from-tag": "a", "flags": directional, "DTMF-security": "tone", "trigger": "*1", "trigger-end": "#", "digit": "7",
			"frequency": int64(600), "volume": int64(-10), "delay-buffer": int64(100),
			"DTMF-security-trigger": "silence", "DTMF-security-trigger-end": "off", "DTMF-delay": int64(2000),
		}},
		{"unblock DTMF", func(ctx context.Context, c *client) error { return c.UnblockDTMF(ctx, a) }, dict{"from-tag": "a", "flags": directional}},
		{"play DTMF", func(ctx context.Context, c *client) error {
			return c.PlayDTMF(ctx, a, rtpengine.Digit{Code: '#', Duration: 300 * ms, Pause: 50 * ms, Volume: -9})
		}, dict{"from-tag": "a", "code": "#", "duration": int64(300), "pause": int64(50), "volume": int64(-9)}},
		{"play media", func(ctx context.Context, c *client) error {
			d, err := c.PlayMedia(ctx, a, rtpengine.Media{File: "/x.wav", Repeat: 2, Duration: time.Second, Start: 20 * ms})
			require.Zero(t, d)
			return err
		}, dict{"from-tag": "a", "file": "/x.wav", "repeat-times": int64(2), "repeat-duration": int64(1000), "start-pos": int64(20)}},
		{"play media", func(ctx context.Context, c *client) error {
			_, err := c.PlayMedia(ctx, whole, rtpengine.Media{Blob: []byte{0, 255}})
			return err
		}, dict{"flags": all, "blob": "\x00\xff"}},
		{"play media", func(ctx context.Context, c *client) error {
			_, err := c.PlayMedia(ctx, whole, rtpengine.Media{DBID: 7})
			return err
		}, dict{"flags": all, "db-id": int64(7)}},
		{"stop media", func(ctx context.Context, c *client) error { return c.StopMedia(ctx, a) }, dict{"from-tag": "a"}},
		{"start recording", func(ctx context.Context, c *client) error {
			return c.StartRecording(ctx, a, rtpengine.Recording{Metadata: "k:v", OutputDestination: "o", File: "f", Dir: "d", Pattern: "p"})
		}, dict{
			"from-tag": "a", "metadata": "k:v", "output-destination": "o",
			"recording-file": "f", "recording-dir": "d", "recording-pattern": "p",
		}},
		{"stop recording", func(ctx context.Context, c *client) error { return c.StopRecording(ctx, whole) }, dict{}},
		{"pause recording", func(ctx context.Context, c *client) error { return c.PauseRecording(ctx, whole) }, dict{}},
		{"unsubscribe", func(ctx context.Context, c *client) error { return c.Unsubscribe(ctx, "c", "t") }, dict{"to-tag": "t"}},
		{"subscribe answer", func(ctx context.Context, c *client) error {
			return c.SubscribeAnswer(ctx, rtpengine.Params{
				CallID: "c", ToTag: "t", SDP: []byte("v=0"), Flags: rtpengine.MustParseFlags("allow-transcoding"), Extra: dict{"x": 1},
			})
		}, dict{"to-tag": "t", "sdp": "v=0", "flags": list{"allow-transcoding"}, "x": int64(1)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.want["command"], tc.want["call-id"] = tc.name, "c"
			require.Equal(t, tc.want, sentBy(t, ok, tc.run))
		})
	}
}

func TestTypedReplies(t *testing.T) {
	t.Run("list", func(t *testing.T) {
		sent := sentBy(t, "d5:callsl1:ai1e1:be6:result2:oke", func(ctx context.Context, c *rtpengine.Client) error {
			calls, err := c.List(ctx, 0)
			require.Equal(t, []string{"a", "b"}, calls)
			return err
		})
		require.Equal(t, dict{"command": "list"}, sent)
		sent = sentBy(t, ok, func(ctx context.Context, c *rtpengine.Client) error {
			_, err := c.List(ctx, 500)
			return err
		})
		require.Equal(t, dict{"command": "list", "limit": int64(500)}, sent)
	})
	t.Run("statistics, numbers as strings too", func(t *testing.T) {
		sentBy(t, "d6:result2:ok10:statisticsd17:currentstatisticsd13:sessionstotali3ee15:totalstatisticsd6:uptime2:18eee",
			func(ctx context.Context, c *rtpengine.Client) error {
				s, err := c.Statistics(ctx)
				require.EqualValues(t, 3, s.Sessions)
				require.Equal(t, 18*time.Second, s.Uptime)
				require.Contains(t, s.Raw, "statistics")
				return err
			})
	})
	t.Run("play media", func(t *testing.T) {
		sentBy(t, "d8:durationi1500e6:result2:oke", func(ctx context.Context, c *rtpengine.Client) error {
			d, err := c.PlayMedia(ctx, rtpengine.Party{CallID: "c"}, rtpengine.Media{File: "x"})
			require.Equal(t, 1500*ms, d)
			return err
		})
	})
	t.Run("publish", func(t *testing.T) {
		sent := sentBy(t, "d3:sdp1:y6:result2:oke", func(ctx context.Context, c *rtpengine.Client) error {
			sdp, err := c.Publish(ctx, rtpengine.Params{CallID: "c", FromTag: "f", SDP: []byte("x"), Flags: rtpengine.MustParseFlags("ICE=remove fatal")})
			require.Equal(t, "y", string(sdp))
			return err
		})
		require.Equal(t, dict{"command": "publish", "call-id": "c", "from-tag": "f", "sdp": "x", "ICE": "remove"}, sent)
	})
	for _, tc := range []struct {
		name string
		tags []string
		want dict
	}{
		{"all", nil, dict{"flags": list{"siprec", "all"}}},
		{"one", []string{"a"}, dict{"flags": list{"siprec"}, "from-tag": "a"}},
		{"several", []string{"a", "b"}, dict{"flags": list{"siprec"}, "from-tags": list{"a", "b"}}},
	} {
		t.Run("subscribe request/"+tc.name, func(t *testing.T) {
			const reply = "d9:from-tagsl1:ae3:sdp1:y6:to-tag1:t6:result2:oke"
			sent := sentBy(t, reply, func(ctx context.Context, c *rtpengine.Client) error {
				o, err := c.SubscribeRequest(ctx, rtpengine.Subscription{
					CallID: "c", FromTags: tc.tags, SetLabel: "l", Flags: rtpengine.MustParseFlags("siprec"),
				})
				require.Equal(t, []string{"a"}, o.FromTags)
				require.Equal(t, "t", o.ToTag)
				require.Equal(t, "y", string(o.SDP))
				return err
			})
			tc.want["command"], tc.want["call-id"], tc.want["set-label"] = "subscribe request", "c", "l"
			require.Equal(t, tc.want, sent)
		})
	}
	t.Run("without sdp", func(t *testing.T) {
		bubble(t, rtpengine.Config{}, prompt(ok), func(t *testing.T, _ *engine, c *rtpengine.Client) {
			_, err := c.Publish(t.Context(), params("c"))
			require.ErrorIs(t, err, rtpengine.ErrNoSDP)
			_, err = c.SubscribeRequest(t.Context(), rtpengine.Subscription{CallID: "c"})
			require.ErrorIs(t, err, rtpengine.ErrNoSDP)
		})
	})
	t.Run("a command that the engine does not know", func(t *testing.T) {
		const reply = "d6:result5:error12:error-reason20:Unrecognized commande"
		bubble(t, rtpengine.Config{}, prompt(reply), func(t *testing.T, _ *engine, c *rtpengine.Client) {
			require.True(t, errors.Is(c.PauseRecording(t.Context(), rtpengine.Party{CallID: "c"}), errors.ErrUnsupported))
		})
	})
}

func TestTypedCommandsRefuse(t *testing.T) {
	none, whole := rtpengine.Party{}, rtpengine.Party{CallID: "c"}
	bubble(t, rtpengine.Config{}, silent, func(t *testing.T, e *engine, c *rtpengine.Client) {
		ctx := t.Context()
		for name, err := range map[string]error{
			"no call-id":           c.BlockMedia(ctx, none),
			"no call-id, record":   c.StartRecording(ctx, none, rtpengine.Recording{}),
			"no digit":             c.PlayDTMF(ctx, whole, rtpengine.Digit{}),
			"no such digit":        c.PlayDTMF(ctx, whole, rtpengine.Digit{Code: 'E'}),
			"no subscriber":        c.Unsubscribe(ctx, "c", ""),
			"no call":              c.Unsubscribe(ctx, "", "t"),
			"answer of nobody":     c.SubscribeAnswer(ctx, rtpengine.Params{CallID: "c", SDP: []byte("x")}),
			"answer without sdp":   c.SubscribeAnswer(ctx, rtpengine.Params{CallID: "c", ToTag: "t"}),
			"nothing to play":      second(c.PlayMedia(ctx, whole, rtpengine.Media{})),
			"two things to play":   second(c.PlayMedia(ctx, whole, rtpengine.Media{File: "x", DBID: 1})),
			"publish without sdp":  second(c.Publish(ctx, rtpengine.Params{CallID: "c", FromTag: "f"})),
			"negative limit":       second(c.List(ctx, -1)),
			"subscribe to nothing": second(c.SubscribeRequest(ctx, rtpengine.Subscription{})),
		} {
			var param *rtpengine.ParamError
			require.ErrorAs(t, err, &param, name)
		}
		require.Empty(t, e.sent())
	})
}

func second[T any](_ T, err error) error { return err }

func TestExtra(t *testing.T) {
	flags := rtpengine.MustParseFlags("strict-source ICE=remove fatal")
	p := rtpengine.Params{CallID: "c", FromTag: "f", ToTag: "t", SDP: []byte("v=0"), Flags: flags}
	const reply = "d3:sdp1:y6:result2:oke"
	for _, tc := range []struct {
		name string
		run  func(ctx context.Context, c *rtpengine.Client, p rtpengine.Params) error
		want dict
	}{
		{"offer", func(ctx context.Context, c *rtpengine.Client, p rtpengine.Params) error {
			return second(c.Offer(ctx, p))
		}, dict{
			"from-tag": "f", "to-tag": "t", "sdp": "v=0", "ICE": "remove", "supports": list{"load limit"}, "flags": list{"strict-source", "new"},
		}},
		{"answer", func(ctx context.Context, c *rtpengine.Client, p rtpengine.Params) error {
			return second(c.Answer(ctx, p))
		}, dict{
			"from-tag": "f", "to-tag": "t", "sdp": "v=0", "ICE": "remove", "flags": list{"strict-source", "new"},
		}},
		{"delete", func(ctx context.Context, c *rtpengine.Client, p rtpengine.Params) error { return c.Delete(ctx, p) }, dict{
			"from-tag": "f", "to-tag": "t", "flags": list{"fatal", "to-tag", "new"},
		}},
		{"query", func(ctx context.Context, c *rtpengine.Client, p rtpengine.Params) error {
			return second(c.Query(ctx, p))
		}, dict{
			"from-tag": "f", "to-tag": "t", "flags": list{"new"},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := p
			p.Extra = dict{"moh": dict{"blob": "x"}, "flags": []string{"new"}}
			sent := sentBy(t, reply, func(ctx context.Context, c *rtpengine.Client) error { return tc.run(ctx, c, p) })
			tc.want["command"], tc.want["call-id"], tc.want["moh"] = tc.name, "c", dict{"blob": "x"}
			require.Equal(t, tc.want, sent)
		})
	}
	t.Run("twice", func(t *testing.T) {
		bubble(t, rtpengine.Config{}, silent, func(t *testing.T, e *engine, c *rtpengine.Client) {
			for _, key := range []string{"call-id", "call id", "ICE", "ice", "command", "supports"} {
				p := p
				p.Extra = dict{key: "x"}
				var param *rtpengine.ParamError
				require.ErrorAs(t, second(c.Offer(t.Context(), p)), &param, key)
				require.Equal(t, key, param.Param)
			}
			require.Empty(t, e.sent())
		})
	})
	p.Extra = dict{"x": 1, "ICE": "force", "flags": []any{"y"}}
	require.Equal(t, dict{
		"call-id": "c", "from-tag": "f", "to-tag": "t", "sdp": "v=0", "ICE": "remove", "x": 1, "flags": list{"strict-source", "fatal", "y"},
	}, p.Dict())
}
