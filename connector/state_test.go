package connector

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

// editor makes random edits while a world is read.
type editor struct {
	mu    sync.Mutex
	rng   *rand.Rand
	left  int
	world *world
}

func (e *editor) intercept(http.ResponseWriter, *http.Request) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.left > 0 && e.rng.IntN(3) == 0 {
		e.left--
		e.world.Edit(func(w *emulator.World) { w.RandomEdit(e.rng) })
	}
	return false
}

// during lets up to n edits happen while the world is read from now on.
func (e *editor) during(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.left = n
}

// pick draws a number below n.
func (e *editor) pick(n int) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rng.IntN(n)
}

// edit makes n random edits at once.
func (e *editor) edit(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for range n {
		e.world.Edit(func(w *emulator.World) { w.RandomEdit(e.rng) })
	}
}

// edited runs f in a bubble with a world that is edited while it is read.
func edited(t *testing.T, seed uint64, o emulator.Options, f func(t *testing.T, w *world, e *editor)) {
	t.Helper()
	e := &editor{rng: rand.New(rand.NewPCG(seed, 3))}
	o.Seed, o.Intercept = int64(seed), e.intercept
	if o.Size == (emulator.Size{}) {
		o.Size = snapshotWorld
	}
	o.Latency = 250 * time.Millisecond
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		e.world = w
		f(t, w, e)
	})
}

// stateAt is what a platform has kept when it has taken the first n lines.
func (r *run) stateAt(t *testing.T, n int) protocol.States {
	t.Helper()
	var lines strings.Builder
	for _, line := range r.lines[:n] {
		if line.Get("type").Str == "STATE" {
			lines.WriteString(line.Raw)
		}
	}
	states, err := protocol.ParseState([]byte(lines.String()))
	if err != nil {
		t.Fatal(err)
	}
	return states
}

// keep makes the union what the first n lines brought.
func (w *world) keep(t *testing.T, r *run, n int) {
	t.Helper()
	var text strings.Builder
	for _, line := range r.lines[:n] {
		text.WriteString(line.Raw)
	}
	cut := &run{}
	cut.parse(t, text.String())
	clear(w.union)
	maps.Copy(w.union, cut.records)
}

// stateLines are the places right behind the state lines of a run.
func (r *run) stateLines() []int {
	var at []int
	for i, line := range r.lines {
		if line.Get("type").Str == "STATE" {
			at = append(at, i+1)
		}
	}
	return at
}

// TestEveryStateIsAResumptionPoint cuts a run's output behind a state line, edits the world, and reads
// on from there: nothing is missing, wherever the cut was.
func TestEveryStateIsAResumptionPoint(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			edited(t, seed, emulator.Options{OffsetCursor: seed%2 == 1, IndexLag: time.Duration(seed%3) * 5 * time.Minute}, func(t *testing.T, w *world, e *editor) {
				r := reading{streams: cursorStreams, config: smallPages}
				if seed%2 == 0 {
					r.mode, r.syncID = protocol.FullRefresh, id(7)
				}
				e.during(30)
				first := w.read(t, r)
				time.Sleep(time.Hour)
				e.edit(20)
				time.Sleep(time.Hour)
				r.mode = protocol.Incremental
				cuts := first.stateLines()
				for range 3 {
					n := cuts[e.pick(len(cuts))]
					w.keep(t, first, n)
					r.state = first.stateAt(t, n)
					second := w.finishes(t, r)
					if t.Failed() {
						t.Fatalf("cut behind line %d of %d; second run: %v", n, len(first.lines), second.counts)
					}
				}
			})
		})
	}
}

// TestEverySingerStateIsAResumptionPoint: there each state stands for all streams.
func TestEverySingerStateIsAResumptionPoint(t *testing.T) {
	edited(t, 11, emulator.Options{}, func(t *testing.T, w *world, e *editor) {
		r := reading{streams: cursorStreams, config: smallPages, dialect: protocol.Singer{}}
		first := w.read(t, r)
		cuts := first.stateLines()
		for i := 0; i < len(cuts); i += max(1, len(cuts)/8) {
			w.keep(t, first, cuts[i])
			r.state = first.stateAt(t, cuts[i])
			w.read(t, r)
			for _, stream := range cursorStreams {
				truth, err := w.Truth(stream, w.version)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := ids(w.union[stream]), slices.Sorted(maps.Keys(truth)); !slices.Equal(got, want) {
					t.Fatalf("cut behind line %d: %s: %d rows, want %d", cuts[i], stream, len(got), len(want))
				}
			}
		}
	})
}

