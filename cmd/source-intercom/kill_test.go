//go:build unix

package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"source-intercom/connector"
	"source-intercom/emulator"
)

// TestKill kills the program at random moments, again and again, while the workspace that it reads is being
// edited, and has it go on each time from the last whole state that was left. No state may have run ahead of
// its records, and in the end the union of all output equals the truth.
//
// KILLS sets how many processes are to be hit, KILL_SEED replays what one seed plans, or begins with it. The
// moments of real processes are never the same again.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("real processes take real seconds")
	}
	kills, seed, began := 12, uint64(1), time.Now()
	if s, err := strconv.ParseUint(os.Getenv("KILL_SEED"), 10, 64); err == nil {
		kills, seed = 1, s
	}
	if n, err := strconv.Atoi(os.Getenv("KILLS")); err == nil {
		kills = n
	}
	graves, seeds := &graveyard{}, make(chan uint64)
	var hands sync.WaitGroup
	for range 6 { // most of the time they wait for answers
		hands.Go(func() {
			for seed := range seeds {
				t.Run(fmt.Sprint(seed), func(t *testing.T) { newOrdeal(t, seed, graves).run(t) })
			}
		})
	}
	for ; kills > 0; seed++ {
		seeds <- seed
		kills -= killsOf(seed)
	}
	close(seeds)
	hands.Wait()
	t.Logf("%s, in %s", graves, time.Since(began).Round(time.Second))
}

// killsOf is how many processes are hit over one workspace.
func killsOf(seed uint64) int { return 2 + int(seed%3) }

// mostRuns bounds the runs of one sync.
const mostRuns = 60

// An ordeal is a workspace, and a platform that reads it with a program that keeps being killed.
type ordeal struct {
	*emulator.Emulator
	clock  *worldClock
	dir    string
	kills  int
	draws  *rand.Rand // only the test's goroutine draws from it, so that a seed plans the same again
	graves *graveyard
	log    strings.Builder // for those who want to know why it failed

	protocol  string
	stateFile bool // the program itself keeps the state
	settings  map[string]any
	lag       int64 // of the setting index_lag, seconds

	modes  map[string]mode // of the sync that goes on
	before truth           // what streams that are read in full had when it began
	held   map[string]map[string]heldRow
	states states

	mu     sync.Mutex
	live   *rand.Rand // requests draw from it, in whatever order they come
	edits  int        // that the run still sees, before
	oneIn  int        // so many of its calls
	victim *victim
}

// A mode is how a sync reads a stream.
type mode struct {
	full   bool
	syncID int // Airbyte's number of a full refresh; 0: none
}

func newOrdeal(t *testing.T, seed uint64, graves *graveyard) *ordeal {
	o := &ordeal{dir: t.TempDir(), kills: killsOf(seed), graves: graves, protocol: airbyte, stateFile: seed%4 < 2,
		draws: rand.New(rand.NewPCG(seed, 21)), live: rand.New(rand.NewPCG(seed, 22)),
		clock: &worldClock{born: today()}, before: truth{}, held: map[string]map[string]heldRow{}, states: states{}}
	for _, s := range connector.TableOf(nil).Default() {
		o.held[s.Name] = map[string]heldRow{}
	}
	if seed%2 == 0 {
		o.protocol = singer
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to replay it: KILL_SEED=%d go test ./cmd/source-intercom -run 'TestKill$' -count=5\n%s", seed, &o.log)
		}
	})
	var err error
	if o.Emulator, err = emulator.New(o.drawWorld(seed)); err != nil {
		t.Fatal(err)
	}
	o.clock.start()
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	o.settings["base_url"] = server.URL
	return o
}

// drawWorld draws a workspace that takes half a second to some seconds to read, and the settings.
func (o *ordeal) drawWorld(seed uint64) emulator.Options {
	rng := o.draws
	o.lag = oneOf[int64](rng, 60, 900)
	o.settings = map[string]any{"start_date": fmt.Sprintf("%d-01-01", today().Year()-2), "index_lag": o.lag,
		"page_size": oneOf(rng, 2, 5, 20, 150), "max_in_flight": oneOf(rng, 0, 0, 3)}
	if seed%3 > 0 {
		o.settings["deletes"] = []string{"conversations"}
	}
	options := emulator.Options{Seed: int64(seed), Token: secret, Now: o.clock.now,
		Size: emulator.Size{Admins: 3, Teams: 2, Tags: 6, Segments: 5, Companies: 10 + rng.IntN(30), Contacts: 20 + rng.IntN(150),
			Conversations: 20 + rng.IntN(100), Tickets: 10 + rng.IntN(60), ActivityLogs: 20 + rng.IntN(80), PartsPerConversation: 2},
		Latency: oneOf[time.Duration](rng, 2, 8, 15) * time.Millisecond, Jitter: 5 * time.Millisecond,
		RateLimit: oneOf(rng, 0, 0, 150), RateWindow: time.Second,
		OffsetCursor: rng.IntN(2) == 0, ScrollEndsWith404: rng.IntN(2) == 0, ScrollPage: oneOf(rng, 100, 7)}
	if seed%8 == 0 { // so slow that the state file is replaced more than once
		options.RateLimit = 50
	}
	if rng.IntN(2) == 0 {
		options.IndexLag = time.Duration(rng.Int64N(o.lag)) * time.Second
	}
	fmt.Fprintf(&o.log, "%s, state file %v, %v, %+v, latency %s, %d calls a second, index lag %s\n",
		o.protocol, o.stateFile, o.settings, options.Size, options.Latency, options.RateLimit, options.IndexLag)
	o.settings["access_token"] = secret
	return options
}

