//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"source-intercom/connector"
	"source-intercom/emulator"
)

// TestExportOutlivesKills kills exports at random moments, most of them while files get their names, and has the
// next run go on. At no moment may a file be there by half, and in the end the files hold the workspace: a state that
// had run ahead of them would have left a hole.
//
// KILLS sets how many processes are killed for each of the four folders.
func TestExportOutlivesKills(t *testing.T) {
	if testing.Short() {
		t.Skip("real processes take real seconds")
	}
	kills := 4
	if n, err := strconv.Atoi(os.Getenv("KILLS")); err == nil {
		kills = n
	}
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 31))
			e := newExporting(t, emulator.Options{Seed: int64(seed), Latency: time.Millisecond, Jitter: 2 * time.Millisecond})
			var args []string
			if seed%2 == 0 {
				args = []string{"--merge"}
			}
			hit := 0
			for tries := 0; hit < kills && tries < 10*kills; tries++ {
				if e.killed(t, rng, args) {
					hit++
				}
				e.whole(t, args != nil)
				e.look(t)
				e.clock.pass(2 * time.Minute) // the scroll of the dead run does not live longer
				if rng.IntN(2) == 0 {
					e.change(t)
				}
			}
			if hit < kills {
				t.Errorf("%d runs were killed, want %d", hit, kills)
			}
			e.run(t, "out", args...)
			e.holds(t, "out", args != nil)
			e.clock.pass(time.Hour)
			e.run(t, "out", args...)
			e.holds(t, "out", args != nil)
			if left, _ := filepath.Glob(filepath.Join(e.dir, "out", ".unfinished", "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// killed starts a run and kills it after some time, or when it has replaced the state so often and a moment has
// passed. It tells whether the run did not end before.
func (e *exporting) killed(t *testing.T, rng *rand.Rand, args []string) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "source-intercom", e.arguments("out", args...)...)
	saves, moment := 0, time.Duration(longTail(rng, 600_000))*time.Microsecond
	if rng.IntN(3) > 0 {
		saves, moment = 1+rng.IntN(100), time.Duration(longTail(rng, 3000))*time.Microsecond
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var last time.Time
	for saves > 0 {
		select {
		case <-ended:
			return false
		case <-time.After(100 * time.Microsecond):
		}
		if info, err := os.Stat(filepath.Join(e.dir, "out", "state.json")); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
			saves--
		}
	}
	time.Sleep(moment)
	_ = cmd.Process.Kill()
	<-ended
	return cmd.ProcessState.ExitCode() < 0
}

// whole checks that no file is there by half, and that none that is merged has a key twice.
func (e *exporting) whole(t *testing.T, merged bool) {
	t.Helper()
	for _, s := range connector.TableOf(nil).Default() {
		rows, held := e.rows(t, "out", s.Name), union{}
		for _, row := range rows {
			held.add([]byte(asRecord(s.Name, row)))
		}
		if merged && len(rows) != len(held[s.Name]) {
			t.Errorf("%s: %d rows of %d keys", s.Name, len(rows), len(held[s.Name]))
		}
	}
}
