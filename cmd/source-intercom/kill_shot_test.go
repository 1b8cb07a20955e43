//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"source-intercom/connector"
	"source-intercom/emulator"

	"github.com/tidwall/gjson"
)

// A shot is how a run is killed, and at which moment.
type shot struct {
	signal syscall.Signal // 0: it is left in peace
	mercy  time.Duration  // SIGKILL follows after so long; 0: it does not

	after time.Duration // so long after its start, or
	bytes int64         // when stdout holds so many, or
	call  int           // at this of its calls, or
	quiet time.Duration // when none was under way for so long, from that call on: between two, or at the end
	hang  bool          // neither that call nor a later one is answered
	saves int           // or when it has replaced the state file so often
}

func (s shot) String() string {
	if s.signal == 0 {
		return "in peace"
	}
	return fmt.Sprintf("%s (mercy %s) after %s, byte %d, call %d, quiet for %s, hang %v, %d saves",
		s.signal, s.mercy, s.after, s.bytes, s.call, s.quiet, s.hang, s.saves)
}

func (o *ordeal) drawShot() shot {
	rng := o.draws
	s := shot{signal: oneOf(rng, syscall.SIGKILL, syscall.SIGKILL, syscall.SIGKILL, syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT)}
	if s.signal != syscall.SIGKILL && rng.IntN(2) == 0 {
		s.mercy = time.Duration(longTail(rng, 200_000)) * time.Microsecond
	}
	switch kind := rng.IntN(7); {
	case kind == 0 && o.stateFile:
		s.saves = 1 + rng.IntN(2)
	case kind == 1:
		s.after = time.Duration(longTail(rng, 3000)) * time.Millisecond
	case kind == 2:
		s.bytes = 1 + rng.Int64N(800<<10)
	case kind == 3:
		s.call = longTail(rng, 400)
	case kind == 4:
		s.call, s.hang = 1+rng.IntN(250), rng.IntN(2) == 0
	default:
		s.call, s.quiet = longTail(rng, 150), time.Duration(1+rng.IntN(20_000))*time.Microsecond
	}
	return s
}

// longTail draws a number up to most, of which every order of magnitude is as probable.
func longTail(rng *rand.Rand, most float64) int { return int(math.Exp(rng.Float64() * math.Log(most))) }

// A victim is one run of the program.
type victim struct {
	*exec.Cmd
	shot
	stdout *os.File
	stderr bytes.Buffer
	file   string        // that the state is kept in
	kept   time.Time     // when that was done last; zero: never
	moment chan struct{} // has come

	struck time.Time // when it was hit; zero: it was not
	size   int64     // of stdout then
	idle   bool      // then no call of its was under way

	mu       *sync.Mutex // the ordeal's, guards what follows
	calls    int
	underWay int
	silence  *time.Timer
}

func (o *ordeal) path(name string) string { return filepath.Join(o.dir, name) }

// start starts the program as a platform does: from files, with stdout into a file.
func (o *ordeal) start(t *testing.T, s shot) *victim {
	t.Helper()
	out, err := os.Create(o.path("out.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	v := &victim{Cmd: exec.CommandContext(t.Context(), "source-intercom", o.arguments(t)...), // TestMain has put it on the PATH
		shot: s, stdout: out, file: o.path("kept.json"), moment: make(chan struct{}, 1), mu: &o.mu}
	if info, err := os.Stat(v.file); err == nil {
		v.kept = info.ModTime()
	}
	v.Stdout, v.Stderr = out, &v.stderr
	o.mu.Lock()
	o.victim = v
	o.mu.Unlock()
	if err := v.Start(); err != nil {
		t.Fatal(err)
	}
	return v
}

// arguments writes the files that a run needs, and names them.
func (o *ordeal) arguments(t *testing.T) []string {
	t.Helper()
	var args []string
	if o.protocol == airbyte {
		args = append(args, "read")
	}
	give := func(flag string, content any) {
		text, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		file := o.path(flag + ".json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--"+flag, file)
	}
	give("config", o.settings)
	if o.protocol == airbyte || !maps.Equal(o.modes, usualModes()) {
		give("catalog", o.catalog())
	}
	switch {
	case o.stateFile:
		args = append(args, "--state-file", o.path("kept.json"))
	case len(o.states) > 0:
		give("state", o.states.document(o.protocol))
	}
	return args
}

// catalog selects every stream in its mode.
func (o *ordeal) catalog() any {
	var streams []any
	for _, s := range connector.TableOf(nil).Default() {
		m := o.modes[s.Name]
		if o.protocol == singer {
			method := "INCREMENTAL"
			if m.full {
				method = "FULL_TABLE"
			}
			streams = append(streams, map[string]any{"tap_stream_id": s.Name, "schema": map[string]any{},
				"metadata": []any{map[string]any{"breadcrumb": []string{}, "metadata": map[string]any{"selected": true, "replication-method": method}}}})
			continue
		}
		entry := map[string]any{"stream": map[string]any{"name": s.Name}, "sync_mode": "incremental", "destination_sync_mode": "append"}
		if m.full {
			entry["sync_mode"] = "full_refresh"
		}
		if m.syncID > 0 {
			entry["sync_id"] = m.syncID
		}
		streams = append(streams, entry)
	}
	return map[string]any{"streams": streams}
}

// await shoots when the moment has come, and waits for the end.
func (v *victim) await(t *testing.T) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- v.Wait() }() // how it ended is in its ProcessState
	var alarm, look, mercy, late <-chan time.Time
	if v.after > 0 {
		alarm = time.After(v.after)
	}
	if v.bytes > 0 || v.saves > 0 {
		ticks := time.NewTicker(200 * time.Microsecond)
		defer ticks.Stop()
		look = ticks.C
	}
	late = time.After(time.Minute)
	for {
		come := false
		select {
		case <-ended:
			return
		case <-alarm:
			come = true
		case <-v.moment:
			come = true
		case <-look:
			come = v.written()
		case <-mercy:
			_ = v.Process.Kill()
		case <-late:
			t.Error("the program does not come to its end")
			_ = v.Process.Signal(syscall.SIGQUIT) // stderr will tell where it hangs
		}
		if !come || !v.struck.IsZero() {
			continue
		}
		v.strike()
		if v.signal != syscall.SIGKILL {
			late = time.After(5 * time.Second)
		}
		if v.mercy > 0 {
			mercy = time.After(v.mercy)
		}
	}
}

