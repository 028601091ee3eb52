// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rport_test

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/via"
	"github.com/sipnat/sipnat/rport"
)

// believed fails the test if sipgo finds in what Always passes on a response
// port or address that the client has written. What via.First refuses never
// gets to sipgo: flow.Layer drops it.
func believed(t *testing.T, in []byte) {
	t.Helper()
	buf := make([]byte, len(in)+64)
	n, _, err := rport.Always(&onePacket{data: in, from: source}).ReadFrom(buf)
	require.NoError(t, err)
	if _, ok := via.First(buf[:n]); !ok || via.IsResponse(buf[:n]) {
		return
	}
	msg, err := sip.NewParser().ParseSIP(buf[:n])
	if err != nil {
		return
	}
	req, ok := msg.(*sip.Request)
	if !ok {
		return
	}
	require.NotNil(t, req.Via(), "%q", buf[:n])
	value, ok := req.Via().Params.Get("rport")
	require.True(t, ok, "%q", buf[:n])
	require.Empty(t, value, "%q", buf[:n])
	received, _ := req.Via().Params.Get("received")
	require.Empty(t, received, "%q", buf[:n])
}

var disguises = map[string]string{
	"twice":                       "Via: SIP/2.0/UDP h;rport;rport=17;branch=z",
	"behind a quote":              `Via: SIP/2.0/UDP h;rport;x=";rport=17;y=";branch=z`,
	"behind an escaped quote":     `Via: SIP/2.0/UDP h;rport;x="\";rport=17;y=";branch=z`,
	"very long":                   "Via: SIP/2.0/UDP h;rport=17;branch=z;x=" + strings.Repeat("x", 3000),
	"in the real one of two":      "Subject: x\nVia: SIP/2.0/UDP h;rport;branch=y\r\nVia: SIP/2.0/UDP h;rport=17;branch=z",
	"name behind a vertical tab":  "\vVia: SIP/2.0/UDP h;rport=17;branch=z\r\nVia: SIP/2.0/UDP h;rport;branch=y",
	"host of two words":           "Via: SIP/2.0/UDP h x;rport=17;branch=z",
	"port out of range":           "Via: SIP/2.0/UDP h:99999999999999999999;rport=17;branch=z",
	"folded name":                 "Via\r\n : SIP/2.0/UDP h;rport=17;branch=z",
	"folded inside a value":       "Via: SIP/2.0/UDP h;x=a\r\n b;rport=17;branch=z",
	"comma in a quoted string":    `Via: SIP/2.0/UDP h;x="a,b";rport=17;branch=z`,
	"first header line is folded": " Via: SIP/2.0/UDP h;rport=17;branch=z\r\nVia: SIP/2.0/UDP h;rport;branch=y",
}

func TestNothingAClientWritesIsBelieved(t *testing.T) {
	for name, header := range disguises {
		t.Run(name, func(t *testing.T) { believed(t, []byte(request(header))) })
	}
}

func FuzzBelieved(f *testing.F) {
	for _, header := range disguises {
		f.Add([]byte(request(header)))
	}
	f.Fuzz(func(t *testing.T, in []byte) { believed(t, in) })
}
