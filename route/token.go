// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package route

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/sipnat/sipnat/flow"
)

// param is the URI parameter of our Record-Routes that carries the signature:
// base64url of a version, an identifier of the key, and an 80-bit MAC.
const param = "snr"

const (
	tokenVersion = 1
	macSize      = 10
	tokenSize    = 2 + macSize
)

var (
	// ErrTampered says that a Route bears a signature of our key over another
	// dialog, or a broken one. It is answered 403.
	ErrTampered error = &flow.Refusal{Code: 403, Reason: "Forbidden: route tampered with"}
	// ErrNotOurs says that a request wants to be routed on although its dialog
	// was not set up through us. It is answered 403.
	ErrNotOurs error = &flow.Refusal{Code: 403, Reason: "Forbidden: not a route of ours"}
	// ErrNoCallID says that a request has no Call-ID to sign. It is answered 400.
	ErrNoCallID error = &flow.Refusal{Code: 400, Reason: "Bad Request: no Call-ID"}
)

func (r *Router) sign(callID string) string {
	return base64.RawURLEncoding.EncodeToString(r.token(callID))
}

func (r *Router) token(callID string) []byte {
	key := r.signingKey()
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("record-route\x00" + callID))
	sum := mac.Sum(nil)
	return append([]byte{tokenVersion, keyID(key)}, sum[:macSize]...)
}

// keyID tells apart the keys of nodes that do not share one.
func keyID(key []byte) byte {
	sum := sha256.Sum256(append([]byte("key id\x00"), key...))
	return sum[0]
}

// verify checks a signature: signed, not ours to judge (another version or
// key), or tampered with.
func (r *Router) verify(text, callID string) (signed bool, err error) {
	got, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(got) != tokenSize {
		return false, ErrTampered
	}
	want := r.token(callID)
	if got[0] != want[0] || got[1] != want[1] {
		return false, nil
	}
	if !hmac.Equal(got, want) {
		return false, ErrTampered
	}
	return true, nil
}