// written tells whether the program has written what the shot waits for.
func (v *victim) written() bool {
	if info, err := os.Stat(v.stdout.Name()); v.bytes > 0 {
		return err == nil && info.Size() >= v.bytes
	}
	now, err := os.Stat(v.file)
	if err != nil || now.ModTime().Equal(v.kept) {
		return false
	}
	v.kept = now.ModTime()
	v.saves--
	return v.saves == 0
}

// strike sends the signal, and looks at what it meets.
func (v *victim) strike() {
	_ = v.Process.Signal(v.signal) // it may have ended just now
	v.struck = time.Now()
	if info, err := os.Stat(v.stdout.Name()); err == nil {
		v.size = info.Size()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.idle = v.underWay == 0
}

// ServeHTTP edits the workspace before a call, now and then, and tells the victim of its moment.
func (o *ordeal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, hang := o.arrive()
	if hang {
		_, _ = io.Copy(io.Discard, r.Body) // a server sees that its client has gone only after the body
		<-r.Context().Done()
	}
	answer := &statusOf{ResponseWriter: w}
	o.Emulator.ServeHTTP(answer, r)
	if answer.status == http.StatusBadRequest && strings.HasPrefix(r.URL.Path, "/companies/scroll") {
		o.clock.pass(time.Minute) // the scroll of a run that was killed does not outlive it for longer
	}
	if v != nil {
		v.leave()
	}
}

func (o *ordeal) arrive() (v *victim, hang bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.edits > 0 && o.live.IntN(o.oneIn) == 0 {
		o.edits--
		o.Edit(func(w *emulator.World) { w.RandomEdit(o.live) })
	}
	if v = o.victim; v == nil {
		return nil, false
	}
	v.calls++
	v.underWay++
	if v.silence != nil {
		v.silence.Stop()
	}
	if v.calls == v.call && v.quiet == 0 {
		v.come()
	}
	return v, v.hang && v.calls >= v.call
}

func (v *victim) leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.underWay--; v.underWay == 0 && v.quiet > 0 && v.calls >= v.call {
		v.silence = time.AfterFunc(v.quiet, v.come)
	}
}

// come says that the moment has come. It does not block.
func (v *victim) come() {
	select {
	case v.moment <- struct{}{}:
	default:
	}
}

type statusOf struct {
	http.ResponseWriter
	status int
}

func (s *statusOf) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// diedOf is the signal that ended the process at once, 0 where it ended by itself.
func (v *victim) diedOf() syscall.Signal {
	if status, ok := v.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal()
	}
	return 0
}

// wasHit tells whether the shot met a living process, and not one that had all it needed.
func (v *victim) wasHit() bool { return !v.struck.IsZero() && v.ProcessState.ExitCode() != 0 }

// cause is what the process died of, for the count.
func (v *victim) cause() string {
	name := map[syscall.Signal]string{syscall.SIGKILL: "SIGKILL", syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT"}
	if v.diedOf() == syscall.SIGKILL && v.signal != syscall.SIGKILL {
		return name[v.signal] + " and then SIGKILL"
	}
	return name[v.signal]
}

// phase is how far the run had come, for the count.
func (o *ordeal) phase(v *victim, lines []line) string {
	open, records, told, size := maps.Clone(o.states), false, false, int64(0)
	for _, l := range lines {
		if size += int64(len(l.Raw)); size > v.size {
			break
		}
		records, told = records || l.stream != "", told || l.states != nil
		maps.Copy(open, l.states)
	}
	maps.DeleteFunc(open, func(_, value string) bool { return !gjson.Get(value, "unfinished").Bool() })
	switch {
	case v.calls == 0:
		return "before the first call"
	case !records:
		return "before the first record"
	case !told:
		return "before the first state"
	case v.idle && len(open) == 0:
		return "at the end"
	}
	return "in the middle"
}

// A graveyard counts those who were hit.
type graveyard struct {
	mu     sync.Mutex
	total  int
	graves map[string]map[string]int // by cause and phase
}

func (g *graveyard) bury(cause, phase string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.graves == nil {
		g.graves = map[string]map[string]int{}
	}
	if g.graves[cause] == nil {
		g.graves[cause] = map[string]int{}
	}
	g.graves[cause][phase]++
	g.total++
}

func (g *graveyard) String() string {
	s := fmt.Sprintf("%d kills", g.total)
	for _, cause := range slices.Sorted(maps.Keys(g.graves)) {
		var phases []string
		total := 0
		for _, phase := range slices.Sorted(maps.Keys(g.graves[cause])) {
			n := g.graves[cause][phase]
			phases = append(phases, fmt.Sprintf("%d %s", n, phase))
			total += n
		}
		s += fmt.Sprintf("; %d by %s: %s", total, cause, strings.Join(phases, ", "))
	}
	return s
}
