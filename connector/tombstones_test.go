package connector

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// TestTombstones reads random worlds that are edited during and between runs, some of which are cut short: all output
// together, with what tombstones take away, is the truth.
func TestTombstones(t *testing.T) {
	n := uint64(24)
	if testing.Short() {
		n = 4
	}
	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			tellsWhatIsGone(t, seed)
		})
	}
}

func tellsWhatIsGone(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 11))
	pick := func(n int) int { return rng.IntN(n) }
	versions := []string{"2.16", "2.17", "Preview", "Preview"}
	n := 30 + pick(100)
	o := emulator.Options{
		Seed:         int64(seed),
		Size:         emulator.Size{Admins: 3, Teams: 2, Tags: 6, Segments: 5, Companies: 20, Contacts: n, Conversations: n, Tickets: n / 2, PartsPerConversation: 2},
		OffsetCursor: pick(2) == 0,
		IndexLag:     time.Duration(pick(2)*(300+pick(540))) * time.Second,
		Start:        born.AddDate(0, 0, -1-pick(60)),
	}
	e := &deleter{rng: rng, merged: map[string]string{}}
	m := newTurmoil(t, rng, versions[pick(len(versions))], o, e.edit)
	w := m.w
	pageSize := 1 + pick(40)
	r := reading{streams: tombstoneStreams(w.version), dialect: []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}}[pick(2)], config: func(c *Config) {
		c.PageSize = pageSize
		c.StartDate = o.Start.AddDate(0, 0, -1)
		c.Deletes = []string{everyStream}
	}}
	for range 4 {
		calls := -1
		if r.either = pick(2) == 0; r.either {
			calls = 2 + pick(3*n)
		}
		m.round(t, &r, calls)
	}
	r.either = false
	out := m.calm(t, &r)
	for _, stream := range r.streams {
		known := stream != "contacts" || w.version == "Preview" // else Intercom tells of merges alone
		w.checkAs(t, r.dialect, !known, stream)
	}
	e.check(t, w)
	r.state = out.State
	if again := w.read(t, r); again.total() != 0 {
		t.Errorf("%d records of a world in which nothing has happened since", again.total())
	}
}

// A turmoil edits a world while it is read, lets its clock go on, and cuts runs short.
type turmoil struct {
	w      *world
	rng    *rand.Rand
	edit   func(*emulator.World)
	latest map[string]int64 // see tombstonesComeLast

	mu                 sync.Mutex
	edits, tick, calls int // until the run is cut short, if positive
	stop               func()
}

func newTurmoil(t *testing.T, rng *rand.Rand, version string, o emulator.Options, edit func(*emulator.World)) *turmoil {
	t.Helper()
	m := &turmoil{rng: rng, edit: edit, latest: map[string]int64{}}
	o.Intercept = func(http.ResponseWriter, *http.Request) bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.calls--; m.calls == 0 {
			m.stop()
		}
		if m.tick > 0 {
			m.w.pass(time.Duration(rng.IntN(m.tick)) * time.Second)
		}
		if m.edits > 0 && rng.IntN(3) == 0 {
			m.edits--
			m.w.Edit(edit)
		}
		return false
	}
	m.w = newWorld(t, version, o)
	return m
}

// round reads, to the end or for so many calls, and edits afterwards, too.
func (m *turmoil) round(t *testing.T, r *reading, calls int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m.mu.Lock()
	m.edits, m.tick, m.calls, m.stop = 60, []int{0, 2, 3}[m.rng.IntN(3)], calls, cancel
	m.mu.Unlock()
	r.ctx, r.out = ctx, nil
	out := m.w.read(t, *r)
	if out.Summary != nil {
		r.state = out.State
	}
	out.tombstonesComeLast(t, m.latest)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.w.pass(time.Duration([]int{60, 900, 7200}[m.rng.IntN(3)]) * time.Second)
	for range m.rng.IntN(30) {
		m.w.Edit(m.edit)
	}
	t.Logf("%s, %s, offset %v, lag %s, cut short after %d calls", m.w.version, r.dialect.Name(), m.w.options.OffsetCursor, m.w.options.IndexLag, calls)
}

