package connector

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"
)

// snapshotWorld is small, but its searches are cut into windows when pages hold three rows.
var snapshotWorld = emulator.Size{Admins: 2, Teams: 1, Tags: 3, Segments: 4, Companies: 20, Contacts: 70, Conversations: 65,
	Tickets: 25, ActivityLogs: 30, PartsPerConversation: 1}

// littleWorld is for tests that read many worlds.
var littleWorld = emulator.Size{Admins: 2, Teams: 1, Tags: 2, Segments: 3, Companies: 8, Contacts: 24, Conversations: 22, Tickets: 12, ActivityLogs: 10, PartsPerConversation: 1}

func smallPages(c *Config) { c.PageSize = 3 }

func id(n int64) *int64 { return &n }

// A stopper ends a run after so many calls, counted from the last reset.
type stopper struct {
	left   atomic.Int64
	cancel atomic.Pointer[context.CancelFunc]
}

func (s *stopper) intercept(http.ResponseWriter, *http.Request) bool {
	if s.left.Add(-1) == 0 {
		(*s.cancel.Load())()
	}
	return false
}

// after makes a context that ends with the n-th call from now on.
func (s *stopper) after(ctx context.Context, n int64) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	s.cancel.Store(&cancel)
	s.left.Store(n)
	return ctx
}

// holdsAll fails unless the run emitted every row that the streams have now.
func (w *world) holdsAll(t *testing.T, r *run, streams ...string) {
	t.Helper()
	for _, stream := range streams {
		truth, err := w.Truth(stream, w.version)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(r.records[stream]); got != len(truth) {
			t.Errorf("%s: %d rows, want all %d", stream, got, len(truth))
		}
	}
}

var cursorStreams = []string{"activity_logs", "segments", "companies", "contacts", "conversations", "conversation_parts", "tickets"}

// TestFullRefreshGoesOnUnderItsSyncID: a stream that the same sync has finished is not read again.
func TestFullRefreshGoesOnUnderItsSyncID(t *testing.T) {
	all := append([]string{"tags", "company_segments"}, cursorStreams...)
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		r := reading{streams: all, mode: protocol.FullRefresh, syncID: id(7), config: smallPages}
		r.state = w.read(t, r).State
		w.check(t, false, all...)
		time.Sleep(time.Hour)
		w.Edit(func(world *emulator.World) { world.NewTicket() })
		again := w.read(t, r)
		if n := again.total(); n != 0 {
			t.Errorf("%d records, want none: %v", n, again.counts)
		}
		if len(again.requests) != 1 {
			t.Errorf("requests %v, want GET /me alone", again.requests)
		}
		for _, stream := range all {
			again.isComplete(t, stream)
		}
		if string(stateOf(again.State, "tickets")) != string(stateOf(r.state, "tickets")) {
			t.Error("the state of a stream that was not read has changed")
		}
	})
}

// TestFullRefreshResumes interrupts a snapshot over and over; under one sync_id each run goes on, and
// in the end nothing is missing.
func TestFullRefreshResumes(t *testing.T) {
	for _, lag := range []time.Duration{0, 10 * time.Minute} {
		t.Run(lag.String(), func(t *testing.T) {
			s := &stopper{}
			o := emulator.Options{Size: snapshotWorld, Latency: 300 * time.Millisecond, IndexLag: lag, Intercept: s.intercept}
			bubble(t, "2.16", o, func(t *testing.T, w *world) {
				r := reading{streams: cursorStreams, mode: protocol.FullRefresh, syncID: id(7), config: smallPages, failing: true}
				for range 4 {
					r.ctx = s.after(t.Context(), 50)
					out := w.read(t, r)
					r.state = out.State
					w.Edit(func(world *emulator.World) {
						world.Reply(world.IDs("conversations")[3])
						world.UpdateContact(world.IDs("contacts")[50])
						world.NewTicket()
					})
					time.Sleep(20 * time.Minute)
				}
				r.ctx, r.failing = nil, false
				last := w.read(t, r)
				for _, stream := range cursorStreams {
					last.isComplete(t, stream)
				}
				if rows := len(last.records["contacts"]); rows > 50 {
					t.Errorf("the last run read %d contacts anew", rows)
				}
				// A stream that was finished early takes what came later with its next read.
				r.mode, r.syncID, r.state = protocol.Incremental, id(8), last.State
				w.finishes(t, r)
			})
		})
	}
}

