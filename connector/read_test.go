package connector

import (
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"
)

func TestReadsEveryStream(t *testing.T) {
	for _, version := range []string{"2.10", "2.11", "2.14", "2.16", "2.17", "Preview"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, version, emulator.Options{Seed: 1})
			first := w.read(t, reading{})
			first.onlyOnce(t)
			w.check(t, false)
			w.pass(time.Hour)
			second := w.read(t, reading{state: first.State})
			for stream, n := range second.counts {
				if streamNamed(stream).Cursor != "" {
					t.Errorf("%s: a quiet run emitted %d records", stream, n)
				}
			}
		})
	}
}

func TestReadsEveryStreamAsSinger(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 2})
	first := w.read(t, reading{dialect: protocol.Singer{}})
	if last := first.lines[len(first.lines)-1].Get("type").Str; last != "STATE" {
		t.Errorf("last message is %s, want STATE", last)
	}
	for _, name := range w.defaultStreams() {
		truth, err := w.Truth(name, w.version)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(first.records[name]); got != len(truth) {
			t.Errorf("%s: %d rows, want %d", name, got, len(truth))
		}
	}
}
