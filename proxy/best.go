// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package proxy

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// best chooses among the failures of all branches (RFC 3261 section 16.7 step
// 6), adds the challenges of the others to a challenge (step 7), and turns a
// 503, which would speak of us as a whole, into a 500; not one that a hook asked
// for. Nil if there are no failures.
func best(finals []event) *sip.Response {
	if len(finals) == 0 {
		return nil
	}
	won := finals[0]
	for _, e := range finals[1:] {
		if rank(e.res.StatusCode) < rank(won.res.StatusCode) {
			won = e
		}
	}
	res := won.res
	switch {
	case challenge(res.StatusCode):
		for _, e := range finals {
			if e.res != res && challenge(e.res.StatusCode) {
				addChallenges(res, e.res)
			}
		}
	case res.StatusCode == sip.StatusServiceUnavailable && !won.policy:
		res.StatusCode, res.Reason = sip.StatusInternalServerError, "Server Internal Error"
		for res.RemoveHeader("Retry-After") {
		}
	}
	return res
}

// rank orders final responses, the best lowest: a 6xx, then the lowest class,
// in it what tells the caller how to do better, last what only says that a
// branch came to nothing.
func rank(code int) int {
	class := code / 100
	if class >= 6 {
		return 0
	}
	switch code {
	case sip.StatusUnauthorized, sip.StatusProxyAuthRequired:
		return class*10 + 0
	case sip.StatusUnsupportedMediaType, sip.StatusBadExtension, sip.StatusAddressIncomplete:
		return class*10 + 1
	case sip.StatusRequestTimeout:
		return class*10 + 3
	case sip.StatusRequestTerminated:
		return class*10 + 4
	case sip.StatusServiceUnavailable:
		return class*10 + 3
	}
	return class*10 + 2
}

func challenge(code int) bool {
	return code == sip.StatusUnauthorized || code == sip.StatusProxyAuthRequired
}

func addChallenges(to, from *sip.Response) {
	for _, h := range from.Headers() {
		if strings.EqualFold(h.Name(), "WWW-Authenticate") || strings.EqualFold(h.Name(), "Proxy-Authenticate") {
			to.AppendHeader(sip.HeaderClone(h))
		}
	}
}
