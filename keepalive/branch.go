// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package keepalive

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// branchPrefix begins the branch of every ping, whoever's: a reply with it is
// never sipgo's, not even a late one to a process that has ended.
const branchPrefix = "z9hG4bKsnk"

// A branch is the prefix and, in hexadecimal, the serial of the binding, the
// number of the ping, and 64 bits of a MAC over both.
const (
	nameLen   = 8 + 4
	macLen    = 8
	branchLen = len(branchPrefix) + 2*(nameLen+macLen)
)

// secret makes and checks branches. It serves one goroutine at a time.
type secret struct {
	mac hash.Hash
	raw [nameLen + macLen]byte
	sum [sha256.Size]byte
}

func newSecrets() (a, b *secret) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return &secret{mac: hmac.New(sha256.New, key)}, &secret{mac: hmac.New(sha256.New, key)}
}

// sign is the name of a ping and its MAC.
func (s *secret) sign(serial uint64, number uint32) []byte {
	binary.BigEndian.PutUint64(s.raw[:], serial)
	binary.BigEndian.PutUint32(s.raw[8:], number)
	s.mac.Reset()
	s.mac.Write(s.raw[:nameLen])
	copy(s.raw[nameLen:], s.mac.Sum(s.sum[:0])[:macLen])
	return s.raw[:]
}

// answer is what a reply's branch says; good is still to be asked.
type answer struct {
	serial uint64
	number uint32
	mac    [macLen]byte
}

// parseBranch takes a branch apart that has the prefix.
func parseBranch(branch []byte) (answer, bool) {
	if len(branch) != branchLen {
		return answer{}, false
	}
	var raw [nameLen + macLen]byte
	for i := range raw {
		hi, lo := unhex(branch[len(branchPrefix)+2*i]), unhex(branch[len(branchPrefix)+2*i+1])
		if hi > 15 || lo > 15 {
			return answer{}, false
		}
		raw[i] = hi<<4 | lo
	}
	return answer{
		serial: binary.BigEndian.Uint64(raw[:]),
		number: binary.BigEndian.Uint32(raw[8:]),
		mac:    [macLen]byte(raw[nameLen:]),
	}, true
}

// unhex reads lower case alone: that is how we write.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 16
}
