//go:build peers

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// TestReports loads a workspace into DuckDB as docs/reports.md says, twice, runs the queries that stand there, and compares
// each figure with one worked out from the raw records of the same runs.
func TestReports(t *testing.T) {
	now := time.Date(2026, 3, 4, 9, 30, 0, 0, time.UTC)
	size := sizeOf(t, "220")
	size.LongConversations = 4 // of which one is a customer's and has no statistics: whether it was answered, nobody knows
	w := workspaceOf(t, size, now, now.AddDate(0, 0, -100))
	dir := t.TempDir()
	w.config(t, dir)
	document := blocks(t, read(t, absolute(t, "docs", "reports.md")))
	write(t, dir, "target.json", file(t, document, "target.json"))
	// The raw conversations are what the figures are checked by.
	write(t, dir, "reports.json", strings.Replace(file(t, document, "reports.json"), "[", `[{"stream": "conversations", "selected": true},`, 1))
	load := commands(t, document, "Loading")
	if !strings.Contains(load, "--catalog") || !strings.Contains(load, "| target-duckdb") {
		t.Fatalf("docs/reports.md does not say how to load:\n%s", load)
	}
	write(t, dir, "forget.sed", forget)
	load = strings.Replace(load, "| target-duckdb", "| sed -f forget.sed | tee records.jsonl | target-duckdb", 1)
	env := peerPath(t, "target-duckdb")

	shell(t, dir, load, env...)
	first := read(t, dir, "records.jsonl")
	shell(t, dir, "tail -n 1 state.jsonl >state.json", env...)
	w.edit()
	w.editTalks()
	shell(t, dir, strings.Replace(load, "--catalog", "--state state.json --catalog", 1), env...)
	raw := newHistory(first, read(t, dir, "records.jsonl"))
	if all := size.Conversations + 2; len(raw.talks) != all {
		t.Fatalf("the runs brought %d conversations, expected %d, with those that began in between", len(raw.talks), all)
	}

	queries := map[string]string{}
	for _, b := range document {
		if b.language == "sql" {
			queries[b.heading] = b.text
		}
	}
	wanted := raw.reports()
	for name := range queries {
		if _, ok := wanted[name]; !ok {
			t.Errorf("nothing checks the query of %q", name)
		}
	}
	by := map[string]func(t *testing.T, dir string, queries map[string]string) map[string]gjson.Result{
		"DuckDB as it loads": runQueries, "a later DuckDB": runQueriesByCommand,
	}
	for who, run := range by {
		t.Run(who, func(t *testing.T) {
			for name, got := range run(t, dir, queries) {
				want := wanted[name]
				if len(want.rows) == 0 || want.dull() {
					t.Errorf("%s shows nothing worth a check:\n%s", name, strings.Join(want.lines(), "\n"))
				}
				if diff := cmp.Diff(want.lines(), linesOf(got)); diff != "" {
					t.Errorf("%s (-from the raw records, +by the query):\n%s", name, diff)
				}
			}
		})
	}
}

// forget takes away, in raw records and in derived ones, what Intercom may not tell and the emulator always does: ratings that
// were asked for and not given, and whether the AI agent took part.
const forget = `
s/"rating":1,"r/"rating":null,"r/
/"delivered_as":"operator_initiated"/s/"ai_agent_participated":true/"ai_agent_participated":null/
`

// editTalks lets happen what reports tell of: conversations that close and open again, tags, and a reply in one that has more than
// the 500 parts that Intercom shows.
func (w *workspace) editTalks() {
	w.Edit(func(world *emulator.World) {
		ids := world.IDs("conversations")
		for i, id := range ids[len(ids)-60:] {
			w.ahead.Add(int64(7 * time.Minute))
			switch i % 5 {
			case 0:
				world.Reply(id)
				world.Close(id)
			case 1:
				world.Close(id)
				world.Reopen(id)
			case 2:
				world.TagConversation(id)
			case 3:
				world.Assign(id)
			case 4:
				world.Reply(id)
			}
		}
		world.Reply(ids[len(ids)/5]) // a long one
		world.NewConversation()
	})
	w.ahead.Add(int64(time.Minute))
}

// peerPath puts a published program's commands onto the PATH, beside the connector.
func peerPath(t *testing.T, name string) []string {
	t.Helper()
	return []string{"PATH=" + strings.Join([]string{bin, peer(t, name), os.Getenv("PATH")}, string(os.PathListSeparator)), "TZ=UTC"}
}

func runQueries(t *testing.T, dir string, queries map[string]string) map[string]gjson.Result {
	t.Helper()
	text, err := json.Marshal(queries)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "queries.json", string(text))
	python := filepath.Join(peer(t, "target-duckdb"), "python")
	return gjson.Parse(shell(t, dir, python+" "+absolute(t, "e2e", "python", "run_queries.py")+" intercom.duckdb <queries.json")).Map()
}

func runQueriesByCommand(t *testing.T, dir string, queries map[string]string) map[string]gjson.Result {
	t.Helper()
	results := map[string]gjson.Result{}
	for name, query := range queries {
		write(t, dir, "query.sql", query)
		results[name] = gjson.Parse(shell(t, dir, "duckdb -readonly -json intercom.duckdb <query.sql", peerPath(t, "duckdb-cli")...))
	}
	return results
}

// linesOf prints rows as a sheet does.
func linesOf(rows gjson.Result) []string {
	var lines []string
	for _, row := range rows.Array() {
		var cells []string
		row.ForEach(func(column, v gjson.Result) bool {
			cells = append(cells, column.Str+"="+printed(v.Value()))
			return true
		})
		lines = append(lines, strings.Join(cells, " "))
	}
	return lines
}
