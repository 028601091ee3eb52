// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/rtpengine"
	"github.com/sipnat/sipnat/rtpengine/manage"
)

const sdpIn = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\n"

// withBody is an INVITE with any header lines and any body.
func withBody(headers, body string) *sip.Request {
	req := message("INVITE sip:b@example.net SIP/2.0", "c", "INVITE", "A", "", 1, "").(*sip.Request)
	for line := range strings.SplitSeq(headers, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Content-Type" {
			h := sip.ContentTypeHeader(value)
			req.AppendHeader(&h)
		} else if name != "" {
			req.AppendHeader(sip.NewHeader(name, value))
		}
	}
	req.SetBody([]byte(body))
	return req
}

func parts(crlf string, part ...string) string {
	var b strings.Builder
	for _, p := range part {
		b.WriteString("--b" + crlf + p + crlf)
	}
	return b.String() + "--b--" + crlf
}

func TestBodies(t *testing.T) {
	const isup = "Content-Type: application/ISUP;version=itu-t92+\r\nContent-Transfer-Encoding: binary\r\n\r\n\x01\x00\xff\r\n--a"
	const sdpPart = "Content-Type: application/sdp\r\n\r\n" + sdpIn
	tests := []struct {
		name, headers, body string
		found               bool
		unread              bool
	}{
		{"sdp", "Content-Type: application/sdp", sdpIn, true, false},
		{"sdp in another case, with parameters", "Content-Type: Application/SDP ; charset=utf-8", sdpIn, true, false},
		{"sdp with disposition session", "Content-Type: application/sdp\nContent-Disposition: Session;handling=required", sdpIn, true, false},
		{"sdp of an early-session (RFC 3959) is another negotiation", "Content-Type: application/sdp\nContent-Disposition: early-session", sdpIn, false, false},
		{"sdp that is compressed", "Content-Type: application/sdp\nContent-Encoding: gzip", sdpIn, false, true},
		{"sdp that is compressed, compact header", "Content-Type: application/sdp\ne: gzip", sdpIn, false, true},
		{"another type", "Content-Type: application/dtmf-relay", "Signal=1", false, false},
		{"no type", "", sdpIn, false, false},
		{"no body", "Content-Type: application/sdp", "", false, false},
		{"multipart with ISUP", "Content-Type: multipart/mixed;boundary=b", parts("\r\n", sdpPart, isup), true, false},
		{
			"multipart, sdp last, quoted boundary, preamble and epilogue", `Content-Type: Multipart/Mixed; boundary="b"`,
			"preamble\r\n" + parts("\r\n", isup, sdpPart) + "epilogue", true, false,
		},
		{"multipart with bare line feeds", "Content-Type: multipart/mixed;boundary=b", parts("\n", strings.ReplaceAll(sdpPart, "\r", "")), true, false},
		{
			"multipart, folded part header", "Content-Type: multipart/mixed;boundary=b",
			parts("\r\n", "Content-Type:\r\n application/sdp\r\n\r\n"+sdpIn), true, false,
		},
		{
			"multipart with a boundary that begins like ours", "Content-Type: multipart/mixed;boundary=b",
			parts("\r\n", "Content-Type: text/plain\r\n\r\n--bb\r\n--b-\r\n--b x", sdpPart), true, false,
		},
		{"multipart without sdp", "Content-Type: multipart/mixed;boundary=b", parts("\r\n", isup), false, false},
		{
			"multipart with sdp for early-session beside the session", "Content-Type: multipart/mixed;boundary=b",
			parts("\r\n", "Content-Type: application/sdp\r\nContent-Disposition: early-session\r\n\r\nx", sdpPart), true, false,
		},
		{"multipart with two sdp", "Content-Type: multipart/alternative;boundary=b", parts("\r\n", sdpPart, sdpPart), false, true},
		{
			"multipart with base64 sdp", "Content-Type: multipart/mixed;boundary=b",
			parts("\r\n", "Content-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w"), false, true,
		},
		{
			"multipart with a part that has a length of its own", "Content-Type: multipart/mixed;boundary=b",
			parts("\r\n", "Content-Length: 30\r\n"+sdpPart), false, true,
		},
		{
			"multipart in multipart", "Content-Type: multipart/mixed;boundary=b",
			parts("\r\n", "Content-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\n"), false, true,
		},
		{"multipart that is cut off", "Content-Type: multipart/mixed;boundary=b", "--b\r\n" + sdpPart, false, true},
		{"multipart without boundary", "Content-Type: multipart/mixed", parts("\r\n", sdpPart), false, true},
		{"multipart with a boundary beyond RFC 2046", "Content-Type: multipart/mixed;boundary=" + strings.Repeat("b", 71), "--b--", false, true},
		{"multipart that begins with its end", "Content-Type: multipart/mixed;boundary=b", "--b--\r\n", false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := &replacer{with: "v=0\r\nc=IN IP4 192.0.2.9\r\n"}
			m := &manage.Manager{Engine: e, Relay: manage.Always}
			req := withBody(tt.headers, tt.body)
			require.NoError(t, m.Branch(req, aToB("b1")))
			want := tt.body
			if tt.found {
				want = strings.Replace(tt.body, e.got, e.with, 1)
				require.NotEqual(t, tt.body, want)
				require.Equal(t, strings.ReplaceAll(sdpIn, "\r", ""), strings.ReplaceAll(e.got, "\r", ""))
			}
			require.Equal(t, want, string(req.Body()))
			require.Equal(t, len(want), int(*req.ContentLength()))
			require.Equal(t, tt.unread, m.Stats().Unread == 1)
			require.Equal(t, tt.found, m.Stats().Offers == 1)
		})
	}
}

