//go:build peers

package e2e

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// A sink's folder has the files of docs/sinks.md, word for word, and the settings beside them.
type sinkFolder struct {
	dir string
	env []string
}

func newSinkFolder(t *testing.T, w *workspace, files ...string) *sinkFolder {
	t.Helper()
	f := &sinkFolder{dir: t.TempDir(), env: peerPath(t, "duckdb-cli")}
	w.config(t, f.dir)
	document := blocks(t, read(t, absolute(t, "docs", "sinks.md")))
	commands(t, document, "What both begin with") // checks the versions
	for _, name := range append(files, "events.json") {
		write(t, f.dir, name, file(t, document, name))
	}
	return f
}

// events are those that the workspace has now, by their ids, from a read of its own.
func (f *sinkFolder) events(t *testing.T) map[string]gjson.Result {
	t.Helper()
	all := map[string]gjson.Result{}
	gjson.ForEachLine(shell(t, f.dir, "source-intercom --config config.json --catalog events.json"), func(line gjson.Result) bool {
		if record := line.Get("record"); line.Get("type").Str == "RECORD" {
			all[record.Get("event_id").Str] = record
		}
		return true
	})
	return all
}

func (f *sinkFolder) waiting(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(f.dir, "events", "ticket_events", "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// A postHog takes events as PostHog documents it.
type postHog struct {
	t        *testing.T
	refuses  atomic.Bool
	received int
	kept     map[string]gjson.Result // what it takes for one event, by what it tells events apart by
}

func (p *postHog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	switch request := gjson.ParseBytes(body); {
	case p.refuses.Load():
		http.Error(w, `{"type":"authentication_error"}`, http.StatusUnauthorized)
	case err != nil || r.Method != http.MethodPost || r.URL.Path != "/batch/" || r.Header.Get("Content-Type") != "application/json" || !json.Valid(body):
		p.t.Errorf("PostHog was sent %s %s %v %s", r.Method, r.URL.Path, r.Header, body)
	case request.Get("api_key").Str != "phc_invented" || !request.Get("historical_migration").IsBool():
		p.t.Errorf("PostHog was sent a batch with the wrong key, or without saying whether it is old: %.200s", body)
	default:
		batch := request.Get("batch").Array()
		if len(batch) == 0 || len(batch) > 500 {
			p.t.Errorf("PostHog was sent a batch of %d", len(batch))
		}
		for _, event := range batch {
			p.take(event, request.Get("historical_migration").Bool())
		}
	}
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func (p *postHog) take(event gjson.Result, old bool) {
	at, err := time.Parse(time.RFC3339, event.Get("timestamp").Str)
	if err != nil || !uuidForm.MatchString(event.Get("uuid").Str) || event.Get("event").Str == "" || event.Get("distinct_id").Str == "" {
		p.t.Errorf("PostHog would refuse %s", event.Raw)
	}
	if age := time.Since(at); old != (age > 48*time.Hour) && (age-48*time.Hour).Abs() > time.Hour {
		p.t.Errorf("an event of %v was sent as old: %v", at, old)
	}
	p.received++
	p.kept[strings.Join([]string{event.Get("uuid").Str, event.Get("event").Str, event.Get("timestamp").Str, event.Get("distinct_id").Str}, " ")] = event
}

// TestPostHog sends events by the script of docs/sinks.md: refused, sent, after changes, and all once more.
func TestPostHog(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("SKIPPED: there is no curl here; apt-get install curl brings one")
	}
	w := workspaceOf(t, sizeOf(t, "300"), time.Now(), time.Time{})
	sink := &postHog{t: t, kept: map[string]gjson.Result{}}
	server := httptest.NewServer(sink)
	t.Cleanup(server.Close)
	f := newSinkFolder(t, w, "posthog.sql", "posthog.sh")
	f.env = append(f.env, "POSTHOG_HOST="+server.URL, "POSTHOG_API_KEY=phc_invented", "TZ=Pacific/Auckland")
	const send = "bash posthog.sh"

	want := f.events(t)
	sink.refuses.Store(true)
	if _, _, err := tryShell(t, f.dir, send, f.env...); err == nil || f.waiting(t) != 1 {
		t.Fatalf("events that PostHog refused must fail the script and go on waiting: %v", err)
	}
	sink.refuses.Store(false)
	shell(t, f.dir, send, f.env...)
	if sink.received != len(want) || f.waiting(t) != 0 {
		t.Errorf("PostHog was sent %d events, expected each of the %d once; %d files wait still", sink.received, len(want), f.waiting(t))
	}
	sink.check(t, want)

	w.edit()
	w.editTalks()
	sink.received = 0
	for id, event := range f.events(t) {
		want[id] = event
	}
	shell(t, f.dir, send, f.env...)
	if sink.received == 0 || sink.received > len(want)/2 {
		t.Errorf("the second run sent %d of %d events, expected those of the changed conversations", sink.received, len(want))
	}
	sink.check(t, want)

	sink.received = 0
	shell(t, f.dir, send, f.env...)
	if sink.received > 0 {
		t.Errorf("a run without changes sent %d events", sink.received)
	}
	shell(t, f.dir, "mv sent/*.jsonl events/ticket_events/; "+send, f.env...) // as if nobody knew that they were sent
	if sink.received != len(want) {
		t.Errorf("of files that share events %d were sent, expected each of the %d once", sink.received, len(want))
	}
	sink.check(t, want)
}

// check fails the test unless PostHog has these events, each once, and all that they tell.
func (p *postHog) check(t *testing.T, want map[string]gjson.Result) {
	t.Helper()
	uuids := map[string]bool{}
	got, expected := map[string]bool{}, map[string]bool{}
	for _, event := range p.kept {
		uuids[event.Get("uuid").Str] = true
		properties, _ := event.Get("properties").Value().(map[string]any)
		got[telling(event.Get("event").Str, event.Get("timestamp").Str, event.Get("distinct_id").Str, properties)] = true
	}
	if len(uuids) != len(p.kept) {
		t.Errorf("PostHog keeps %d events of %d ids", len(p.kept), len(uuids))
	}
	for _, record := range want {
		properties, _ := record.Value().(map[string]any)
		who := record.Get("contact_external_id").Str
		if who == "" {
			who = record.Get("contact_id").Str
		}
		if who == "" {
			who = record.Get("conversation_id").Str
		}
		expected[telling(record.Get("event").Str, record.Get("timestamp").Str, who, properties)] = true
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("PostHog has other events than the workspace (-want +got):\n%s", diff)
	}
}

// telling is what an event says, less what identifies it.
func telling(event, timestamp, who string, properties map[string]any) string {
	for _, name := range []string{"event_id", "event", "timestamp", "contact_external_id", "conversation_updated_at"} {
		delete(properties, name)
	}
	text, err := json.Marshal(properties) // in the order of their names
	if err != nil {
		panic(err)
	}
	return strings.Join([]string{event, timestamp, who, string(text)}, " ")
}

// standIn takes the place of Salesforce's command: it keeps the file that it is to send, and how.
const standIn = `#!/usr/bin/env bash
set -euo pipefail
[ ! -e refuses ] || exit 1
printf '%s\n' "$*" >arguments
cp events.csv "uploaded.$(ls uploaded.* 2>/dev/null | wc -l).csv"
`

// TestSalesforce upserts by the script of docs/sinks.md.
func TestSalesforce(t *testing.T) {
	w := newWorkspace(t)
	f := newSinkFolder(t, w, "salesforce.sql", "salesforce.sh")
	if err := os.Mkdir(filepath.Join(f.dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, f.dir, "bin/sf", standIn)
	f.env[0] = strings.Replace(f.env[0], "PATH=", "PATH="+filepath.Join(f.dir, "bin")+string(os.PathListSeparator), 1)
	const send = "chmod +x bin/sf; bash salesforce.sh"

	want := f.events(t)
	write(t, f.dir, "refuses", "")
	if _, _, err := tryShell(t, f.dir, send, f.env...); err == nil || f.waiting(t) != 1 {
		t.Fatalf("events that Salesforce refused must fail the script and go on waiting: %v", err)
	}
	w.edit()
	for id, event := range f.events(t) {
		want[id] = event
	}
	shell(t, f.dir, "rm refuses; "+send, f.env...) // two files, which share events
	if arguments := read(t, f.dir, "arguments"); arguments != "data upsert bulk --sobject Support_Event__c --file events.csv --external-id Event_Id__c --line-ending LF --wait 60\n" {
		t.Errorf("sf was called with %s", arguments)
	}
	columns := fields(t)
	object := map[string]map[string]string{}
	upsert(t, object, read(t, f.dir, "uploaded.0.csv"), columns)
	checkObject(t, object, want, columns)

	w.edit()
	for id, event := range f.events(t) {
		want[id] = event
	}
	shell(t, f.dir, send, f.env...)
	upsert(t, object, read(t, f.dir, "uploaded.1.csv"), columns)
	checkObject(t, object, want, columns)
	shell(t, f.dir, send, f.env...) // nothing may be waiting
	if _, err := os.Stat(filepath.Join(f.dir, "uploaded.2.csv")); err == nil || f.waiting(t) != 0 {
		t.Errorf("a run without changes sent something, or left %d files waiting", f.waiting(t))
	}
}

// fields are those of the object that docs/sinks.md says to create, with the columns they come from.
func fields(t *testing.T) map[string]string {
	t.Helper()
	columns := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+__c)` \\| .+ \\| `(\\w+)` \\|$").FindAllStringSubmatch(read(t, absolute(t, "docs", "sinks.md")), -1) {
		columns[row[1]] = row[2]
	}
	return columns
}

// upsert does with a file what Salesforce does.
func upsert(t *testing.T, object map[string]map[string]string, file string, columns map[string]string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("Salesforce was sent a file of %d rows: %v", len(rows), err)
	}
	if got, want := slices.Sorted(slices.Values(rows[0])), slices.Sorted(maps.Keys(columns)); !slices.Equal(got, want) {
		t.Fatalf("the file has the fields %v, the object %v", got, want)
	}
	met := map[string]bool{}
	for _, row := range rows[1:] {
		record := map[string]string{}
		for i, field := range rows[0] {
			record[field] = row[i]
		}
		id := record["Event_Id__c"]
		if met[id] {
			t.Errorf("the file has the event %s twice, of which Salesforce refuses one", id)
		}
		met[id], object[id] = true, record
	}
}

func checkObject(t *testing.T, object map[string]map[string]string, want map[string]gjson.Result, columns map[string]string) {
	t.Helper()
	expected := map[string]map[string]string{}
	for id, event := range want {
		expected[id] = map[string]string{}
		for field, column := range columns {
			switch value := event.Get(column); {
			case value.Type == gjson.Null:
				expected[id][field] = "#N/A"
			case strings.HasSuffix(field, "_At__c"): // as Salesforce documents it
				expected[id][field] = strings.Replace(value.Str, "Z", ".000Z", 1)
			default:
				expected[id][field] = value.String()
			}
		}
	}
	if diff := cmp.Diff(expected, object); diff != "" {
		t.Errorf("Salesforce has other events than the workspace (-want +got):\n%s", diff)
	}
}

// TestSinksMapEveryColumn holds both mappings against the stream.
func TestSinksMapEveryColumn(t *testing.T) {
	for _, section := range strings.Split(read(t, absolute(t, "docs", "sinks.md")), "\n## ") {
		table, _, _ := strings.Cut(section, "```")
		if name, _, _ := strings.Cut(section, "\n"); name != "PostHog" && name != "Salesforce" {
			continue
		}
		for column := range gjson.Get(read(t, absolute(t, "schemas", "ticket_events.json")), "properties").Map() {
			if !strings.Contains(table, "`"+column+"`") {
				t.Errorf("docs/sinks.md does not say what becomes of %s:\n%s", column, table)
			}
		}
	}
}
