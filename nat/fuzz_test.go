// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package nat_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/nat"
)

// FuzzMessage puts whatever sipgo parses through every public function.
func FuzzMessage(f *testing.F) {
	names, err := filepath.Glob(filepath.Join("testdata", "*.sip"))
	require.NoError(f, err)
	require.NotEmpty(f, names)
	for _, name := range names {
		wire, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(wire)
	}
	for _, text := range []string{
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nRecord-Route: <sip:[::1;lr>\r\nContact: <sip:b@10.0.0.7>;x=\"\r\nCSeq: 1 INVITE\r\n\r\n",
		"SIP/2.0 302 Moved\r\nContact: *, <sip:*>, <sips:@:0>\r\nContact: \"\\\"\" <tel:>\r\n\r\n",
		"INVITE sip:;x@h:-1;transport=wss?a SIP/2.0\r\nVia: SIP/2.0/UDP [::ffff:10.0.0.1%x]:99999 ;rport\r\nContact: <sip:a@[::]:70000;maddr>\r\nc: multipart/mixed;boundary=\"--\"\r\n\r\n----\r\nc: application/sdp\r\nl: 9\r\n\r\nv=0\r\nc=IN IP4 0.0.0.0/1\r\n------\r\n",
		"INVITE sip:a@b SIP/2.0\r\nContent-Type: application/sdp\r\nContent-Type: text/plain\r\nl: 46\r\nContent-Length: 46\r\n\r\nv=0\no= IN IP6 fe80::1%1\nc=IN IP4 10.0.0.1\n\nm=a b c",
	} {
		f.Add([]byte(text))
	}
	path := flow.Flow{Transport: flow.TCP, Local: edge, Remote: netip.MustParseAddrPort(public)}
	f.Fuzz(func(t *testing.T, wire []byte) {
		msg, err := sip.NewParser().ParseSIP(wire)
		if err != nil {
			return
		}
		msg.SetSource(public)
		msg.SetTransport("TCP")
		judge(t, msg, path)
		fixContactTwice(t, msg, path)
		for _, flags := range []nat.SDPFlags{nat.SDPConnection, 31} {
			fixSDPTwice(t, msg, flags)
		}
		judge(t, msg, path)
	})
}

// judge: reading does not change a message, and a verdict is consistent.
func judge(t *testing.T, msg sip.Message, path flow.Flow) {
	before := msg.String()
	d := nat.Detector{Tests: nat.TestAll}
	var v nat.Verdict
	switch m := msg.(type) {
	case *sip.Request:
		v = nat.Detect(m, nat.TestAll)
		require.Equal(t, v, d.Detect(m))
	case *sip.Response:
		v = d.DetectReply(m, path)
		require.Equal(t, v.Fired(), nat.DetectReply(m, path).Fired())
	}
	require.Equal(t, v.NATed || v.ALG&nat.ALGContact != 0, d.Behind(msg, path))
	require.Equal(t, v.NATed, v.Fired() != 0 && !v.Proxied)
	n := 0
	for range v.Fired().Each() {
		n++
	}
	require.Len(t, v.Evidence(), n)
	require.NotEmpty(t, v.String())
	require.NotEmpty(t, v.LogValue().Group())
	out, err := json.Marshal(v)
	require.NoError(t, err)
	require.True(t, json.Valid(out))
	require.Equal(t, before, msg.String())
}

func fixContactTwice(t *testing.T, msg sip.Message, path flow.Flow) {
	before := msg.String()
	changed, err := nat.FixContact(msg, path)
	once := msg.String()
	if err != nil || !changed {
		require.Equal(t, before, once)
		return
	}
	again, err := nat.FixContact(msg, path)
	require.NoError(t, err)
	require.False(t, again)
	require.Equal(t, once, msg.String())
	for _, h := range msg.GetHeaders("Contact") {
		if c, ok := h.(*sip.ContactHeader); ok && c.Address.Scheme == "sip" && !c.Address.Wildcard {
			require.Equal(t, path.Remote.String(), c.Address.HostPort())
		}
	}
}

func fixSDPTwice(t *testing.T, msg sip.Message, flags nat.SDPFlags) {
	before, wire := string(msg.Body()), msg.String()
	changed, err := nat.FixSDP(msg, flags, seen)
	once := string(msg.Body())
	if err != nil || !changed {
		require.Equal(t, before, once)
		require.Equal(t, wire, msg.String())
		return
	}
	requireLength(t, msg)
	again, err := nat.FixSDP(msg, flags, seen)
	require.NoError(t, err)
	require.False(t, again)
	require.Equal(t, once, string(msg.Body()))
}