// run lets syncs happen until enough of their processes were hit, and then two that are left in peace: one
// that completes the truth, and one that finds nothing new.
func (o *ordeal) run(t *testing.T) {
	n := 1
	for ; o.kills > 0; n++ {
		o.choose(n)
		o.sync(t)
		o.rest(10 + o.draws.IntN(60))
	}
	o.modes = usualModes()
	for _, last := range []func(*testing.T, []line){o.equalsTheTruth, o.nothingComesAgain} {
		o.clock.pass(time.Hour)
		o.forget(t, true)
		lines, ended := o.read(t, shot{}, 0)
		if !ended {
			t.Fatal("a run that was left in peace has failed")
		}
		last(t, lines)
	}
}

// rest lets time go by between two runs, and the workspace change. A run that follows at once meets the scroll
// of the one that was killed.
func (o *ordeal) rest(edits int) {
	seconds := 61 + o.draws.IntN(7200)
	if o.draws.IntN(4) == 0 {
		seconds = o.draws.IntN(5)
	}
	o.clock.pass(time.Duration(seconds) * time.Second)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Edit(func(w *emulator.World) {
		for range edits {
			w.RandomEdit(o.live)
		}
		for range edits / 2 {
			w.Reply(w.NewConversation())
			w.NewContact()
		}
	})
}

func usualModes() map[string]mode {
	modes := map[string]mode{}
	for _, s := range connector.TableOf(nil).Default() {
		modes[s.Name] = mode{full: s.Cursor == ""}
	}
	return modes
}

// choose draws how the n-th sync reads each stream.
func (o *ordeal) choose(n int) {
	o.modes = usualModes()
	full, syncID := o.draws.IntN(3) == 0, 0
	if o.protocol == airbyte && o.draws.IntN(2) == 0 {
		syncID = n
	}
	for _, name := range slices.Sorted(maps.Keys(o.modes)) {
		m := o.modes[name]
		if m.full = m.full || full && o.draws.IntN(3) > 0; m.full {
			m.syncID = syncID
		}
		o.modes[name] = m
	}
	fmt.Fprintf(&o.log, "sync %d: %v\n", n, o.modes)
}

// sync runs until a run has ended by itself.
func (o *ordeal) sync(t *testing.T) {
	t.Helper()
	shots := 1 + o.draws.IntN(4)
	for attempt := range mostRuns {
		o.forget(t, attempt == 0)
		var s shot
		if o.kills > 0 && attempt < shots {
			s = o.drawShot()
		}
		if _, ended := o.read(t, s, o.draws.IntN(40)); ended {
			return
		}
		o.rest(o.draws.IntN(10))
	}
	t.Fatalf("no run out of %d ended by itself", mostRuns)
}

// forget drops what a platform does not keep of streams that are now read in full: of each run, or of the first
// of those that share a sync id. What they have then is what their next states may speak of.
func (o *ordeal) forget(t *testing.T, first bool) {
	t.Helper()
	for name, m := range o.modes {
		if m.full && (first || m.syncID == 0) {
			o.held[name], o.before[name] = map[string]heldRow{}, o.truth(t, name)
		}
	}
}

// read runs the program once and has the platform keep what is left of it. It tells whether the run has ended
// by itself.
func (o *ordeal) read(t *testing.T, s shot, edits int) (_ []line, ended bool) {
	t.Helper()
	o.mu.Lock()
	o.edits, o.oneIn = edits, 1+o.draws.IntN(15)
	o.mu.Unlock()
	v := o.start(t, s)
	v.await(t)
	o.mu.Lock()
	o.victim, edits, o.edits = nil, edits-o.edits, 0
	o.mu.Unlock()

	text, err := os.ReadFile(v.stdout.Name())
	if err != nil {
		t.Fatal(err)
	}
	lines := linesOf(t, text, v.diedOf() != 0)
	fmt.Fprintf(&o.log, "%s: died of %d, exit code %d, after %d calls, %d edits, %d bytes, %d lines\n",
		s, v.diedOf(), v.ProcessState.ExitCode(), v.calls, edits, len(text), len(lines))
	o.endedWell(t, v, string(text), lines, edits > 0)
	o.noStateRunsAhead(t, lines)
	if v.wasHit() {
		o.kills--
		o.graves.bury(v.cause(), o.phase(v, lines))
	}
	o.keep(t, lines)
	if t.Failed() {
		t.Fatalf("stderr:\n%s", v.stderr.String())
	}
	return lines, v.ProcessState.ExitCode() == 0
}

func oneOf[T any](rng *rand.Rand, values ...T) T { return values[rng.IntN(len(values))] }
