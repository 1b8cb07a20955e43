package connector

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"
)

// everyWorld has rows for every stream, custom objects too.
func everyWorld(t *testing.T, version string, f func(t *testing.T, w *world)) {
	t.Helper()
	bubble(t, version, emulator.Options{Seed: 9, Size: littleWorld}, func(t *testing.T, w *world) {
		w.Edit(func(world *emulator.World) {
			world.DeleteConversation(world.IDs("conversations")[3])
			world.DeleteConversation(world.IDs("conversations")[7])
		})
		time.Sleep(time.Minute)
		f(t, w)
	})
}

// TestEveryStream reads each stream of the oldest version that has it and of the newest, in both protocols, in full and
// then incrementally after edits, and compares what came with the emulator's truth, field by field.
func TestEveryStream(t *testing.T) {
	for _, s := range append(streamsOf("Preview"), customObjectStream("order")) {
		oldest := string(s.Since)
		if oldest == "" {
			oldest = "2.10"
		}
		for _, version := range slices.Compact(few(t, "Preview", oldest)) {
			for _, d := range few[protocol.Dialect](t, protocol.Airbyte{}, protocol.Singer{}) {
				t.Run(s.Name+"/"+version+"/"+d.Name(), func(t *testing.T) {
					everyWorld(t, version, func(t *testing.T, w *world) { readsEvery(t, w, &s, d) })
				})
			}
		}
		if s.Since != "" {
			notOffered(t, &s, before(oldest))
		}
	}
}

// readsEvery reads one stream in full, edits the world, and reads what has changed.
func readsEvery(t *testing.T, w *world, s *Stream, d protocol.Dialect) {
	t.Helper()
	r := reading{streams: []string{s.Name}, dialect: d, mode: s.bestMode(), config: func(c *Config) { c.CustomObjects = []string{"order"} }}
	first := w.read(t, r)
	first.onlyOnce(t)
	w.checkAs(t, d, false, s.Name)
	if first.counts[s.Name] == 0 {
		t.Error("the world has no row of it")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	time.Sleep(time.Hour)
	w.Edit(func(world *emulator.World) {
		for range 60 {
			world.RandomEdit(rng)
			if s.Feed != contacts { // whose notes come and go without their time of change
				world.RandomReferenceEdit(rng)
			}
		}
	})
	time.Sleep(time.Hour)
	r.state = first.State
	second := w.read(t, r)
	second.onlyOnce(t)
	if !changesAlone(s) {
		w.checkAs(t, d, true, s.Name)
	}
	time.Sleep(time.Hour)
	r.state = second.State
	if third := w.read(t, r); s.Cursor != "" && third.total() != 0 {
		t.Errorf("a quiet run emitted %v", third.counts)
	}
}

// changesAlone tells whether the stream's rows can change while the record that they belong to does not, so that only
// a full refresh brings it. docs/streams.md says so.
func changesAlone(s *Stream) bool {
	switch s.Name {
	case "contact_events", "contact_segments", "contact_subscriptions", "contact_notes":
		return true
	}
	return false
}

// notOffered checks that a version without the stream refuses it, with the reason, and does not show it.
func notOffered(t *testing.T, s *Stream, version string) {
	t.Helper()
	table := streamsOf(version)
	_, err := table.checkSelection(&protocol.Selection{Streams: []protocol.Selected{{Stream: s.Name}}}, testLog)
	if table.Named(s.Name) != nil || err == nil || s.Feed.Name == s.Name && !strings.Contains(err.Error(), "custom") && !strings.Contains(err.Error(), string(s.Since)) {
		t.Errorf("%s in %s: error %v", s.Name, version, err)
	}
}

// before is the version before one.
func before(version string) string {
	all := emulator.Versions()
	for i, v := range all {
		if v == version {
			return all[i-1]
		}
	}
	return ""
}
