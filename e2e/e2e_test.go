// Package e2e runs the connector as its users do: the built program, in a process of its own, between
// an emulated Intercom and the programs that read its output. What needs Go alone runs with every
// go test; what needs published Python programs has the build tag peers and is run by make e2e.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/connector"
	"source-intercom/emulator"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// bin is a folder that holds the connector.
var bin string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

// buildAndRun tests the program that CONNECTOR names, such as a release, and else builds one.
func buildAndRun(m *testing.M) int {
	if program := os.Getenv("CONNECTOR"); program != "" {
		bin = filepath.Dir(program)
		return m.Run()
	}
	var err error
	if bin, err = os.MkdirTemp("", "source-intercom-e2e-"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(bin)
	// Into a folder, go build gives the program the name that the system wants.
	build := exec.CommandContext(context.Background(), "go", "build", "-o", bin, "source-intercom/cmd/source-intercom")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// A workspace is an emulated one that other processes reach over HTTP. Its rate limit is far off: the
// published connectors crawl where answers bring no rate headers at all.
type workspace struct {
	*emulator.Emulator
	url   string
	ahead atomic.Int64 // nanoseconds by which its clock is ahead of this machine's
}

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	return workspaceOf(t, sizeOf(t, "tiny"), time.Now(), time.Time{})
}

// workspaceOf serves a workspace of that size whose history goes from start, two years earlier by default, to now, by its
// own clock.
func workspaceOf(t *testing.T, size emulator.Size, now, start time.Time) *workspace {
	t.Helper()
	began, w := time.Now(), &workspace{}
	clock := func() time.Time { return now.Add(time.Since(began) + time.Duration(w.ahead.Load())) }
	var err error
	if w.Emulator, err = emulator.New(emulator.Options{Seed: 1, Size: size, Now: clock, Start: start, RateLimit: 100_000}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func sizeOf(t *testing.T, name string) emulator.Size {
	t.Helper()
	size, err := emulator.SizeOf(name)
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// config writes the settings that read all of the workspace into dir.
func (w *workspace) config(t *testing.T, dir string) string {
	t.Helper()
	return write(t, dir, "config.json", fmt.Sprintf(
		`{"access_token": %q, "start_date": "2015-01-01T00:00:00Z", "base_url": %q}`, emulator.DefaultToken, w.url))
}

// edit changes something of every kind that changes, and lets a minute pass: what changed in the very
// second of a read is read once more by the next.
func (w *workspace) edit() {
	defer w.ahead.Add(int64(time.Minute))
	w.Edit(func(world *emulator.World) {
		conversations := world.IDs("conversations")
		world.NewConversation()
		world.Reply(conversations[0])
		world.Close(conversations[1])
		world.DeleteConversation(conversations[2])
		world.BulkTag(len(conversations) / 4) // many in one second
		contacts := world.IDs("contacts")
		world.NewContact()
		world.UpdateContact(contacts[0])
		world.DeleteContact(contacts[1])
		world.NewCompany()
		world.UpdateCompany(world.IDs("companies")[0])
		world.NewTicket()
		world.UpdateTicket(world.IDs("tickets")[0])
		world.NewActivityLog()
		world.NewTag()
	})
}

// rows maps the key of each object, as the emulator spells it, to when the object was changed last, in
// Unix seconds; 0 where the API does not tell. Of two versions of an object the later one counts.
type rows map[string]int64

// truth is what the workspace holds of a stream now.
func (w *workspace) truth(t *testing.T, stream string) rows {
	t.Helper()
	objects, err := w.Truth(stream, "2.16")
	if err != nil {
		t.Fatal(err)
	}
	held := rows{}
	for key, raw := range objects {
		held[key] = changedAt(stream, gjson.ParseBytes(raw))
	}
	return held
}

// tables are rows by stream.
type tables map[string]rows

func (ts tables) add(stream string, record gjson.Result) {
	if ts[stream] == nil {
		ts[stream] = rows{}
	}
	key := keyOf(stream, record)
	ts[stream][key] = max(ts[stream][key], changedAt(stream, record))
}

// addLines adds the records of a connector's output, of either protocol.
func (ts tables) addLines(lines string) {
	gjson.ForEachLine(lines, func(line gjson.Result) bool {
		switch record := line.Get("record"); {
		case line.Get("type").Str != "RECORD":
		case line.Get("stream").Exists():
			ts.add(line.Get("stream").Str, record)
		default:
			ts.add(record.Get("stream").Str, record.Get("data"))
		}
		return true
	})
}

// check fails the test unless a stream's rows are what the workspace holds, each in its newest
// version. Of what was deleted Intercom tells nothing: such rows, named by had, may be there still.
func (ts tables) check(t *testing.T, w *workspace, stream string, had rows) {
	t.Helper()
	got, want := rows{}, w.truth(t, stream)
	for key, changed := range ts[stream] {
		_, holds := want[key]
		if _, held := had[key]; holds || !held {
			got[key] = changed
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs from the workspace (-want +got):\n%s", stream, diff)
	}
}

func (w *workspace) allRows(t *testing.T) tables {
	t.Helper()
	all := tables{}
	for _, s := range connector.TableOf(nil).Default() {
		all[s.Name] = w.truth(t, s.Name)
	}
	return all
}

func keyOf(stream string, record gjson.Result) string {
	return connector.Streams.Named(stream).RecordKey(record)
}

// databaseTime is how PostgreSQL writes a time out of a column without a zone, into which targets put
// UTC.
const databaseTime = "2006-01-02T15:04:05"

func changedAt(stream string, record gjson.Result) int64 {
	field := connector.Streams.Named(stream).Cursor
	if field == "" {
		field = "updated_at"
	}
	value := record.Get(field)
	for _, layout := range []string{time.RFC3339Nano, databaseTime} {
		if at, err := time.Parse(layout, value.Str); err == nil {
			return at.Unix()
		}
	}
	return value.Int()
}

// shell runs a script as a user would, with the connector on the PATH, and returns what it printed. A
// failure ends the test.
func shell(t *testing.T, dir, script string, env ...string) string {
	t.Helper()
	out, stderr, err := tryShell(t, dir, script, env...)
	if err != nil {
		t.Fatalf("%s\n%v; it said:\n%s", script, err, tail(stderr))
	}
	return out
}

func tryShell(t *testing.T, dir, script string, env ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, env...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	return o.String(), e.String(), err
}

func tail(s string) string {
	const most = 4000
	return s[max(0, len(s)-most):]
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// absolute is where a file of this repository lies.
func absolute(t *testing.T, parts ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(append([]string{".."}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// lastStates gathers the last state of each stream out of Airbyte messages, as a platform hands them
// back.
func lastStates(t *testing.T, lines string) string {
	t.Helper()
	var order []string
	last := map[string]json.RawMessage{}
	gjson.ForEachLine(lines, func(line gjson.Result) bool {
		if state := line.Get("state"); line.Get("type").Str == "STATE" {
			stream := state.Get("stream.stream_descriptor.name").Str
			if _, ok := last[stream]; !ok {
				order = append(order, stream)
			}
			last[stream] = json.RawMessage(state.Raw)
		}
		return true
	})
	states := make([]string, len(order))
	for i, stream := range order {
		states[i] = string(last[stream])
	}
	return "[" + strings.Join(states, ",\n") + "]\n"
}
