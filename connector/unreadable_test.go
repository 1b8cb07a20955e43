package connector

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"

	"github.com/tidwall/gjson"
)

// byAge are the ids of a stream's rows, the one that was changed first first.
func (w *world) byAge(t *testing.T, stream string) []string {
	t.Helper()
	rows, err := w.Truth(stream, w.version)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for id := range rows {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		at := func(id string) int64 { return gjson.GetBytes(rows[id], "updated_at").Int() }
		if at(a) != at(b) {
			return int(at(a) - at(b))
		}
		return strings.Compare(a, b)
	})
	return ids
}

// poisoned makes a world in which the rows at these places of a stream, by age, cannot be served by search.
func poisoned(t *testing.T, version, stream string, o emulator.Options, crowd int, places ...float64) (opts emulator.Options, bad []string, prepare func(*world)) {
	t.Helper()
	prepare = func(w *world) {
		w.Edit(func(world *emulator.World) {
			all := world.IDs(stream)
			for _, id := range all[len(all)/2 : len(all)/2+crowd] {
				world.SetUpdatedAt(stream, id, born.AddDate(0, 0, -9).Unix())
			}
		})
	}
	w := newWorld(t, version, o)
	prepare(w)
	ids := w.byAge(t, stream)
	for _, p := range places {
		id := ids[int(p*float64(len(ids)-1))]
		bad = append(bad, id)
		o.Faults = append(o.Faults, emulator.Fault{Kind: "500", Path: "/" + stream + "/search", ID: id})
	}
	return o, bad, prepare
}

// TestUnreadableRow: a row that Intercom cannot serve, wherever it lies, ends its stream with a message that
// says where it is; where the user allows it, it is left out and counted, and every other row comes.
func TestUnreadableRow(t *testing.T) {
	size := emulator.Size{Admins: 2, Companies: 3, Contacts: 700, Conversations: 700, Tickets: 700, PartsPerConversation: 1}
	for i, c := range []struct {
		version, stream string
		crowd           int
		places          []float64
	}{
		{"2.16", "conversations", 0, []float64{0}},
		{"2.16", "conversations", 0, []float64{0.5}},
		{"2.16", "conversations", 0, []float64{1}},
		{"2.16", "tickets", 0, []float64{0.2, 0.21, 0.9, 0.999}},
		{"2.16", "contacts", 0, []float64{0.5}},
		{"2.16", "contacts", 300, []float64{0, 0.4, 0.6}},
		{"Preview", "contacts", 0, []float64{0, 0.3, 1}},
		{"2.13", "conversations", 40, []float64{0.5}},
	} {
		if testing.Short() && i != 3 && i != 7 {
			continue
		}
		t.Run(fmt.Sprintf("%s %s %d %v", c.version, c.stream, c.crowd, c.places), func(t *testing.T) {
			t.Parallel()
			o, bad, prepare := poisoned(t, c.version, c.stream, emulator.Options{Seed: 8, Size: size}, c.crowd, c.places...)
			bubble(t, c.version, o, func(t *testing.T, w *world) {
				prepare(w)
				out := w.read(t, reading{streams: []string{c.stream}, failing: true})
				e := errorAs[*UnreadableError](t, out)
				if !strings.Contains(e.Where, "updated_at") || !strings.Contains(e.Error(), "max_unreadable_rows") {
					t.Errorf("the message does not say where, or what to do: %v", e)
				}
				out.isIncomplete(t, c.stream)

				allowed := func(n int) func(*Config) { return func(cfg *Config) { cfg.MaxUnreadable = n } }
				out = w.read(t, reading{streams: []string{c.stream}, config: allowed(len(bad))})
				out.isComplete(t, c.stream)
				out.onlyOnce(t)
				if n := out.Streams[0].Unreadable; n != int64(len(bad)) {
					t.Errorf("%d rows are said to be left out, want %d", n, len(bad))
				}
				w.without(t, c.stream, bad...)
				w.check(t, false, c.stream)

				if len(bad) > 1 { // one more than is allowed
					w.read(t, reading{streams: []string{c.stream}, config: allowed(len(bad) - 1), failing: true}).isIncomplete(t, c.stream)
				}
			})
		})
	}
}

// TestUnreadableInACrowd: of rows that share their second, those between two that cannot be served are out of
// reach. They are counted, too.
func TestUnreadableInACrowd(t *testing.T) {
	o, bad, prepare := poisoned(t, "2.16", "conversations", emulator.Options{Seed: 8, Size: talks(100)}, 40, 0.55, 0.6)
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		prepare(w)
		out := w.read(t, reading{streams: []string{"conversations"}, config: func(cfg *Config) { cfg.MaxUnreadable = 40 }})
		missing := int64(100 - len(out.records["conversations"]))
		if n := out.Streams[0].Unreadable; n != missing || n < int64(len(bad)) || n > 10 {
			t.Errorf("%d rows are said to be left out, %d are", n, missing)
		}
	})
}

// TestUnreadableThread: a conversation that cannot be fetched alone is named by its id, and left out where
// the user allows it.
func TestUnreadableThread(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 8, Size: talks(60)})
	id := w.someID("conversations")
	o := emulator.Options{Seed: 8, Size: talks(60), Faults: []emulator.Fault{{Kind: "500", Path: "/conversations/" + id}}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: []string{"conversation_parts"}, failing: true})
		if e := errorAs[*UnreadableError](t, out); !strings.Contains(e.Where, id) {
			t.Errorf("the message does not name %s: %v", id, e)
		}
		out.isIncomplete(t, "conversation_parts")
		out = w.read(t, reading{streams: []string{"conversation_parts"}, config: func(cfg *Config) { cfg.MaxUnreadable = 1 }})
		truth, _ := w.Truth("conversation_parts", w.version)
		for key := range truth {
			if strings.HasPrefix(key, id+"/") {
				w.without(t, "conversation_parts", key)
			}
		}
		w.check(t, false, "conversation_parts")
		if out.Streams[0].Unreadable != 1 {
			t.Errorf("%d are said to be left out", out.Streams[0].Unreadable)
		}
	})
}

// TestOutageIsNoUnreadableRow: when the endpoint answers nobody, no row is left out, however many may be.
func TestOutageIsNoUnreadableRow(t *testing.T) {
	for _, path := range []string{"/conversations/search", "/conversations"} {
		o := emulator.Options{Seed: 8, Size: talks(300), Faults: []emulator.Fault{{Kind: "500", Path: path, After: 3}}}
		bubble(t, "2.16", o, func(t *testing.T, w *world) {
			began := time.Now()
			out := w.read(t, reading{streams: []string{"conversations", "conversation_parts"}, failing: true, config: func(cfg *Config) {
				cfg.PageSize, cfg.MaxUnreadable, cfg.MaxRetry = 10, 1000, 5*time.Minute
			}})
			for _, s := range out.Streams {
				if s.Unreadable != 0 {
					t.Errorf("%s: %d rows are said to be unreadable", s.Name, s.Unreadable)
				}
				out.isIncomplete(t, s.Name)
			}
			if took := time.Since(began); took < 5*time.Minute || took > 15*time.Minute {
				t.Errorf("given up after %s", took)
			}
		})
	}
}
