// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package via finds the topmost Via of a message in its bytes and writes it
// anew, before sipgo parses it: only there can every response be steered, and
// the spellings repaired that sipgo's parser loses parameters on (a blank after
// the port, after a semicolon, around the slashes; folded lines; RFC 3261
// section 25.1 allows them all). Nothing in it allocates, but for a Via of more
// than a kilobyte.
package via