// calm reads once more when all is still.
func (m *turmoil) calm(t *testing.T, r *reading) *run {
	t.Helper()
	m.mu.Lock()
	m.edits, m.tick, m.calls = 0, 0, -1
	m.mu.Unlock()
	m.w.pass(time.Hour)
	r.ctx, r.out = nil, nil
	out := m.w.read(t, *r)
	out.tombstonesComeLast(t, m.latest)
	return out
}

// A deleter edits, and deletes above all what it has edited before: that is what next runs meet again.
type deleter struct {
	rng    *rand.Rand
	recent []string
	merged map[string]string // contacts, into others
}

func (e *deleter) edit(world *emulator.World) {
	talks := world.IDs("conversations")
	switch n := e.rng.IntN(7); {
	case n == 2:
		people := world.IDs("contacts")
		if from, into := people[e.rng.IntN(len(people))], people[e.rng.IntN(len(people))]; from != into {
			world.MergeContacts(from, into)
			e.merged[from] = into
		}
	case n == 0:
		id := talks[e.rng.IntN(len(talks))]
		world.Reply(id)
		e.recent = append(e.recent, id)
	case n == 1 && len(e.recent) > 0 && len(talks) > 10:
		i := e.rng.IntN(len(e.recent))
		if slices.Contains(talks, e.recent[i]) {
			world.DeleteConversation(e.recent[i])
		}
		e.recent = slices.Delete(e.recent, i, i+1)
	default:
		world.RandomEdit(e.rng)
	}
}

// check: contacts that were merged into one that is still there are gone. Leads have no merge history.
func (e *deleter) check(t *testing.T, w *world) {
	t.Helper()
	for from, into := range e.merged {
		survivor, _ := w.truthOf("contacts", into)
		if _, kept := w.union["contacts"][from]; survivor.Get("role").Str == "user" && kept {
			t.Errorf("contact %s is there, although it was merged into %s", from, into)
		}
	}
}

func tombstoneStreams(version string) []string {
	var names []string
	for _, s := range TableOf(&Config{APIVersion: version, Deletes: []string{everyStream}}) {
		if s.Tombstones() {
			names = append(names, s.Name)
		}
	}
	return names
}

// tombstonesComeLast: who keeps the version with the latest cursor keeps the tombstone. latest are the cursors of all runs.
func (r *run) tombstonesComeLast(t *testing.T, latest map[string]int64) {
	t.Helper()
	for _, line := range r.lines {
		stream, data := line.Get("record.stream").Str, line.Get("record.data")
		if !data.Exists() {
			stream, data = line.Get("stream").Str, line.Get("record")
		}
		if line.Get("type").Str != "RECORD" {
			continue
		}
		for _, name := range slices.DeleteFunc(slices.Clone(deletedFields), func(name string) bool { return data.Get(name).Exists() })[1:] {
			t.Fatalf("%s: no %s in %s", stream, name, data.Raw)
		}
		key := stream + "/" + rowID(stream, data)
		at, ok := seconds(data.Get(streamNamed(stream).Cursor))
		if isTombstone([]byte(data.Raw)) && (!ok || at < latest[key]) {
			t.Errorf("the tombstone of %s comes at %d, behind a version of %d", key, at, latest[key])
		}
		latest[key] = max(latest[key], at)
	}
}

