// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
)

var full = rtpengine.Params{
	CallID: "call\x00\xff", FromTag: "from", ToTag: "to", ViaBranch: "z9hG4bK1", SDP: []byte("v=0\r\n"),
	ReceivedFrom: netip.MustParseAddr("::ffff:192.0.2.1"),
	Flags: rtpengine.MustParseFlags("SIP-source-address strict-source replace-origin ICE=remove RTP/AVP rtcp-mux-demux " +
		"TOS=184 codec-strip-all codec-offer-opus codec-offer-PCMA direction=a direction=b received-from=198.51.100.1 fatal delete-delay=0"),
}

func TestParamsDict(t *testing.T) {
	require.Equal(t, dict{
		"call-id": "call\x00\xff", "from-tag": "from", "to-tag": "to", "via-branch": "z9hG4bK1", "sdp": "v=0\r\n",
		"received-from": list{"IP4", "192.0.2.1"},
		"flags":         list{"SIP-source-address", "strict-source", "fatal"},
		"replace":       list{"origin"}, "ICE": "remove", "transport-protocol": "RTP/AVP", "rtcp-mux": list{"demux"},
		"TOS": int64(184), "codec": dict{"strip": list{"all"}, "offer": list{"opus", "PCMA"}},
		"direction": list{"a", "b"}, "delete-delay": int64(0),
	}, full.Dict())
	require.Equal(t, dict{}, rtpengine.Params{}.Dict())

	d := rtpengine.Params{ReceivedFrom: netip.MustParseAddr("fe80::1%eth0")}.Dict()
	require.Equal(t, dict{"received-from": list{"IP6", "fe80::1"}}, d)
}

// sentBy returns the dictionary that a command puts on the wire.
func sentBy(t *testing.T, reply string, command func(ctx context.Context, c *rtpengine.Client) error) (sent dict) {
	t.Helper()
	bubble(t, rtpengine.Config{}, prompt(reply), func(t *testing.T, e *engine, c *rtpengine.Client) {
		require.NoError(t, command(t.Context(), c))
		require.Len(t, e.sent(), 1)
		sent = e.sent()[0].dict
	})
	return sent
}

func TestOfferAndAnswerOnTheWire(t *testing.T) {
	const reply = "d3:sdp7:v=0\r\nx\n6:result2:oke"
	for command, f := range map[string]func(*rtpengine.Client, context.Context, rtpengine.Params) ([]byte, error){
		"offer": (*rtpengine.Client).Offer, "answer": (*rtpengine.Client).Answer,
	} {
		t.Run(command, func(t *testing.T) {
			sent := sentBy(t, reply, func(ctx context.Context, c *rtpengine.Client) error {
				sdp, err := f(c, ctx, full)
				require.Equal(t, "v=0\r\nx\n", string(sdp))
				return err
			})
			request, err := full.Request(command)
			require.NoError(t, err)
			require.Equal(t, request, sent)
			want := full.Dict()
			want["command"] = command
			want["flags"] = list{"SIP-source-address", "strict-source"} // not fatal
			delete(want, "delete-delay")
			if command == "offer" {
				want["supports"] = list{"load limit"}
			}
			require.Equal(t, want, sent)
		})
	}
	t.Run("received-from of the flags", func(t *testing.T) {
		p := full
		p.ReceivedFrom = netip.Addr{}
		sent := sentBy(t, reply, func(ctx context.Context, c *rtpengine.Client) error {
			_, err := c.Offer(ctx, p)
			return err
		})
		require.Equal(t, list{"IP4", "198.51.100.1"}, sent["received-from"])
	})
	t.Run("nothing but what is needed", func(t *testing.T) {
		sent := sentBy(t, reply, func(ctx context.Context, c *rtpengine.Client) error {
			_, err := c.Offer(ctx, rtpengine.Params{CallID: "c", FromTag: "f", SDP: []byte("v=0")})
			return err
		})
		require.Equal(t, dict{"command": "offer", "call-id": "c", "from-tag": "f", "sdp": "v=0", "supports": list{"load limit"}}, sent)
	})
}

