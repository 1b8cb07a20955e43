package connector

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/emulator"

	"github.com/tidwall/gjson"
)

// What TestChaos has found, each by itself.

// TestServersClockComesLate: a clock of ours that is wrong must not decide what is read, or what was, only because
// the first answer has no Date.
func TestServersClockComesLate(t *testing.T) {
	for _, ahead := range []time.Duration{5 * time.Hour, -20 * 365 * 24 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			bubbleAhead(t, ahead, func(t *testing.T, w *world) {
				first := w.read(t, reading{})
				w.check(t, false)
				time.Sleep(time.Hour)
				w.Edit(func(world *emulator.World) {
					world.NewTicket()
					world.NewConversation()
					world.NewActivityLog()
				})
				time.Sleep(time.Hour)
				if second := w.finishes(t, reading{streams: cursorStreams, state: first.State}); second.total() > 10 {
					t.Errorf("%d records for three new objects: %v", second.total(), second.counts)
				}
			})
		})
	}
}

// bubbleAhead is bubble where this process's clock is ahead of the server's, whose first answer to each run has no Date.
func bubbleAhead(t *testing.T, ahead time.Duration, f func(t *testing.T, w *world)) {
	bubble(t, "2.16", emulator.Options{Size: littleWorld}, func(t *testing.T, w *world) {
		time.Sleep(time.Until(born) + ahead)
		began := time.Now()
		var asked atomic.Int64
		o := emulator.Options{Now: func() time.Time { return born.Add(time.Since(began)) }, Start: born.AddDate(-1, 0, 0),
			Size: emulator.Size{Admins: 2, Conversations: 20, Tickets: 10, Contacts: 20, ActivityLogs: 20}}
		var err error
		if w.Emulator, err = emulator.New(o); err != nil {
			t.Fatal(err)
		}
		l := newPipeListener()
		server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if now := time.Now().Unix(); now-asked.Swap(now) > 60 {
				rw.Header()["Date"] = nil
				answer(rw, http.StatusOK, `{"type":"admin","app":{"type":"app","id_code":"emu0x1"}}`)
				return
			}
			w.ServeHTTP(rw, r)
		})}}
		server.Start()
		defer server.Close()
		w.url = "http://" + l.address
		f(t, w)
	})
}

// TestUnreadableInASecondOfItsOwn: a row that cannot be served lies in a window of one second, which cannot be cut.
func TestUnreadableInASecondOfItsOwn(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	o, bad, prepare := poisoned(t, "2.16", "conversations", emulator.Options{Seed: 8, Size: talks(900)}, 400, 0.7)
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		prepare(w)
		out := w.read(t, reading{streams: []string{"conversations"}, config: func(cfg *Config) { cfg.PageSize, cfg.MaxUnreadable = 5, 1 }})
		w.without(t, "conversations", bad...)
		w.check(t, false, "conversations")
		if n := out.Streams[0].Unreadable; n != 1 {
			t.Errorf("%d rows are said to be left out, want 1", n)
		}
	})
}

// TestUnreadableNewestLog: that the newest logs cannot be served must not pass for an outage.
func TestUnreadableNewestLog(t *testing.T) {
	o := emulator.Options{Seed: 8, Size: emulator.Size{Admins: 2, ActivityLogs: 60}}
	w := newWorld(t, "2.16", o)
	var id string
	w.Edit(func(world *emulator.World) { id = slices.Max(world.IDs("activity_logs")) })
	o.Faults = []emulator.Fault{{Kind: "500", Path: "/admins/activity_logs", ID: id}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: []string{"activity_logs"}, config: func(cfg *Config) { cfg.MaxUnreadable = 1 }})
		w.without(t, "activity_logs", id)
		w.check(t, false, "activity_logs")
		if n := out.Streams[0].Unreadable; n != 1 {
			t.Errorf("%d logs are said to be left out, want 1", n)
		}
	})
}

// TestUnreadableAtBothEnds: windows of contacts that cannot even be counted, since their first and their last row
// cannot be served, are walked as they are.
func TestUnreadableAtBothEnds(t *testing.T) {
	size := emulator.Size{Admins: 2, Contacts: 400}
	o, bad, prepare := poisoned(t, "2.16", "contacts", emulator.Options{Seed: 8, Size: size}, 150, 0, 0.5, 0.8)
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		prepare(w)
		w.read(t, reading{streams: []string{"contacts"}, config: func(cfg *Config) { cfg.PageSize, cfg.MaxUnreadable = 2, 10 }})
		w.without(t, "contacts", bad...)
		w.check(t, false, "contacts")
	})
}

