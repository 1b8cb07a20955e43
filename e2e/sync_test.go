package e2e

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"source-intercom/emulator"
)

// TestSyncScript runs the script of examples/ci as a scheduler would, with a loader that appends to a
// file.
func TestSyncScript(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the script is for bash")
	}
	w := newWorkspace(t)
	dir := t.TempDir()
	env := []string{
		"TAP_INTERCOM_ACCESS_TOKEN=" + emulator.DefaultToken,
		"TAP_INTERCOM_START_DATE=2015-01-01T00:00:00Z",
		"TAP_INTERCOM_BASE_URL=" + w.url,
	}
	sync := absolute(t, "examples", "ci", "sync.sh") + " loader "
	state := filepath.Join(dir, "state", "intercom.json")

	// A first run that fails leaves no state that a later one could trust.
	if _, _, err := tryShell(t, dir, sync+"false", env...); err == nil {
		t.Fatal("a loader that fails did not fail the sync")
	}
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Fatalf("there is a state after a failed first run: %v", err)
	}

	had := w.allRows(t)
	shell(t, dir, sync+"tee -a loaded.jsonl", env...)
	got := tables{}
	got.addLines(read(t, dir, "loaded.jsonl"))
	for stream := range had {
		got.check(t, w, stream, nil)
	}

	// What the failing loader was given must come again.
	before := read(t, state)
	w.edit()
	if _, _, err := tryShell(t, dir, sync+"sh -c 'cat >/dev/null; exit 3'", env...); err == nil {
		t.Fatal("a loader that fails after it has read all did not fail the sync")
	}
	if read(t, state) != before {
		t.Fatal("a failed run moved the state")
	}

	second := shell(t, dir, sync+"cat", env...)
	got.addLines(second)
	for stream, rows := range had {
		got.check(t, w, stream, rows)
	}
	if read(t, state) == before {
		t.Error("the state did not move")
	}

	// The second run read on from the state: most of the workspace did not come again.
	changed := tables{}
	changed.addLines(second)
	for _, stream := range []string{"contacts", "conversations", "conversation_parts", "tickets"} {
		if n, all := len(changed[stream]), len(w.truth(t, stream)); n == 0 || n > all/2 {
			t.Errorf("%s: the second run brought %d of %d rows, expected the changed ones", stream, n, all)
		}
	}
}
