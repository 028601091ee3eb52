// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive_test

import (
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/keepalive"
)

func TestAnswerOptions(t *testing.T) {
	for _, c := range []struct {
		name, start, to string
		passes          bool
	}{
		{"without user part", "OPTIONS sip:192.0.2.1:5060 SIP/2.0", "<sip:192.0.2.1>", false},
		{"with user part", "OPTIONS sip:test@192.0.2.1:5060 SIP/2.0", "<sip:test@192.0.2.1>", false},
		{"inside a dialog", "OPTIONS sip:test@192.0.2.1:5060 SIP/2.0", "<sip:test@192.0.2.1>;tag=1", true},
		{"another method", "MESSAGE sip:test@192.0.2.1:5060 SIP/2.0", "<sip:test@192.0.2.1>", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := request(t, c.start, c.to)
			tx := siptest.NewServerTxRecorder(req)
			t.Cleanup(tx.Terminate)
			passed := false
			keepalive.AnswerOptions(func(*sip.Request, sip.ServerTransaction) { passed = true })(req, tx)
			require.Equal(t, c.passes, passed)
			if c.passes {
				require.Empty(t, tx.Result())
				return
			}
			require.Len(t, tx.Result(), 1)
			res := tx.Result()[0]
			require.Equal(t, 200, res.StatusCode)
			require.Contains(t, res.GetHeader("Allow").Value(), "INVITE, ACK, CANCEL, BYE, OPTIONS")
			require.Equal(t, "application/sdp", res.GetHeader("Accept").Value())
			require.Equal(t, "path", res.GetHeader("Supported").Value())
			require.True(t, res.To().Params.Has("tag"))
		})
	}
}

// TestAnswerOptionsWithoutTo: sipgo passes requests on that lack a To.
func TestAnswerOptionsWithoutTo(t *testing.T) {
	req := request(t, "OPTIONS sip:192.0.2.1 SIP/2.0", "")
	tx := siptest.NewServerTxRecorder(req)
	t.Cleanup(tx.Terminate)
	keepalive.AnswerOptions(nil)(req, tx)
	require.Len(t, tx.Result(), 1)
}

func TestFlowTimer(t *testing.T) {
	for _, c := range []struct {
		name, method, supported string
		status                  int
		want                    string
	}{
		{"outbound", "REGISTER", "Supported: path, Outbound", 200, "25"},
		{"compact", "REGISTER", "k: outbound", 200, "25"},
		{"no outbound", "REGISTER", "Supported: path", 200, ""},
		{"nothing supported", "REGISTER", "X: outbound", 200, ""},
		{"refused", "REGISTER", "Supported: outbound", 403, ""},
		{"another method", "OPTIONS", "Supported: outbound", 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := request(t, c.method+" sip:example.com SIP/2.0", "<sip:a@example.com>")
			name, value, _ := strings.Cut(c.supported, ": ")
			req.AppendHeader(sip.NewHeader(name, value))
			tx := siptest.NewServerTxRecorder(req)
			t.Cleanup(tx.Terminate)
			keepalive.FlowTimer(25*time.Second)(func(req *sip.Request, tx sip.ServerTransaction) {
				require.NoError(t, tx.Respond(sip.NewResponseFromRequest(req, c.status, "Whatever", nil)))
			})(req, tx)
			require.Len(t, tx.Result(), 1)
			h := tx.Result()[0].GetHeader("Flow-Timer")
			if c.want == "" {
				require.Nil(t, h)
				return
			}
			require.Equal(t, c.want, h.Value())
		})
	}
}

func request(t testing.TB, start, to string) *sip.Request {
	t.Helper()
	lines := []string{
		start,
		"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport",
		"From: <sip:alice@example.com>;tag=1",
		"Call-ID: c",
		"CSeq: 1 " + strings.Fields(start)[0],
	}
	if to != "" {
		lines = append(lines, "To: "+to)
	}
	msg, err := sip.ParseMessage([]byte(strings.Join(append(lines, "Content-Length: 0", "", ""), "\r\n")))
	require.NoError(t, err)
	return msg.(*sip.Request)
}