// TestMultipartAgainstMIME: a standard reader sees the engine's description, and
// the other part as it was.
func TestMultipartAgainstMIME(t *testing.T) {
	isup := "Content-Type: application/ISUP\r\n\r\n\x01\x00\r\n\xff"
	e := &replacer{with: "v=0\r\nnew\r\n"}
	m := &manage.Manager{Engine: e, Relay: manage.Always}
	req := withBody("Content-Type: multipart/mixed;boundary=b",
		parts("\r\n", isup, "Content-Type: application/sdp\r\n\r\n"+sdpIn))
	require.NoError(t, m.Branch(req, aToB("b1")))
	r := multipart.NewReader(bytes.NewReader(req.Body()), "b")
	var got []string
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		b, err := io.ReadAll(p)
		require.NoError(t, err)
		got = append(got, string(b))
	}
	require.Equal(t, []string{"\x01\x00\r\n\xff", e.with}, got)
}

// TestUnreadOffer: an INVITE whose description we cannot read makes its reply no
// offer.
func TestUnreadOffer(t *testing.T) {
	play(t, func(s *scene) {
		s.callID = "c"
		gzip := "Content-Type: application/sdp\nContent-Encoding: gzip"
		require.NoError(s, s.m.Branch(withBody(gzip, "zip"), aToB("b1")))
		require.Equal(s, "b1", s.res(200, "INVITE", "A", "B", 1, "b1", aToB("b1")))
		require.Equal(s, "b2", s.req("INVITE", "B", "A", 1, "b2", bToA("x")))
		s.engine()
	})
	play(t, func(s *scene) {
		s.up()
		req := s.request("INVITE", "A", "B", 2, "zip")
		req.AppendHeader(sip.NewHeader("Content-Encoding", "gzip"))
		require.NoError(s, s.m.Branch(req, aToB("x")))
		require.Equal(s, "b2", s.res(200, "INVITE", "A", "B", 2, "b2", aToB("x")))
		s.engine()
	})
}

// TestClones: forks are clones of one request, and clones share the header
// Content-Length (facts/sipgo.md 6): SetBody must not reach the others.
func TestClones(t *testing.T) {
	e := &replacer{with: "a much longer description than before"}
	m := &manage.Manager{Engine: e, Relay: manage.Always}
	original := withBody("Content-Type: application/sdp", sdpIn)
	one, two := original.Clone(), original.Clone()
	require.NoError(t, m.Branch(one, aToB("b1")))
	e.with = "short"
	require.NoError(t, m.Branch(two, aToB("b2")))
	for _, req := range []*sip.Request{original, one, two} {
		require.Equal(t, len(req.Body()), int(*req.ContentLength()))
	}
	require.Equal(t, sdpIn, string(original.Body()))
}

// replacer answers every offer with the same description.
type replacer struct{ got, with string }

func (r *replacer) Offer(_ context.Context, p rtpengine.Params) ([]byte, error) {
	r.got = string(p.SDP)
	if r.with == "" {
		return p.SDP, nil
	}
	return []byte(r.with), nil
}

func (r *replacer) Answer(ctx context.Context, p rtpengine.Params) ([]byte, error) {
	return r.Offer(ctx, p)
}
func (r *replacer) Delete(context.Context, rtpengine.Params) error { return nil }

// FuzzBody: whatever the body, what the engine gets is a part of it, and only
// that part changes; an engine that changes nothing leaves the message alone.
func FuzzBody(f *testing.F) {
	f.Add("application/sdp", sdpIn)
	f.Add("multipart/mixed;boundary=b", parts("\r\n", "Content-Type: application/sdp\r\n\r\n"+sdpIn, "X: y\r\n\r\nz"))
	f.Add("multipart/mixed;boundary=b", "--b\n\n\n--b--")
	f.Add("multipart/mixed;boundary=b", "--b\r\n--b\r\nContent-Type: application/sdp\r\n\r\n--b--")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		if strings.ContainsAny(contentType, "\r\n") {
			return
		}
		e := &replacer{}
		m := &manage.Manager{Engine: e, Relay: manage.Always}
		req := withBody("Content-Type: "+contentType, body)
		if m.Branch(req, aToB("b1")) != nil {
			return // the fake returned nothing for nothing, or the body is too large
		}
		require.Equal(t, body, string(req.Body()))
		if e.got == "" {
			return
		}
		at := strings.Index(body, e.got)
		require.GreaterOrEqual(t, at, 0)
		again := &replacer{with: "N"}
		m = &manage.Manager{Engine: again, Relay: manage.Always}
		require.NoError(t, m.Branch(req, aToB("b1")))
		require.Equal(t, e.got, again.got)
		got := string(req.Body())
		require.Len(t, got, len(body)-len(e.got)+1)
		require.Equal(t, len(got), int(*req.ContentLength()))
		// The engine's description is found again in its place.
		third := &replacer{}
		m = &manage.Manager{Engine: third, Relay: manage.Always}
		require.NoError(t, m.Branch(req, aToB("b1")))
		require.Equal(t, "N", third.got)
	})
}
