// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package flow

import (
	"encoding/binary"
	"hash/maphash"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// toTag is the tag of a To header; empty if there is none.
func toTag(to *sip.ToHeader) string {
	if to == nil {
		return ""
	}
	tag, _ := to.Params.Get("tag")
	return tag
}

// steady gives the response to a request without a To tag one that a repeated
// request gets again (RFC 3261 section 8.2.7). One that the handler made by itself
// stays: only sipgo's, which is random, is replaced.
func steady(res *sip.Response, req *sip.Request, seed maphash.Seed) {
	to := res.To()
	if to == nil || res.StatusCode == sip.StatusTrying {
		return
	}
	if tag := toTag(to); tag == "" || random(tag) {
		to.Params.Add("tag", tagFor(req, seed))
	}
}

// tagFor is a hash over what names the request's transaction and its sender's
// dialog.
func tagFor(req *sip.Request, seed maphash.Seed) string {
	var h maphash.Hash
	h.SetSeed(seed)
	add := func(s string) {
		var size [8]byte
		_, _ = h.Write(binary.LittleEndian.AppendUint64(size[:0], uint64(len(s))))
		_, _ = h.WriteString(s)
	}
	if v := req.Via(); v != nil {
		branch, _ := v.Params.Get("branch")
		add(branch)
		add(v.Host)
	}
	if f := req.From(); f != nil {
		tag, _ := f.Params.Get("tag")
		add(tag)
	}
	if c := req.CallID(); c != nil {
		add(c.Value())
	}
	if c := req.CSeq(); c != nil {
		add(c.Value())
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// random reports whether a tag is of the form of sipgo's own: a random UUID.
func random(tag string) bool {
	return len(tag) == 36 && tag[8] == '-' && tag[13] == '-' && tag[14] == '4' && tag[18] == '-' && tag[23] == '-' &&
		strings.Trim(tag, "0123456789abcdef-") == ""
}
