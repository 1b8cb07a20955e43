//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// windowLength is that of the rate windows, which begin at whole multiples of it.
const windowLength = 10 * time.Second

// world is the workspace that is read, and how its Intercom answers.
type world struct {
	size  string         // of what counts does not name; "" is tiny
	count map[string]int // by kind, as emulate's flags name them

	rate    int // calls allowed in a window
	latency time.Duration
	jitter  time.Duration
	faults  string
}

func (w world) flags() []string {
	size := w.size
	if size == "" {
		size = "tiny"
	}
	flags := []string{"emulate", "--listen", "127.0.0.1:0", "--size", size, "--rate", strconv.Itoa(w.rate),
		"--window", windowLength.String(), "--latency", w.latency.String(), "--jitter", w.jitter.String()}
	for kind, n := range w.count {
		flags = append(flags, "--"+kind, strconv.Itoa(n))
	}
	if w.faults != "" {
		flags = append(flags, "--faults", w.faults)
	}
	return flags
}

// server is an emulated Intercom in a process of its own.
type server struct {
	cmd    *exec.Cmd
	config map[string]any // the settings that read all of it, as it printed them
	ended  chan struct{}  // closed when its stderr has ended, and windows is whole

	windows map[int64]window // by the second that they begin at
}

// window is what the server counted in one rate window.
type window struct{ calls, refused int }

// during starts an Intercom for as long as use runs. The server's windows are whole when it returns.
func (b *bench) during(ctx context.Context, w world, use func(*server) error) error {
	s, err := b.serve(ctx, w)
	if err != nil {
		return err
	}
	return errors.Join(use(s), s.stop())
}

// serve starts an Intercom and waits until it listens. The caller calls stop.
func (b *bench) serve(ctx context.Context, w world) (*server, error) {
	s := &server{cmd: exec.CommandContext(ctx, b.binary, w.flags()...), ended: make(chan struct{}), windows: map[int64]window{}}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	text := bufio.NewReader(stderr)
	if s.config, err = readConfig(text); err != nil {
		_ = s.cmd.Process.Kill()
		return nil, errors.Join(fmt.Errorf("the emulator did not start: %w", err), s.cmd.Wait())
	}
	go s.listen(text)
	return s, nil
}

// readConfig takes the configuration out of the emulator's greeting, up to its closing brace.
func readConfig(text *bufio.Reader) (map[string]any, error) {
	var greeting strings.Builder
	for {
		line, err := text.ReadString('\n')
		greeting.WriteString(line)
		if err != nil {
			return nil, fmt.Errorf("%w after %q", err, greeting.String())
		}
		if line == "}\n" {
			break
		}
	}
	_, object, _ := strings.Cut(greeting.String(), "{")
	config := map[string]any{}
	err := json.Unmarshal([]byte("{"+object), &config)
	return config, err
}

// listen keeps the counts that the emulator prints when it ends.
func (s *server) listen(text io.Reader) {
	defer close(s.ended)
	for lines := bufio.NewScanner(text); lines.Scan(); {
		var start string
		var w window
		if n, _ := fmt.Sscanf(lines.Text(), "window %s %d calls, %d refused", &start, &w.calls, &w.refused); n != 3 {
			continue
		}
		if begin, err := time.Parse(time.RFC3339Nano, start); err == nil {
			s.windows[begin.Unix()] = w
		}
	}
}

// stop ends the server; from then on windows tells what it counted.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // if it has died already, Wait tells
	<-s.ended
	return s.cmd.Wait()
}

// between returns the whole windows from one moment to another; those without a call are zero.
func between(windows map[int64]window, from, to time.Time) []window {
	var out []window
	for at := from; at.Before(to); at = at.Add(windowLength) {
		out = append(out, windows[at.Unix()])
	}
	return out
}

// nextWindow is the first beginning of a rate window after t. Windows are cut from 1970 on; Truncate cuts
// from the year 1, which is a multiple of ten seconds earlier.
func nextWindow(t time.Time) time.Time { return t.Truncate(windowLength).Add(windowLength) }
