package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// running is a program of ours in a process of its own.
type running struct {
	*exec.Cmd
	stdout *bufio.Reader
	pipe   io.Closer
	said   bytes.Buffer // what was read of stdout
	stderr bytes.Buffer
}

func start(t *testing.T, program string, args ...string) *running {
	t.Helper()
	r := &running{Cmd: exec.CommandContext(t.Context(), program, args...)} // TestMain has put it on the PATH
	r.Stderr = &r.stderr
	pipe, err := r.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.stdout, r.pipe = bufio.NewReader(io.TeeReader(pipe, &r.said)), pipe
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

// end waits for the exit code. Nothing that the program said may hold the token.
func (r *running) end(t *testing.T, within time.Duration) int {
	t.Helper()
	late := time.AfterFunc(within, func() {
		t.Errorf("still running after %s", within)
		_ = r.Process.Kill()
	})
	defer late.Stop()
	err := r.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"stdout": r.said.String(), "stderr": r.stderr.String()} {
		if strings.Contains(text, secret) {
			t.Errorf("the token is in %s", name)
		}
	}
	return r.ProcessState.ExitCode()
}

// slowWorld takes a second or two to read.
func slowWorld(t *testing.T) (dir string) {
	t.Helper()
	size, err := emulator.SizeOf("small")
	if err != nil {
		t.Fatal(err)
	}
	_, dir = newWorld(t, emulator.Options{Size: size, Latency: 200 * time.Millisecond})
	return dir
}

// A reader of stdout that goes away ends the run: without a signal's death, and without success.
func TestClosedPipeEndsTheRun(t *testing.T) {
	dir := slowWorld(t)
	config, catalog := filepath.Join(dir, "config.json"), filepath.Join("..", "..", "catalog.json")
	for _, test := range []struct {
		name string
		args []string
		want string // on stderr
	}{
		{"Airbyte", []string{"read", "--config", config, "--catalog", catalog}, "source-intercom: "},
		{"Singer", []string{"--config", config}, "CRITICAL "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, "source-intercom", test.args...)
			if _, err := r.stdout.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if err := r.pipe.Close(); err != nil {
				t.Fatal(err)
			}
			if code := r.end(t, 20*time.Second); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			if got := r.stderr.String(); !strings.Contains(got, test.want) || !strings.Contains(got, "broken pipe") {
				t.Errorf("stderr does not tell of a broken pipe: %s", got)
			}
		})
	}
}

// SIGTERM ends a run within five seconds, with whole lines, a last state, and that state in the file.
func TestTerminatedRunKeepsItsState(t *testing.T) {
	dir := slowWorld(t)
	file := filepath.Join(dir, "state.json")
	r := start(t, "tap-intercom", "--config", filepath.Join(dir, "config.json"), "--state-file", file)
	var out strings.Builder
	var last string
	for state := false; !state; {
		line, err := r.stdout.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(line)
		state = strings.HasPrefix(line, `{"type":"STATE"`)
	}
	if err := r.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r.stdout)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(rest)
	if code := r.end(t, 5*time.Second); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	for line := range strings.Lines(out.String()) {
		if !gjson.Valid(line) || !strings.HasSuffix(line, "\n") {
			t.Errorf("no whole line: %.200s", line)
		}
		if state := gjson.Get(line, `value`); gjson.Get(line, "type").Str == "STATE" {
			last = state.Raw
		}
	}
	kept, err := os.ReadFile(file + ".next")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(last+"\n", string(kept)); diff != "" {
		t.Errorf("the file does not hold the last state:\n%s", diff)
	}
	if got := r.stderr.String(); !strings.Contains(got, "CRITICAL interrupted") {
		t.Errorf("stderr does not tell of the interruption: %s", got)
	}
}

// A reader of stdout that neither reads nor goes away does not keep a run from ending.
func TestTerminatedWhileNobodyReads(t *testing.T) {
	t.Parallel()
	size, err := emulator.SizeOf("medium")
	if err != nil {
		t.Fatal(err)
	}
	w, dir := newWorld(t, emulator.Options{Size: size})
	r := start(t, "tap-intercom", "--config", filepath.Join(dir, "config.json"))
	if _, err := r.stdout.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	calls := func() (n int) {
		for _, of := range w.Requests() {
			n += of
		}
		return n
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for before, still := calls(), 0; still < 10; before = calls() {
		<-tick.C
		if still++; calls() != before {
			still = 0
		}
	}
	if err := r.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := r.end(t, 10*time.Second); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if got := r.stderr.String(); !strings.Contains(got, "stdout does not take the last state") {
		t.Errorf("stderr does not tell why the last state is missing: %s", got)
	}
}

// The emulator's own words are enough to go on with: a configuration to copy, and Ctrl-C for its end.
func TestEmulateServesUntilInterrupted(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.json")
	r := startEmulator(t, config, "--size", "tiny", "--token", secret, "--rate", "1000")
	check := start(t, "source-intercom", "check", "--config", config)
	line, err := check.stdout.ReadString('\n')
	if err != nil || !strings.Contains(line, "SUCCEEDED") {
		t.Errorf("check answers %q, %v", line, err)
	}
	check.end(t, 10*time.Second)
	if err := r.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// startEmulator starts the command emulate and writes the configuration that it prints into a file.
func startEmulator(t *testing.T, config string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "source-intercom", append([]string{"emulate", "--listen", "127.0.0.1:0"}, args...)...)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var document strings.Builder
	for stderr := bufio.NewReader(pipe); !strings.HasSuffix(document.String(), "\n}\n"); {
		line, err := stderr.ReadString('\n')
		if err != nil {
			t.Fatalf("no configuration in %q: %v", document.String(), err)
		}
		if line == "{\n" || document.Len() > 0 {
			document.WriteString(line)
		}
	}
	if err := os.WriteFile(config, []byte(document.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func statesOf(cursor string) protocol.States {
	return protocol.States{
		Streams: []protocol.StreamState{
			{Stream: "tags", Value: []byte(`{"version":1,"note":"a<b & \"c\""}`)},
			{Stream: "contacts", Value: []byte(`{"version":1,"updated_at":` + cursor + `}`)},
		},
	}
}

// What the state file holds is read again as the very same state.
func TestStateDocumentIsReadAgain(t *testing.T) {
	for _, d := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
		for _, want := range []protocol.States{{}, statesOf("1700000000")} {
			if d.Name() == singer && len(want.Streams) > 0 {
				want.Extra = []protocol.StreamState{{Stream: "other_tool", Value: []byte(`{"x":1}`)}}
			}
			document := stateDocument(d, want)
			got, err := protocol.ParseState(document)
			if err != nil {
				t.Fatalf("%s: %v in %s", d.Name(), err, document)
			}
			if diff := cmp.Diff(asText(want), asText(got)); diff != "" {
				t.Errorf("%s:\n%s", d.Name(), diff)
			}
		}
	}
}

func asText(s protocol.States) map[string]string {
	texts := map[string]string{}
	for _, v := range s.Streams {
		texts["stream "+v.Stream] = string(v.Value)
	}
	for _, v := range s.Extra {
		texts["extra "+v.Stream] = string(v.Value)
	}
	return texts
}
