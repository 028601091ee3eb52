// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kamailioConfig is an edge for phones behind NAT as Kamailio's documentation
// has it: what the library is measured against.
const kamailioConfig = `#!KAMAILIO
debug=2
log_stderror=yes
children=2
auto_aliases=no
disable_tcp=yes
listen=udp:203.0.113.10:5060
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "nathelper.so"
loadmodule "rtpengine.so"
modparam("usrloc", "db_mode", 0)
modparam("usrloc", "nat_bflag", 6)
modparam("registrar|nathelper", "received_avp", "$avp(received)")
modparam("nathelper", "natping_interval", 2)
modparam("nathelper", "ping_nated_only", 1)
modparam("nathelper", "sipping_bflag", 7)
modparam("nathelper", "sipping_from", "sip:ping@203.0.113.10")
modparam("nathelper", "sipping_method", "OPTIONS")
modparam("nathelper", "force_socket", "udp:203.0.113.10:5060")
modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:2223")

request_route {
	force_rport();
	if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
	if (is_method("OPTIONS") && uri==myself && $rU==$null) { sl_send_reply("200", "OK"); exit; }
	$var(nat) = nat_uac_test("18");
	if (is_method("CANCEL")) {
		if (t_check_trans()) { rtpengine_manage(); t_relay(); }
		exit;
	}
	if (has_totag()) {
		if (loose_route()) {
			handle_ruri_alias();
			if ($var(nat)) { add_contact_alias(); }
			rtpengine_manage();
			t_on_reply("NAT");
			t_relay();
			exit;
		}
		if (is_method("ACK") && t_check_trans()) { t_relay(); }
		exit;
	}
	t_check_trans();
	if (is_method("REGISTER")) {
		if ($var(nat)) { fix_nated_register(); setbflag(6); setbflag(7); }
		if (!save("location")) { sl_reply_error(); }
		exit;
	}
	record_route();
	if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
	if ($var(nat)) { add_contact_alias(); }
	rtpengine_manage();
	t_on_reply("NAT");
	t_relay();
}

onreply_route[NAT] {
	if (nat_uac_test("1")) { add_contact_alias(); }
	if (has_body("application/sdp")) { rtpengine_manage(); }
}
`

// kamailio starts that edge and waits until it answers.
func (l *lab) kamailio(t testing.TB) *process {
	t.Helper()
	need(t, "kamailio")
	dir := t.TempDir()
	cfg := filepath.Join(dir, "kamailio.cfg")
	if err := os.WriteFile(cfg, []byte(kamailioConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	p := l.edge.start(t, "kamailio", "kamailio", "-DD", "-E", "-m", "32", "-M", "4", "-Y", dir,
		"-P", filepath.Join(dir, "pid"), "-f", cfg)
	l.answers(t, p, edgeIP+":5060")
	return p
}

// answers waits until a SIP server answers OPTIONS on UDP.
func (l *lab) answers(t testing.TB, p *process, addr string) {
	t.Helper()
	c := l.edge.listenUDP(t, "203.0.113.10:0")
	defer func() { _ = c.Close() }()
	n := 0
	p.ready(t, "an answer to OPTIONS on "+addr, func() bool {
		n++
		reply := ask(c, addr, options(addr, c.LocalAddr().String(), n))
		return strings.HasPrefix(string(reply), "SIP/2.0 ")
	})
}

func options(to, from string, n int) string {
	return strings.ReplaceAll(fmt.Sprintf(`OPTIONS sip:%[1]s SIP/2.0
Via: SIP/2.0/UDP %[2]s;branch=z9hG4bKlab%[3]d
From: <sip:lab@%[2]s>;tag=lab
To: <sip:%[1]s>
Call-ID: lab-%[2]s-%[3]d
CSeq: %[3]d OPTIONS
Max-Forwards: 70
Content-Length: 0

`, to, from, n), "\n", "\r\n")
}
