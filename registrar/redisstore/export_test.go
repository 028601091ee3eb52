// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package redisstore

// OpenWith is Open with another rueidis.NewClient.
var OpenWith = open