func TestDeleteOnTheWire(t *testing.T) {
	sent := sentBy(t, ok, func(ctx context.Context, c *rtpengine.Client) error { return c.Delete(ctx, full) })
	require.Equal(t, dict{
		"command": "delete", "call-id": "call\x00\xff", "from-tag": "from", "to-tag": "to", "via-branch": "z9hG4bK1",
		"delete-delay": int64(0), "flags": list{"fatal", "to-tag"},
	}, sent, "to-tag goes with the flag of that name")
	request, err := full.Request("delete")
	require.NoError(t, err)
	delete(request, "flags") // their order is another
	delete(sent, "flags")
	require.Equal(t, request, sent)

	sent = sentBy(t, ok, func(ctx context.Context, c *rtpengine.Client) error {
		return c.Delete(ctx, rtpengine.Params{CallID: "c", FromTag: "f", SDP: []byte("v=0"), Flags: rtpengine.MustParseFlags("ICE=remove debug")})
	})
	require.Equal(t, dict{"command": "delete", "call-id": "c", "from-tag": "f"}, sent)
}

func TestQueryOnTheWire(t *testing.T) {
	sent := sentBy(t, "d7:createdi17e4:tagsd1:ade1:blee6:result2:oke", func(ctx context.Context, c *rtpengine.Client) error {
		got, err := c.Query(ctx, full)
		require.Equal(t, dict{"created": int64(17), "tags": dict{"a": dict{}, "b": list{}}, "result": "ok"}, got)
		return err
	})
	require.Equal(t, dict{"command": "query", "call-id": "call\x00\xff", "from-tag": "from", "to-tag": "to"}, sent)
}

func TestDoOnTheWire(t *testing.T) {
	d := dict{"command": "not this", "call-id": "c", "tags": []string{"a"}, "calls": []dict{{"n": 1}}, "blob": []byte{0, 255}}
	sent := sentBy(t, ok, func(ctx context.Context, c *rtpengine.Client) error {
		_, err := c.Do(ctx, "play media", d)
		return err
	})
	require.Equal(t, dict{"command": "play media", "call-id": "c", "tags": list{"a"}, "calls": list{dict{"n": int64(1)}}, "blob": "\x00\xff"}, sent)
	require.Equal(t, "not this", d["command"], "d is not changed")
}

func TestRequest(t *testing.T) {
	d, err := rtpengine.Params{CallID: "c", Extra: dict{"file": "/x.wav"}, Flags: rtpengine.MustParseFlags("all")}.Request("play media")
	require.NoError(t, err)
	require.Equal(t, dict{"command": "play media", "call-id": "c", "file": "/x.wav", "flags": list{"all"}}, d)
	var param *rtpengine.ParamError
	_, err = rtpengine.Params{CallID: "c"}.Request("offer")
	require.ErrorAs(t, err, &param)
	_, err = rtpengine.Params{CallID: "c", Extra: dict{"x": 1.5}}.Request("x")
	require.ErrorAs(t, err, &param)
	require.Equal(t, "x", param.Param)
}

