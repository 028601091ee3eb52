// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

// EncodeOffer and DecodeSDP are the two halves of the hot path.

func EncodeOffer(p *Params) []byte { return p.appendOffer(make([]byte, 0, p.size()), "offer") }

func DecodeSDP(payload []byte) ([]byte, error) {
	r, err := judge("offer", payload)
	return r.sdp, err
}