// TestSingerStateHoldsEverything: bookmarks of streams that this run does not read, and keys that we
// do not know, are in every state line.
func TestSingerStateHoldsEverything(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		r := reading{streams: []string{"tickets", "contacts", "tags"}, dialect: protocol.Singer{}}
		first := w.read(t, r)
		r.streams, r.state = []string{"segments", "companies"}, first.State
		r.state.Streams = append(slices.Clone(r.state.Streams), protocol.StreamState{Stream: "their_own", Value: json.RawMessage(`{"id":[1,{"a":null}]}`)})
		r.state.Extra = []protocol.StreamState{{Stream: "activate_versions", Value: json.RawMessage(`{"x":1}`)}}
		second := w.read(t, r)
		if len(second.stateLines()) == 0 {
			t.Fatal("no state line")
		}
		for _, n := range second.stateLines() {
			value := second.lines[n-1].Get("value")
			for _, stream := range []string{"tickets", "contacts", "tags"} {
				if got, want := value.Get("bookmarks."+stream).Raw, string(stateOf(first.State, stream)); got != want {
					t.Errorf("bookmark of %s is %s, want %s as before", stream, clip(got), clip(want))
				}
			}
			if got := value.Get("bookmarks.their_own").Raw; got != `{"id":[1,{"a":null}]}` {
				t.Errorf("a stream that we do not know: %s", got)
			}
			if got := value.Get("activate_versions").Raw; got != `{"x":1}` {
				t.Errorf("a key that we do not know: %s", got)
			}
		}
		last := second.lines[len(second.lines)-1].Get("value.bookmarks")
		for _, stream := range r.streams {
			if !last.Get(stream + ".version").Exists() {
				t.Errorf("the last state has no bookmark of %s", stream)
			}
		}
	})
}

// TestStatesMerge: Meltano lays a state over the one before, object by object, and deletes no key. So
// a value has always the same keys, and no objects in it.
func TestStatesMerge(t *testing.T) {
	edited(t, 5, emulator.Options{}, func(t *testing.T, w *world, e *editor) {
		r := reading{config: smallPages, dialect: protocol.Singer{}}
		e.during(20)
		first := w.read(t, r)
		time.Sleep(time.Hour)
		e.edit(20)
		r.state = first.State
		second := w.read(t, r)
		keys := map[string][]string{}
		var before map[string]any
		for _, run := range []*run{first, second} {
			for _, n := range run.stateLines() {
				value := run.lines[n-1].Get("value")
				value.Get("bookmarks").ForEach(func(stream, state gjson.Result) bool {
					hasStableShape(t, keys, stream.Str, state)
					return true
				})
				var now map[string]any
				if err := json.Unmarshal([]byte(value.Raw), &now); err != nil {
					t.Fatal(err)
				}
				if before != nil {
					if merged := deepMerge(before, now); cmp.Diff(now, merged) != "" {
						t.Fatalf("laid over the state before (-alone +merged):\n%s", cmp.Diff(now, merged))
					}
				}
				before = now
			}
		}
	})
}

func hasStableShape(t *testing.T, keys map[string][]string, stream string, state gjson.Result) {
	t.Helper()
	var have []string
	state.ForEach(func(key, value gjson.Result) bool {
		have = append(have, key.Str)
		if value.IsObject() || value.IsArray() && strings.Contains(value.Raw, "{") {
			t.Errorf("%s: %s holds an object: %s", stream, key.Str, clip(value.Raw))
		}
		return true
	})
	if keys[stream] == nil {
		keys[stream] = have
	}
	if !slices.Equal(keys[stream], have) {
		t.Errorf("%s: keys %q, before %q", stream, have, keys[stream])
	}
}

func deepMerge(below, above map[string]any) map[string]any {
	out := maps.Clone(below)
	for key, value := range above {
		lower, isObject := out[key].(map[string]any)
		if upper, ok := value.(map[string]any); ok && isObject {
			value = deepMerge(lower, upper)
		}
		out[key] = value
	}
	return out
}

