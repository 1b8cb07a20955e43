package connector

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// talks is a world of conversations and little else.
func talks(n int) emulator.Size {
	return emulator.Size{Admins: 2, Teams: 1, Tags: 4, Segments: 2, Companies: 3, Contacts: 10, Conversations: n, Tickets: 3, ActivityLogs: 3, PartsPerConversation: 2}
}

func pages(n int) func(*Config) { return func(c *Config) { c.PageSize = n } }

// query is what a search asked for: the bounds of its cursor, 0 where there is none.
func query(body string) (lo, hi int64, order string) {
	q := gjson.Parse(body)
	lo = q.Get("query.value.0.value.0.value").Int()
	if q.Get("query.value.1.field").Str == q.Get("sort.field").Str {
		hi = q.Get("query.value.1.value").Int()
	}
	return lo, hi, q.Get("sort.order").Str
}

func TestClosedWindowsThenOneOpenWindow(t *testing.T) {
	t.Run("what moves while it is read is emitted in the same run", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 3, Size: talks(400)})
		n := 0
		w.hook = func(r *http.Request, _ string) {
			if n++; r.URL.Path == "/conversations/search" && n%5 == 0 {
				w.pass(time.Second)
				w.Edit(func(world *emulator.World) {
					all := world.IDs("conversations")
					world.Reply(all[(n*37)%len(all)])
				})
			}
		}
		w.read(t, reading{streams: []string{"conversations"}, mode: protocol.FullRefresh, config: pages(10)})
		w.check(t, false, "conversations")
	})
	t.Run("a few pages are the open window alone", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 3, Size: talks(40)})
		out := w.read(t, reading{streams: []string{"conversations", "tickets"}})
		if got := out.requests["POST /conversations/search"]; got != 1 {
			t.Errorf("%d searches, want 1", got)
		}
		w.check(t, false, "conversations", "tickets")
	})
	t.Run("the clock is taken again, three times at most", func(t *testing.T) {
		var mu sync.Mutex
		var opened []int64
		o := emulator.Options{Seed: 3, Size: talks(300), Latency: 25 * time.Second, Intercept: func(_ http.ResponseWriter, r *http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			if lo, hi, order := query(bodyOf(r)); order == "descending" && hi == 0 {
				opened = append(opened, lo)
			}
			return false
		}}
		bubble(t, "2.16", o, func(t *testing.T, w *world) {
			slow := func(c *Config) { c.PageSize, c.IndexLag, c.MaxInFlight = 5, time.Minute, 4 }
			began := time.Now()
			out := w.read(t, reading{streams: []string{"conversations"}, config: slow})
			ended := born.Add(time.Since(began)).Unix()
			bookmark := out.stateValue("conversations").Get("updated_at").Int()
			if bookmark <= born.Unix()+60 || bookmark > ended {
				t.Errorf("bookmark %d, want one taken after the windows that began at %d", bookmark, born.Unix())
			}
			mu.Lock()
			defer mu.Unlock()
			if last := opened[len(opened)-1]; last < bookmark-60 {
				t.Errorf("the open window began at %d, below the bookmark's %d", last, bookmark-60)
			}
			w.check(t, false, "conversations")
		})
	})
	t.Run("an end date closes all windows", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 3, Size: talks(300)})
		end := born.AddDate(0, -2, 0)
		w.hook = func(_ *http.Request, body string) {
			if _, hi, _ := query(body); body != "" && hi == 0 {
				t.Errorf("a query without an upper bound: %s", body)
			}
		}
		out := w.read(t, reading{streams: []string{"conversations"}, config: func(c *Config) { c.EndDate, c.PageSize = end, 10 }})
		truth, err := w.Truth("conversations", "2.16")
		if err != nil {
			t.Fatal(err)
		}
		for id, row := range truth {
			_, got := out.records["conversations"][id]
			if want := gjson.GetBytes(row, "updated_at").Int() <= end.Unix(); got != want {
				t.Errorf("row %s of %d: emitted %v, want %v", id, gjson.GetBytes(row, "updated_at").Int(), got, want)
			}
		}
		if got := out.stateValue("conversations").Get("updated_at").Int(); got != end.Unix() {
			t.Errorf("bookmark %d, want the end date %d", got, end.Unix())
		}
	})
}

