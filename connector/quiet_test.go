package connector

import (
	"fmt"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// TestQuietRunsAreQuiet holds that what is read again and has not changed is not emitted again, and
// that what changed back is.
func TestQuietRunsAreQuiet(t *testing.T) {
	t.Run("nothing twice, and no call for unchanged conversations", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 9})
		r := reading{}
		r.state = w.read(t, r).State
		for round := range 4 {
			w.Edit(func(world *emulator.World) {
				world.Reply(world.IDs("conversations")[round])
				world.UpdateContact(world.IDs("contacts")[round])
				world.UpdateCompany(world.IDs("companies")[round])
				world.UpdateTicket(world.IDs("tickets")[round])
				world.NewActivityLog()
			})
			w.pass(5 * time.Second) // so soon that the next run has to read all of it again
			changed := w.read(t, r)
			for _, stream := range []string{"conversations", "contacts", "companies", "tickets", "activity_logs"} {
				if got := changed.counts[stream]; got != 1 {
					t.Errorf("round %d: %s: %d records, want the one that changed", round, stream, got)
				}
			}
			if got := changed.requests["GET /conversations/{id}"]; got != 1 {
				t.Errorf("round %d: %d conversations were fetched, want 1", round, got)
			}
			w.pass(5 * time.Second)
			quiet := w.read(t, reading{state: changed.State})
			r.state = quiet.State
			for stream, n := range quiet.counts {
				if streamNamed(stream).Cursor != "" {
					t.Errorf("round %d: the quiet run emitted %d %s", round, n, stream)
				}
			}
			if got := quiet.requests["GET /conversations/{id}"]; got != 0 {
				t.Errorf("round %d: the quiet run fetched %d conversations", round, got)
			}
			if got := quiet.stateValue("contacts").Get("updated_at").Int(); got != w.seconds.Load() {
				t.Errorf("round %d: bookmark %d, want the server's clock %d", round, got, w.seconds.Load())
			}
		}
		w.check(t, false)
	})
	t.Run("a row that changes back is emitted again", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 9})
		id := w.someID("companies")
		at := born.Unix() - 60
		r := reading{streams: []string{"companies"}}
		for i, updated := range []int64{at, at + 1, at} {
			w.Edit(func(world *emulator.World) { world.SetUpdatedAt("companies", id, updated) })
			out := w.read(t, r)
			r.state = out.State
			if got := gjson.GetBytes(out.records["companies"][id], "updated_at").Int(); got != updated {
				t.Errorf("version %d was emitted as %d, want %d", i, got, updated)
			}
		}
	})
	t.Run("the lookback window brings what moved no updated_at", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 9, Size: talks(20)})
		r := reading{streams: []string{"conversations"}, config: func(c *Config) { c.Lookback = 400 * 24 * time.Hour }}
		r.state = w.read(t, r).State
		id := w.someID("conversations")
		truth, _ := w.truthOf("conversations", id)
		w.Edit(func(world *emulator.World) {
			world.TagConversation(id)
			world.SetUpdatedAt("conversations", id, truth.Get("updated_at").Int())
		})
		w.pass(time.Hour)
		out := w.read(t, r)
		if got := out.counts["conversations"]; got != 1 {
			t.Errorf("%d records, want the one that changed", got)
		}
		w.check(t, false, "conversations")
	})
}

// TestWritingAnOldVersionDoesNotHideANewOne: while the first version of a row is being written, a
// second may be on its way; then the first is news again, and the state names only what is written.
func TestWritingAnOldVersionDoesNotHideANewOne(t *testing.T) {
	f := newFingerprints(0)
	first, second := print{key: 1, content: 10, at: 5}, print{key: 1, content: 20, at: 5}
	f.known(first)
	f.known(second)
	f.wrote([]print{first})
	if f.same(first) || !f.same(second) {
		t.Error("the version handed on last was forgotten")
	}
	again := newFingerprints(forever)
	if err := again.unpack(f.pack(0)); err != nil || !again.same(first) {
		t.Errorf("the state does not name the version that was written: %v", err)
	}
}

// TestStateIsBounded holds the bound that the documents give.
func TestStateIsBounded(t *testing.T) {
	p := &progress{stream: streamNamed("contacts"), mode: "incremental", prints: newFingerprints(0)}
	for i := range 6 * maxFingerprints {
		at := int64(1_700_000_000 + i)
		key := print{key: keyHash(fmt.Sprint(i)), content: uint64(i + 1), at: at}
		p.prints.known(key)
		p.prints.wrote([]print{key})
		if n := len(p.prints.rows); n > 4*maxFingerprints {
			t.Fatalf("%d fingerprints are held", n)
		}
	}
	p.finish(1_700_000_000)
	value := p.value()
	if len(value) > 270<<10 || len(value) < 260<<10 {
		t.Errorf("the state is %d bytes long", len(value))
	}
	again := newFingerprints(forever)
	if err := again.unpack(gjson.GetBytes(value, "fingerprints").Str); err != nil {
		t.Fatal(err)
	}
	last := 6*maxFingerprints - 1
	if !again.same(print{key: keyHash(fmt.Sprint(last)), content: uint64(last + 1)}) || len(again.rows) != maxFingerprints {
		t.Errorf("%d fingerprints came back, want the %d newest", len(again.rows), maxFingerprints)
	}
}

// TestAnOlderVersionThatComesLast is followed by the younger one when that comes again: two walks may show a
// row, and hand on what they show, in either order.
func TestAnOlderVersionThatComesLast(t *testing.T) {
	s := benchSearch(t, protocol.Airbyte{}, nil)
	run := s.runs[0]
	run.prints.rememberFrom(100)
	e := s.emitter(t.Context(), run)
	for _, version := range []string{`{"id":"1","updated_at":200}`, `{"id":"1","updated_at":50}`, `{"id":"1","updated_at":200}`} {
		if err := e.row(gjson.Parse(version)); err != nil {
			t.Fatal(err)
		}
	}
	if e.n != 3 {
		t.Errorf("%d rows were emitted, want the younger one again", e.n)
	}
}
