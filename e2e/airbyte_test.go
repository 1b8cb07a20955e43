//go:build peers

package e2e

import (
	"path/filepath"
	"testing"

	"source-intercom/connector"
)

// TestAirbyteModels holds every message of every command, and the files that go in, against the
// models that Airbyte publishes, over a first read, one after edits, and one with nothing new.
func TestAirbyteModels(t *testing.T) {
	w := newWorkspace(t)
	dir := t.TempDir()
	w.config(t, dir)
	catalog := absolute(t, "catalog.json")
	had := w.allRows(t)
	got := tables{}

	shell(t, dir, `
		source-intercom spec > spec.jsonl
		source-intercom check --config config.json > check.jsonl
		source-intercom discover --config config.json > discover.jsonl
		source-intercom read --config config.json --catalog `+catalog+` > read1.jsonl`)
	got.addLines(read(t, dir, "read1.jsonl"))
	for stream := range had {
		got.check(t, w, stream, nil)
	}

	w.edit()
	write(t, dir, "state1.json", lastStates(t, read(t, dir, "read1.jsonl")))
	shell(t, dir, `source-intercom read --config config.json --catalog `+catalog+` --state state1.json > read2.jsonl`)
	got.addLines(read(t, dir, "read2.jsonl"))
	for stream, rows := range had {
		got.check(t, w, stream, rows)
	}

	write(t, dir, "state2.json", lastStates(t, read(t, dir, "read2.jsonl")))
	shell(t, dir, `source-intercom read --config config.json --catalog `+catalog+` --state state2.json > read3.jsonl`)
	third := tables{}
	third.addLines(read(t, dir, "read3.jsonl"))
	for _, s := range connector.TableOf(nil).Default() {
		incremental := s.Cursor != "" // the others are read in full each time
		if n := len(third[s.Name]); incremental && n > 0 {
			t.Errorf("%s: a read with nothing new brought %d records", s.Name, n)
		}
	}

	// A wrong token fails in both ways that the protocol knows.
	write(t, dir, "wrong.json", `{"access_token": "nobodys", "start_date": "2015-01-01T00:00:00Z", "base_url": "`+w.url+`"}`)
	shell(t, dir, `
		source-intercom check --config wrong.json > check-failed.jsonl
		! source-intercom read --config wrong.json --catalog `+catalog+` > read-failed.jsonl`)

	validate := filepath.Join(peer(t, "airbyte-protocol-models"), "python") + " " + absolute(t, "e2e", "python", "validate.py")
	t.Log(shell(t, dir, validate+` messages *.jsonl; `+validate+` catalog `+catalog+`; `+validate+` states state*.json`))
}