// TestFullRefreshStartsAnew: every other full refresh takes nothing from an earlier state, be it
// finished or not: no bookmark, no range, no fingerprint.
func TestFullRefreshStartsAnew(t *testing.T) {
	full := func(syncID *int64) reading { return reading{mode: protocol.FullRefresh, syncID: syncID} }
	singer := func(mode protocol.SyncMode) reading { return reading{mode: mode, dialect: protocol.Singer{}} }
	tests := []struct {
		name          string
		first, second reading
	}{
		{"another sync_id", full(id(1)), full(id(2))},
		{"sync_id 0 after none", full(nil), full(id(0))},
		{"none after a sync_id", full(id(1)), full(nil)},
		{"none after none", full(nil), full(nil)},
		{"Singer after Singer", singer(protocol.FullRefresh), singer(protocol.FullRefresh)},
		{"after incremental", reading{mode: protocol.Incremental, syncID: id(1)}, full(id(1))},
		{"Singer after incremental", singer(protocol.Incremental), singer(protocol.FullRefresh)},
	}
	for _, test := range tests {
		for name, calls := range map[string]int64{"finished": 1 << 40, "interrupted": 25} {
			t.Run(test.name+", "+name, func(t *testing.T) {
				s := &stopper{}
				o := emulator.Options{Size: littleWorld, Latency: 300 * time.Millisecond, Intercept: s.intercept}
				bubble(t, "2.16", o, func(t *testing.T, w *world) {
					test.first.streams, test.second.streams = cursorStreams, cursorStreams
					test.first.config, test.second.config = smallPages, smallPages
					test.first.failing = name == "interrupted"
					test.first.ctx = s.after(t.Context(), calls)
					test.second.state = w.read(t, test.first).State
					second := w.read(t, test.second)
					second.onlyOnce(t)
					w.holdsAll(t, second, cursorStreams...)
				})
			})
		}
	}
}

// TestFullRefreshAndIncremental changes modes between runs.
func TestFullRefreshAndIncremental(t *testing.T) {
	t.Run("a finished snapshot is what incremental reads build on", func(t *testing.T) {
		bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
			r := reading{streams: cursorStreams, mode: protocol.FullRefresh, syncID: id(7), config: smallPages}
			r.state = w.read(t, r).State
			time.Sleep(time.Hour)
			w.Edit(func(world *emulator.World) { world.UpdateTicket(world.IDs("tickets")[2]) })
			r.mode, r.syncID = protocol.Incremental, id(8)
			second := w.finishes(t, r)
			if got := second.total(); got != 1 {
				t.Errorf("records %v, want the one ticket", second.counts)
			}
			r.mode, r.syncID, r.state = protocol.FullRefresh, id(9), second.State
			third := w.read(t, r)
			w.holdsAll(t, third, cursorStreams...)
			time.Sleep(time.Hour)
			w.Edit(func(world *emulator.World) { world.UpdateTicket(world.IDs("tickets")[3]) })
			r.mode, r.state = protocol.Incremental, third.State
			if got := w.finishes(t, r).total(); got != 1 {
				t.Errorf("%d records after the second snapshot, want one", got)
			}
		})
	})
	t.Run("half a snapshot is not", func(t *testing.T) {
		s := &stopper{}
		o := emulator.Options{Size: snapshotWorld, Latency: 300 * time.Millisecond, Intercept: s.intercept}
		bubble(t, "2.16", o, func(t *testing.T, w *world) {
			r := reading{streams: cursorStreams, mode: protocol.FullRefresh, syncID: id(7), config: smallPages, failing: true, ctx: s.after(t.Context(), 80)}
			half := w.read(t, r)
			r.mode, r.failing, r.ctx, r.state = protocol.Incremental, false, nil, half.State
			second := w.finishes(t, r)
			for _, stream := range []string{"contacts", "conversations", "conversation_parts"} {
				half.isIncomplete(t, stream)
				w.holdsAll(t, second, stream)
			}
		})
	})
}

// TestFullRefreshKeepsSiblingsApart: of two streams of one walk only the one that the sync has not
// finished is read on.
func TestFullRefreshKeepsSiblingsApart(t *testing.T) {
	broken := true
	intercept := func(w http.ResponseWriter, r *http.Request) bool {
		id, single := strings.CutPrefix(r.URL.Path, "/conversations/")
		return broken && single && id != "search" && answer(w, 400, `{"type":"error.list","errors":[{"code":"parameter_invalid","message":"no"}]}`)
	}
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld, Intercept: intercept}, func(t *testing.T, w *world) {
		streams := []string{"conversations", "conversation_parts"}
		r := reading{streams: streams, mode: protocol.FullRefresh, syncID: id(7), config: smallPages, failing: true}
		first := w.read(t, r)
		first.isComplete(t, "conversations")
		first.isIncomplete(t, "conversation_parts")
		w.holdsAll(t, first, "conversations")
		broken, r.failing, r.state = false, false, first.State
		second := w.read(t, r)
		w.holdsAll(t, second, "conversation_parts")
		if n := second.counts["conversations"]; n != 0 {
			t.Errorf("%d conversations were read again", n)
		}
	})
}
