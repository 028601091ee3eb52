// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

// Demo shows the main job on a simulated network, with no daemon and no root:
// phones behind two kinds of NAT and one public phone register with an edge,
// call each other in all directions and talk; then the same with NAT handling
// off, where it must fail. It ends by itself.
//
//	go run ./examples/demo [-json]
//
// It exits with 0 if every step came out as it must.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
)

func main() {
	asJSON := flag.Bool("json", false, `print an object per step: {"step","ok","detail"}`)
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "demo: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	os.Exit(run(os.Stdout, *asJSON))
}

func run(w io.Writer, asJSON bool) int {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	d := &demo{out: w, asJSON: asJSON}
	for _, act := range []struct {
		title string
		play  func() error
	}{{"Two phones behind NAT, one public, and an edge", d.withHandling}, {"The same without NAT handling", d.withoutHandling}} {
		d.say("\n%s\n", act.title)
		err := act.play()
		if err != nil {
			d.verdict("set-up", err, "")
		}
		for _, stop := range slices.Backward(d.closers) {
			stop()
		}
		d.closers = nil
	}
	if d.failed > 0 {
		d.say("\n%d of %d steps did not come out as they must", d.failed, d.steps)
		return 1
	}
	d.say("\nall %d steps came out as they must", d.steps)
	return 0
}

// demo counts and prints the steps.
type demo struct {
	out           io.Writer
	asJSON        bool
	tap           tap
	closers       []func()
	steps, failed int
}

// verdict ends a step; detail is what there is to see when it went well.
func (d *demo) verdict(step string, err error, detail string) bool {
	d.steps++
	if err != nil {
		d.failed++
		detail = err.Error()
	}
	if d.asJSON {
		_ = json.NewEncoder(d.out).Encode(struct {
			Step   string `json:"step"`
			OK     bool   `json:"ok"`
			Detail string `json:"detail"`
		}{step, err == nil, detail})
		return err == nil
	}
	mark := "ok  "
	if err != nil {
		mark = "FAIL"
	}
	fmt.Fprintf(d.out, "%s  %-52s %s\n", mark, step, detail)
	return err == nil
}

// mustFail is a step that is right when it does not work.
func (d *demo) mustFail(step string, err error) {
	if err == nil {
		d.verdict(step, fmt.Errorf("it worked"), "")
		return
	}
	d.verdict(step, nil, err.Error())
}

func (d *demo) say(format string, args ...any) {
	if !d.asJSON {
		fmt.Fprintf(d.out, format+"\n", args...)
	}
}

func (d *demo) ladder(left, right string) {
	if !d.asJSON {
		d.tap.print(d.out, left, right)
	}
}