// TestUnreadableAboveTheEndDate: reading around a row must not finish seconds above the end date, of which nothing is taken.
func TestUnreadableAboveTheEndDate(t *testing.T) {
	end := born.Add(-20 * time.Hour)
	size := emulator.Size{Admins: 2, Contacts: 60}
	prepare := func(w *world) {
		w.Edit(func(world *emulator.World) {
			for i, id := range world.IDs("contacts")[:30] {
				world.SetUpdatedAt("contacts", id, born.Add(-time.Duration(i+1)*time.Hour).Unix())
			}
		})
	}
	w := newWorld(t, "2.16", emulator.Options{Seed: 8, Size: size})
	prepare(w)
	ids := w.byAge(t, "contacts")
	bad := ids[len(ids)-5] // changed after the end date
	o := emulator.Options{Seed: 8, Size: size, Faults: []emulator.Fault{{Kind: "500", Path: "/contacts/search", ID: bad}}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		prepare(w)
		first := w.read(t, reading{streams: []string{"contacts"}, failing: true, config: func(cfg *Config) { cfg.MaxUnreadable, cfg.EndDate = 1, end }})
		for _, line := range first.lines {
			for _, state := range statesOf(t, line).Streams {
				if at := gjson.GetBytes(state.Value, "updated_at").Int(); at > end.Unix()+1 {
					t.Errorf("a state claims seconds up to %d, the end date is %d: %s", at, end.Unix(), clip(string(state.Value)))
				}
			}
		}
	})
}

// TestUnreadableInAShortRange: contacts that would be read as the open window alone, since they are few, hold an old row
// that cannot be served. It is left out as it would be of many.
func TestUnreadableInAShortRange(t *testing.T) {
	o, bad, _ := poisoned(t, "2.16", "contacts", emulator.Options{Seed: 8, Size: emulator.Size{Admins: 2, Contacts: 60}}, 0, 0.3)
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: []string{"contacts"}, config: func(cfg *Config) { cfg.MaxUnreadable = 1 }})
		out.isComplete(t, "contacts")
		w.without(t, "contacts", bad...)
		w.check(t, false, "contacts")
	})
}

// TestMixedOutage: a call that may give up early, so that less is asked for, must not do so with an error that does
// not say so. A few seconds of trouble would end the stream.
func TestMixedOutage(t *testing.T) {
	var talks atomic.Int64
	intercept := func(rw http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/tags":
			for talks.Load() < 5 {
				time.Sleep(time.Millisecond)
			}
		case "/conversations/search":
			switch n := talks.Add(1); {
			case n < 6:
				return answer(rw, http.StatusInternalServerError, `{}`)
			case n == 6:
				time.Sleep(time.Second) // the tags have come
				rw.Header().Set("Content-Type", "text/html")
				rw.WriteHeader(http.StatusMethodNotAllowed)
				_, _ = rw.Write([]byte("<html>Are you human?</html>"))
				return true
			}
		}
		return false
	}
	bubble(t, "2.16", emulator.Options{Size: littleWorld, Intercept: intercept}, func(t *testing.T, w *world) {
		w.read(t, reading{streams: []string{"conversations", "tags"}})
		w.check(t, false, "conversations", "tags")
	})
}

// TestRowsMoveUpWhileWalkedDown: rows that are edited below a walk down move above it. That the walk is not shown
// them, and ends with a full page, does not mean that Intercom has cut it short.
func TestRowsMoveUpWhileWalkedDown(t *testing.T) {
	var w *world
	edits := 3 // walks that are disturbed
	intercept := func(_ http.ResponseWriter, r *http.Request) bool {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if edits > 0 && r.URL.Path == "/conversations/search" && gjson.GetBytes(body, "pagination.starting_after").Exists() {
			edits--
			time.Sleep(2 * time.Second)
			for _, id := range w.byAge(t, "conversations")[:2] {
				w.Edit(func(world *emulator.World) { world.Reply(id) })
			}
		}
		return false
	}
	bubble(t, "2.16", emulator.Options{Size: talks(6), Intercept: intercept}, func(t *testing.T, bubbled *world) {
		w = bubbled
		w.read(t, reading{streams: []string{"conversations"}, config: func(cfg *Config) { cfg.PageSize = 2 }})
		w.check(t, false, "conversations")
	})
}

// TestLastScrollPageLostTwice: net/http sends a GET again by itself when a kept connection breaks. Where that was the
// last page of the scroll, the answer to the second one is the 404 of its end; two walks in a row that end so must not
// pass for the end.
func TestLastScrollPageLostTwice(t *testing.T) {
	o := emulator.Options{Size: emulator.Size{Admins: 1, Companies: 60}, ScrollPage: 20, ScrollEndsWith404: true,
		Faults: []emulator.Fault{{Kind: "reset", Path: "/companies/scroll", After: -1, Every: 4, Times: 2}}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		if rows, err := w.Truth("companies", w.version); err != nil || len(rows) <= 40 || len(rows) >= 60 {
			t.Fatalf("%d companies, error %v: the third page is to be the last", len(rows), err)
		}
		w.read(t, reading{streams: []string{"companies"}})
		w.check(t, false, "companies")
	})
}

// TestThrottledWhileOthersGetThrough: a call that meets one 429 after the other must not end its stream while calls of
// others are answered: the rate limit is no outage.
func TestThrottledWhileOthersGetThrough(t *testing.T) {
	var began time.Time
	intercept := func(rw http.ResponseWriter, r *http.Request) bool {
		return r.URL.Path == "/tags" && time.Since(began) < 3*time.Minute && answer(rw, http.StatusTooManyRequests, `{}`)
	}
	o := emulator.Options{Size: talks(300), Latency: 2 * time.Second, Intercept: intercept}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		began = time.Now()
		w.read(t, reading{streams: []string{"conversations", "tags"}, config: func(cfg *Config) { cfg.PageSize, cfg.MaxInFlight = 5, 2 }})
		w.check(t, false, "conversations", "tags")
	})
}
