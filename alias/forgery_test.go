// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package alias_test

import (
	"encoding/base64"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sipnat/sipnat/alias"
	"github.com/sipnat/sipnat/flow"
)

// forger makes tokens that nobody signed for the user that they are shown for,
// out of good ones.
type forger struct {
	*rand.Rand
	good  []string            // alice's, under key
	known map[string]struct{} // the same
	bobs  []string            // bob's, under key
	alien []string            // alice's, under a key with the same identifier
}

func newForger(t *testing.T, seed uint64) *forger {
	g := &forger{Rand: rand.New(rand.NewPCG(seed, 2)), known: map[string]struct{}{}}
	s := newSigner(t, key)
	twin := newSigner(t, twinOf(t, s))
	all := flows()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		token := string(s.SignTo(nil, "alice", all[name]))
		g.good = append(g.good, token)
		g.known[token] = struct{}{}
		g.bobs = append(g.bobs, string(s.SignTo(nil, "bob", all[name])))
		g.alien = append(g.alien, string(twin.SignTo(nil, "alice", all[name])))
	}
	return g
}

// twinOf is another key that s cannot tell from its own by the identifier.
func twinOf(t *testing.T, s *alias.Signer) []byte {
	id := func(s *alias.Signer) byte { return decode(t, string(s.SignTo(nil, "", phone)))[1] }
	for i := range uint32(1 << 20) {
		k := binary.BigEndian.AppendUint32([]byte("twin"), i)
		if id(newSigner(t, k)) == id(s) {
			return k
		}
	}
	t.Fatal("no key with the same identifier")
	return nil
}

func decode(t *testing.T, token string) []byte {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	return raw
}

func (g *forger) pick(tokens []string) []byte { return []byte(tokens[g.IntN(len(tokens))]) }

// raw edits the bytes of a token instead of its text.
func (g *forger) raw(token []byte, edit func(raw []byte) []byte) []byte {
	raw, err := base64.RawURLEncoding.DecodeString(string(token))
	if err != nil || len(raw) == 0 {
		return token
	}
	return []byte(base64.RawURLEncoding.EncodeToString(edit(raw)))
}

func (g *forger) flip(raw []byte) []byte {
	raw[g.IntN(len(raw))] ^= 1 << g.IntN(8)
	return raw
}

// forgeries are the ways to make a token, by name.
var forgeries = map[string]func(*forger) []byte{
	"bits of the text": func(g *forger) []byte {
		b := g.pick(g.good)
		for range 1 + g.IntN(3) {
			b[g.IntN(len(b))] ^= 1 << g.IntN(7)
		}
		return b
	},
	"characters": func(g *forger) []byte {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=\r\n ~%"
		b := g.pick(g.good)
		for range 1 + g.IntN(3) {
			i, c := g.IntN(len(b)), alphabet[g.IntN(len(alphabet))]
			if g.IntN(2) == 0 {
				b = slices.Insert(b, i, c)
			} else {
				b[i] = c
			}
		}
		return b
	},
	"one bit of the bytes": func(g *forger) []byte { return g.raw(g.pick(g.good), g.flip) },
	"truncated": func(g *forger) []byte {
		b := g.pick(g.good)
		return b[:g.IntN(len(b))]
	},
	"truncated bytes": func(g *forger) []byte {
		return g.raw(g.pick(g.good), func(raw []byte) []byte { return raw[:g.IntN(len(raw))] })
	},
	"longer": func(g *forger) []byte { return append(g.pick(g.good), g.pick(g.good)[:1+g.IntN(8)]...) },
	"spliced": func(g *forger) []byte {
		b, piece := g.pick(g.good), g.pick(g.good)
		copy(b[g.IntN(len(b)):], piece[g.IntN(len(piece)):])
		return b
	},
	"another's MAC": func(g *forger) []byte {
		from := decodeOr(g.pick(g.good))
		return g.raw(g.pick(g.good), func(raw []byte) []byte {
			copy(raw[len(raw)-10:], from[len(from)-10:])
			return raw
		})
	},
	"random MAC": func(g *forger) []byte {
		return g.raw(g.pick(g.good), func(raw []byte) []byte {
			binary.BigEndian.PutUint64(raw[len(raw)-8:], g.Uint64())
			return raw
		})
	},
	"another user's":          func(g *forger) []byte { return g.pick(g.bobs) },
	"another user's, one bit": func(g *forger) []byte { return g.raw(g.pick(g.bobs), g.flip) },
	"another key's":           func(g *forger) []byte { return g.pick(g.alien) },
	"another key's, one bit":  func(g *forger) []byte { return g.raw(g.pick(g.alien), g.flip) },
	"noise": func(g *forger) []byte {
		raw := make([]byte, g.IntN(64))
		for i := range raw {
			raw[i] = byte(g.Uint32())
		}
		return []byte(base64.RawURLEncoding.EncodeToString(raw))
	},
}

func decodeOr(token []byte) []byte {
	raw, _ := base64.RawURLEncoding.DecodeString(string(token)) // ours are good
	return raw
}

// TestForgeriesNeverYieldAFlow shows a signer a million tokens that it did not
// make for this user.
func TestForgeriesNeverYieldAFlow(t *testing.T) {
	const total = 1_000_000
	each := total/len(forgeries) + 1
	for i, name := range slices.Sorted(maps.Keys(forgeries)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, s, forge := newForger(t, uint64(i)), newSigner(t, key), forgeries[name]
			req := toURI(t, "sip:alice@10.0.0.1;sna=x")
			for tried := 0; tried < each; {
				token := string(forge(g))
				if _, mine := g.known[token]; mine {
					continue
				}
				tried++
				req.Recipient.UriParams[0].V = token
				f, err := s.Resolve(req)
				if err == nil || f != (flow.Flow{}) || len(req.Recipient.UriParams) != 1 || req.Recipient.UriParams[0].V != token {
					t.Fatalf("token %q: flow %v, error %v", token, f, err)
				}
			}
		})
	}
}