func TestWindowsTileTimeExactly(t *testing.T) {
	for _, inclusive := range []bool{false, true} {
		t.Run(fmt.Sprintf("inclusive %v", inclusive), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "2.16", emulator.Options{Seed: 4, Size: talks(400), InclusiveGreater: inclusive})
			// A row in every second, so that each border of a window has rows on both sides.
			w.Edit(func(world *emulator.World) {
				for i, id := range world.IDs("conversations") {
					world.SetUpdatedAt("conversations", id, born.Unix()-3000+int64(i))
				}
			})
			out := w.read(t, reading{streams: []string{"conversations"}, config: pages(2)})
			out.onlyOnce(t)
			w.check(t, false, "conversations")
			if searches := out.requests["POST /conversations/search"]; searches < 210 {
				t.Errorf("only %d searches: the range was not cut", searches)
			}
		})
	}
	t.Run("halves meet", func(t *testing.T) {
		s := &searchRun{feedRun: &feedRun{Reader: &Reader{}}, zone: time.UTC}
		s.client = newWorld(t, "2.16", emulator.Options{}).client(t)
		for _, days := range []bool{false, true} {
			s.days = days
			for _, w := range []window{{span: span{0, 2}}, {span: span{5, 900_000}}, {span: span{1, 3 * 86_400}, created: span{0, 400 * 86_400}}} {
				low, high, ok := s.halves(w)
				if !ok {
					continue
				}
				if low.lo != w.lo || high.hi != w.hi || low.created.lo != w.created.lo && w.created != (span{}) {
					t.Errorf("halves of %v are %v and %v", w, low, high)
				}
				if low.hi != high.lo && low.created.hi != high.created.lo {
					t.Errorf("halves of %v leave a hole: %v and %v", w, low, high)
				}
			}
		}
	})
}

func TestWindowsRunInParallel(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 5, Size: talks(600), Latency: time.Millisecond})
	var now, most atomic.Int64
	w.options.Intercept = nil
	emu, err := emulator.New(emulator.Options{Seed: 5, Size: talks(600), Now: w.now, Start: born.AddDate(-1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	w.url = serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		time.Sleep(time.Millisecond) // long enough that walks overlap; nothing is asserted about time
		emu.ServeHTTP(rw, r)
		now.Add(-1)
	}))
	w.Emulator = emu
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	states := 0
	first := w.read(t, reading{streams: []string{"conversations"}, config: pages(3), ctx: ctx, failing: true, onState: func(protocol.States) {
		if states++; states == 25 {
			cancel()
		}
	}})
	if most.Load() < 2 {
		t.Errorf("at most %d requests at a time: windows do not run side by side", most.Load())
	}
	state := first.stateValue("conversations")
	if !state.Get("unfinished").Bool() {
		t.Fatalf("state after an interruption: %s", state.Raw)
	}
	watermark := state.Get("updated_at").Int()
	second := w.read(t, reading{streams: []string{"conversations"}, config: func(c *Config) {
		c.PageSize, c.Lookback = 3, 30*24*time.Hour
	}, state: first.State})
	for id, row := range second.records["conversations"] {
		at := gjson.GetBytes(row, "updated_at").Int()
		if at < watermark {
			t.Errorf("row %s of %d was read again below the watermark %d", id, at, watermark)
		}
		for _, done := range state.Get("done").Array() {
			if done.Get("0").Int() <= at && at < done.Get("1").Int() {
				t.Errorf("row %s of %d was read again inside the finished window %s", id, at, done.Raw)
			}
		}
	}
	w.check(t, false, "conversations")
}

