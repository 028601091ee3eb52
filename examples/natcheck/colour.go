// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package main

import (
	"io"
	"os"
	"strings"
)

// colour is how a piece of output is shown on a terminal.
type colour string

const (
	plain  colour = ""
	bold   colour = "1"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	grey   colour = "90"
)

// palette colours text, if it is true.
type palette bool

// paletteFor is true for a terminal, unless NO_COLOR is set (no-color.org) or
// the terminal is a dumb one.
func paletteFor(out io.Writer) palette {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return palette(err == nil && info.Mode()&os.ModeCharDevice != 0)
}

func (p palette) paint(c colour, text string) string {
	if !p || c == plain {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// printable is text from the network as it may be shown on a terminal: visible
// ASCII, so that nobody writes escape sequences into an administrator's window,
// and not longer than limit.
func printable(text string, limit int) string {
	if len(text) > limit {
		text = text[:limit-3] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}
