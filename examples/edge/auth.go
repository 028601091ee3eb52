// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"github.com/sipnat/sipnat/flow"
	"github.com/sipnat/sipnat/internal/dialog"
	"github.com/sipnat/sipnat/registrar"
)

// nonceLife is how long a challenge may be answered.
const nonceLife = 5 * time.Minute

// digestAuth challenges phones (RFC 3261 section 22, RFC 7616 with MD5).
type digestAuth struct {
	realm string
	users users
	key   []byte // of the nonces
}

func newDigestAuth(realm string, all users) *digestAuth {
	return &digestAuth{realm: realm, users: all, key: []byte(rand.Text())}
}

// aor is the registrar's hook: whoever proves to be a user may change that
// user's bindings.
func (a *digestAuth) aor(req *sip.Request, tx sip.ServerTransaction) (string, error) {
	user, stale, ok := a.verify(req, "Authorization")
	if !ok {
		a.challenge(req, tx, 401, "Unauthorized", "WWW-Authenticate", stale)
		return "", registrar.ErrAnswered
	}
	to := req.To()
	if to == nil || to.Address.User != user {
		_ = tx.Respond(sip.NewResponseFromRequest(req, 403, "Forbidden", nil))
		return "", registrar.ErrAnswered
	}
	return to.Address.String(), nil
}

// middleware challenges what would set something up: requests outside a dialog
// that runs through us. A To tag alone is no proof of one; a target is, which the
// router and the signer set in front. REGISTER has its own challenge; ACK and
// CANCEL cannot be challenged.
func (a *digestAuth) middleware(next sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		_, ours := flow.TargetOf(tx)
		if req.Method == sip.REGISTER || req.IsAck() || req.IsCancel() || ours && dialog.Inside(req) {
			next(req, tx)
			return
		}
		user, stale, ok := a.verify(req, "Proxy-Authorization")
		if !ok {
			a.challenge(req, tx, 407, "Proxy Authentication Required", "Proxy-Authenticate", stale)
			return
		}
		if from := req.From(); from == nil || from.Address.User != user {
			_ = tx.Respond(sip.NewResponseFromRequest(req, 403, "Forbidden", nil))
			return
		}
		req = req.Clone() // the received one is sipgo's
		req.RemoveHeader("Proxy-Authorization")
		next(req, tx)
	}
}

func (a *digestAuth) challenge(req *sip.Request, tx sip.ServerTransaction, code int, reason, header string, stale bool) {
	c := digest.Challenge{Realm: a.realm, Nonce: a.nonce(time.Now()), Algorithm: "MD5", QOP: []string{"auth"}, Stale: stale}
	res := sip.NewResponseFromRequest(req, code, reason, nil)
	res.AppendHeader(sip.NewHeader(header, c.String()))
	_ = tx.Respond(res)
}

// verify checks the credentials. An unknown user costs the same as a wrong
// password. Stale says that only the nonce was too old.
func (a *digestAuth) verify(req *sip.Request, header string) (user string, stale, ok bool) {
	h := req.GetHeader(header)
	if h == nil {
		return "", false, false
	}
	cred, err := digest.ParseCredentials(h.Value())
	if err != nil || cred.Realm != a.realm {
		return "", false, false
	}
	password, known := a.users[cred.Username]
	want, err := digest.Digest(&digest.Challenge{Realm: a.realm, Nonce: cred.Nonce, Algorithm: cred.Algorithm, QOP: qop(cred)}, digest.Options{
		Method: req.Method.String(), URI: cred.URI, Username: cred.Username, Password: password, Cnonce: cred.Cnonce, Count: cred.Nc,
	})
	if err != nil || subtle.ConstantTimeCompare([]byte(want.Response), []byte(cred.Response)) != 1 || !known {
		return "", false, false
	}
	switch age, ours := a.age(cred.Nonce); {
	case !ours:
		return "", false, false
	case age > nonceLife:
		return "", true, false
	}
	return cred.Username, false, true
}

func qop(cred *digest.Credentials) []string {
	if cred.QOP == "" {
		return nil
	}
	return []string{cred.QOP}
}

// nonce is the time and a MAC over it: nothing need be remembered.
func (a *digestAuth) nonce(now time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, a.mac(b)...))
}

func (a *digestAuth) mac(b []byte) []byte {
	m := hmac.New(sha256.New, a.key)
	m.Write(b)
	return m.Sum(nil)[:16]
}

func (a *digestAuth) age(nonce string) (time.Duration, bool) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != 24 || !hmac.Equal(a.mac(b[:8]), b[8:]) {
		return 0, false
	}
	return time.Since(time.Unix(int64(binary.BigEndian.Uint64(b)), 0)), true
}
