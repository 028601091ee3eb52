// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flowtoken

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"

	"github.com/sipnat/sipnat/flow"
)

var (
	// ErrKey says that there is no key, or an empty one.
	ErrKey = errors.New("flowtoken: no key, or an empty one")
	// ErrForged says that a token names one of our keys, which did not make it for
	// this claim.
	ErrForged = errors.New("flowtoken: not made by one of our keys")
	// ErrKind is the ErrForged of a token that names a flow for a bare claim, or
	// none for one that is not.
	ErrKind = fmt.Errorf("%w: another kind of token", ErrForged)
	// ErrForeign says that a text is no token, or that of a key that we do not
	// have.
	ErrForeign = errors.New("flowtoken: not a token of ours")
)

const (
	version = 1
	// macSize is 80 bits: the length that RFC 4231's truncation and RFC 2104
	// section 5 still call safe, and the one of Kamailio's flow tokens.
	macSize = 10
	maxZone = 16 // IFNAMSIZ
	maxAddr = 16 + 1 + maxZone + 2
	minBody = 3 + 1 // without addresses
	maxRaw  = 3 + 2*maxAddr + binary.MaxVarintLen64 + macSize

	// MaxSize is the length of the longest token.
	MaxSize = (maxRaw*8 + 5) / 6
)

// Claim is what a token is good for, beside the flow that it names.
type Claim struct {
	// Use tells the kinds of tokens apart.
	Use string
	// Bare says that the token names no flow.
	Bare bool
	// Place is a text that counts if the token is bare; see the function Place.
	Place string
	// User is taken without its escapes, which a peer may write in other ways
	// (RFC 3261 section 19.1.4).
	User string
}

// Ring is the keys: the first one signs, all verify. Make one with [New]. Safe for
// concurrent use.
type Ring struct {
	keys   []key
	states sync.Pool // of *state
}

type key struct {
	secret []byte
	id     byte
}

// state is what making and reading a token needs, kept for reuse.
type state struct {
	macs  []hash.Hash // by key, made on first use
	raw   [maxRaw]byte
	text  [MaxSize]byte
	sum   [sha256.Size]byte
	chunk [64]byte
}

// New returns a ring of keys, which it copies.
func New(keys ...[]byte) (*Ring, error) {
	if len(keys) == 0 {
		return nil, ErrKey
	}
	r := &Ring{}
	for _, k := range keys {
		if len(k) == 0 {
			return nil, ErrKey
		}
		mac := hmac.New(sha256.New, k)
		mac.Write([]byte("sna key id"))
		r.keys = append(r.keys, key{secret: slices.Clone(k), id: mac.Sum(nil)[0]})
	}
	return r, nil
}

func (r *Ring) state() *state {
	if st, ok := r.states.Get().(*state); ok {
		return st
	}
	return &state{macs: make([]hash.Hash, len(r.keys))}
}

// tokens is strict: two spellings of one token do not both pass.
var tokens = base64.RawURLEncoding.Strict()

// Carries reports whether a token has room for f.
func Carries(f flow.Flow) bool {
	return f.Transport < 16 && len(f.Remote.Addr().Zone()) <= maxZone && len(f.Local.Addr().Zone()) <= maxZone
}

// Append appends the token for f, which Carries must allow, and the claim to b;
// f does not count if the claim is bare. It does not allocate if b has room for
// MaxSize bytes.
func (r *Ring) Append(b []byte, f flow.Flow, c Claim) []byte {
	st := r.state()
	defer r.states.Put(st)
	if c.Bare {
		f = flow.Flow{}
	}
	raw := append(st.raw[:0], version<<4|byte(f.Transport), r.keys[0].id, kindOf(f.Remote)<<4|kindOf(f.Local))
	raw = appendAddrPort(raw, f.Remote)
	raw = appendAddrPort(raw, f.Local)
	raw = binary.AppendUvarint(raw, f.Conn)
	raw = append(raw, r.mac(st, 0, raw, c)...)
	return tokens.AppendEncode(b, raw)
}

// Sign is the token as a string.
func (r *Ring) Sign(f flow.Flow, c Claim) string {
	var b [MaxSize]byte
	return string(r.Append(b[:0], f, c))
}

// Open reads a token that was shown with a claim: the flow, which is the zero
// value if the claim is bare. Errors are ErrForged (ErrKind is one) and ErrForeign. It does not
// allocate, but for a zone.
func (r *Ring) Open(token string, c Claim) (flow.Flow, error) {
	// The decoder skips line breaks.
	if len(token) > MaxSize || strings.ContainsAny(token, "\r\n") {
		return flow.Flow{}, ErrForeign
	}
	st := r.state()
	defer r.states.Put(st)
	n, err := tokens.Decode(st.raw[:], st.text[:copy(st.text[:], token)])
	if err != nil || n < minBody+macSize || st.raw[0]>>4 != version {
		return flow.Flow{}, ErrForeign
	}
	body, mac := st.raw[:n-macSize], st.raw[n-macSize:n]
	err = ErrForeign
	for i := range r.keys {
		if r.keys[i].id != body[1] {
			continue
		}
		if bare(body) != c.Bare {
			return flow.Flow{}, ErrKind
		}
		err = ErrForged
		if !hmac.Equal(mac, r.mac(st, i, body, c)) {
			continue
		}
		if c.Bare {
			return flow.Flow{}, nil
		}
		if f, ok := ParseFlow(body); ok {
			return f, nil
		}
	}
	return flow.Flow{}, err
}

// mac is the MAC by key i over body and claim. What stands before the user part
// must tell by itself where it ends: a use is one of few words, a body says what
// it holds, and a place begins with its length.
func (r *Ring) mac(st *state, i int, body []byte, c Claim) []byte {
	h := st.macs[i]
	if h == nil {
		h = hmac.New(sha256.New, r.keys[i].secret)
		st.macs[i] = h
	}
	h.Reset()
	st.write(h, c.Use)
	h.Write(body)
	if c.Bare {
		n := binary.PutUvarint(st.chunk[:], uint64(len(c.Place)))
		h.Write(st.chunk[:n])
		st.write(h, c.Place)
	}
	st.writeUnescaped(h, c.User)
	return h.Sum(st.sum[:0])[:macSize]
}

// write writes s by way of a buffer, so that nothing is allocated.
func (st *state) write(h hash.Hash, s string) {
	for s != "" {
		n := copy(st.chunk[:], s)
		h.Write(st.chunk[:n])
		s = s[n:]
	}
}

func (st *state) writeUnescaped(h hash.Hash, s string) {
	n := 0
	for s != "" {
		c, size := unescape(s)
		s = s[size:]
		if n == len(st.chunk) {
			h.Write(st.chunk[:])
			n = 0
		}
		st.chunk[n] = c
		n++
	}
	h.Write(st.chunk[:n])
}

// unescape is the first byte of s, which is not empty, and how many it takes.
func unescape(s string) (c byte, size int) {
	if s[0] == '%' && len(s) > 2 {
		hi, lo := unhex(s[1]), unhex(s[2])
		if hi < 16 && lo < 16 {
			return hi<<4 | lo, 3
		}
	}
	return s[0], 1
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
