// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

// everything puts msg through each exported function that reads one, and returns
// how often the detector asked for our names.
func everything(msg sip.Message) (asked int, errs []error) {
	note := func(_ any, err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	d := nat.Detector{Tests: nat.TestAll, Private: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, Self: func(string, int) bool {
		asked++
		return false
	}}
	leg := flow.Leg{In: flow.Peer{Flow: branch, NAT: true}, Out: flow.Peer{Flow: branch, NAT: true}}
	var repair nat.SDPRepair
	_ = d.Behind(msg, branch)
	switch m := msg.(type) {
	case *sip.Request:
		_ = nat.Detect(m, nat.TestAll).String()
		_ = d.Detect(m).Evidence()
		note(nil, repair.Branch(m, leg))
		d.Middleware(func(*sip.Request, sip.ServerTransaction) {})(m, nil)
	case *sip.Response:
		_ = nat.DetectReply(m, branch).String()
		_ = d.DetectReply(m, branch).Evidence()
		note(nil, repair.Reply(m, leg))
	}
	note(nat.FixContact(msg, branch))
	note(nat.FixSDP(msg, 31, seen))
	return asked, errs
}

func TestNothingThere(t *testing.T) {
	bare := sip.NewRequest(sip.INVITE, sip.Uri{})
	noBody := sip.NewResponse(200, "OK")
	empty := sip.NewRequest(sip.INVITE, sip.Uri{})
	empty.AppendHeader(&sip.ViaHeader{})
	empty.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "tel"}})
	empty.AppendHeader(sip.NewHeader("Content-Type", ""))
	empty.SetBody([]byte{})
	wildcard := sip.NewResponse(200, "OK")
	wildcard.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Wildcard: true}})
	wildcard.AppendHeader(&sip.RecordRouteHeader{})
	for name, msg := range map[string]sip.Message{
		"nil": nil, "nil request": (*sip.Request)(nil), "nil response": (*sip.Response)(nil),
		"no headers": bare, "response without headers": noBody, "empty headers": empty, "star and empty Record-Route": wildcard,
	} {
		t.Run(name, func(t *testing.T) {
			_, errs := everything(msg)
			require.Empty(t, errs)
		})
	}
	t.Run("no host", func(t *testing.T) {
		req := sip.NewRequest(sip.INVITE, sip.Uri{})
		req.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip"}})
		_, errs := everything(req)
		require.Len(t, errs, 1)
		require.ErrorAs(t, errs[0], new(*nat.Error))
	})
}

