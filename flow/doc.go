// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Package flow is the ground floor: which path a message really took, and how
// to send back along it.
package flow