func TestParamErrors(t *testing.T) {
	valid := rtpengine.Params{CallID: "c", FromTag: "f", ToTag: "t", SDP: []byte("v=0")}
	without := func(change func(*rtpengine.Params)) rtpengine.Params {
		p := valid
		change(&p)
		return p
	}
	noCall := without(func(p *rtpengine.Params) { p.CallID = "" })
	noFrom := without(func(p *rtpengine.Params) { p.FromTag = "" })
	noTo := without(func(p *rtpengine.Params) { p.ToTag = "" })
	noSDP := without(func(p *rtpengine.Params) { p.SDP = nil })
	noSource := without(func(p *rtpengine.Params) { p.Flags = rtpengine.MustParseFlags("SIP-source-address") })
	branch := rtpengine.Params{CallID: "c", ViaBranch: "b"}

	for _, tc := range []struct {
		name    string
		command string
		p       rtpengine.Params
		param   string // "" if it is fine
	}{
		{"call-id", "offer", noCall, "call-id"},
		{"call-id", "answer", noCall, "call-id"},
		{"call-id", "delete", noCall, "call-id"},
		{"call-id", "query", noCall, "call-id"},
		{"from-tag", "offer", noFrom, "from-tag"},
		{"from-tag", "answer", noFrom, "from-tag"},
		{"from-tag: to-tag alone would delete the call", "delete", noFrom, "from-tag"},
		{"from-tag: via-branch alone would delete the call", "delete", branch, "from-tag"},
		{"from-tag is not needed", "query", noFrom, ""},
		{"only call-id", "delete", rtpengine.Params{CallID: "c"}, ""},
		{"to-tag is not needed", "offer", noTo, ""},
		{"to-tag", "answer", noTo, "to-tag"},
		{"sdp", "offer", noSDP, "sdp"},
		{"sdp", "answer", noSDP, "sdp"},
		{"SIP-source-address without source", "offer", noSource, "received-from"},
		{"SIP-source-address overridden", "offer", without(func(p *rtpengine.Params) {
			p.Flags = rtpengine.MustParseFlags("SIP-source-address media-address=192.0.2.1")
		}), ""},
	} {
		t.Run(tc.command+"/"+tc.name, func(t *testing.T) {
			bubble(t, rtpengine.Config{}, prompt("d6:result2:ok3:sdp1:xe"), func(t *testing.T, e *engine, c *rtpengine.Client) {
				var err error
				switch tc.command {
				case "offer":
					_, err = c.Offer(t.Context(), tc.p)
				case "answer":
					_, err = c.Answer(t.Context(), tc.p)
				case "delete":
					err = c.Delete(t.Context(), tc.p)
				case "query":
					_, err = c.Query(t.Context(), tc.p)
				}
				if tc.param == "" {
					require.NoError(t, err)
					return
				}
				var got *rtpengine.ParamError
				require.ErrorAs(t, err, &got)
				require.Equal(t, tc.command, got.Command)
				require.Equal(t, tc.param, got.Param)
				require.True(t, strings.HasPrefix(err.Error(), "rtpengine: "+tc.command+": "+tc.param+" is missing"), err)
				require.Empty(t, e.sent())
			})
		})
	}
	t.Run("do", func(t *testing.T) {
		bubble(t, rtpengine.Config{}, silent, func(t *testing.T, e *engine, c *rtpengine.Client) {
			var got *rtpengine.ParamError
			_, err := c.Do(t.Context(), "", nil)
			require.ErrorAs(t, err, &got)
			_, err = c.Do(t.Context(), "x", dict{"flag": true})
			require.ErrorAs(t, err, &got)
			require.Equal(t, "flag", got.Param)
			require.EqualError(t, err, "rtpengine: x: flag cannot be sent: bencode: cannot encode a bool")
			require.Empty(t, e.sent())
		})
	})
}

