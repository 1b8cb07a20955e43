package connector

import (
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// atIntercomsPace is the API's usual limit, and a latency as Europe sees it.
func atIntercomsPace(size emulator.Size) emulator.Options {
	return emulator.Options{Size: size, RateLimit: 1667, Latency: 300 * time.Millisecond}
}

// TestTheLimitSetsThePace: by a clock that only waits move, a read takes as long as its calls take at the
// limit, not as long as one call after the other would.
func TestTheLimitSetsThePace(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a large world")
	}
	people := talks(5)
	people.Contacts = 6000
	tests := []struct {
		name    string
		size    emulator.Size
		version string
		streams []string
		page    int
		least   int     // calls
		calls   float64 // how many times that many may be made
		seconds float64 // how long it may take
	}{
		{"conversations with parts", talks(2500), "2.16", []string{"conversations", "conversation_parts"}, 150, 2517, 1.02, 2500.0 / 166.7},
		{"parts alone", talks(1200), "2.16", []string{"conversation_parts"}, 150, 1208, 1.03, 1200.0/166.7 + 2},
		{"conversations", talks(6000), "2.16", []string{"conversations"}, 10, 600, 1.2, 8},
		{"contacts by days", people, "2.16", []string{"contacts"}, 10, 600, 1.6, 14},
		{"contacts by seconds", people, "2.17", []string{"contacts"}, 10, 600, 1.2, 8},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, test.version, atIntercomsPace(test.size), func(t *testing.T, w *world) {
				w.Edit(evenly)
				began := time.Now()
				out := w.read(t, reading{streams: test.streams, config: pages(test.page)})
				took := time.Since(began).Seconds()
				w.check(t, false, test.streams...)
				calls := int(out.Client.Requests)
				calls -= out.nested()
				took -= float64(out.nested()) / 166.7
				t.Logf("%d calls where %d are needed, %.1f s where %.1f are allowed", calls, test.least, took, test.seconds)
				if float64(calls) > test.calls*float64(test.least)+15 {
					t.Errorf("%d calls, want at most %.2f times %d", calls, test.calls, test.least)
				}
				if took > test.seconds {
					t.Errorf("took %.1f s, want %.1f at most", took, test.seconds)
				}
				if out.Client.Throttled > 0 {
					t.Errorf("%d answers were a 429", out.Client.Throttled)
				}
			})
		})
	}
}

// nested counts the calls for what the nested lists of contacts leave out: how many these are is the world's affair.
func (r *run) nested() (calls int) {
	for route, n := range r.requests {
		if strings.HasPrefix(route, "GET /contacts/") {
			calls += n
		}
	}
	return calls
}

// evenly spreads the last changes over a year, without the crowds that every real workspace has.
func evenly(world *emulator.World) {
	for _, kind := range []string{"conversations", "contacts"} {
		ids := world.IDs(kind)
		for i, id := range ids {
			world.SetUpdatedAt(kind, id, born.Unix()-int64(365*24*3600/len(ids)*(i+1)))
		}
	}
}

