// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package manage

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// ident is what a message says it belongs to.
type ident struct {
	callID, from, to string // Call-ID and the tags; to is empty outside dialogs
	method           sip.RequestMethod
	cseq             uint32
}

// identify reads it. False: a message without Call-ID, CSeq or From tag, such as
// RFC 2543 allowed, whose media cannot be told from another's.
func identify(msg sip.Message) (ident, bool) {
	callID, from, to, cseq := msg.CallID(), msg.From(), msg.To(), msg.CSeq()
	if callID == nil || from == nil || to == nil || cseq == nil {
		return ident{}, false
	}
	id := ident{
		callID: callID.Value(),
		from:   tag(from.Params), to: tag(to.Params),
		method: cseq.MethodName, cseq: cseq.SeqNo,
	}
	return id, id.callID != "" && id.from != ""
}

// tag finds the tag. sipgo's own look-up minds case, and takes "; tag" for a
// parameter of that name, blank included.
func tag(params sip.HeaderParams) string {
	for _, p := range params {
		if strings.EqualFold(strings.TrimSpace(p.K), "tag") {
			return strings.TrimSpace(p.V)
		}
	}
	return ""
}
