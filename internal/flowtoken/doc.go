// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package flowtoken writes a flow into a signed text that others carry for us:
// in the URI of a Contact (package alias), in the user part of a Path (package
// route). The signature covers what the token is for as well, so that one made
// for a Contact is none in a Path, and one made for a user is none for another.
//
// A token is base64url without padding of
//
//	version<<4 | transport    1 byte
//	key id                    1 byte
//	remote kind<<4 | local kind
//	remote address and port   none, 6 or 18 bytes, with a zone 19 and the zone
//	local address and port    none, 6 or 18 bytes, with a zone 19 and the zone
//	connection                1 to 10 bytes, uvarint
//	MAC                       10 bytes
//
// It is taken apart only when its MAC is good. One that names no flow has zeros
// and no addresses: it says no more than that we signed its [Claim].
package flowtoken
