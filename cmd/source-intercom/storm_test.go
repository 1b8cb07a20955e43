package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
)

// TestFullDiskEndsTheRun: stdout cannot be written for want of space. The run fails, says so, and keeps no state that is
// ahead of what was written.
func TestFullDiskEndsTheRun(t *testing.T) {
	const device = "/dev/full"
	if _, err := os.Stat(device); err != nil {
		t.Skip(device + " is not there")
	}
	dir := slowWorld(t)
	config, catalog := filepath.Join(dir, "config.json"), filepath.Join("..", "..", "catalog.json")
	for name, args := range map[string][]string{
		"Airbyte": {"read", "--config", config, "--catalog", catalog},
		"Singer":  {"--config", config},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			full, err := os.OpenFile(device, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = full.Close() }()
			file := filepath.Join(t.TempDir(), "state.json")
			r := &running{Cmd: exec.CommandContext(t.Context(), "source-intercom", append(args, "--state-file", file)...)}
			r.Stdout, r.Stderr = full, &r.stderr
			if err := r.Start(); err != nil {
				t.Fatal(err)
			}
			if code := r.end(t, 20*time.Second); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			if got := r.stderr.String(); !strings.Contains(got, "write to stdout") || !strings.Contains(got, "no space left on device") {
				t.Errorf("stderr does not tell of a full disk: %s", got)
			}
			for _, kept := range []string{file, file + ".next"} {
				if _, err := os.Stat(kept); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is there although nothing was written", kept)
				}
			}
		})
	}
}

// TestNoAnswerOnStderr: what a server sends beyond the length that it announced is nobody's business, though net/http
// would log it.
func TestNoAnswerOnStderr(t *testing.T) {
	_, dir := newWorld(t, emulator.Options{Faults: []emulator.Fault{{Kind: "length", Path: "/tags", Times: 2}}})
	r := start(t, "source-intercom", "--config", filepath.Join(dir, "config.json"))
	if _, err := io.Copy(io.Discard, r.stdout); err != nil {
		t.Fatal(err)
	}
	if code := r.end(t, time.Minute); code != 0 {
		t.Errorf("exit code %d: %s", code, r.stderr.String())
	}
	if got := r.stderr.String(); strings.Contains(got, "Unsolicited") {
		t.Errorf("stderr holds a part of an answer: %s", got)
	}
}
