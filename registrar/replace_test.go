// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	cell = `;+sip.instance="<urn:uuid:cell>"`
	desk = `;+sip.instance="<urn:uuid:desk>"`
)

// TestReplace: which binding a REGISTER replaces. Two phones REGISTER, one
// after the other; "same" says that they are taken for one phone, whose
// binding keeps its ID and has the contact and flow of the second.
func TestReplace(t *testing.T) {
	at := func(callID string, cseq int, transport, source, contact string, more ...string) phone {
		return phone{user: "alice", callID: callID, cseq: cseq, transport: transport, source: source, headers: append([]string{"Contact: " + contact}, more...)}
	}
	const nat, natPort, other, nat6, nat6Port = "203.0.113.9:40112", "203.0.113.9:51000", "198.51.100.7:40112", "[2001:db8::9]:40112", "[2001:db8::9]:51000"
	const learnt, learntNew = "<sip:alice@203.0.113.9:40112>", "<sip:alice@203.0.113.9:51000>"
	const v6home = "<sip:alice@[fd00::2]:5060>"
	for _, tc := range []struct {
		name          string
		first, second phone
		same          bool
	}{
		{"refresh", at("c1", 1, "UDP", nat, home), at("c1", 2, "UDP", nat, home), true},
		{"new mapped port, same Call-ID", at("c1", 1, "UDP", nat, home), at("c1", 2, "UDP", natPort, home), true},
		{"new mapped port, rebooted", at("c1", 9, "UDP", nat, home), at("c2", 1, "UDP", natPort, home), true},
		{"new mapped address, same Call-ID", at("c1", 1, "UDP", nat, home), at("c1", 2, "UDP", other, home), true},
		{"two sites, same private contact", at("c1", 1, "UDP", nat, home), at("c2", 1, "UDP", other, home), false},
		{"same contact in other words", at("c1", 1, "UDP", nat, "<sip:%61lice@Home.example:5060;x=1>"), at("c2", 1, "UDP", natPort, "<sip:alice@home.example:5060;y=2>"), true},
		{"same contact, other transport parameter", at("c1", 1, "UDP", nat, "<sip:alice@h>"), at("c2", 1, "UDP", nat, "<sip:alice@h;transport=udp>"), false},
		{"same contact, other value", at("c1", 1, "UDP", nat, "<sip:alice@h;x=1>"), at("c2", 1, "UDP", nat, "<sip:alice@h;x=2>"), false},
		{"two phones behind one NAT", at("c1", 1, "UDP", nat, home), at("c2", 1, "UDP", natPort, "<sip:alice@192.168.1.3:5060>"), false},
		{"contact learnt from rport, port moved", at("c1", 1, "UDP", nat, learnt), at("c1", 2, "UDP", natPort, learntNew), true},
		{"the same, rebooted", at("c1", 1, "UDP", nat, learnt), at("c2", 1, "UDP", natPort, learntNew), false},
		{"the same CSeq again, another contact", at("c1", 1, "UDP", nat, learnt), at("c1", 1, "UDP", natPort, learntNew), false},
		{"same Call-ID, other user part", at("c1", 1, "UDP", nat, "<sip:x1@h1>"), at("c1", 2, "UDP", nat, "<sip:x2@h2>"), false},
		{"instance, new contact and address", at("c1", 1, "UDP", nat, learnt+cell), at("c2", 1, "UDP", other, "<sip:alice@198.51.100.7>"+cell), true},
		{"instance, letter case", at("c1", 1, "UDP", nat, learnt+cell), at("c2", 1, "UDP", other, `<sip:a@h>;+sip.instance="<urn:uuid:CELL>"`), true},
		{"instance, other transport", at("c1", 1, "UDP", nat, home+cell), at("c2", 1, "TCP", nat, "<sip:alice@192.168.1.2:5060;transport=tcp>"+cell), false},
		{"instance, other family", at("c1", 1, "UDP", nat, home+cell), at("c2", 1, "UDP", nat6, v6home+cell), false},
		{"two instances, same contact and address", at("c1", 1, "UDP", nat, home+cell), at("c2", 1, "UDP", nat, home+desk), false},
		{"two instances, same Call-ID", at("c1", 1, "UDP", nat, home+cell), at("c1", 2, "UDP", nat, home+desk), false},
		{"reg-id, everything else new", at("c1", 1, "UDP", nat, home+cell+";reg-id=1"), at("c2", 1, "TCP", nat6, v6home+cell+";reg-id=1"), true},
		{"two reg-ids are two flows", at("c1", 1, "UDP", nat, home+cell+";reg-id=1"), at("c1", 2, "UDP", nat, home+cell+";reg-id=2"), false},
		{"TCP, new connection", at("c1", 1, "TCP", nat, home), at("c1", 2, "TCP", natPort, home), true},
		{"TCP, new connection, rebooted", at("c1", 1, "TCP", nat, home), at("c2", 1, "TCP", natPort, home), true},
		{"TCP, two sites", at("c1", 1, "TCP", nat, home), at("c2", 1, "TCP", other, home), false},
		{"IPv6, new port", at("c1", 1, "UDP", nat6, v6home), at("c2", 1, "UDP", nat6Port, v6home), true},
		{"IPv6, contact in other words", at("c1", 1, "UDP", nat6, v6home), at("c2", 1, "UDP", nat6, "<sip:alice@[FD00:0::2]:5060>"), true},
		{"IPv6, TCP, new address", at("c1", 1, "TCP", nat6, v6home), at("c2", 1, "TCP", "[2001:db8::a]:1", v6home), false},
		{"v4-mapped source is the v4 one", at("c1", 1, "UDP", nat, home), at("c2", 1, "UDP", "[::ffff:203.0.113.9]:7", home), true},
		{"one edge, two flow tokens", at("c1", 1, "UDP", nat, home, "Path: <sip:t1@e;lr>"), at("c2", 1, "UDP", nat, home, "Path: <sip:t2@e;lr>"), false},
		{"one edge, one flow token", at("c1", 1, "UDP", nat, home, "Path: <sip:t1@e;lr>"), at("c2", 1, "UDP", nat, home, "Path: <sip:t1@e;lr>"), true},
		{"first direct, then through an edge", at("c1", 1, "UDP", nat, home), at("c2", 1, "UDP", nat, home, "Path: <sip:t1@e;lr>"), false},
		{"the same, same Call-ID", at("c1", 1, "UDP", nat, home), at("c1", 2, "UDP", nat, home, "Path: <sip:t1@e;lr>"), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, store := open()
			code, _ := tc.first.register(t, r)
			require.Equal(t, 200, code)
			first := stored(t, store, "alice")[0]
			code, _ = tc.second.register(t, r)
			require.Equal(t, 200, code)
			list := stored(t, store, "alice")
			if !tc.same {
				require.Len(t, list, 2)
				require.Equal(t, first, list[0])
				require.NotEqual(t, first.ID, list[1].ID)
				return
			}
			require.Len(t, list, 1)
			require.Equal(t, first.ID, list[0].ID)
			require.Equal(t, tc.second.callID, list[0].CallID)
			require.Equal(t, uint32(tc.second.cseq), list[0].CSeq)
			require.Contains(t, []string{tc.second.source, "203.0.113.9:7"}, list[0].Flow.Remote.String())
			require.True(t, list[0].Updated.After(first.Updated))
		})
	}
}

