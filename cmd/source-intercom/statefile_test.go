package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"source-intercom/protocol"

	"github.com/google/go-cmp/cmp"
)

// keeping makes a state file beside an output that is a regular file.
func keeping(t *testing.T) (s *stateFile, path string, out *os.File) {
	t.Helper()
	dir := t.TempDir()
	out, err := os.Create(filepath.Join(dir, "out.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	path = filepath.Join(dir, "state.json")
	s, err = newStateFile(path, out, protocol.NewLines(out), protocol.Singer{})
	if err != nil {
		t.Fatal(err)
	}
	return s, path, out
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(data)
}

// Every replacement syncs the disk: it must be rare while the run goes on, and certain at its end.
func TestStateFileIsReplacedEveryFewSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, path, _ := keeping(t)
		s.save(statesOf("1"))
		s.save(statesOf("2"))
		if got := content(t, path); !strings.Contains(got, `"updated_at":1}`) {
			t.Errorf("holds %s, want the first state", got)
		}
		time.Sleep(2 * saveEvery)
		s.save(statesOf("3"))
		if got := content(t, path); !strings.Contains(got, `"updated_at":3}`) {
			t.Errorf("holds %s, want the third state", got)
		}
		if err := s.finish(statesOf("4")); err != nil {
			t.Fatal(err)
		}
		if got := content(t, path); !strings.Contains(got, `"updated_at":4}`) {
			t.Errorf("holds %s, want the last state", got)
		}
		if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

// The records are on their way to the disk before the state that stands for them.
func TestStateFileNeverRunsAheadOfTheOutput(t *testing.T) {
	s, path, out := keeping(t)
	if err := s.lines.Write([]byte("{\"type\":\"RECORD\"}\n")); err != nil {
		t.Fatal(err)
	}
	s.save(statesOf("1"))
	if got := content(t, out.Name()); got != "{\"type\":\"RECORD\"}\n" {
		t.Errorf("the state is written, the output holds %q", got)
	}
	// An output that cannot be written keeps the state where it is.
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.lines.Write([]byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	if err := s.finish(statesOf("2")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v, want that the output is closed", err)
	}
	if got := content(t, path); !strings.Contains(got, `"updated_at":1}`) {
		t.Errorf("holds %s, want the state from before", got)
	}
}

// A folder that cannot be written is found out before the run, not after it.
func TestStateFileNeedsItsFolder(t *testing.T) {
	_, _, out := keeping(t)
	path := filepath.Join(t.TempDir(), "absent", "state.json")
	if _, err := newStateFile(path, out, protocol.NewLines(out), protocol.Airbyte{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that there is no such folder", err)
	}
}

// What an earlier run left in FILE.next must not pass for the state of this one.
func TestStateBesideThePipeBeginsAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(path+".next", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	s, err := newStateFile(path, out, protocol.NewLines(out), protocol.Singer{})
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, path+".next"); got != "" {
		t.Errorf("still holds %q", got)
	}
	s.save(statesOf("1"))
	if got := content(t, path+".next"); !strings.Contains(got, `"updated_at":1}`) {
		t.Errorf("holds %s", got)
	}
	if got := content(t, path); got != "" {
		t.Errorf("the state itself was touched: %s", got)
	}
}

// A kill in the middle of a replacement leaves a file, which a run a day later removes; not what a run that
// is going on is about to put in place, nor what is somebody else's.
func TestStateFileRemovesOldRemains(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.json")
	for name, age := range map[string]time.Duration{".tmp-1": 25 * time.Hour, ".tmp-2": time.Hour, ".bak": 1000 * time.Hour} {
		if err := os.WriteFile(path+name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path+name, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := os.Create(filepath.Join(dir, "out.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := newStateFile(path, out, protocol.NewLines(out), protocol.Singer{}); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(path + ".*")
	want := []string{path + ".bak", path + ".tmp-2"}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("files left (-want +got):\n%s", diff)
	}
}
