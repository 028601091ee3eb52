// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/proxy"
)

func TestForkAnswerCancelsLosers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.start(target("b1", 0), target("b2", 0), target("b3", 0))
		require.Equal(t, []int{100}, c.upstream(), "100 at once")
		require.ElementsMatch(t, []string{"INVITE b1", "INVITE b2", "INVITE b3"}, c.net.sent())

		c.answer("b1", 100)
		c.answer("b1", 180)
		c.answer("b2", 183)
		c.answer("b3", 486)
		require.Equal(t, []int{100, 180, 183}, c.upstream(), "100 stays here, 486 waits for the others")
		c.answer("b1", 200)
		require.Equal(t, []int{100, 180, 183, 200}, c.upstream())
		require.Contains(t, c.net.sent(), "CANCEL b2")
		require.NotContains(t, c.net.sent(), "CANCEL b1")
		require.NotContains(t, c.net.sent(), "CANCEL b3")
		require.False(t, c.done(), "b2 has not ended")

		c.net.to(t, "CANCEL", "b2").answer(200)
		c.answer("b2", 487)
		require.True(t, c.done())
		require.Equal(t, []int{100, 180, 183, 200}, c.upstream())
		require.Equal(t, []string{"198.51.100.3 486", "198.51.100.1 200", "198.51.100.2 487"}, c.hooks())
	})
}

func TestForkSecondAnswerPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.start(target("b1", 0), target("b2", 0))
		c.answer("b1", 180)
		c.answer("b2", 180)
		c.answer("b1", 200)
		c.answer("b2", 200) // crosses our CANCEL
		c.net.to(t, "CANCEL", "b2").answer(481)
		require.True(t, c.done())
		require.Equal(t, []int{100, 180, 180, 200, 200}, c.upstream())
	})
}

func TestForkDecline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.start(target("b1", 900), target("b2", 900), target("b3", 100))
		c.answer("b1", 180)
		c.answer("b2", 603)
		require.Equal(t, []int{100, 180}, c.upstream(), "a 6xx waits until the others have ended")
		c.net.to(t, "CANCEL", "b1").answer(200)
		c.answer("b1", 487)
		require.True(t, c.done())
		require.Equal(t, []int{100, 180, 603}, c.upstream())
		require.NotContains(t, c.net.sent(), "INVITE b3", "no further group after a 6xx")
	})
}

func TestSerialGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.start(target("b3", 100), target("b1", 1000), target("b2", 1000))
		require.ElementsMatch(t, []string{"INVITE b1", "INVITE b2"}, c.net.sent())
		c.answer("b1", 486)
		require.Len(t, c.net.sent(), 2)
		c.answer("b2", 480)
		require.Contains(t, c.net.sent(), "INVITE b3")
		c.answer("b3", 200)
		require.True(t, c.done())
		require.Equal(t, []int{100, 200}, c.upstream())
	})
}

func TestBestFailure(t *testing.T) {
	tests := []struct {
		name  string
		codes [3]int
		want  int
	}{
		{"lowest class", [3]int{500, 486, 302}, 302},
		{"6xx before all", [3]int{302, 486, 604}, 604},
		{"challenge before busy", [3]int{486, 407, 404}, 407},
		{"first of equals", [3]int{486, 480, 404}, 486},
		{"408 and 487 say least", [3]int{408, 487, 486}, 486},
		{"503 becomes 500", [3]int{503, 503, 503}, 500},
		{"other 5xx before 503", [3]int{503, 502, 503}, 502},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCall(t, message(t, "INVITE"))
				c.start(target("b1", 0), target("b2", 0), target("b3", 0))
				for i, user := range []string{"b1", "b2", "b3"} {
					c.answer(user, test.codes[i])
				}
				require.True(t, c.done())
				require.Equal(t, []int{100, test.want}, c.upstream())
			})
		})
	}
}

func TestChallengesAreCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.start(target("b1", 0), target("b2", 0), target("b3", 0))
		c.answer("b1", 401, with("WWW-Authenticate", `Digest realm="one"`))
		c.answer("b2", 486)
		c.answer("b3", 407, with("Proxy-Authenticate", `Digest realm="three"`))
		require.True(t, c.done())
		results := c.tx.Result()
		res := results[len(results)-1]
		require.Equal(t, 401, res.StatusCode)
		require.Equal(t, `Digest realm="one"`, res.GetHeader("WWW-Authenticate").Value())
		require.Equal(t, `Digest realm="three"`, res.GetHeader("Proxy-Authenticate").Value())
	})
}

