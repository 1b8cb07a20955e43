package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"source-intercom/connector"
)

// runDemo runs the demo and returns its exit code and what it printed.
func runDemo(t *testing.T, args ...string) (code int, printed string) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	code = newProcess(out, out).run(t.Context(), append([]string{"source-intercom", "demo"}, args...))
	data, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return code, string(data)
}

func TestDemoFindsWhatTheWorkspaceHolds(t *testing.T) {
	size := "tiny"
	if s := os.Getenv("DEMO_SIZE"); s != "" {
		size = s
	}
	code, printed := runDemo(t, "--size", size, "--seed", "7")
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, printed)
	}
	all := connector.TableOf(nil)
	for _, want := range []string{"check      SUCCEEDED", fmt.Sprintf("discover   Airbyte: %d streams", len(all)), fmt.Sprintf("discover   Singer: %d streams", len(all.Default()))} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is missing in:\n%s", want, printed)
		}
	}
	for _, verdict := range []string{"✓ the three reads together hold the workspace", "✓ read 3 brought nothing again"} {
		if strings.Count(printed, verdict) != 2 {
			t.Errorf("%q should be there for each protocol:\n%s", verdict, printed)
		}
	}
}

// The files that the demo leaves are enough to go on by hand, on the same workspace.
func TestDemoLeavesWhatItTakesToGoOn(t *testing.T) {
	dir := t.TempDir()
	code, printed := runDemo(t, "--size", "tiny", "--output", dir)
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, printed)
	}
	for _, name := range []string{"config.json", "check.jsonl",
		"airbyte-catalog.json", "airbyte-1.jsonl", "airbyte-2.jsonl", "airbyte-3.jsonl", "airbyte-state.json",
		"singer-catalog.json", "singer-1.jsonl", "singer-2.jsonl", "singer-3.jsonl", "singer-state.json"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty (%v)", name, err)
		}
	}
	_, advice, _ := strings.Cut(printed, "  source-intercom emulate ")
	emulate, read, _ := strings.Cut(advice, "\n  source-intercom ")
	if emulate == "" || !strings.HasPrefix(read, "read --config "+dir) {
		t.Fatalf("no advice how to go on in:\n%s", printed)
	}
	address := filepath.Join(t.TempDir(), "address.json")
	startEmulator(t, address, strings.Fields(emulate)...)
	read, _, _ = strings.Cut(read, " >")
	args := append(strings.Fields(read), "--config", address)
	out, err := exec.CommandContext(t.Context(), "source-intercom", args...).Output()
	if err != nil {
		t.Fatalf("source-intercom %v: %v\n%s", args, err, out)
	}
	// It is the workspace of the demo: what the demo has read is known.
	found := union{}.add(out)
	if found["tags"].records == 0 || found["conversations"].records > 0 {
		t.Errorf("found %v, want tags, which are read in full, and no conversation", found)
	}
}
