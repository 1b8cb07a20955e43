//go:build peers

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"source-intercom/emulator"

	"github.com/tidwall/gjson"
)

// addFiles adds the files that target-jsonl writes: bare records, one file for each stream.
func (ts tables) addFiles(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("target-jsonl left no files in %s: %v", dir, err)
	}
	for _, file := range files {
		stream := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		gjson.ForEachLine(read(t, file), func(record gjson.Result) bool {
			ts.add(stream, record)
			return true
		})
	}
}

const targetSettings = `{"destination_path": "loaded", "do_timestamp_file": false}`

// TestTargetJSONL pipes into a real target, the second time from the state that the target printed, by
// way of the script of examples/ci.
func TestTargetJSONL(t *testing.T) {
	w := newWorkspace(t)
	dir := t.TempDir()
	write(t, dir, "target.json", targetSettings)
	env := []string{
		"TAP_INTERCOM_ACCESS_TOKEN=" + emulator.DefaultToken,
		"TAP_INTERCOM_START_DATE=2015-01-01T00:00:00Z",
		"TAP_INTERCOM_BASE_URL=" + w.url,
	}
	sync := absolute(t, "examples", "ci", "sync.sh") + " target " + filepath.Join(peer(t, "target-jsonl"), "target-jsonl") + " --config target.json"
	loaded := filepath.Join(dir, "loaded")

	had := w.allRows(t)
	shell(t, dir, sync, env...)
	got := tables{}
	got.addFiles(t, loaded)
	for stream := range had {
		got.check(t, w, stream, nil)
	}
	state := read(t, dir, "state", "intercom.json")
	if !gjson.Get(state, "bookmarks.conversations").Exists() {
		t.Fatalf("the target printed no state that could be kept: %q", state)
	}

	w.edit()
	if err := os.RemoveAll(loaded); err != nil {
		t.Fatal(err)
	}
	if _, _, err := tryShell(t, dir, sync+" --no-such-flag", env...); err == nil || read(t, dir, "state", "intercom.json") != state {
		t.Fatalf("a target that fails must fail the sync and leave the state alone: %v", err)
	}
	shell(t, dir, sync, env...)
	second := tables{}
	second.addFiles(t, loaded)
	if n, all := len(second["conversations"]), len(w.truth(t, "conversations")); n == 0 || n > all/2 {
		t.Errorf("the second run brought %d of %d conversations, expected the changed ones", n, all)
	}
	got.addFiles(t, loaded)
	for stream, rows := range had {
		got.check(t, w, stream, rows)
	}
}

// TestSingerCheckTap puts what we write under the rules of Singer's own tools.
func TestSingerCheckTap(t *testing.T) {
	w := newWorkspace(t)
	dir := t.TempDir()
	w.config(t, dir)
	check := filepath.Join(peer(t, "singer-tools"), "python") + " " + absolute(t, "e2e", "python", "check_tap.py")

	t.Log(shell(t, dir, `source-intercom --config config.json | tee out.jsonl | `+check))
	if !strings.Contains(read(t, dir, "out.jsonl"), `"type":"RECORD"`) {
		t.Error("there were no records to check")
	}

	w.edit()
	write(t, dir, "state.json", lastSingerState(read(t, dir, "out.jsonl")))
	shell(t, dir, "source-intercom --config config.json --state state.json | "+check)

	if out, _, err := tryShell(t, dir, `grep -v '"SCHEMA"' out.jsonl | `+check); err == nil {
		t.Errorf("the check passes records without a schema:\n%s", out)
	}
}

// lastSingerState is the value of the last STATE message.
func lastSingerState(lines string) string {
	state := ""
	gjson.ForEachLine(lines, func(line gjson.Result) bool {
		if line.Get("type").Str == "STATE" {
			state = line.Get("value").Raw
		}
		return true
	})
	return state
}
