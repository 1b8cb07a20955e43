package connector

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/emulator"
)

// idsOf are the objects of a world that is yet to be made, so that a fault can name some of them.
func idsOf(t *testing.T, o emulator.Options, kind string) (ids []string) {
	t.Helper()
	newWorld(t, "2.16", o).Edit(func(world *emulator.World) { ids = world.IDs(kind) })
	return ids
}

// bodyOf is what a request asks for.
func bodyOf(r *http.Request) string {
	b, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(b))
	return string(b)
}

// setAll moves the last change of objects to one second, and to the seconds after it if they are step apart.
func (w *world) setAll(kind string, ids []string, at time.Time, step int64) {
	w.Edit(func(world *emulator.World) {
		for i, id := range ids {
			world.SetUpdatedAt(kind, id, at.Unix()+int64(i)*step)
		}
	})
}

// inTurn lets an Intercept see one request at a time. Those that were given up may still be on their way when the run
// has ended, so that what it counts is looked at in turn, too.
func inTurn(mu *sync.Mutex, f func(http.ResponseWriter, *http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
	return func(rw http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		return f(rw, r)
	}
}

// unreadable allows so many rows to be left out.
func unreadable(n int) func(*Config) { return func(c *Config) { c.MaxUnreadable = n } }

// counted fails unless the run left out as many rows as it says, and so many.
func (r *run) counted(t *testing.T, stream string, truth, want int) {
	t.Helper()
	missing := truth - len(r.records[stream])
	if said := int(r.Streams[0].Unreadable); said != missing || missing != want {
		t.Errorf("%s: %d rows are said to be left out, %d are, want %d", stream, said, missing, want)
	}
}

// TestUnreadableInALongSecond: thousands of rows of one second, on both sides of the one that cannot be served,
// come in a bounded number of calls.
func TestUnreadableInALongSecond(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for name, ago := range map[string]int{"in the middle of a backfill": 9, "that is the last one read": 1} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			o := emulator.Options{Seed: 8, Size: talks(2400)}
			crowd := idsOf(t, o, "conversations")[200:2200]
			o.Faults = []emulator.Fault{{Kind: "500", Path: "/conversations/search", ID: crowd[1000]}}
			o.Intercept = func(http.ResponseWriter, *http.Request) bool { calls.Add(1); return false }
			bubble(t, "2.16", o, func(t *testing.T, w *world) {
				at := born.AddDate(0, 0, -ago)
				w.setAll("conversations", crowd, at, 0)
				out := w.read(t, reading{streams: []string{"conversations"}, config: func(c *Config) {
					c.MaxUnreadable = 1
					if ago == 1 {
						c.EndDate = at
					}
				}})
				if n := len(out.records["conversations"]); ago == 9 && n != 2399 || n < 1999 {
					t.Errorf("%d conversations came", n)
				}
				if n := calls.Load(); n > 6000 {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
}

// TestThreadsDown: when no conversation can be fetched alone, though searches work, none is left out, and after an
// outage of everything that outlasts the retries all of them come.
func TestThreadsDown(t *testing.T) {
	for _, c := range []struct {
		name   string
		all    bool
		length time.Duration
	}{{"single reads for ever", false, 100 * time.Hour}, {"everything, a little longer than max_retry_minutes", true, 130 * time.Second}} {
		t.Run(c.name, func(t *testing.T) {
			var mu sync.Mutex
			var down time.Time
			o := emulator.Options{Seed: 8, Size: talks(300), Intercept: inTurn(&mu, func(rw http.ResponseWriter, r *http.Request) bool {
				single := strings.HasPrefix(r.URL.Path, "/conversations/") && r.Method == http.MethodGet
				if single && down.IsZero() {
					down = time.Now()
				}
				return !down.IsZero() && time.Since(down) < c.length && (single || c.all) && answer(rw, http.StatusServiceUnavailable, `{}`)
			})}
			bubble(t, "2.16", o, func(t *testing.T, w *world) {
				out := w.read(t, reading{streams: []string{"conversation_parts"}, failing: !c.all, either: c.all, config: func(cfg *Config) {
					cfg.MaxUnreadable, cfg.MaxRetry = 1000, 2*time.Minute
				}})
				if out.Streams[0].Unreadable != 0 {
					t.Errorf("%d conversations are said to be unreadable", out.Streams[0].Unreadable)
				}
				if c.all {
					w.finishes(t, reading{streams: []string{"conversation_parts"}, state: out.State})
				}
			})
		})
	}
}

// TestOutageWhileReadingAround: an outage that max_retry_minutes rides out does so also where a row was found that
// cannot be served.
func TestOutageWhileReadingAround(t *testing.T) {
	var mu sync.Mutex
	var down time.Time
	calls := 0
	o := emulator.Options{Seed: 8, Size: talks(700), Latency: 100 * time.Millisecond}
	bad := idsOf(t, o, "conversations")[350]
	o.Faults = []emulator.Fault{{Kind: "500", Path: "/conversations/search", ID: bad}}
	o.Intercept = inTurn(&mu, func(rw http.ResponseWriter, _ *http.Request) bool {
		if calls++; calls == 150 {
			down = time.Now()
		}
		return !down.IsZero() && time.Since(down) < 3*time.Minute && answer(rw, http.StatusServiceUnavailable, `{}`)
	})
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		w.read(t, reading{streams: []string{"conversations"}, config: func(c *Config) { c.MaxUnreadable, c.MaxRetry = 1, 10*time.Minute }}).
			counted(t, "conversations", 700, 1)
		mu.Lock()
		defer mu.Unlock()
		if down.IsZero() {
			t.Error("there was no outage")
		}
	})
}

// TestUnreadableContacts: a contact that is alone in its days, and two of one day that were created months apart.
func TestUnreadableContacts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for name, day := range map[string][]int{"alone": {10}, "two of one day": {5, 100, 300, 500, 700, 900, 990}} {
		t.Run(name, func(t *testing.T) {
			o := emulator.Options{Seed: 8, Size: people(1000)}
			all := idsOf(t, o, "contacts")
			var ids []string
			for _, i := range day {
				ids = append(ids, all[i])
			}
			bad := []string{ids[0]}
			if len(ids) > 1 {
				bad = []string{ids[2], ids[4]}
			}
			for _, id := range bad {
				o.Faults = append(o.Faults, emulator.Fault{Kind: "500", Path: "/contacts/search", ID: id})
			}
			bubble(t, "2.16", o, func(t *testing.T, w *world) {
				w.setAll("contacts", ids, born.AddDate(-1, -3, 0), 600)
				w.read(t, reading{streams: []string{"contacts"}, config: unreadable(4)}).counted(t, "contacts", 1000, len(bad))
			})
		})
	}
}

// TestUnreadableContactOfToday: whole days cannot be read around a row while contacts change in them. It ends the
// stream until it is some days old, and not one other contact is lost.
func TestUnreadableContactOfToday(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, from := range []int{4, 8} {
		o := emulator.Options{Seed: 8, Size: people(120), OffsetCursor: true}
		all := idsOf(t, o, "contacts")
		o.Faults = []emulator.Fault{{Kind: "500", Path: "/contacts/search", ID: all[60]}}
		var mu sync.Mutex
		var w *world
		pages, edits := 0, 0
		o.Intercept = inTurn(&mu, func(_ http.ResponseWriter, r *http.Request) bool {
			if body := bodyOf(r); !strings.Contains(body, "starting_after") {
				return false
			}
			if pages++; pages > from && edits < 10 {
				w.Edit(func(world *emulator.World) { world.UpdateContact(all[edits]) })
				edits++
			}
			return false
		})
		bubble(t, "2.16", o, func(t *testing.T, here *world) {
			w = here
			w.setAll("contacts", all, born.Add(-6*time.Hour), 60)
			config := func(c *Config) { c.MaxUnreadable, c.PageSize = 1, 5 }
			first := w.read(t, reading{streams: []string{"contacts"}, config: config, failing: true})
			first.isIncomplete(t, "contacts")
			time.Sleep(4 * 24 * time.Hour)
			second := w.read(t, reading{streams: []string{"contacts"}, config: config, state: first.State})
			mu.Lock()
			defer mu.Unlock()
			if second.Streams[0].Unreadable != 1 || edits == 0 {
				t.Errorf("%d are said to be left out, after %d edits", second.Streams[0].Unreadable, edits)
			}
			w.without(t, "contacts", all[60])
			w.check(t, false, "contacts")
		})
	}
}

// manyLogs makes activity logs of which many share a second, two hours before others, and names those that were
// made last before the pause.
func manyLogs(t *testing.T, w *world) (fresh []string) {
	t.Helper()
	before, _ := w.Truth("activity_logs", w.version)
	add := func(n int) {
		w.Edit(func(world *emulator.World) {
			for range n {
				world.NewActivityLog()
			}
		})
		time.Sleep(time.Second)
	}
	add(30)
	add(30)
	after, _ := w.Truth("activity_logs", w.version)
	for id := range after {
		if before[id] == nil {
			fresh = append(fresh, id)
		}
	}
	slices.Sort(fresh)
	time.Sleep(2 * time.Hour)
	add(30)
	time.Sleep(time.Hour)
	return fresh
}

// TestUnreadableLog: an activity log that cannot be served takes no other with it, wherever it lies among those of
// its second, and neither does an outage while it is stepped over.
func TestUnreadableLog(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute under the race detector")
	}
	for _, c := range []struct {
		name   string
		place  int
		outage bool
	}{
		{"the newest of its second", 59, false}, {"in the second before", 29, false}, {"the oldest of its second", 30, false},
		{"while everything is down", 59, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := emulator.Options{Seed: 8, Size: emulator.Size{Admins: 2, ActivityLogs: 20}}
			bubble(t, "2.16", o, func(t *testing.T, w *world) {
				o.Faults = []emulator.Fault{{Kind: "500", Path: "/admins/activity_logs", ID: manyLogs(t, w)[c.place]}}
			})
			var mu sync.Mutex
			var down time.Time
			o.Intercept = inTurn(&mu, func(rw http.ResponseWriter, r *http.Request) bool {
				if q := r.URL.Query(); c.outage && q.Get("page") == "1" && q.Get("per_page") == "1" && down.IsZero() {
					down = time.Now()
				}
				return !down.IsZero() && time.Since(down) < 4*time.Minute && answer(rw, http.StatusServiceUnavailable, `{}`)
			})
			bubble(t, "2.16", o, func(t *testing.T, w *world) {
				manyLogs(t, w)
				w.read(t, reading{streams: []string{"activity_logs"}, config: func(cfg *Config) {
					cfg.MaxUnreadable, cfg.MaxRetry, cfg.ActivityLogStep = 20, 10*time.Minute, time.Hour
				}}).counted(t, "activity_logs", 110, 1)
				mu.Lock()
				defer mu.Unlock()
				if c.outage == down.IsZero() {
					t.Errorf("an outage: %v", !down.IsZero())
				}
			})
		})
	}
}

// TestLogsAfterAnOutage: pages that became small in an outage grow back within a window.
func TestLogsAfterAnOutage(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	var mu sync.Mutex
	var down time.Time
	calls := 0
	o := emulator.Options{Seed: 8, Size: emulator.Size{Admins: 2, ActivityLogs: 5000}, Latency: 200 * time.Millisecond,
		Intercept: inTurn(&mu, func(rw http.ResponseWriter, _ *http.Request) bool {
			if calls++; calls == 10 {
				down = time.Now()
			}
			return !down.IsZero() && time.Since(down) < 4*time.Minute && answer(rw, http.StatusServiceUnavailable, `{}`)
		})}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		w.read(t, reading{streams: []string{"activity_logs"}, config: func(c *Config) { c.MaxRetry = 10 * time.Minute }}).onlyOnce(t)
		w.check(t, false, "activity_logs")
		mu.Lock()
		defer mu.Unlock()
		if calls > 2000 {
			t.Errorf("%d calls for 5,000 logs", calls)
		}
	})
}
