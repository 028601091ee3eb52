// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/emiago/sipgo/siptest"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/proxy"
)

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

func TestCancelRinging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE", "Route: <sip:other.example.com;lr>", "Max-Forwards: 12"))
		c.start(target("b1", 0))
		c.answer("b1", 180)
		c.cancel()
		require.Equal(t, []int{100, 180, 487}, c.upstream(), "sipgo's own 487")

		invite, cancel := c.net.to(t, "INVITE", "b1"), c.net.to(t, "CANCEL", "b1")
		require.Equal(t, invite.flow, cancel.flow)
		require.Len(t, cancel.req.GetHeaders("Via"), 1)
		require.Equal(t, invite.req.Via().Value(), cancel.req.Via().Value())
		require.Equal(t, invite.req.Recipient.String(), cancel.req.Recipient.String())
		require.Equal(t, "1 CANCEL", cancel.req.CSeq().Value())
		for _, name := range []string{"From", "To", "Call-ID", "Route"} {
			require.Equal(t, invite.req.GetHeader(name).Value(), cancel.req.GetHeader(name).Value(), name)
		}

		cancel.answer(200)
		c.answer("b1", 487)
		require.True(t, c.done())
		require.Equal(t, []int{100, 180, 487}, c.upstream(), "no second 487")
		require.Equal(t, []string{"198.51.100.1 487"}, c.hooks())
	})
}

// RFC 3261 section 9.1: no CANCEL before a provisional response.
func TestCancelBeforeProvisional(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.start(target("b1", 1000), target("b2", 0))
		c.cancel()
		require.Equal(t, []string{"INVITE b1"}, c.net.sent())
		c.answer("b1", 100)
		require.Equal(t, []string{"INVITE b1", "CANCEL b1"}, c.net.sent())
		c.answer("b1", 180)
		require.Equal(t, []string{"INVITE b1", "CANCEL b1"}, c.net.sent(), "one CANCEL")
		c.answer("b1", 487)
		c.net.to(t, "CANCEL", "b1").answer(200)
		require.True(t, c.done())
		require.Equal(t, []int{100, 487}, c.upstream())
		require.NotContains(t, c.net.sent(), "INVITE b2")
	})
}

func TestCancelledBranchThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.start(target("b1", 0))
		c.answer("b1", 180)
		begun := time.Now()
		c.cancel()
		<-time.After(64 * sip.T1)
		require.Equal(t, []string{"198.51.100.1 487"}, c.hooks())
		require.True(t, c.net.to(t, "INVITE", "b1").terminated())
		c.net.to(t, "CANCEL", "b1").end(sip.ErrTransactionTimeout)
		<-c.returned
		require.Equal(t, 64*sip.T1, time.Since(begun))
	})
}

// sipgo has told the caller 487: the phone that answered must not be left with
// a call that nobody is in.
func TestAnswerCrossingCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.fwd.Branch = []proxy.BranchHook{func(req *sip.Request, _ flow.Leg) error {
			req.PrependHeader(sip.NewHeader("Record-Route", "<sip:192.0.2.1;lr>"))
			return nil
		}}
		c.start(target("b1", 0))
		c.answer("b1", 180)
		c.cancel()
		recorded := func(res *sip.Response) { // two proxies beyond us, one of them before the phone
			for res.RemoveHeader("Record-Route") {
			}
			for _, uri := range []string{"far.example.com", "near.example.com", "192.0.2.1"} {
				res.AppendHeader(&sip.RecordRouteHeader{Address: sip.Uri{Scheme: "sip", Host: uri, UriParams: sip.HeaderParams{{K: "lr"}}}})
			}
		}
		invite := c.net.to(t, "INVITE", "b1")
		ok := invite.response(200, contact("sip:phone@10.1.1.1:5062"), recorded)
		invite.responses <- ok
		synctest.Wait()

		require.Equal(t, []int{100, 180, 487}, c.upstream())
		require.Equal(t, []string{"198.51.100.1 487"}, c.hooks(), "for the features the call has failed")
		require.Equal(t, []string{"INVITE b1", "CANCEL b1", "BYE phone", "ACK phone"}, c.net.sent())
		ack, bye := c.net.acks[0], c.net.to(t, "BYE", "phone")
		require.Equal(t, invite.flow, bye.flow)
		require.Equal(t, "1 ACK", ack.CSeq().Value())
		require.Equal(t, "2 BYE", bye.req.CSeq().Value())
		for _, req := range []*sip.Request{ack, bye.req} {
			require.Equal(t, "sip:phone@10.1.1.1:5062", req.Recipient.String())
			require.Equal(t, ok.To().Value(), req.To().Value())
			require.Equal(t, c.req.From().Value(), req.From().Value())
			require.Len(t, req.GetHeaders("Via"), 1)
			var route []string
			for _, h := range req.GetHeaders("Route") {
				route = append(route, h.Value())
			}
			require.Equal(t, "<sip:near.example.com;lr>,<sip:far.example.com;lr>", strings.Join(route, ","))
		}

		// Our ACK was lost: the 200 comes again, and is acknowledged, no more.
		invite.again(invite.response(200, contact("sip:phone@10.1.1.1:5062"), func(res *sip.Response) {
			tag, _ := ok.To().Params.Get("tag")
			res.To().Params.Add("tag", tag)
		}))
		require.Equal(t, []string{"INVITE b1", "CANCEL b1", "BYE phone", "ACK phone", "ACK phone"}, c.net.sent())

		bye.answer(200)
		c.net.to(t, "CANCEL", "b1").answer(481)
		require.True(t, c.done())
	})
}

