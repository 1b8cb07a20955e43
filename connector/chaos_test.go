package connector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"
)

// TestChaos reads random worlds through everything that can go wrong at once: edits between requests,
// faults, outages, lagging replicas, wrong clocks, pages and rows that cannot be served, refusals, other readers, and
// runs that are killed and resumed from what their platform had kept. In the end the union of all output equals the
// truth, what it lacks was counted, and no state line on the way ran ahead of its records.
//
// CHAOS_SEED replays one seed. CHAOS_SEEDS sets how many are tried, from CHAOS_SEED or from 1 on.
func TestChaos(t *testing.T) {
	from, n := uint64(1), uint64(24)
	if testing.Short() {
		n = 3
	}
	if s, err := strconv.ParseUint(os.Getenv("CHAOS_SEED"), 10, 64); err == nil {
		from, n = s, 1
	}
	if s, err := strconv.ParseUint(os.Getenv("CHAOS_SEEDS"), 10, 64); err == nil {
		n = s
	}
	t.Setenv("GODEBUG", os.Getenv("GODEBUG")+",tracebacklabels=1") // a panic in a goroutine names no test, but its seed
	for seed := from; seed < from+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("to replay it: CHAOS_SEED=%d go test ./connector -run 'TestChaos$' -count=5 -v", seed)
				}
			})
			pprof.Do(t.Context(), pprof.Labels("CHAOS_SEED", fmt.Sprint(seed)), func(context.Context) {
				synctest.Test(t, func(t *testing.T) { newStorm(t, seed).rage(t) })
			})
		})
	}
}

const (
	mostAttempts = 60             // of one sync; rules of faults wear off sooner
	longestRun   = 24 * time.Hour // of the world's time
)

// A storm is a world whose reading is disturbed in every way that a seed draws.
type storm struct {
	*world
	climate climate
	began   time.Time
	draws   *rand.Rand // only the test's goroutine draws from it, so that a seed plans the same again

	table   Table // of streams that may be selected
	choice  choice
	ever    map[string]bool               // streams that were ever selected
	held    map[string]map[string]heldRow // what a platform has kept, since it last began a stream anew
	state   protocol.States               // and its last state
	before  map[string]map[string]bool    // rows of streams without a cursor when the sync began
	leftOut map[string]int64              // rows that runs said they left out, by stream

	mu      sync.Mutex
	live    *rand.Rand // requests draw from it, in whatever order they come
	weather weather
	denials map[string]int       // of conversations that exist
	denied  map[string]time.Time // the last of them, by the world's clock
}

// A heldRow is a record as its platform keeps it.
type heldRow struct {
	row     json.RawMessage
	dialect protocol.Dialect
	at      int64 // its cursor, 0 where it has none
}

func newStorm(t *testing.T, seed uint64) *storm {
	s := &storm{
		draws: rand.New(rand.NewPCG(seed, 11)), live: rand.New(rand.NewPCG(seed, 12)),
		ever: map[string]bool{}, held: map[string]map[string]heldRow{},
		leftOut: map[string]int64{}, denials: map[string]int{}, denied: map[string]time.Time{},
	}
	s.climate = drawClimate(t, s.draws, seed)
	s.table = drawTable(s.draws, s.climate.version)
	s.world = stormWorld(t, s)
	s.Edit(func(w *emulator.World) { s.crowd(s.draws, w) })
	s.pass(3600) // dates that were set back must not come to light while they are read
	t.Logf("%s", s.climate)
	return s
}

// rage lets some syncs happen, each in as many runs as it takes, and then a last one that is undisturbed.
func (s *storm) rage(t *testing.T) {
	syncs := 1 + s.draws.IntN(3)
	for n := range syncs {
		s.choose(n)
		t.Logf("sync %d: %s", n, s.choice)
		kills := s.draws.IntN(5)
		s.sync(t, func(attempt int) weather { return s.drawWeather(attempt < kills) })
		s.pass(s.draws.IntN(7200))
		s.edit(s.draws.IntN(40))
	}
	s.pass(3600) // longer than anything lags
	s.chooseAll(syncs)
	t.Logf("at last: %s", s.choice)
	s.sync(t, func(int) weather { return weather{} })
	s.equalsTheTruth(t)
	if t.Failed() {
		return
	}
	s.pass(3600)
	s.nothingComesAgain(t)
	s.addsUp(t)
}

// pass lets so many seconds go by.
func (s *storm) pass(seconds int) { time.Sleep(time.Duration(seconds) * time.Second) }

// sync runs until a run ends without an error.
func (s *storm) sync(t *testing.T, sky func(attempt int) weather) {
	t.Helper()
	for attempt := range mostAttempts {
		w := sky(attempt)
		ended := s.run(t, w, attempt == 0)
		if t.Failed() {
			t.FailNow()
		}
		if ended {
			return
		}
		s.pass(s.draws.IntN(1200))
		if len(s.climate.bad["contacts"]) > 0 && s.climate.unreadable > 0 {
			s.pass(12 * 3600) // what is younger than two days ends the stream where the API compares days
		}
		if w.edits > 0 {
			s.edit(s.draws.IntN(10))
		}
	}
	t.Fatalf("no run out of %d ended without an error", mostAttempts)
}

// run reads once and has the platform keep what came of it. It tells whether the sync has ended.
func (s *storm) run(t *testing.T, w weather, first bool) (ended bool) {
	t.Helper()
	s.clear(first)
	if first {
		s.before = s.keysBefore(t)
	}
	ctx, cancel := context.WithTimeout(t.Context(), longestRun)
	defer cancel()
	ctx, kill := context.WithCancel(ctx)
	defer kill()
	w.kill = kill
	if w.killAfter > 0 {
		defer time.AfterFunc(w.killAfter, kill).Stop()
	}
	s.begin(w)
	r := s.reader(w)
	summary, err := r.Read(ctx)
	w.denied = s.begin(weather{}).denied
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("still reading after %s", longestRun)
	}
	text := r.out.String()
	text = text[:strings.LastIndexByte(text, '\n')+1]
	out := &run{Summary: summary, err: err}
	out.parse(t, text)
	t.Logf("%s: %d lines, %d records, error %.300v", w, len(out.lines), out.total(), err)
	s.isTrue(t, out, w)
	s.keep(t, w.cut(text), w.committed)
	return s.over(out) && w.cutAt == 0
}

// over tells whether a run read all that it can. What was refused only for now is read by another one.
func (s *storm) over(out *run) bool {
	if out.Summary == nil || errors.Is(out.err, errOutput) {
		return false
	}
	for _, p := range out.Streams {
		if s.climate.closed[p.Name] == "" && (p.Err != nil || p.Withheld > 0 && p.Records == 0) {
			return false
		}
	}
	return true
}

// cut is what of the output the platform has seen.
func (w *weather) cut(text string) string {
	if w.cutAt == 0 {
		return text
	}
	text = text[:int(w.cutAt*float64(len(text)))]
	return text[:strings.LastIndexByte(text, '\n')+1]
}

// clear forgets what the platform does not keep of streams that are now read in full: of each run, or of
// the first of those that share a sync id.
func (s *storm) clear(first bool) {
	for _, sel := range s.choice.streams() {
		if sel.Mode == protocol.FullRefresh && (first || sel.SyncID == nil) {
			s.held[sel.Stream] = nil
		}
	}
}
