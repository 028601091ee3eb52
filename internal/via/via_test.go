// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package via_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/via"
)

func message(headers ...string) string {
	return "OPTIONS sip:edge SIP/2.0\r\n" + strings.Join(headers, "\r\n") + "\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
}

func TestRewrite(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1", "Via: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK1"},
		{"no port", "Via: SIP/2.0/UDP 10.0.0.1;branch=z", "Via: SIP/2.0/UDP 10.0.0.1;rport;branch=z"},
		{"no parameters", "Via: SIP/2.0/UDP 10.0.0.1", "Via: SIP/2.0/UDP 10.0.0.1;rport"},
		{"client's rport and received dropped", "Via: SIP/2.0/UDP h:5060;rport=1;received=9.9.9.9;branch=z", "Via: SIP/2.0/UDP h:5060;rport;branch=z"},
		{"upper case parameter", "Via: SIP/2.0/UDP h;RPORT;branch=z", "Via: SIP/2.0/UDP h;rport;branch=z"},
		{"compact, blank before colon", "v : SIP/2.0/UDP h;branch=z", "v : SIP/2.0/UDP h;rport;branch=z"},
		{"blanks everywhere", "Via: SIP / 2.0 / UDP  h : 5060 ; branch = z ; ttl=1", "Via: SIP/2.0/UDP h:5060;rport;branch=z;ttl=1"},
		{"folded", "Via: SIP/2.0/UDP h\r\n ;branch=z\r\n\t;x=y", "Via: SIP/2.0/UDP h;rport;branch=z;x=y"},
		{"second value untouched", "Via: SIP/2.0/UDP h;branch=z , SIP/2.0/TCP g;rport=1", "Via: SIP/2.0/UDP h;rport;branch=z , SIP/2.0/TCP g;rport=1"},
		{"quoted comma and semicolon", `Via: SIP/2.0/UDP h;x="a,;\"b";branch=z, SIP/2.0/TCP g`, `Via: SIP/2.0/UDP h;rport;branch=z, SIP/2.0/TCP g`},
		{"IPv6", "Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=z", "Via: SIP/2.0/UDP [2001:db8::1]:5060;rport;branch=z"},
		{"long", "Via: SIP/2.0/UDP h;rport=1;x=" + strings.Repeat("x", 2000), "Via: SIP/2.0/UDP h;rport;x=" + strings.Repeat("x", 2000)},
		{"hidden behind a lone LF", "Subject: a\nVia: SIP/2.0/UDP x;branch=y\r\nVia: SIP/2.0/UDP h;rport=1;branch=z", "Subject: a\nVia: SIP/2.0/UDP x;branch=y\r\nVia: SIP/2.0/UDP h;rport;branch=z"},
		{"odd blank before the name", "\vVia: SIP/2.0/UDP h;rport=1;branch=z", "\vVia: SIP/2.0/UDP h;rport;branch=z"},
		{"behind other headers", "Max-Forwards: 70\r\nVia: SIP/2.0/UDP h;branch=z\r\nVia: SIP/2.0/UDP g;branch=y", "Max-Forwards: 70\r\nVia: SIP/2.0/UDP h;rport;branch=z\r\nVia: SIP/2.0/UDP g;branch=y"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := message(tt.in)
			buf := append([]byte(in), make([]byte, 64)...)
			v, ok := via.First(buf[:len(in)])
			require.True(t, ok)
			n := v.Rewrite(buf, len(in), []byte(";rport"), "rport", "received")
			require.Equal(t, message(tt.want), string(buf[:n]))
		})
	}
}

func TestRewriteWithoutRoom(t *testing.T) {
	in := message("Via: SIP/2.0/UDP h;branch=z")
	buf := []byte(in)
	v, ok := via.First(buf)
	require.True(t, ok)
	n := v.Rewrite(buf[:len(in):len(in)], len(in), []byte(";rport"))
	require.Equal(t, in, string(buf[:n]))
}

func TestFirstRefuses(t *testing.T) {
	for _, in := range []string{
		"", "\r\n", "x", "OPTIONS sip:a SIP/2.0\r\n\r\nVia: SIP/2.0/UDP h", message("Via:"), message("Via: SIP/2.0"),
		message("Via: SIP/2.0/UDP"), message("Via: SIP/2.0/UDP h:x"), message("Via: SIP/2.0/UDP h:123456"), message("Via: SIP/2.0/UDP [::1"), message("Via: SIP/2.0/UDP h x"), message("Viaduct: SIP/2.0/UDP h"),
	} {
		_, ok := via.First([]byte(in))
		require.False(t, ok, "%q", in)
	}
}

