// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package sipnat_test

import (
	"testing"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat"
)

func TestChainAndIf(t *testing.T) {
	var order []string
	say := func(name string) func(sipgo.RequestHandler) sipgo.RequestHandler {
		return func(next sipgo.RequestHandler) sipgo.RequestHandler {
			return func(req *sip.Request, tx sip.ServerTransaction) {
				order = append(order, name)
				next(req, tx)
			}
		}
	}
	isInvite := func(req *sip.Request, _ sip.ServerTransaction) bool { return req.IsInvite() }
	h := sipnat.Chain(say("a"), sipnat.If(isInvite, say("invite")), say("b"))(func(*sip.Request, sip.ServerTransaction) { order = append(order, "handler") })
	tests := []struct {
		method sip.RequestMethod
		want   []string
	}{
		{sip.INVITE, []string{"a", "invite", "b", "handler"}},
		{sip.BYE, []string{"a", "b", "handler"}},
	}
	for _, tt := range tests {
		order = nil
		req := sip.NewRequest(tt.method, sip.Uri{Host: "example.com"})
		h(req, nil)
		require.Equal(t, tt.want, order)
	}
}