// TestMergedOverAForeignState: the keys that another tap left stay for ever, and disturb nothing.
func TestMergedOverAForeignState(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		r := reading{streams: cursorStreams, config: smallPages, dialect: protocol.Singer{}}
		first := w.read(t, r)
		foreign := map[string]any{"updated_at": "2020-01-01T00:00:00Z", "created_at": 5, "last_processed": "7", "partitions": []any{},
			"replication_key": "id", "state": map[string]any{"updated_at": "x"}}
		for i, s := range first.State.Streams {
			var ours map[string]any
			if err := json.Unmarshal(s.Value, &ours); err != nil {
				t.Fatal(err)
			}
			first.State.Streams[i].Value, _ = json.Marshal(deepMerge(foreign, ours))
		}
		time.Sleep(time.Hour)
		w.Edit(func(world *emulator.World) { world.NewTicket() })
		r.state = first.State
		if second := w.read(t, r); second.total() != 1 || second.counts["tickets"] != 1 {
			t.Errorf("emitted %v, want the new ticket", second.counts)
		}
	})
}

// TestStateSaysNoMoreThanIsTrue renders progress of any kind and reads it back: what is left to be
// read covers all that was not finished, and the state is bounded.
func TestStateSaysNoMoreThanIsTrue(t *testing.T) {
	cfg := &Config{StartDate: time.Unix(1000, 0), IndexLag: 50 * time.Second}
	rapid.Check(t, func(t *rapid.T) {
		stream := streamNamed(rapid.SampledFrom(cursorStreams).Draw(t, "stream"))
		open := func(input json.RawMessage, start int64) (*progress, plan) {
			c := *cfg
			c.StartDate = time.Unix(start, 0)
			p := &progress{stream: stream, workspace: "w", mode: protocol.Incremental, overlap: 50, input: input}
			plan, err := openProgress(p, &c, nil)
			if err != nil {
				t.Fatal(err)
			}
			return p, plan
		}
		p, _ := open(nil, 1000)
		var done ranges
		for range rapid.IntRange(0, 300).Draw(t, "windows") {
			lo := 1000 + 10*rapid.Int64Range(0, 1000).Draw(t, "lo")
			w := span{lo, lo + rapid.Int64Range(1, 9).Draw(t, "length")}
			done = done.add(w)
			p.finishRange(w)
		}
		finished := rapid.Bool().Draw(t, "finished")
		if finished {
			p.finish(12_000)
		}
		value := p.value()
		if len(value) > 4096 {
			t.Fatalf("a state of %d bytes", len(value))
		}
		start := rapid.SampledFrom([]int64{1000, 500, 3000}).Draw(t, "next start")
		next, plan := open(value, start)
		for at := start; at < 13_000; at++ {
			was := done.contains(at)
			if finished {
				was = at >= 1000 && at < 12_000-50
			}
			if !was && !plan.need.contains(at) {
				t.Fatalf("second %d was not finished and is not read; state %s", at, value)
			}
			if finished && was && plan.need.contains(at) {
				t.Fatalf("second %d was finished and is read again; state %s", at, value)
			}
		}
		if got := next.value(); string(got) != string(value) {
			t.Fatalf("before anything was read the state is %s, want %s", got, value)
		}
	})
}

// TestUnreadableState names the stream and the field.
func TestUnreadableState(t *testing.T) {
	const good = `{"version":1,"workspace":"emu0x1","sync_mode":"incremental","sync_id":null,"unfinished":true,"updated_at":5,"start":1,"done":[[6,7]],"fingerprints":""}`
	for field, change := range map[string][2]string{
		"version":      {`"version":1`, `"version":2`},
		"sync_mode":    {`"incremental"`, `"sometimes"`},
		"updated_at":   {`"updated_at":5`, `"updated_at":"soon"`},
		"start":        {`"start":1`, `"start":null`},
		"done.0":       {`[6,7]`, `[7,6]`},
		"fingerprints": {`"fingerprints":""`, `"fingerprints":"?"`},
	} {
		t.Run(field, func(t *testing.T) {
			bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
				state := protocol.States{Streams: []protocol.StreamState{{Stream: "tickets", Value: json.RawMessage(strings.Replace(good, change[0], change[1], 1))}}}
				out := w.read(t, reading{streams: []string{"tickets"}, state: state, failing: true})
				if e := errorAs[*StateError](t, out); e.Stream != "tickets" || e.Field != field {
					t.Errorf("error %v, want one about %s", e, field)
				}
			})
		})
	}
}