func TestGetAndAppendWithout(t *testing.T) {
	msg := []byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h:5060;snl=3;rport=4;branch=z\r\nVia: SIP/2.0/UDP g;snl=9\r\n\r\n")
	require.True(t, via.IsResponse(msg))
	v, ok := via.First(msg)
	require.True(t, ok)
	require.Equal(t, "h", string(v.Host(msg)))
	require.Equal(t, "5060", string(v.Port(msg)))
	p, ok := v.Get(msg, "SNL")
	require.True(t, ok)
	require.Equal(t, "3", string(p.Value))
	require.Equal(t, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h:5060;rport=4;branch=z\r\nVia: SIP/2.0/UDP g;snl=9\r\n\r\n", string(via.AppendWithout(nil, msg, p)))
	_, ok = v.Get(msg, "absent")
	require.False(t, ok)
}

// What sipgo makes of a blank before the parameters is the reason that Clean
// and Rewrite exist: when this fails, upstream has mended it.
func TestSipgoLosesParametersAfterBlank(t *testing.T) {
	msg, err := sip.NewParser().ParseSIP([]byte(message("Via: SIP/2.0/UDP 10.0.0.1:5060 ;branch=z9hG4bK1")))
	require.NoError(t, err)
	require.Empty(t, msg.(*sip.Request).Via().Host)
	in := []byte(message("Via: SIP/2.0/UDP 10.0.0.1:5060 ;branch=z9hG4bK1"))
	v, ok := via.First(in)
	require.True(t, ok)
	require.False(t, v.Clean())
}

func FuzzRewrite(f *testing.F) {
	f.Add([]byte(message("Via: SIP / 2.0 / UDP  h : 5060 ; branch = z , SIP/2.0/UDP g")))
	f.Add([]byte(message(`v: SIP/2.0/UDP [::1];x="`)))
	f.Add([]byte(message("Via: SIP/2.0/UDP h:5060;received=1;branch=z;RPORT=1;;=;a=b=c,SIP/2.0/UDP g;rport", "Via: SIP/2.0/UDP h")))
	f.Fuzz(func(t *testing.T, in []byte) {
		v, ok := via.First(in)
		if !ok {
			return
		}
		buf := append(append([]byte{}, in...), make([]byte, len(";rport"))...)
		n := v.Rewrite(buf, len(in), []byte(";rport"), "rport", "received")
		if n == len(in) && bytes.Equal(buf[:n], in) {
			return // too long, or nothing to do
		}
		w, ok := via.First(buf[:n])
		require.True(t, ok, "%q -> %q", in, buf[:n])
		require.True(t, w.Clean() || !ascii(w.Host(buf[:n])), "%q -> %q", in, buf[:n])
		require.Equal(t, v.Host(in), w.Host(buf[:n]))
		require.Equal(t, v.Port(in), w.Port(buf[:n]))
		require.Equal(t, append([]string{"rport"}, kept(&v, in)...), params(&w, buf[:n]), "%q -> %q", in, buf[:n])
		if v.Clean() {
			before, after := strings.Split(string(in), "\r\n"), strings.Split(string(buf[:n]), "\r\n")
			require.Len(t, after, len(before))
			changed := 0
			for i := range before {
				if before[i] != after[i] {
					changed++
				}
			}
			require.Equal(t, 1, changed, "%q -> %q", in, buf[:n])
		}
	})
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c > '~' || c == '"' {
			return false
		}
	}
	return true
}

// params lists the parameters as text.
func params(v *via.Via, msg []byte) (list []string) {
	for p := (via.Param{}); v.Next(msg, &p); {
		text := string(p.Name)
		if p.Value != nil {
			text += "=" + string(p.Value)
		}
		list = append(list, text)
	}
	return list
}

// kept lists those that Rewrite leaves.
func kept(v *via.Via, msg []byte) (list []string) {
	for p := (via.Param{}); v.Next(msg, &p); {
		if len(p.Name) == 0 || p.Is("rport") || p.Is("received") || !ascii(p.Name) || !ascii(p.Value) {
			continue
		}
		text := string(p.Name)
		if p.Value != nil {
			text += "=" + string(p.Value)
		}
		list = append(list, text)
	}
	return list
}
