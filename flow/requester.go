// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"context"
	"errors"

	"github.com/emiago/sipgo/sip"
)

// Requester sends the requests of a sipgo.Client along flows, for a B2BUA or a
// PBX on sipgo's dialogs: set it as the client's TxRequester. The dialog's
// target is then the phone's Contact with an alias in it, put there when its
// INVITE or its 200 came in; each ACK, re-INVITE and BYE finds the flow by it.
//
//	client.TxRequester = &flow.Requester{Layer: layer, Alias: signer.Resolve}
//
// The request that the client keeps is not edited: a CANCEL made from it later
// finds the same flow. The Contact that the client is given must have its host
// and port: sipgo fills in a missing one only where it sends by itself.
type Requester struct {
	Layer *Layer
	// Alias takes the flow off a request's Request-URI, as (*alias.Signer).Resolve
	// does. An error with a SIPStatus (forged, gone) ends the request; any other
	// says that there is no alias, and the request goes where its first Route,
	// else its Request-URI says. Nil: all of them do.
	Alias func(*sip.Request) (Flow, error)
}

// Request sends req, which has a Via of the client's making; sent-by and
// transport are set to the flow's. An ACK is sent without a transaction: the
// transaction is nil then.
func (r *Requester) Request(ctx context.Context, req *sip.Request) (sip.ClientTransaction, error) {
	req = req.Clone()
	f, err := r.flowOf(ctx, req)
	if err != nil {
		return nil, err
	}
	v := req.Via()
	if v == nil {
		v = r.Layer.Via(f, sip.GenerateBranch())
		req.PrependHeader(v)
	}
	v.Host, v.Port = r.Layer.Name(f)
	v.Transport = f.Transport.Upper()
	if req.IsAck() {
		return nil, r.Layer.Send(req, f)
	}
	return r.Layer.Do(ctx, req, f)
}

func (r *Requester) flowOf(ctx context.Context, req *sip.Request) (Flow, error) {
	if r.Alias != nil && req.Route() == nil {
		f, err := r.Alias(req)
		var refusal interface{ SIPStatus() (int, string) }
		if err == nil || errors.As(err, &refusal) {
			return f, err
		}
	}
	next := &req.Recipient
	if route := req.Route(); route != nil {
		next = &route.Address
	}
	return r.Layer.Resolve(ctx, next)
}