// TestACrowdIsNoTrap: many rows that share one second, or one day where the API compares days, cost hardly
// more calls than their pages, and no row.
func TestACrowdIsNoTrap(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a large world")
	}
	crowd := func(kind string, at func(i int) int64) func(*emulator.World) {
		return func(world *emulator.World) {
			for i, id := range world.IDs(kind) {
				world.SetUpdatedAt(kind, id, at(i))
			}
		}
	}
	contacts := talks(5)
	contacts.Contacts = 4000
	long := born.Add(-90 * 24 * time.Hour).Unix()
	tests := []struct {
		name    string
		size    emulator.Size
		stream  string
		edit    func(*emulator.World)
		calls   int
		seconds float64
	}{
		{"a second", talks(1500), "conversations", crowd("conversations", func(int) int64 { return long }), 170, 60},
		{"a second among others", talks(1500), "conversations", crowd("conversations", func(i int) int64 { return long + int64(max(i-1000, 0)*3600) }), 220, 45},
		{"a day", contacts, "contacts", crowd("contacts", func(i int) int64 { return long + int64(i%40_000) }), 620, 30},
		{"today", contacts, "contacts", crowd("contacts", func(i int) int64 { return born.Unix() - int64(i) - 600 }), 700, 30},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, "2.16", atIntercomsPace(test.size), func(t *testing.T, w *world) {
				w.Edit(test.edit)
				began := time.Now()
				out := w.read(t, reading{streams: []string{test.stream}, config: pages(10)})
				took := time.Since(began).Seconds()
				out.onlyOnce(t)
				w.check(t, false, test.stream)
				calls := int(out.Client.Requests) - out.nested()
				t.Logf("%d calls, %.1f s", calls, took)
				if calls > test.calls || took > test.seconds {
					t.Errorf("%d calls in %.1f s, want %d in %.0f s at most", calls, took, test.calls, test.seconds)
				}
			})
		})
	}
}

// TestNoAnswerIsForgotten: with memory for one answer at a time a forgotten one would stop the run for good,
// and so would a walk that keeps a page while it waits for another call.
func TestNoAnswerIsForgotten(t *testing.T) {
	for _, version := range []string{"2.10", "2.16", "Preview"} {
		t.Run(version, func(t *testing.T) {
			faults := []emulator.Fault{{Path: "conversations", Every: 9, Kind: "503"}, {Path: "contacts", Every: 11, Kind: "truncated"}}
			o := emulator.Options{Seed: 8, Faults: faults}
			o.Size, _ = emulator.SizeOf("120")
			bubble(t, version, o, func(t *testing.T, w *world) {
				r := reading{maxHeld: 1, config: pages(5)}
				if version == "2.10" {
					r.streams = []string{"conversations", "conversation_parts", "contacts", "companies", "company_segments", "activity_logs", "tags"}
				}
				first := w.read(t, r)
				w.check(t, false, r.streams...)
				r.state = first.State
				w.read(t, r)
			})
		})
	}
}