// A tombstone is no more than it says, in either protocol.
func TestWhatATombstoneIs(t *testing.T) {
	for _, d := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
		t.Run(d.Name(), func(t *testing.T) {
			w := newWorld(t, "2.16", emulator.Options{Seed: 3, Size: talks(20)})
			r := reading{streams: []string{"conversations", "normalized_conversations", "transcripts", "ticket_events", "contacts"}, dialect: d, config: func(c *Config) {
				c.Deletes = []string{"conversations", "normalized_conversations", "transcripts", "contacts"}
			}}
			r.state = w.read(t, r).State
			w.pass(time.Hour)
			id, from, into := w.someID("conversations"), "", ""
			w.Edit(func(world *emulator.World) {
				people := world.IDs("contacts")
				from, into = people[1], people[4]
				world.DeleteConversation(id)
				world.MergeContacts(from, into)
			})
			deleted := w.now().Format(time.RFC3339)
			at := quoted(deleted)
			if d.Name() == "airbyte" {
				at = fmt.Sprint(w.now().Unix())
			}
			w.pass(time.Hour)
			out := w.read(t, r)
			field := map[string]string{"airbyte": "_ab_cdc_deleted_at", "singer": "_sdc_deleted_at"}[d.Name()]
			for _, want := range []struct{ stream, id, row string }{
				{"conversations", id, `{"id":"` + id + `","updated_at":` + at + `,"` + field + `":"` + deleted + `"}`},
				{"normalized_conversations", id, `{"conversation_id":"` + id + `","updated_at":` + at + `,"` + field + `":"` + deleted + `","deleted_at":` + at + `}`},
				{"transcripts", id, `{"conversation_id":"` + id + `","updated_at":` + at + `,"` + field + `":"` + deleted + `"}`},
				{"contacts", from, `{"id":"` + from + `","updated_at":` + at + `,"` + field + `":"` + deleted + `","merged_into":"` + into + `"}`},
			} {
				if got := string(out.records[want.stream][want.id]); got != want.row {
					t.Errorf("%s: %s, want %s", want.stream, got, want.row)
				}
			}
			for _, s := range out.Streams {
				deleted, records := int64(1), int64(1)
				switch s.Name {
				case "ticket_events":
					deleted, records = 0, 0
				case "contacts": // and the one that it was merged into
					records = 2
				}
				if s.Deleted != deleted || s.Records != records {
					t.Errorf("%s: %d records, of which %d are deletions", s.Name, s.Records, s.Deleted)
				}
			}
			if again := w.read(t, reading{streams: r.streams, dialect: d, config: r.config, state: out.State}); again.total() != 0 {
				t.Errorf("told again: %v", again.counts)
			}
		})
	}
}

// Without the setting nothing is different, and what is told later begins with what was read before.
func TestDeletesAreAskedFor(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 3, Size: talks(20)})
	r := reading{streams: []string{"conversations"}}
	first := w.read(t, r)
	if n := first.requests["GET /conversations/deleted"]; n != 0 {
		t.Errorf("the deleted ones were asked for %d times", n)
	}
	for id, row := range first.records["conversations"] {
		if gjson.GetBytes(row, "_ab_cdc_deleted_at").Exists() {
			t.Fatalf("%s has the column", id)
		}
	}
	w.pass(time.Hour)
	id := w.someID("conversations")
	w.Edit(func(world *emulator.World) { world.DeleteConversation(id) })
	w.pass(24 * time.Hour)
	r.state = w.read(t, reading{streams: r.streams, state: first.State}).State
	r.config = func(c *Config) { c.Deletes = []string{everyStream} }
	out := w.read(t, r)
	if !isTombstone(out.records["conversations"][id]) {
		t.Error("what was deleted before it was asked for is not told")
	}
	w.check(t, false, "conversations")
	// A snapshot needs none.
	r.state, r.mode = protocol.States{}, protocol.FullRefresh
	if full := w.read(t, r); full.Summary.Streams[0].Deleted != 0 {
		t.Error("a full refresh tells deletions")
	}
}

// Privacy rules act on the ids of tombstones as on those of rows, and leave the time of the deletion alone.
func TestTombstonesAreAltered(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 3, Size: talks(20)})
	r := reading{streams: []string{"contacts"}, config: func(c *Config) {
		c.Deletes, c.PrivacyKey = []string{everyStream}, "a key that is long enough"
		c.PrivacyRules = []PrivacyRule{{"contacts", "id", "hash"}, {"*", "*", "mask"}}
	}}
	first := w.read(t, r)
	w.pass(time.Hour)
	w.Edit(func(world *emulator.World) {
		people := world.IDs("contacts")
		world.MergeContacts(people[1], people[4])
	})
	r.state = first.State
	out := w.read(t, r)
	var dead, alive []string
	for id, row := range out.records["contacts"] {
		if isTombstone(row) {
			dead = append(dead, id)
			alive = append(alive, gjson.GetBytes(row, "merged_into").Str)
			if _, err := time.Parse(time.RFC3339, gjson.GetBytes(row, protocol.AirbyteDeleted).Str); err != nil {
				t.Error(err)
			}
		}
	}
	if len(dead) != 1 || first.records["contacts"][dead[0]] == nil || first.records["contacts"][alive[0]] == nil {
		t.Errorf("%v merged into %v: the rows have other ids", dead, alive)
	}
}