func TestReplies(t *testing.T) {
	deep := "d6:result2:ok1:x" + strings.Repeat("l", 32) + strings.Repeat("e", 32) + "e"
	refusal := func(reason string) *rtpengine.Error { return &rtpengine.Error{Command: "offer", Reason: reason} }
	for _, tc := range []struct {
		name  string
		reply string
		err   error // matched with errors.Is, nil for ok
		exact *rtpengine.Error
	}{
		{name: "ok", reply: "d6:result2:ok3:sdp1:xe"},
		{name: "not sorted", reply: "d3:sdp1:x6:result2:oke"},
		{name: "more keys", reply: "d4:tagsd1:alee3:sdp1:x1:ni1e6:result2:oke"},
		{name: "of two equal keys the last wins", reply: "d6:result5:error3:sdp1:x6:result2:oke"},
		{name: "bytes behind are ignored", reply: "d6:result2:ok3:sdp1:xe\r\n"},
		{name: "ok without sdp", reply: "d6:result2:oke", err: rtpengine.ErrNoSDP},
		{name: "empty sdp", reply: "d6:result2:ok3:sdp0:e", err: rtpengine.ErrNoSDP},
		{name: "unknown call", reply: "d6:result5:error12:error-reason15:Unknown call-ide", err: rtpengine.ErrUnknownCall, exact: refusal("Unknown call-id")},
		{name: "unknown call, as others spell it", reply: "d6:result5:error12:error-reason15:Unknown call-IDe", err: rtpengine.ErrUnknownCall},
		{name: "ports", reply: "d6:result5:error12:error-reason16:Ran out of portse", err: rtpengine.ErrLoadLimit},
		{name: "load limit, CPU", reply: "d6:result10:load limit7:message24:CPU usage limit exceedede", err: rtpengine.ErrLoadLimit, exact: refusal("CPU usage limit exceeded")},
		{name: "load limit without message", reply: "d6:result10:load limite", err: rtpengine.ErrLoadLimit, exact: refusal("load limit")},
		{name: "load limit as error", reply: "d6:result5:error12:error-reason30:Parallel session limit reachede", err: rtpengine.ErrLoadLimit},
		{name: "error without reason", reply: "d6:result5:errore", exact: refusal("error")},
		{name: "a result that nobody knows", reply: "d6:result4:huh?e", exact: refusal("huh?")},
		{name: "no result", reply: "d3:sdp1:xe", err: rtpengine.ErrBadReply},
		{name: "empty", reply: "", err: rtpengine.ErrBadReply},
		{name: "JSON", reply: `{"result":"ok","sdp":"x"}`, err: rtpengine.ErrBadReply},
		{name: "no dictionary", reply: "l6:result2:oke", err: rtpengine.ErrBadReply},
		{name: "cut short", reply: "d6:result2:ok3:sdp9:x", err: rtpengine.ErrBadReply},
		{name: "without end", reply: "d6:result2:ok3:sdp1:x", err: rtpengine.ErrBadReply},
		{name: "a length from hell", reply: "d6:result2:ok3:sdp999999999:xe", err: rtpengine.ErrBadReply},
		{name: "sdp that is no string", reply: "d6:result2:ok3:sdpi1ee", err: rtpengine.ErrBadReply},
		{name: "result that is no string", reply: "d6:resultl2:okee", err: rtpengine.ErrBadReply},
		{name: "key that is no string", reply: "di1e1:xe", err: rtpengine.ErrBadReply},
		{name: "deep nesting", reply: deep, err: rtpengine.ErrBadReply},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, rtpengine.Config{}, prompt(tc.reply), func(t *testing.T, e *engine, c *rtpengine.Client) {
				sdp, err := c.Offer(t.Context(), rtpengine.Params{CallID: "c", FromTag: "f", SDP: []byte("v=0")})
				if tc.err == nil && tc.exact == nil {
					require.NoError(t, err)
					require.Equal(t, "x", string(sdp))
					return
				}
				require.Nil(t, sdp)
				if tc.err != nil {
					require.ErrorIs(t, err, tc.err)
				}
				if tc.exact != nil {
					var got *rtpengine.Error
					require.ErrorAs(t, err, &got)
					require.Equal(t, tc.exact, got)
				}
				for _, other := range []error{rtpengine.ErrTimeout, rtpengine.ErrClosed} {
					require.NotErrorIs(t, err, other)
				}
			})
		})
	}
}

func TestReasonIsBounded(t *testing.T) {
	reply := "d6:result5:error12:error-reason60000:" + strings.Repeat("x", 60000) + "e"
	bubble(t, rtpengine.Config{}, prompt(reply), func(t *testing.T, e *engine, c *rtpengine.Client) {
		require.Less(t, len(c.Ping(t.Context()).Error()), 1000)
	})
}

func TestErrorIs(t *testing.T) {
	err := error(&rtpengine.Error{Command: "query", Reason: "Unknown call-id"})
	require.EqualError(t, err, "rtpengine: query: Unknown call-id")
	require.True(t, errors.Is(err, rtpengine.ErrUnknownCall))
	require.False(t, errors.Is(err, rtpengine.ErrLoadLimit))
	require.False(t, errors.Is(&rtpengine.Error{Reason: "Failed to parse SDP"}, rtpengine.ErrUnknownCall))
}
