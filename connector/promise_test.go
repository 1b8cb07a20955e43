package connector

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"source-intercom/emulator"
)

// TestPromise holds the promise of incremental reading over random worlds: whatever is edited before,
// during and between runs is in the output of that run or of the next one. PROMISE_SEED replays one
// seed, PROMISE_SEEDS sets how many are tried.
func TestPromise(t *testing.T) {
	from, n := uint64(1), uint64(10)
	if testing.Short() {
		n = 3
	}
	if s, err := strconv.ParseUint(os.Getenv("PROMISE_SEEDS"), 10, 64); err == nil {
		n = s
	}
	if s, err := strconv.ParseUint(os.Getenv("PROMISE_SEED"), 10, 64); err == nil {
		from, n = s, 1
	}
	for seed := from; seed < from+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			keepsItsPromise(t, seed)
		})
	}
}

func keepsItsPromise(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	pick := func(n int) int { return rng.IntN(n) }
	versions := []string{"2.10", "2.11", "2.14", "2.16", "2.17", "Preview"}
	zones := []string{"Pacific/Pago_Pago", "America/Chicago", "UTC", "Asia/Kathmandu", "Pacific/Kiritimati"}
	n := 30 + pick(300)
	o := emulator.Options{
		Seed:             int64(seed),
		Size:             emulator.Size{Admins: 3, Teams: 2, Tags: 6, Segments: 5, Companies: 5 + pick(150), Contacts: n, Conversations: n, Tickets: n / 2, ActivityLogs: n, PartsPerConversation: 2},
		TimeZone:         zones[pick(len(zones))],
		InclusiveGreater: pick(2) == 0,
		OffsetCursor:     pick(2) == 0,
		IndexLag:         time.Duration(pick(2)*pick(840)) * time.Second,
		Start:            born.AddDate(0, 0, -1-pick(60)),
	}
	var w *world
	var mu sync.Mutex
	edits, tick := 0, 0
	o.Intercept = func(http.ResponseWriter, *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if tick > 0 {
			w.pass(time.Duration(pick(tick)) * time.Second)
		}
		if edits > 0 && pick(3) == 0 {
			edits--
			w.Edit(func(world *emulator.World) { world.RandomEdit(rng) })
		}
		return false
	}
	w = newWorld(t, versions[pick(len(versions))], o)
	pageSize := 1 + pick(40)
	r := reading{config: func(c *Config) {
		c.PageSize = pageSize
		c.StartDate = o.Start.AddDate(0, 0, -1)
	}}
	for round := range 3 {
		mu.Lock()
		edits, tick = 60, []int{0, 2, 3}[pick(3)]
		mu.Unlock()
		out := w.read(t, r)
		r.state = out.State
		mu.Lock()
		w.pass(time.Duration(pick(7200)) * time.Second)
		for range pick(30) {
			w.Edit(func(world *emulator.World) { world.RandomEdit(rng) })
		}
		mu.Unlock()
		t.Logf("round %d of %s, zone %s, offset %v, inclusive %v, lag %s, pages of %d", round, w.version, o.TimeZone, o.OffsetCursor, o.InclusiveGreater, o.IndexLag, pageSize)
	}
	mu.Lock()
	edits, tick = 0, 0
	mu.Unlock()
	w.pass(time.Hour)
	w.read(t, r)
	w.check(t, true)
}
