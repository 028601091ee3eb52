// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMediaBodies has bodies that are no session description, or not only one,
// pass the edge.
func TestMediaBodies(t *testing.T) {
	t.Parallel()
	need(t, "netns")
	onBothEngines(t, func(t *testing.T, l *mediaLab) {
		t.Run("ISUP beside SDP", func(t *testing.T) { multipartCall(t, l) })
		t.Run("no SDP in the INVITE", func(t *testing.T) { strangeCall(t, l) })
		t.Run("of other methods", func(t *testing.T) { otherMethods(t, l) })
	})
}

// oddBytes has all that a careless program would change.
const oddBytes = "\x00\xff\x01 no line\nbreaks\r\n\r\n--edge\x80\r"

// multipart is a body of two parts, and what stands before and after the SDP.
func multipart(sdp content) (c content, head, tail string) {
	head = "preamble\r\n--edge\r\nContent-Type: application/ISUP; version=itu-t92+\r\nContent-Disposition: signal; handling=optional\r\n\r\n" + oddBytes +
		"\r\n--edge\r\nContent-Type: application/sdp\r\n\r\n"
	tail = "\r\n--edge--\r\nepilogue"
	return content{`multipart/mixed; boundary="edge"`, head + sdp.text + tail}, head, tail
}

// within cuts the SDP out of a multipart body and checks the rest.
func within(t *testing.T, body []byte, head, tail string) []byte {
	t.Helper()
	rest, ok := strings.CutPrefix(string(body), head)
	require.True(t, ok, "before the SDP: %q", body)
	sdp, ok := strings.CutSuffix(rest, tail)
	require.True(t, ok, "behind the SDP: %q", body)
	return []byte(sdp)
}

func multipartCall(t *testing.T, l *mediaLab) {
	offer, head, tail := multipart(l.a.sdp())
	x := l.a.invites(t, "bob", offer)
	y := l.b.called(t, x.callID)
	require.Equal(t, offer.kind, y.asked.ContentType().Value())
	y.heeds(t, within(t, y.asked.Body(), head, tail))
	answer, head, tail := multipart(y.sdp())
	y.answers(t, 200, answer)
	x.heeds(t, within(t, x.gets(t, "INVITE", 200).Body(), head, tail))
	x.send(t, "ACK", content{})
	y.incoming(t, "ACK")
	l.up(t, x, y)
	l.hangUp(t, x, y)
}

// strangeCall: the INVITE's body is no description, so that the 200 makes the
// offer, and the ACK answers it.
func strangeCall(t *testing.T, l *mediaLab) {
	x := l.a.invites(t, "bob", content{"application/x-thing", oddBytes})
	y := l.b.called(t, x.callID)
	require.Equal(t, oddBytes, string(y.asked.Body()))
	y.answers(t, 200, y.sdp())
	x.heeds(t, x.gets(t, "INVITE", 200).Body())
	x.send(t, "ACK", x.sdp())
	y.heeds(t, y.incoming(t, "ACK").Body())
	l.up(t, x, y)
	l.hangUp(t, y, x)
}

// otherMethods: bodies of requests that negotiate nothing stay as they are, a
// description among them.
func otherMethods(t *testing.T, l *mediaLab) {
	x, y := l.connect(t, l.a, l.b)
	for _, m := range []struct {
		method string
		body   content
	}{
		{"INFO", content{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"}},
		{"INFO", content{"application/octet-stream", oddBytes}},
		{"MESSAGE", content{"text/plain;charset=utf-8", "c=IN IP4 10.0.0.50\r\nm=audio 1 RTP/AVP 0\r\n"}},
		{"NOTIFY", x.sdp()},
	} {
		x.send(t, m.method, m.body)
		req := y.incoming(t, m.method)
		require.Equal(t, m.body.text, string(req.Body()), "%s with %s", m.method, m.body.kind)
		y.responds(t, req, 200, m.body)
		require.Equal(t, m.body.text, string(x.gets(t, m.method, 200).Body()), "200 to %s with %s", m.method, m.body.kind)
	}
	l.up(t, x, y)
	l.hangUp(t, x, y)
}
