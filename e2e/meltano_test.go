//go:build peers

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
)

// TestMeltano runs the project of examples/meltano as it is, twice, the second time from the state
// that Meltano kept.
func TestMeltano(t *testing.T) {
	w := newWorkspace(t)
	dir := filepath.Join(t.TempDir(), "project")
	if err := os.CopyFS(dir, os.DirFS(absolute(t, "examples", "meltano"))); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"TAP_INTERCOM_ACCESS_TOKEN=" + emulator.DefaultToken,
		"TAP_INTERCOM_START_DATE=2015-01-01T00:00:00Z",
		"TAP_INTERCOM_BASE_URL=" + w.url,
		// Every kind of setting has to come through Meltano in a form that the connector takes.
		"TAP_INTERCOM_PAGE_SIZE=50",
		"TAP_INTERCOM_REQUEST_TIMEOUT=12.5",
		"TAP_INTERCOM_REGION=eu",
	}
	meltano := filepath.Join(peer(t, "meltano"), "meltano") + " "
	output := filepath.Join(dir, "output")

	shell(t, dir, meltano+"install loader target-jsonl", env...)
	if out := shell(t, dir, meltano+"config test tap-intercom 2>&1", env...); !strings.Contains(out, "Plugin configuration is valid") {
		t.Errorf("meltano config test says:\n%s", out)
	}
	w.ahead.Add(int64(2 * time.Minute)) // that test ends the tap after its first record, in the middle of the scroll
	if out := shell(t, dir, meltano+"invoke tap-intercom --about", env...); !strings.Contains(out, "conversation_parts") {
		t.Errorf("--about by way of Meltano says:\n%s", out)
	}

	had := w.allRows(t)
	shell(t, dir, meltano+"run tap-intercom target-jsonl", env...)
	got := tables{}
	got.addFiles(t, output)
	for stream := range had {
		got.check(t, w, stream, nil)
	}
	admins := read(t, output, "admins.jsonl")
	if strings.Contains(admins, `"email":`) || !strings.Contains(admins, `"name":`) {
		t.Errorf("the select rules leave out admins.email alone, but there is:\n%s", admins)
	}

	w.edit()
	if err := os.RemoveAll(output); err != nil {
		t.Fatal(err)
	}
	shell(t, dir, meltano+"run tap-intercom target-jsonl", env...)
	second := tables{}
	second.addFiles(t, output)
	if n, all := len(second["conversations"]), len(w.truth(t, "conversations")); n == 0 || n > all/2 {
		t.Errorf("the second run brought %d of %d conversations, expected the changed ones", n, all)
	}
	got.addFiles(t, output)
	for stream, rows := range had {
		got.check(t, w, stream, rows)
	}
}
