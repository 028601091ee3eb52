// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow_test

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"strings"
	"testing"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat"
	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/registrar"
	"github.com/sipnat/sipnat/rport"
)

// BenchmarkRegister is a refresh: from the packet to the 200, with sipgo's
// transactions and without.
func BenchmarkRegister(b *testing.B) {
	for _, stateless := range []bool{false, true} {
		b.Run(map[bool]string{false: "transaction", true: "stateless"}[stateless], func(b *testing.B) {
			ua, err := sipgo.NewUA()
			require.NoError(b, err)
			defer func() { _ = ua.Close() }()
			srv, err := sipgo.NewServer(ua)
			require.NoError(b, err)
			layer := &flow.Layer{}
			location := &registrar.Registrar{AOR: registrar.Unauthenticated}
			handler := location.Middleware(func(*sip.Request, sip.ServerTransaction) {})
			sipnat.Handle(srv, handler)
			mw := []func(net.PacketConn) net.PacketConn{rport.Always}
			if stateless {
				mw = append(mw, layer.Stateless(handler))
			}
			pc := newPipe()
			served := make(chan error, 1)
			go func() { served <- layer.ServeUDP(srv, pc, mw...) }()

			const branch, cseq = "z9hG4bK00000000", "CSeq: 100000000 REGISTER"
			msg := []byte(strings.Join([]string{
				"REGISTER sip:example.com SIP/2.0", "Via: SIP/2.0/UDP 192.168.1.100:5060;branch=" + branch, "From: <sip:alice@example.com>;tag=1", "To: <sip:alice@example.com>",
				"Call-ID: 3c26700c1adb-lu0mhdbfvzdy@192.168.1.100", cseq, "Contact: <sip:alice@192.168.1.100:5060>", "Max-Forwards: 70", "User-Agent: phone",
				"Supported: path, outbound", "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY", "Expires: 600", "Content-Length: 0", "", "",
			}, "\r\n"))
			atBranch, atCSeq := strings.Index(string(msg), branch)+len("z9hG4bK"), strings.Index(string(msg), cseq)+len("CSeq: ")
			var n uint32
			b.ReportAllocs()
			for b.Loop() {
				n++
				hex.Encode(msg[atBranch:], binary.BigEndian.AppendUint32(nil, n))
				for i, v := 8, n; v > 0; i, v = i-1, v/10 {
					msg[atCSeq+i] = byte('0' + v%10)
				}
				pc.ask <- msg
				<-pc.answer
			}
			b.StopTimer()
			_ = pc.Close()
			require.NoError(b, <-served)
		})
	}
}
