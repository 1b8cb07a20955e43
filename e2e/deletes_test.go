//go:build peers && linux

package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// TestDeletesInPostgres lets a published target load tombstones, of which Intercom tells and which a sweep has found, and the
// version of a table that is read in full: it marks the rows that are gone, and no others.
func TestDeletesInPostgres(t *testing.T) {
	w := newWorkspace(t)
	dir := t.TempDir()
	port := startPostgres(t)
	env := []string{
		"TAP_INTERCOM_ACCESS_TOKEN=" + emulator.DefaultToken,
		"TAP_INTERCOM_START_DATE=2015-01-01T00:00:00Z",
		"TAP_INTERCOM_BASE_URL=" + w.url,
		`TAP_INTERCOM_DELETES=["conversations","contacts"]`, `TAP_INTERCOM_ID_SWEEP=["tickets"]`, "TAP_INTERCOM_ACTIVATE_VERSION=true",
		"PGHOST=127.0.0.1", "PGPORT=" + port, "PGUSER=postgres", "PGDATABASE=postgres", "PGTZ=UTC",
	}
	write(t, dir, "target.json", `{"sqlalchemy_url": "postgresql+psycopg2://postgres@127.0.0.1:`+port+`/postgres", "default_target_schema": "intercom"}`)
	sync := absolute(t, "examples", "ci", "sync.sh") + " target " + filepath.Join(peer(t, "meltanolabs-target-postgres"), "target-postgres") + " --config target.json"
	gone := func(stream string) []string {
		return strings.Fields(shell(t, dir, `psql -qAtX -c 'SELECT id FROM intercom.`+stream+` WHERE _sdc_deleted_at IS NOT NULL ORDER BY id'`, env...))
	}
	shell(t, dir, sync, env...)
	want, before, into := map[string]string{"conversations": "", "contacts": "", "tickets": "", "collections": ""}, map[string][]string{}, ""
	for stream := range want {
		if before[stream] = gone(stream); len(before[stream]) > 0 && stream != "contacts" { // some were merged in earlier years
			t.Errorf("%s: %s are gone before anything was deleted", stream, before[stream])
		}
	}
	w.Edit(func(world *emulator.World) {
		people := world.IDs("contacts")
		want["conversations"], want["contacts"], into = world.IDs("conversations")[3], people[0], people[1]
		want["tickets"], want["collections"] = world.IDs("tickets")[2], world.IDs("collections")[1]
		world.DeleteConversation(want["conversations"])
		world.MergeContacts(want["contacts"], into)
		world.DeleteTicket(want["tickets"])
		world.DeleteObject("collections", want["collections"])
	})
	shell(t, dir, sync, env...)
	for stream, id := range want {
		got := slices.DeleteFunc(gone(stream), func(id string) bool { return slices.Contains(before[stream], id) })
		if !slices.Equal(got, []string{id}) {
			t.Errorf("%s: %q are gone, want %s", stream, got, id)
		}
	}
	if got := strings.TrimSpace(shell(t, dir, `psql -qAtX -c "SELECT merged_into FROM intercom.contacts WHERE id = '`+want["contacts"]+`'"`, env...)); got != into {
		t.Errorf("merged into %q, want %s", got, into)
	}
}

// TestQueriesOfDeletes runs the queries of docs/deletes.md over files to which two runs have added: what is deleted shows in none,
// and all else does.
func TestQueriesOfDeletes(t *testing.T) {
	w := newWorkspace(t)
	dir := t.TempDir()
	w.config(t, dir)
	write(t, dir, "deletes.json", `{"deletes":["*"]}`)
	write(t, dir, "catalog.json", `{"streams":[{"stream":"conversations","selected":true},{"stream":"conversation_parts","selected":true},{"stream":"contacts","selected":true},{"stream":"normalized_conversations","selected":true}]}`)
	const export = "source-intercom export --config config.json --config deletes.json --catalog catalog.json --out out"
	shell(t, dir, export)
	first := func(stream, field string, is func(gjson.Result) bool) (value string) {
		gjson.ForEachLine(read(t, dir, filepath.Join("out", stream, "000001.jsonl")), func(row gjson.Result) bool {
			if value == "" && is(row) {
				value = row.Get(field).String()
			}
			return value == ""
		})
		return value
	}
	merged := first("normalized_conversations", "contact_id", func(row gjson.Result) bool { return row.Get("contact_id").String() != "" })
	into := first("contacts", "id", func(row gjson.Result) bool { return row.Get("role").Str == "user" && row.Get("id").String() != merged })
	var deleted string
	w.Edit(func(world *emulator.World) {
		deleted = world.IDs("conversations")[3]
		world.DeleteConversation(deleted)
		world.MergeContacts(merged, into)
	})
	w.ahead.Add(int64(time.Minute))
	shell(t, dir, export)

	var queries []string
	for _, b := range blocks(t, read(t, absolute(t, "docs", "deletes.md"))) {
		if b.language == "sql" {
			queries = append(queries, b.text)
		}
	}
	if len(queries) != 3 {
		t.Fatalf("docs/deletes.md has %d queries, and three are checked", len(queries))
	}
	views := ""
	for _, stream := range []string{"conversations", "conversation_parts", "contacts", "normalized_conversations"} {
		views += "CREATE VIEW " + stream + " AS SELECT * FROM read_json_auto('out/" + stream + "/*.jsonl', union_by_name = true, sample_size = -1, maximum_object_size = 100000000);\n"
	}
	ask := func(query string) []gjson.Result {
		write(t, dir, "query.sql", views+query)
		return gjson.Parse(shell(t, dir, "duckdb -json <query.sql", peerPath(t, "duckdb-cli")...)).Array()
	}
	there := rows{}
	for _, row := range ask(queries[0]) {
		there[row.Get("id").String()] = 0
	}
	truth := w.truth(t, "conversations")
	for id := range truth {
		truth[id] = 0
	}
	if diff := cmp.Diff(truth, there); diff != "" {
		t.Errorf("conversations that are there (-want +got):\n%s", diff)
	}
	parts := map[string]bool{}
	for _, row := range ask(queries[1]) {
		parts[row.Get("id").String()] = true
		if id := row.Get("conversation_id").String(); id == deleted {
			t.Errorf("a part of %s is there, which was deleted", id)
		}
	}
	if want := w.truth(t, "conversation_parts"); len(parts) != len(want) {
		t.Errorf("%d parts are there, want %d", len(parts), len(want))
	}
	moved := 0
	for _, row := range ask(queries[2]) {
		switch row.Get("contact_id").String() {
		case merged:
			t.Errorf("%s still has the contact that was merged", row.Get("conversation_id"))
		case into:
			moved++
		}
	}
	if moved == 0 {
		t.Error("no conversation has the contact that remains")
	}
}
