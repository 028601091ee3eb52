// SPDX-FileCopyrightText: 2026 The sipnat authors
// SPDX-License-Identifier: MIT

package rtpengine

import "context"

// Recording says how a call is recorded. What is empty is left to the engine.
type Recording struct {
	// Metadata is stored with it, usually "key:value|key:value".
	Metadata string
	// OutputDestination is a file of the recording daemon's.
	OutputDestination string
	// Known to newer engines only.
	File, Dir, Pattern string
}

// StartRecording records a call: start_recording. That the engine is not set up
// for it goes unsaid.
func (c *commands) StartRecording(ctx context.Context, p Party, r Recording) error {
	d := Dict{}
	text(d, "metadata", r.Metadata)
	text(d, "output-destination", r.OutputDestination)
	text(d, "recording-file", r.File)
	text(d, "recording-dir", r.Dir)
	text(d, "recording-pattern", r.Pattern)
	return c.record(ctx, "start recording", p, d)
}

// StopRecording ends the recording of a call: stop_recording.
func (c *commands) StopRecording(ctx context.Context, p Party) error {
	return c.record(ctx, "stop recording", p, nil)
}

// PauseRecording halts the recording of a call until the next StartRecording.
// rtpengine 10.5 has no such command: errors.ErrUnsupported.
func (c *commands) PauseRecording(ctx context.Context, p Party) error {
	return c.record(ctx, "pause recording", p, nil)
}

// record sends no "all": that a whole call is recorded goes without saying.
func (c *commands) record(ctx context.Context, command string, p Party, d Dict) error {
	if p.CallID == "" {
		return &ParamError{command, "call-id", "is missing"}
	}
	if d == nil {
		d = Dict{}
	}
	text(d, "call-id", p.CallID)
	text(d, "from-tag", p.FromTag)
	_, err := c.do(ctx, command, d)
	return err
}
