// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/internal/bencode"
	"github.com/sipnat/sipnat/rtpengine"
)

// recorder is an ng server that says ok to everything and keeps what it got.
type recorder struct {
	pc net.PacketConn
	wg sync.WaitGroup

	mu    sync.Mutex
	dicts map[string]rtpengine.Dict // by call-id
}

func newRecorder(t *testing.T, ip string) *recorder {
	pc, err := net.ListenPacket("udp", ip+":2223")
	require.NoError(t, err)
	r := &recorder{pc: pc, dicts: map[string]rtpengine.Dict{}}
	r.wg.Go(r.serve)
	t.Cleanup(func() {
		_ = pc.Close()
		r.wg.Wait()
	})
	return r
}

func (r *recorder) serve() {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := r.pc.ReadFrom(buf)
		if err != nil {
			return
		}
		cookie, payload, _ := bytes.Cut(buf[:n], []byte(" "))
		v, err := bencode.Decode(payload)
		d, ok := v.(rtpengine.Dict)
		if err != nil || !ok {
			continue
		}
		reply := "d6:result4:ponge"
		if d["command"] != "ping" {
			reply = "d3:sdp5:v=0\r\n6:result2:oke"
			id, _ := d["call-id"].(string)
			r.mu.Lock()
			r.dicts[id] = d
			r.mu.Unlock()
		}
		_, _ = r.pc.WriteTo(append(append(cookie, ' '), reply...), from)
	}
}

func (r *recorder) dict(callID string) rtpengine.Dict {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dicts[callID]
}

// flagScript sends what stands in a header as flags to the engine.
const flagScript = `#!KAMAILIO
debug=2
log_stderror=yes
children=1
auto_aliases=no
disable_tcp=yes
listen=udp:IP:5060
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "udp:IP:2223")

request_route {
	if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
	if (is_method("BYE")) {
		if (rtpengine_delete("$hdr(X-Flags)")) { sl_send_reply("200", "OK"); } else { sl_send_reply("500", "No"); }
		exit;
	}
	if (rtpengine_offer("$hdr(X-Flags)")) { sl_send_reply("200", "OK"); } else { sl_send_reply("500", "No"); }
}
`

// flagKamailio is a Kamailio whose engine is a recorder.
type flagKamailio struct {
	*recorder
	ip   string
	conn *net.UDPConn
	n    int
}

func startFlagKamailio(t *testing.T) *flagKamailio {
	t.Helper()
	need(t, "kamailio")
	k := &flagKamailio{ip: ownIP()}
	k.recorder = newRecorder(t, k.ip)
	dir := t.TempDir()
	cfg := filepath.Join(dir, "kamailio.cfg")
	require.NoError(t, os.WriteFile(cfg, []byte(strings.ReplaceAll(flagScript, "IP", k.ip)), 0o600))
	p := startHere(t, "kamailio", "-DD", "-E", "-m", "32", "-M", "4", "-Y", dir, "-P", filepath.Join(dir, "pid"), "-f", cfg)
	var err error
	k.conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(k.ip), 0)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = k.conn.Close() })
	n := 0
	p.ready(t, "an answer to OPTIONS", func() bool {
		n++
		return len(ask(k.conn, k.ip+":5060", options(k.ip+":5060", k.conn.LocalAddr().String(), n))) > 0
	})
	return k
}

const kamailioSDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"

// sends returns the dictionary that Kamailio makes of a flag string, nil if it
// takes none of it.
func (k *flagKamailio) sends(t *testing.T, method, flags string) rtpengine.Dict {
	t.Helper()
	k.n++
	callID := fmt.Sprintf("flags-%d", k.n)
	body := kamailioSDP
	if method == "BYE" {
		body = ""
	}
	message := strings.ReplaceAll(fmt.Sprintf(`%s sip:x@%s:5060 SIP/2.0
Via: SIP/2.0/UDP %s;branch=z9hG4bKflags%d
From: <sip:a@example.com>;tag=FROM
To: <sip:b@example.com>
Call-ID: %s
CSeq: 1 %[1]s
Contact: <sip:a@%[3]s>
Max-Forwards: 70
X-Flags: %[6]s
Content-Type: application/sdp
Content-Length: %[7]d

`, method, k.ip, k.conn.LocalAddr(), k.n, callID, flags, len(body)), "\n", "\r\n") + body
	var reply string
	eventually(t, answerWithin, "an answer of Kamailio's to "+flags, func() bool {
		reply = string(ask(k.conn, k.ip+":5060", message))
		return strings.Contains(reply, "Call-ID: "+callID+"\r\n")
	})
	if !strings.HasPrefix(reply, "SIP/2.0 200 ") {
		return nil
	}
	return k.dict(callID)
}
