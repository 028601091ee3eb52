// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package integration_test

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// diffRouteClass is a class of differences about routes.
type diffRouteClass struct {
	name     string
	explains func(m *diffRoute, ours, theirs diffRouted) bool
}

var diffRouteClasses = []diffRouteClass{
	{"route-self-uri", routeSelfURI},
	{"route-foreign", routeForeign},
	{"route-own-again", routeOwnAgain},
	{"route-r2-blind", routeR2Blind},
}

func isOwnRoute(uri string) bool {
	var u sip.Uri
	return sip.ParseUri(uri, &u) == nil && oracleNames{}.IsSelf(u.Host, u.Port)
}

// routeSelfURI: a Request-URI that names us is to Kamailio the doing of a strict
// router if there is a To tag, to us if it bears our signature.
func routeSelfURI(m *diffRoute, _, _ diffRouted) bool {
	return m.loose && isOwnRoute(m.ruri) && m.tagged != strings.Contains(m.ruri, "snr=")
}

// routeForeign: Kamailio follows a Route that is not its own, we report that
// nothing of ours was there.
func routeForeign(m *diffRoute, ours, theirs diffRouted) bool {
	return m.loose && len(m.routes) > 0 && !isOwnRoute(m.routes[0]) && ours.code == "-1" && theirs.code == "1" && ours.next == theirs.next
}

// routeOwnAgain: Kamailio takes off one Route of its own, and a second one only
// if both have r2=on; we all that lead back to us.
func routeOwnAgain(m *diffRoute, ours, theirs diffRouted) bool {
	return m.loose && len(m.routes) > 1 && isOwnRoute(m.routes[0]) && isOwnRoute(m.routes[1]) && !strings.Contains(m.routes[1], "r2=on")
}

// routeR2Blind: behind a Route of its own with r2=on Kamailio takes off the next,
// whosever it is; we only our own.
func routeR2Blind(m *diffRoute, ours, theirs diffRouted) bool {
	return m.loose && len(m.routes) > 1 && isOwnRoute(m.routes[0]) && strings.Contains(m.routes[0], "r2=on") &&
		!isOwnRoute(m.routes[1]) && len(theirs.routes) <= len(ours.routes) && ours.code == "1"
}