// TestSlowStdoutSlowsTheReading: while nobody takes what was written, calls stop, and nothing is lost.
func TestSlowStdoutSlowsTheReading(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a large world")
	}
	size := talks(3000)
	size.PartsPerConversation = 20
	bubble(t, "2.16", atIntercomsPace(size), func(t *testing.T, w *world) {
		gate := make(chan struct{})
		written := 0
		calls := 0
		time.AfterFunc(5*time.Minute, func() {
			for _, n := range w.Requests() {
				calls += n
			}
			close(gate)
		})
		out := w.read(t, reading{streams: []string{"conversations", "conversation_parts"}, through: func(out io.Writer) io.Writer {
			return writerFunc(func(b []byte) (int, error) {
				if written += len(b); written > 1<<20 {
					<-gate
				}
				return out.Write(b)
			})
		}})
		if calls == 0 || calls > 1500 {
			t.Errorf("%d calls were made while stdout stood still, want some, and far fewer than 3,000", calls)
		}
		out.onlyOnce(t)
		w.check(t, false, "conversations", "conversation_parts")
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestShortStreamsFinishEarly: streams share the limit by turns, so that one with thousands of calls does not
// keep the others waiting.
func TestShortStreamsFinishEarly(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a large world")
	}
	size := talks(2000)
	size.Contacts, size.Tickets, size.Companies = 600, 300, 150
	bubble(t, "2.16", atIntercomsPace(size), func(t *testing.T, w *world) {
		w.Edit(evenly)
		began := time.Now()
		ended := map[string]time.Duration{}
		var text strings.Builder
		w.read(t, reading{config: pages(10), through: func(out io.Writer) io.Writer {
			return writerFunc(func(b []byte) (int, error) {
				text.Write(b)
				lines := strings.SplitAfter(text.String(), "\n")
				text.Reset()
				for _, line := range lines {
					if status := gjson.Get(line, "trace.stream_status"); status.Get("status").Str == "COMPLETE" {
						ended[status.Get("stream_descriptor.name").Str] = time.Since(began)
					} else if !strings.HasSuffix(line, "\n") {
						text.WriteString(line)
					}
				}
				return out.Write(b)
			})
		}})
		w.check(t, false)
		whole := ended["conversation_parts"]
		for _, name := range w.defaultStreams() {
			if took := ended[name]; took > whole/2 && streamNamed(name).Feed != conversations {
				t.Errorf("%s ended after %s of %s", name, took, whole)
			}
		}
	})
}

// TestAnHourlyRunCosts holds what docs/performance.md says that a run with nothing new costs, stream by
// stream.
func TestAnHourlyRunCosts(t *testing.T) {
	want := map[string]map[string]int{
		"activity_logs":      {"GET /admins/activity_logs": 1},
		"admins":             {"GET /admins": 1},
		"tags":               {"GET /tags": 1},
		"teams":              {"GET /teams": 1},
		"segments":           {"GET /segments": 1},
		"companies":          {"GET /companies/scroll": 3}, // the last of which is empty
		"company_attributes": {"GET /data_attributes": 1},
		"contact_attributes": {"GET /data_attributes": 1},
		"company_segments":   {"GET /companies/scroll": 3, "GET /companies/{id}/segments": 0}, // one each
		"contacts":           {"POST /contacts/search": 1},
		"conversations":      {"POST /conversations/search": 1},
		"conversation_parts": {"POST /conversations/search": 1},
		"tickets":            {"POST /tickets/search": 1},
	}
	var size emulator.Size
	size, _ = emulator.SizeOf("300")
	size.Companies = 150
	for _, version := range []string{"2.16", "2.17"} {
		for _, stream := range slices.Sorted(maps.Keys(want)) {
			t.Run(version+"/"+stream, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, version, emulator.Options{Seed: 4, Size: size})
				r := reading{streams: []string{stream}, mode: protocol.Incremental}
				if streamNamed(stream).Cursor == "" {
					r.mode = protocol.FullRefresh
				}
				r.state = w.read(t, r).State
				w.pass(time.Hour)
				out := w.read(t, r)
				delete(out.requests, "GET /me")
				maps.DeleteFunc(out.requests, func(route string, _ int) bool { return strings.HasPrefix(route, "GET /contacts/") })
				calls := maps.Clone(want[stream])
				if _, ok := calls["GET /companies/{id}/segments"]; ok {
					companies, err := w.Truth("companies", version)
					if err != nil {
						t.Fatal(err)
					}
					calls["GET /companies/{id}/segments"] = len(companies)
				}
				if !maps.Equal(out.requests, calls) {
					t.Errorf("calls %v, want %v", out.requests, calls)
				}
			})
		}
	}
}

// TestOneParentOneTurn: children of a parent that is met twice are emitted in the order in which it was met,
// or the older version could come last.
func TestOneParentOneTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNursery()
		var mu sync.Mutex
		var fetches sync.WaitGroup
		order := ""
		run := &streamRun{stream: streamNamed("conversation_parts")}
		for _, name := range []string{"a1", "b1", "a2", "a3"} {
			before, done := n.queue(run.stream.turn(name[:1]))
			fetches.Go(func() {
				defer done()
				if before != nil {
					<-before
				}
				time.Sleep(map[string]time.Duration{"a1": 9, "b1": 1, "a2": 3, "a3": 1}[name])
				mu.Lock()
				defer mu.Unlock()
				order += name + " "
			})
		}
		fetches.Wait()
		if order != "b1 a1 a2 a3 " {
			t.Errorf("order %s", order)
		}
		if len(n.last) != 0 {
			t.Errorf("%d turns are still noted", len(n.last))
		}
	})
}