func TestFinishedWindowsAreBounded(t *testing.T) {
	p := &progress{stream: streamNamed("conversations"), mode: protocol.Incremental, prints: newFingerprints(forever)}
	for i := range int64(3 * maxDone) {
		p.finishRange(span{1000 + 10*i, 1005 + 10*i})
	}
	own, err := parseOwnState(p.stream, p.value())
	if err != nil {
		t.Fatal(err)
	}
	if len(own.done) != maxDone {
		t.Fatalf("%d finished windows in the state, want %d", len(own.done), maxDone)
	}
	for _, s := range own.done {
		if s.hi-s.lo != 5 {
			t.Errorf("window %v was joined over a gap", s)
		}
	}
}

// TestCheckpoint holds that no state line runs ahead of its records: every row below its watermark,
// or in its finished windows, was written before it. With whole seconds shared by many rows, that
// also says that no checkpoint falls inside a second.
func TestCheckpoint(t *testing.T) {
	for seed := range int64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "2.16", emulator.Options{Seed: seed, Size: talks(500), OffsetCursor: seed%2 == 0})
			w.Edit(func(world *emulator.World) {
				for i, id := range world.IDs("conversations") {
					world.SetUpdatedAt("conversations", id, born.Unix()-40_000+int64(i/17)*100)
				}
			})
			out := w.read(t, reading{streams: []string{"conversations", "conversation_parts"}, config: pages(5)})
			w.check(t, false, "conversations", "conversation_parts")
			checkpointsAreTrue(t, w, out)
		})
	}
}

// TestCheckpointWaitsForTheChildrenOfAnEarlierWalk: a window is left to others in pieces, which meet rows of
// its last page again. Their children may still be on their way when all of a piece has been emitted.
func TestCheckpointWaitsForTheChildrenOfAnEarlierWalk(t *testing.T) {
	slow := map[string]bool{}
	o := emulator.Options{Size: talks(700), Intercept: func(_ http.ResponseWriter, r *http.Request) bool {
		if slow[r.URL.Path] {
			time.Sleep(20 * time.Second)
		}
		return false
	}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		w.Edit(func(world *emulator.World) {
			for i, id := range world.IDs("conversations") {
				world.SetUpdatedAt("conversations", id, born.Unix()-4_000_000+int64(i/3)*10_000)
				slow["/conversations/"+id] = i < 10 // on the first pages of all
			}
		})
		out := w.read(t, reading{streams: []string{"conversations", "conversation_parts"}, config: pages(5)})
		w.check(t, false, "conversations", "conversation_parts")
		checkpointsAreTrue(t, w, out)
	})
}

func checkpointsAreTrue(t *testing.T, w *world, out *run) {
	t.Helper()
	truth, err := w.Truth("conversations", w.version)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := w.Truth("conversation_parts", w.version)
	if err != nil {
		t.Fatal(err)
	}
	owner := map[string]int64{}
	want := map[string]map[string]int64{"conversations": {}, "conversation_parts": {}}
	for id, row := range truth {
		owner[id] = gjson.GetBytes(row, "updated_at").Int()
		want["conversations"][id] = owner[id]
	}
	for key := range parts {
		conversation, _, _ := strings.Cut(key, "/")
		want["conversation_parts"][key] = owner[conversation]
	}
	states := 0
	for _, m := range out.lines {
		if m.Get("type").Str == "RECORD" {
			stream := m.Get("record.stream").Str
			delete(want[stream], rowID(stream, m.Get("record.data")))
			continue
		}
		state := m.Get("state.stream")
		if !state.Exists() {
			continue
		}
		states++
		value := state.Get("stream_state")
		own, err := parseOwnState(streamNamed("conversations"), []byte(value.Raw))
		if err != nil {
			t.Fatal(err)
		}
		done := own.done.add(span{0, own.cursor})
		for id, at := range want[state.Get("stream_descriptor.name").Str] {
			if done.contains(at) {
				t.Fatalf("state %s came before row %s of second %d", clip(value.Raw), id, at)
			}
		}
	}
	if states < 20 {
		t.Errorf("only %d states in the run", states)
	}
}
