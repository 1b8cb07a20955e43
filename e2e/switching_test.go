//go:build peers

package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// theirs are the settings as the published connectors' users have them.
const theirs = `{"access_token": "emulator-token", "start_date": "2015-01-01T00:00:00Z", "user_agent": "someone@example.com"}`

// TestSwitchFromTapIntercom reads with singer-io's tap, edits, and goes on with its config, its
// catalog and its state.
func TestSwitchFromTapIntercom(t *testing.T) {
	w := newWorkspace(t)
	dir := t.TempDir()
	env := redirected(t, w)
	write(t, dir, "theirs.json", theirs)
	write(t, dir, "address.json", `{"base_url": "`+w.url+`"}`)
	tap := filepath.Join(peer(t, "tap-intercom"), "tap-intercom") + " --config theirs.json "

	catalog := gjson.Parse(shell(t, dir, tap+"--discover", env...))
	// Everything is selected, less the admins: their tap accepts only one of the two forms in which
	// Intercom documents an admin's avatar, and the emulator shows the other.
	write(t, dir, "catalog.json", selecting(t, catalog, func(stream string) bool { return stream != "admins" }))
	lines := shell(t, dir, tap+"--catalog catalog.json", env...)
	write(t, dir, "state.json", lastSingerState(lines))
	got := tables{}
	got.addLines(lines)
	had := w.allRows(t)
	w.edit()

	// Their company_segments are our segments. Nobody shall lose a table without being told.
	const ours = "source-intercom --config theirs.json --config address.json --catalog catalog.json --state state.json"
	if _, stderr, err := tryShell(t, dir, ours); err == nil || !strings.Contains(stderr, "segments") {
		t.Errorf("a catalog with their company_segments was not refused: %v\n%s", err, tail(stderr))
	}
	write(t, dir, "catalog.json", selecting(t, catalog, func(stream string) bool { return stream != "company_segments" }))
	second := shell(t, dir, ours)
	// The attributes' key is another one, as the documentation says; all of them come in each run.
	delete(got, "company_attributes")
	delete(got, "contact_attributes")
	got.addLines(second)
	for _, entry := range catalog.Get("streams.#.stream").Array() {
		if stream := entry.Str; stream != "company_segments" {
			got.check(t, w, stream, had[stream])
		}
	}
	readOn(t, w, second, "contacts", "conversations", "conversation_parts", "companies")
}

// selecting is a Singer catalog that selects some of its streams.
func selecting(t *testing.T, catalog gjson.Result, selected func(stream string) bool) string {
	t.Helper()
	var c struct {
		Streams []map[string]any `json:"streams"`
	}
	if err := json.Unmarshal([]byte(catalog.Raw), &c); err != nil {
		t.Fatal(err)
	}
	for _, entry := range c.Streams {
		for _, m := range entry["metadata"].([]any) {
			if about := m.(map[string]any); len(about["breadcrumb"].([]any)) == 0 {
				about["metadata"].(map[string]any)["selected"] = selected(entry["stream"].(string))
			}
		}
	}
	out, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestSwitchFromAirbyte does the same with Airbyte's connector, its configured catalog and states.
func TestSwitchFromAirbyte(t *testing.T) {
	w := newWorkspace(t)
	dir := t.TempDir()
	env := redirected(t, w)
	write(t, dir, "theirs.json", theirs)
	write(t, dir, "address.json", `{"base_url": "`+w.url+`"}`)
	source := filepath.Join(peer(t, "airbyte-source-intercom"), "source-intercom")

	catalog := configured(t, shell(t, dir, source+" discover --config theirs.json", env...))
	write(t, dir, "catalog.json", catalog)
	lines := shell(t, dir, source+" read --config theirs.json --catalog catalog.json", env...)
	write(t, dir, "state.json", lastStates(t, lines))
	got := tables{}
	got.addLines(lines)
	had := w.allRows(t)
	w.edit()

	second := shell(t, dir, "source-intercom read --config theirs.json --config address.json --catalog catalog.json --state state.json")
	// Their memberships do not say which company they are of, and their attributes are keyed by name.
	// Ours all come in each run.
	for _, stream := range []string{"company_segments", "company_attributes", "contact_attributes"} {
		delete(got, stream)
	}
	got.addLines(second)
	for _, stream := range gjson.Get(catalog, "streams.#.stream.name").Array() {
		got.check(t, w, stream.Str, had[stream.Str])
	}
	readOn(t, w, second, "activity_logs", "contacts", "conversations", "conversation_parts", "companies")
}

// configured selects every stream of a discovered catalog, as a platform does: incrementally where
// that is possible.
func configured(t *testing.T, lines string) string {
	t.Helper()
	type selected struct {
		Stream      json.RawMessage `json:"stream"`
		Mode        string          `json:"sync_mode"`
		Destination string          `json:"destination_sync_mode"`
		Cursor      json.RawMessage `json:"cursor_field,omitempty"`
	}
	var c struct {
		Streams []selected `json:"streams"`
	}
	gjson.ForEachLine(lines, func(line gjson.Result) bool {
		for _, stream := range line.Get("catalog.streams").Array() {
			s := selected{Stream: json.RawMessage(stream.Raw), Mode: "full_refresh", Destination: "append"}
			if strings.Contains(stream.Get("supported_sync_modes").Raw, "incremental") {
				s.Mode, s.Cursor = "incremental", json.RawMessage(stream.Get("default_cursor_field").Raw)
			}
			c.Streams = append(c.Streams, s)
		}
		return true
	})
	if len(c.Streams) == 0 {
		t.Fatalf("their discovery brought no catalog:\n%s", tail(lines))
	}
	out, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// redirected is the environment in which the published connectors reach the workspace.
func redirected(t *testing.T, w *workspace) []string {
	t.Helper()
	return []string{"PYTHONPATH=" + absolute(t, "e2e", "python"), "INTERCOM_URL=" + w.url}
}

// readOn fails the test if a read began anew instead of going on from the state.
func readOn(t *testing.T, w *workspace, lines string, streams ...string) {
	t.Helper()
	brought := tables{}
	brought.addLines(lines)
	for _, stream := range streams {
		if n, all := len(brought[stream]), len(w.truth(t, stream)); n == 0 || n == all {
			t.Errorf("%s: ours brought %d of %d rows, expected the changed ones", stream, n, all)
		}
	}
}
