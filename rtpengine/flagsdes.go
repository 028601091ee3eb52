// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import "strings"

// sdesSuites are the crypto suites that rtpengine knows (RFC 4568, 6188, 7714).
var sdesSuites = []string{
	"AEAD_AES_128_GCM", "AEAD_AES_256_GCM",
	"AES_192_CM_HMAC_SHA1_32", "AES_192_CM_HMAC_SHA1_80",
	"AES_256_CM_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80",
	"AES_CM_128_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80",
	"F8_128_HMAC_SHA1_32", "F8_128_HMAC_SHA1_80",
	"NULL_HMAC_SHA1_32", "NULL_HMAC_SHA1_80",
}

// sdesOption checks the options of SDES that name crypto suites: no-SUITE, and
// for newer daemons only-SUITE, order:, offerer_pref: and prefer: with lists of
// SUITE;SUITE.
func sdesOption(v string) (string, bool) {
	for _, prefix := range []string{"no-", "only-"} {
		if rest, ok := cutPrefixFold(v, prefix); ok {
			s, ok := sdesSuite(rest)
			return prefix + s, ok
		}
	}
	for _, prefix := range []string{"order:", "offerer_pref:", "prefer:"} {
		rest, ok := cutPrefixFold(v, prefix)
		if !ok {
			continue
		}
		names := strings.Split(strings.TrimSuffix(rest, ";"), ";")
		for i, name := range names {
			if names[i], ok = sdesSuite(name); !ok {
				return "", false
			}
		}
		return prefix + strings.Join(names, ";"), true
	}
	return "", false
}

func sdesSuite(name string) (string, bool) {
	for _, s := range sdesSuites {
		if strings.EqualFold(s, name) {
			return s, true
		}
	}
	return "", false
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
