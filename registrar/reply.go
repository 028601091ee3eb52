// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package registrar

import (
	"errors"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/sipnat/sipnat/flow"
)

// httpDate is the form of the Date header (RFC 3261 section 20.17).
const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

// refuse is the response to a REGISTER that failed with err.
func refuse(req *sip.Request, err error) *sip.Response {
	code, reason := flow.Status(err)
	res := respond(req, code, reason)
	var own *refusal
	if errors.As(err, &own) && own.header != "" {
		res.AppendHeader(sip.NewHeader(own.header, own.value))
	}
	var away *Unavailable
	if errors.As(err, &away) && away.RetryAfter > 0 {
		res.AppendHeader(sip.NewHeader("Retry-After", strconv.Itoa(seconds(away.RetryAfter))))
	}
	return res
}

// accept is the 200 with all bindings, each with the time that it has left
// (RFC 3261 section 10.3 step 8). Nobody's flow is in it: devices of one user
// are not told where the others are.
func accept(req *sip.Request, bindings []Binding, now time.Time) *sip.Response {
	res := respond(req, 200, "OK")
	for _, b := range bindings {
		left := b.Expires.Sub(now)
		if left <= 0 {
			continue
		}
		v := "<" + b.Contact + ">;expires=" + strconv.Itoa(seconds(left))
		if b.Q != 1000 {
			v += ";q=" + formatQ(b.Q)
		}
		if b.InstanceID != "" {
			v += `;+sip.instance="<` + b.InstanceID + `>"`
		}
		if b.RegID != 0 {
			v += ";reg-id=" + strconv.FormatUint(uint64(b.RegID), 10)
		}
		res.AppendHeader(sip.NewHeader("Contact", v))
	}
	res.AppendHeader(sip.NewHeader("Date", now.UTC().Format(httpDate)))
	return res
}

// echoPath tells a phone that supports it which Path was stored (RFC 3327
// section 5.3).
func echoPath(res *sip.Response, req *sip.Request) {
	if !hasOption(req, "path", "supported", "k") {
		return
	}
	for _, h := range req.GetHeaders("path") {
		res.AppendHeader(sip.NewHeader("Path", h.Value()))
	}
}

// seconds rounds up: a phone that refreshes at the last second is in time only
// if it was told a whole one.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// respond makes a response whose To tag is a hash of the request, so that a
// repeat that is carried out again gets the same one (RFC 3261 section 8.2.7).
func respond(req *sip.Request, code int, reason string) *sip.Response {
	res := sip.NewResponseFromRequest(req, code, reason, nil)
	if to := req.To(); to != nil && !to.Params.Has("tag") {
		res.To().Params.Add("tag", tag(req))
	}
	return res
}

func tag(req *sip.Request) string {
	h := fnv.New64a()
	add := func(s string) { _, _ = h.Write([]byte(s + "\x00")) }
	if c := req.CallID(); c != nil {
		add(c.Value())
	}
	if f := req.From(); f != nil {
		add(f.Value())
	}
	if c := req.CSeq(); c != nil {
		add(c.Value())
	}
	if v := req.Via(); v != nil {
		branch, _ := v.Params.Get("branch")
		add(branch)
	}
	return strconv.FormatUint(h.Sum64(), 36)
}