// absurd are messages of which something is there n times.
var absurd = map[string]func(n int) sip.Message{
	"contacts": func(n int) sip.Message {
		res := sip.NewResponse(200, "OK")
		for i := range n {
			res.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", Host: fmt.Sprintf("10.0.%d.%d", i>>8&255, i&255)}})
		}
		return res
	},
	"contacts of a request": func(n int) sip.Message {
		req := sip.NewRequest(sip.REGISTER, sip.Uri{Host: "example.com"})
		for range n {
			req.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", Host: "10.0.0.5"}})
		}
		return req
	},
	"vias": func(n int) sip.Message {
		req := sip.NewRequest(sip.INVITE, sip.Uri{Host: "example.com"})
		for range n {
			req.AppendHeader(&sip.ViaHeader{Transport: "UDP", Host: "10.0.0.5", Port: 5060})
		}
		return req
	},
	"vias and Record-Routes of a reply": func(n int) sip.Message {
		res := sip.NewResponse(200, "OK")
		for range n {
			res.AppendHeader(&sip.ViaHeader{Transport: "UDP", Host: "10.0.0.5", Port: 5060})
			res.AppendHeader(&sip.RecordRouteHeader{Address: sip.Uri{Host: "198.51.100.1"}})
		}
		return res
	},
	"URI parameters": func(n int) sip.Message {
		req := sip.NewRequest(sip.INVITE, sip.Uri{Host: "example.com"})
		uri := sip.Uri{Scheme: "sip", Host: "10.0.0.5"}
		for i := range n {
			uri.UriParams = append(uri.UriParams, sip.HeaderKV{K: fmt.Sprintf("p%d", i), V: "v"}, sip.HeaderKV{K: "maddr", V: "x"})
		}
		req.AppendHeader(&sip.ContactHeader{Address: uri})
		return req
	},
	"long header": func(n int) sip.Message {
		long := strings.Repeat("1", 64*n)
		req := sip.NewRequest(sip.INVITE, sip.Uri{Host: "example.com"})
		req.AppendHeader(&sip.ViaHeader{Transport: long, Host: long + ".1", Port: 1 << 30})
		req.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", Host: "[" + long + "]"}})
		id := sip.CallIDHeader(long + "@" + long)
		req.AppendHeader(&id)
		return withBody(req, "multipart/mixed;boundary="+long, "--"+long+"\r\n\r\n")
	},
	"SDP lines": func(n int) sip.Message {
		return withBody(sip.NewRequest(sip.INVITE, sip.Uri{Host: "example.com"}), "application/sdp",
			"v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\n"+strings.Repeat("m=audio 1 RTP/AVP 0\r\nc=IN IP4 10.0.0.5\r\na=rtcp:1 IN IP4 10.0.0.5\r\n", 4*n))
	},
	"fields of an SDP line": func(n int) sip.Message {
		return withBody(sip.NewResponse(200, "OK"), "application/sdp", "v=0\r\no="+strings.Repeat("x ", 32*n)+"IN IP4 10.0.0.5\r\n")
	},
	"parts": func(n int) sip.Message {
		return withBody(sip.NewRequest(sip.INVITE, sip.Uri{Host: "example.com"}), `multipart/mixed; boundary="b"`,
			strings.Repeat("--b\r\nContent-Type: application/sdp\r\nContent-Length: 26\r\n\r\nv=0\r\nc=IN IP4 10.0.0.5\r\n\r\n", n)+"--b--\r\n")
	},
	"Content-Types": func(n int) sip.Message {
		req := sip.NewRequest(sip.INVITE, sip.Uri{Host: "example.com"})
		for range n {
			req.AppendHeader(sip.NewHeader("Content-Type", "text/plain"))
		}
		return withBody(req, "application/sdp", "v=0\r\nc=IN IP4 10.0.0.5\r\n")
	},
}

func withBody(msg sip.Message, contentType, body string) sip.Message {
	msg.AppendHeader(sip.NewHeader("Content-Type", contentType))
	msg.SetBody([]byte(body))
	return msg
}

// Ten times as much of anything costs about ten times the memory, not a hundred
// times, and nobody is asked about our names more than once a judgement.
func TestAbsurdSizesCostNoMoreThanTheirSize(t *testing.T) {
	const n = 1000
	for name, build := range absurd {
		t.Run(name, func(t *testing.T) {
			few, many := allocated(build(n)), allocated(build(10*n))
			require.LessOrEqual(t, many, 15*few+1<<16, "%d bytes for %d, %d for ten times as many", few, n, many)
			asked, _ := everything(build(n))
			require.LessOrEqual(t, asked, 2)
		})
	}
}

// allocated is how many bytes everything allocates for msg.
func allocated(msg sip.Message) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	everything(msg)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestManyContentLengths(t *testing.T) {
	build := func(n int) sip.Message {
		req := withBody(sip.NewRequest(sip.INVITE, sip.Uri{Host: "example.com"}), "application/sdp", "v=0\r\nc=IN IP4 10.0.0.5\r\n")
		for range n - 1 {
			length := sip.ContentLengthHeader(len(req.Body()))
			req.AppendHeader(&length)
		}
		return req
	}
	few := build(8)
	changed, err := nat.FixSDP(few, co, seen)
	require.NoError(t, err)
	require.True(t, changed)
	require.Len(t, few.GetHeaders("Content-Length"), 1)

	many := build(9)
	wire := many.String()
	_, err = nat.FixSDP(many, co, seen)
	require.ErrorContains(t, err, "Content-Length")
	require.Equal(t, wire, many.String())
}
