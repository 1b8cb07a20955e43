//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// reading says what one run of the connector is to read.
type reading struct {
	streams  []string       // nil: all
	settings map[string]any // beyond the server's
	protocol string         // "" is airbyte
	state    string         // file that the run begins with; "": none
	keep     string         // file that its state is kept in, with .next behind its name; "": not kept
	env      []string       // beyond this process's own
	until    time.Time      // SIGTERM ends it then; zero: it ends by itself
}

// outcome is what one run of the connector took and brought.
type outcome struct {
	began time.Time
	wall  time.Duration // from its start as a process to its end
	cpu   time.Duration // user and system
	peak  int64         // bytes resident
	bytes int64         // written to stdout

	calls, throttled int
	records          map[string]int // by stream
	callsOf          map[string]int // by stream; Singer's metrics alone tell them
}

func (o outcome) allRecords() int {
	n := 0
	for _, records := range o.records {
		n += records
	}
	return n
}

// read runs the connector on a server. Its stdout goes through a pipe, as in a pipeline.
func (b *bench) read(ctx context.Context, s *server, r reading) (outcome, error) {
	args, err := b.arguments(ctx, s, r)
	if err != nil {
		return outcome{}, err
	}
	cmd := exec.CommandContext(ctx, b.binary, args...)
	var stdout, stderr tail
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(os.Environ(), r.env...)
	o := outcome{began: time.Now()}
	if err := cmd.Start(); err != nil {
		return o, err
	}
	if !r.until.IsZero() {
		timer := time.AfterFunc(time.Until(r.until), func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
		defer timer.Stop()
	}
	err = cmd.Wait()
	o.wall, o.bytes = time.Since(o.began), stdout.total
	o.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	o.peak = peakMemory(cmd.ProcessState)
	told := string(stdout.last) + "\n" + string(stderr.last)
	if err != nil && r.until.IsZero() {
		return o, fmt.Errorf("the connector failed: %w\n%s", err, told[max(0, len(told)-2000):])
	}
	return o, o.parse(told)
}

// arguments writes the files that a run needs.
func (b *bench) arguments(ctx context.Context, s *server, r reading) ([]string, error) {
	dir, err := os.MkdirTemp(b.dir, "read")
	if err != nil {
		return nil, err
	}
	config := map[string]any{}
	for _, settings := range []map[string]any{s.config, r.settings} {
		for name, value := range settings {
			config[name] = value
		}
	}
	catalog, err := b.catalog(ctx, r.streams)
	if err != nil {
		return nil, err
	}
	args := []string{"read"}
	for name, value := range map[string]any{"config": config, "catalog": catalog} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		file := filepath.Join(dir, name+".json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return nil, err
		}
		args = append(args, "--"+name, file)
	}
	for flag, value := range map[string]string{"--protocol": r.protocol, "--state": r.state, "--state-file": r.keep} {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	return args, nil
}

// catalog configures what the connector discovers: the given streams, incrementally where they can be.
func (b *bench) catalog(ctx context.Context, streams []string) (any, error) {
	text, err := exec.CommandContext(ctx, b.binary, "discover").Output()
	if err != nil {
		return nil, fmt.Errorf("discover: %w", err)
	}
	var discovered struct {
		Catalog struct{ Streams []map[string]any }
	}
	if err := json.Unmarshal(text, &discovered); err != nil {
		return nil, fmt.Errorf("discover: %w", err)
	}
	var chosen []any
	for _, stream := range discovered.Catalog.Streams {
		name, _ := stream["name"].(string)
		if streams != nil && !slices.Contains(streams, name) {
			continue
		}
		mode := "full_refresh"
		if modes, _ := stream["supported_sync_modes"].([]any); slices.Contains(modes, any("incremental")) {
			mode = "incremental"
		}
		chosen = append(chosen, map[string]any{"stream": stream, "sync_mode": mode, "destination_sync_mode": "append"})
	}
	return map[string]any{"streams": chosen}, nil
}

var (
	callsLine   = regexp.MustCompile(`([0-9,]+) requests \([0-9,]+ retried, ([0-9,]+) throttled\)`)
	recordsLine = regexp.MustCompile(`(\w+) (?:COMPLETE|INCOMPLETE) records=([0-9]+)`)
	metricLine  = regexp.MustCompile(`"metric":"http_request_count","value":([0-9]+),"tags":\{"stream":"(\w+)"`)
)

// parse takes the figures out of the connector's summary.
func (o *outcome) parse(told string) error {
	o.records, o.callsOf = map[string]int{}, map[string]int{}
	m := callsLine.FindStringSubmatch(told)
	if m == nil {
		return errors.New("the connector ended without a summary: " + told[max(0, len(told)-2000):])
	}
	o.calls, o.throttled = number(m[1]), number(m[2])
	for _, m := range recordsLine.FindAllStringSubmatch(told, -1) {
		o.records[m[1]] = number(m[2])
	}
	for _, m := range metricLine.FindAllStringSubmatch(told, -1) {
		o.callsOf[m[2]] = number(m[1])
	}
	return nil
}

func number(digits string) int {
	n, _ := strconv.Atoi(strings.ReplaceAll(digits, ",", "")) // the expressions let only digits through
	return n
}

// tail counts what it is given and keeps the end of it, where the summary is.
type tail struct {
	total int64
	last  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 64 << 10
	t.total += int64(len(p))
	t.last = append(t.last, p[max(0, len(p)-most):]...)
	if len(t.last) > 4*most {
		t.last = t.last[:copy(t.last, t.last[len(t.last)-most:])]
	}
	return len(p), nil
}

// peakMemory is the most that a process had resident, in bytes. Linux lets a child inherit the peak of
// the process that started it: the bench itself must stay small.
func peakMemory(ended *os.ProcessState) int64 {
	usage, ok := ended.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss
	}
	return usage.Maxrss * 1024
}
