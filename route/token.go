// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package route

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"sync"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/flowtoken"
)

// param is the URI parameter of our Record-Routes that carries the signature:
// base64url of a version, an identifier of the key, an 80-bit MAC of the Call-ID,
// and, if there is another Record-Route next to ours on the far side, a 64-bit MAC
// of the Call-ID and that.
const param = "snr"

const (
	tokenVersion = 1
	dialogMAC    = 10
	beyondMAC    = 8
	tokenSize    = 2 + dialogMAC
)

var (
	// ErrTampered says that a Route bears a signature of our key over another
	// dialog, or a broken one, or a flow token that was altered. It is answered
	// 403.
	ErrTampered error = &flow.Refusal{Code: 403, Reason: "Forbidden: route tampered with"}
	// ErrNotOurs says that a request wants to be routed on to a place that no
	// signature of ours names. It is answered 403.
	ErrNotOurs error = &flow.Refusal{Code: 403, Reason: "Forbidden: not a route of ours"}
	// ErrNoCallID says that a request has no Call-ID to sign. It is answered 400.
	ErrNoCallID error = &flow.Refusal{Code: 400, Reason: "Bad Request: no Call-ID"}
	// ErrFlow says that a flow is invalid, or that a token cannot carry it.
	ErrFlow error = &flow.Refusal{Code: 500, Reason: "Server Internal Error: no flow for a Path"}
)

// secrets is the key in the forms that it is used in.
type secrets struct {
	key   []byte
	id    byte
	flows *flowtoken.Ring
	macs  sync.Pool // of hash.Hash: making one costs more than a signature
}

func newSecrets(key []byte) *secrets {
	sum := sha256.Sum256(append([]byte("key id\x00"), key...))
	ring, err := flowtoken.New(key)
	if err != nil {
		panic("route: " + err.Error()) // the key is not empty
	}
	return &secrets{key: key, id: sum[0], flows: ring}
}

// sign is the signature over a dialog and the Record-Route beyond us; nil if
// there is none.
func (s *secrets) sign(callID string, beyond *sip.Uri) string {
	raw := append(make([]byte, 0, tokenSize+beyondMAC), tokenVersion, s.id)
	raw = append(raw, s.mac(callID, nil)[:dialogMAC]...)
	if beyond != nil {
		raw = append(raw, s.mac(callID, beyond)[:beyondMAC]...)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (s *secrets) mac(callID string, beyond *sip.Uri) []byte {
	mac, ok := s.macs.Get().(hash.Hash)
	if !ok {
		mac = hmac.New(sha256.New, s.key)
	}
	defer s.macs.Put(mac)
	mac.Reset()
	write(mac, "record-route\x00"+callID)
	if beyond != nil {
		write(mac, "\x00beyond\x00"+flowtoken.Place(beyond)+beyond.User)
	}
	return mac.Sum(nil)
}

func write(h hash.Hash, s string) { h.Write([]byte(s)) }

// signature is what a token of ours says about a request.
type signature struct {
	dialog bool // the dialog was set up through us
	beyond bool // and the Route left behind ours is the one that stood there then
}

// verify checks a token: signed, not ours to judge (another version or key), or
// tampered with. Beyond is the first Route behind ours; nil if none is left.
func (s *secrets) verify(text, callID string, beyond *sip.Uri) (signature, error) {
	got, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(got) != tokenSize && len(got) != tokenSize+beyondMAC {
		return signature{}, ErrTampered
	}
	if got[0] != tokenVersion || got[1] != s.id {
		return signature{}, nil
	}
	if !hmac.Equal(got[2:tokenSize], s.mac(callID, nil)[:dialogMAC]) {
		return signature{}, ErrTampered
	}
	sig := signature{dialog: true}
	if beyond != nil && len(got) > tokenSize {
		sig.beyond = hmac.Equal(got[tokenSize:], s.mac(callID, beyond)[:beyondMAC])
	}
	return sig, nil
}