// TestStale: an older REGISTER never brings back an older address, whatever
// identifies the phone.
func TestStale(t *testing.T) {
	const old, now = "<sip:alice@203.0.113.9:1>", "<sip:alice@203.0.113.9:2>"
	for name, suffix := range map[string]string{"plain": "", "instance": cell, "instance and reg-id": cell + ";reg-id=1"} {
		t.Run(name, func(t *testing.T) {
			r, store := open()
			code, _ := alice().next("Contact: "+now+suffix).register(t, r)
			require.Equal(t, 200, code)
			before := stored(t, store, "alice")
			code, _ = alice().from("203.0.113.9:1").with("Contact: "+old+suffix).register(t, r)
			require.Equal(t, 500, code)
			require.Equal(t, before, stored(t, store, "alice"))
		})
	}
}

// TestReplaceInOne: claims of several contacts in one REGISTER.
func TestReplaceInOne(t *testing.T) {
	const a, b = "<sip:alice@192.168.1.2:5060>", "<sip:alice@192.168.1.2:5061;transport=tls>"
	for _, tc := range []struct {
		name   string
		second string
		want   []string
		kept   bool // the first binding's ID is still there
	}{
		{"another contact before the known one", "Contact: " + b + ", " + a, []string{a, b}, true},
		{"the old one given up, a new one", "Contact: " + a + ";expires=0, " + b, []string{b}, false},
		{"a new one, the old one given up", "Contact: " + b + ", " + a + ";expires=0", []string{b}, false},
		{"only another: the phone has moved", "Contact: " + b, []string{b}, true},
	} {
		for _, instance := range []string{"", cell} {
			t.Run(tc.name+instance, func(t *testing.T) {
				r, store := open()
				alice().with("Contact: "+a+instance).register(t, r)
				first := stored(t, store, "alice")[0]
				code, _ := alice().next(tc.second).register(t, r)
				require.Equal(t, 200, code)
				var got, ids []string
				for _, s := range stored(t, store, "alice") {
					got, ids = append(got, "<"+s.Contact+">"), append(ids, s.ID)
				}
				require.Equal(t, tc.want, got)
				if tc.kept {
					require.Contains(t, ids, first.ID)
					return
				}
				require.NotContains(t, ids, first.ID)
			})
		}
	}
}