func TestRetryAfterGoesWith503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.start(target("b1", 0))
		c.answer("b1", 503, with("Retry-After", "60"))
		require.Equal(t, []int{100, 500}, c.upstream())
		require.Nil(t, c.tx.Result()[1].GetHeader("Retry-After"))
		require.Equal(t, []string{"198.51.100.1 503"}, c.hooks(), "hooks see what came")
	})
}

func TestBranchThatCannotBeSent(t *testing.T) {
	refused := &flow.Refusal{Code: 503, Reason: "no media"}
	tests := []struct {
		name  string
		fail  error
		hook  error
		hooks string
		want  int
	}{
		{"flow gone", flow.ErrFlowGone, nil, "198.51.100.1 480", 480},
		{"transport error counts as 503", errors.New("broken"), nil, "198.51.100.1 503", 500},
		{"a hook's 503 is meant", nil, refused, "198.51.100.1 503", 503},
		{"a hook's plain error", nil, errors.New("bug"), "198.51.100.1 500", 500},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCall(t, message(t, "INVITE"))
				c.net.fail = func(flow.Flow) error { return test.fail }
				c.fwd.Branch = []proxy.BranchHook{func(*sip.Request, flow.Leg) error { return test.hook }}
				c.start(target("b1", 0))
				require.True(t, c.done())
				require.Equal(t, []int{100, test.want}, c.upstream())
				require.Equal(t, []string{test.hooks}, c.hooks())
			})
		})
	}
}

func TestBranchThatEndsSilently(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want int
	}{
		{"timeout", sip.ErrTransactionTimeout, 408},
		{"transport error", sip.ErrTransactionTransport, 500},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCall(t, message(t, "INVITE"))
				c.start(target("b1", 0))
				c.net.to(t, "INVITE", "b1").end(test.err)
				require.True(t, c.done())
				require.Equal(t, []int{100, test.want}, c.upstream())
				require.Len(t, c.hooks(), 1)
			})
		})
	}
}

// RFC 3261 section 16.7 step 3.
func TestResponseThatIsForNobodyBeyondUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		dropped := 0
		c.fwd.Trace.Dropped = func(sip.Message, error) { dropped++ }
		c.start(target("b1", 0))
		onlyOurs := func(res *sip.Response) {
			top := res.Via()
			for res.RemoveHeader("Via") {
			}
			res.PrependHeader(top)
		}
		c.answer("b1", 180, onlyOurs)
		c.answer("b1", 200, onlyOurs)
		require.True(t, c.done())
		require.Equal(t, []int{100, 502}, c.upstream())
		require.Equal(t, 2, dropped)
	})
}

func TestTimerC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.start(target("b1", 0))
		c.answer("b1", 180)
		time.Sleep(3 * time.Minute)
		c.answer("b1", 180) // starts it anew
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		require.NotContains(t, c.net.sent(), "CANCEL b1")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Contains(t, c.net.sent(), "CANCEL b1")
		c.net.to(t, "CANCEL", "b1").answer(200)
		c.answer("b1", 487)
		require.True(t, c.done())
		require.Equal(t, []int{100, 180, 180, 408}, c.upstream(), "the caller did not terminate the request")
		require.Equal(t, []string{"198.51.100.1 408"}, c.hooks())
	})
}

func TestTimerCShortAndSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "INVITE"))
		c.fwd.TimerC = 10 * time.Second
		begun := time.Now()
		c.start(target("b1", 1000), target("b2", 0))
		<-time.After(11 * time.Second)
		synctest.Wait()
		require.True(t, c.net.to(t, "INVITE", "b1").terminated())
		c.answer("b2", 200)
		require.True(t, c.done())
		require.Equal(t, 11*time.Second, time.Since(begun))
		require.Equal(t, []int{100, 200}, c.upstream())
	})
}

func TestNonInvite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "MESSAGE"))
		c.start(target("b1", 0), target("b2", 0))
		require.Empty(t, c.upstream(), "no 100")
		c.answer("b1", 202)
		require.Equal(t, []int{202}, c.upstream())
		c.answer("b2", 200)
		require.True(t, c.done())
		require.Equal(t, []int{202}, c.upstream(), "one final response")
		require.Equal(t, []string{"MESSAGE b1", "MESSAGE b2"}, sorted(c.net.sent()), "no CANCEL")
	})
}

// RFC 4320 section 4.2.
func TestNonInviteTimeoutIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t, message(t, "BYE"))
		c.start(target("b1", 0))
		c.net.to(t, "BYE", "b1").end(sip.ErrTransactionTimeout)
		require.True(t, c.done())
		require.Empty(t, c.upstream())
		require.Equal(t, []string{"198.51.100.1 408"}, c.hooks())
	})
}