// The CANCEL comes while the hooks of the 200 run: they are told the end.
func TestCancelDuringReplyHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.fwd.Reply = append(c.fwd.Reply, func(res *sip.Response, _ flow.Leg) error {
			if res.StatusCode == 200 {
				time.Sleep(time.Second) // an engine that takes its time
			}
			return nil
		})
		c.start(target("b1", 0))
		c.answer("b1", 180)
		c.answer("b1", 200, contact("sip:phone@10.1.1.1"))
		c.cancel()
		time.Sleep(2 * time.Second)
		require.NotContains(t, c.upstream(), 200)
		require.Equal(t, []int{100, 180, 487}, c.upstream()[:3])
		require.Equal(t, []string{"198.51.100.1 200", "198.51.100.1 487"}, c.hooks())
		require.Equal(t, []string{"INVITE b1", "BYE phone", "ACK phone"}, c.net.sent())
		c.net.to(t, "BYE", "phone").answer(200)
		require.True(t, c.done())
	})
}

func TestCancelAfterAnswerHasNoEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.start(target("b1", 0))
		c.answer("b1", 200)
		require.True(t, c.done())
		c.cancel()
		require.Equal(t, []int{100, 200}, c.upstream())
		require.Equal(t, []string{"INVITE b1"}, c.net.sent())
	})
}

func TestRepeatedAnswerPassesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.start(target("b1", 0))
		c.answer("b1", 200)
		require.True(t, c.done())
		invite := c.net.to(t, "INVITE", "b1")
		invite.again(invite.response(200))
		require.Equal(t, []int{100, 200, 200}, c.upstream())
		require.Equal(t, []string{"198.51.100.1 200", "198.51.100.1 200"}, c.hooks(), "the features treat it again")
		require.Len(t, c.tx.Result()[2].GetHeaders("Via"), 1)
	})
}

func TestCallerDisappears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.start(target("b1", 0))
		c.answer("b1", 180)
		c.tx.Terminate()
		synctest.Wait()
		c.net.to(t, "CANCEL", "b1").answer(200)
		c.answer("b1", 487)
		require.True(t, c.done())
		require.Equal(t, []int{100, 180}, c.upstream())
	})
}

func TestCancelBeforeTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		rec := siptest.NewServerTxRecorder(c.req)
		req := c.req.Clone()
		req.Method = sip.CANCEL
		require.NoError(t, rec.Receive(req))
		c.fwd.Forward(c.req, rec, []flow.Target{target("b1", 0)})
		require.Len(t, rec.Result(), 1)
		require.Equal(t, 487, rec.Result()[0].StatusCode)
		require.Empty(t, c.net.sent())
	})
}

// A 2xx that finds no caller: the connection went with the transaction.
func TestAnswerToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.start(target("b1", 0))
		c.answer("b1", 180)
		c.tx.Terminate()
		synctest.Wait()
		c.answer("b1", 200, contact("sip:phone@10.1.1.1"))
		require.Equal(t, []string{"INVITE b1", "CANCEL b1", "BYE phone", "ACK phone"}, c.net.sent())
		require.Equal(t, []string{"198.51.100.1 487"}, c.hooks())
		c.net.to(t, "CANCEL", "b1").answer(481)
		c.net.to(t, "BYE", "phone").answer(200)
		require.True(t, c.done())
	})
}

// facts/sipgo.md 7 and transaction_server_tx_fsm.go: once sipgo has answered a
// CANCEL, a response given to the transaction is not sent but takes the place of
// the 487 that it repeats. When this fails, a late 2xx may be passed on.
func TestSipgoRepeatsWhatItRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		rec := siptest.NewServerTxRecorder(c.req)
		req := c.req.Clone()
		req.Method = sip.CANCEL
		require.NoError(t, rec.Receive(req))
		err := rec.Respond(sip.NewResponseFromRequest(c.req, 200, "OK", nil))
		require.ErrorIs(t, err, sip.ErrTransactionCanceled)
		require.Len(t, rec.Result(), 1)
		time.Sleep(sip.Timer_G)
		synctest.Wait()
		require.Len(t, rec.Result(), 2)
		require.Equal(t, 200, rec.Result()[1].StatusCode)
		rec.Terminate()
	})
}
