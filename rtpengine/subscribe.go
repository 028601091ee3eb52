// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import "context"

// Publish has the engine take the SDP of a sender that has no peer, and returns
// its recvonly answer: publish. Others hear it by SubscribeRequest.
func (c *commands) Publish(ctx context.Context, p Params) ([]byte, error) {
	if err := p.check("publish"); err != nil {
		return nil, err
	}
	d, err := p.merged("publish")
	if err != nil {
		return nil, err
	}
	reply, err := c.do(ctx, "publish", d)
	if err != nil {
		return nil, err
	}
	return sdpOf("publish", reply)
}

// Subscription asks for the media of a call, to be sent to somebody who is no
// party of it, as for recording (SIPREC).
type Subscription struct {
	CallID string
	// FromTags are the parties whose media it is about; none means all.
	FromTags []string
	// ToTag names the subscriber. If it is empty the engine makes one up.
	ToTag string
	// SetLabel is the subscriber's label.
	SetLabel string
	// Flags are the options of the offer; siprec among them.
	Flags Flags
}

// SubscriptionOffer is the engine's offer to a subscriber.
type SubscriptionOffer struct {
	SDP      []byte
	FromTags []string // whose media it is, in the order of the media lines
	ToTag    string   // the subscriber's
	Raw      Dict     // the whole reply
}

// SubscribeRequest returns the offer that the subscriber is to answer:
// subscribe_request.
func (c *commands) SubscribeRequest(ctx context.Context, s Subscription) (SubscriptionOffer, error) {
	const command = "subscribe request"
	if s.CallID == "" {
		return SubscriptionOffer{}, &ParamError{command, "call-id", "is missing"}
	}
	d := s.Flags.dictFor(command)
	text(d, "call-id", s.CallID)
	text(d, "to-tag", s.ToTag)
	text(d, "set-label", s.SetLabel)
	switch len(s.FromTags) {
	case 0:
		flags, _ := d["flags"].([]any)
		d["flags"] = append(flags, "all")
	case 1:
		d["from-tag"] = s.FromTags[0]
	default:
		d["from-tags"] = s.FromTags
	}
	reply, err := c.do(ctx, command, d)
	if err != nil {
		return SubscriptionOffer{}, err
	}
	sdp, err := sdpOf(command, reply)
	if err != nil {
		return SubscriptionOffer{}, err
	}
	toTag, _ := reply["to-tag"].(string)
	return SubscriptionOffer{SDP: sdp, FromTags: stringsOf(reply["from-tags"]), ToTag: toTag, Raw: reply}, nil
}

// SubscribeAnswer hands in the subscriber's answer: subscribe_answer. It needs
// CallID, ToTag and SDP.
func (c *commands) SubscribeAnswer(ctx context.Context, p Params) error {
	const command = "subscribe answer"
	if err := p.check(command); err != nil {
		return err
	}
	d, err := p.merged(command)
	if err != nil {
		return err
	}
	_, err = c.do(ctx, command, d)
	return err
}

// Unsubscribe ends the subscription of the subscriber toTag: unsubscribe.
func (c *commands) Unsubscribe(ctx context.Context, callID, toTag string) error {
	const command = "unsubscribe"
	switch {
	case callID == "":
		return &ParamError{command, "call-id", "is missing"}
	case toTag == "":
		return &ParamError{command, "to-tag", "is missing"}
	}
	_, err := c.do(ctx, command, Dict{"call-id": callID, "to-tag": toTag})
	return err
}

// sdpOf returns the SDP of a reply that must have one.
func sdpOf(command string, reply Dict) ([]byte, error) {
	sdp, _ := reply["sdp"].(string)
	if sdp == "" {
		return nil, &failure{command, ErrNoSDP}
	}
	return []byte(sdp), nil
}

// stringsOf returns the strings of a list in a reply.
func stringsOf(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
