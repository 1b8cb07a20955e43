package folder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"source-intercom/protocol"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	fsync = func(*os.File) error { return nil }
	os.Exit(m.Run())
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// things is the schema of an incremental stream with these fields.
func things(fields []string) string {
	properties := make([]string, len(fields))
	for i, field := range fields {
		properties[i] = fmt.Sprintf("%q:{}", field)
	}
	return `{"type":"SCHEMA","stream":"things","schema":{"properties":{` + strings.Join(properties, ",") +
		`}},"key_properties":["id"],"bookmark_properties":["updated_at"]}` + "\n"
}

var plain = things([]string{"id", "v", "updated_at"})

func thing(id string, v, day int) string {
	return fmt.Sprintf(`{"id":%q,"v":%d,"updated_at":"2026-01-%02dT00:00:00Z"}`, id, v, day)
}

func record(row string) string {
	return `{"type":"RECORD","stream":"things","record":` + row + `,"time_extracted":"2026-01-01T00:00:00Z"}` + "\n"
}

const complete = `{"type":"COMPLETE","stream":"things"}` + "\n"

func at(cursor int, done bool) protocol.States {
	value := fmt.Sprintf(`{"version":1,"unfinished":%t,"updated_at":%d}`, !done, cursor)
	return protocol.States{Streams: []protocol.StreamState{{Stream: "things", Value: json.RawMessage(value)}}}
}

func open(t fataler, o Options) *Folder {
	t.Helper()
	o.Log = zerolog.Nop()
	f, err := Open(context.Background(), o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return f
}

func write(t fataler, f *Folder, lines ...string) {
	t.Helper()
	if _, err := f.Write([]byte(strings.Join(lines, ""))); err != nil {
		t.Fatalf("write: %v", err)
	}
}

// export is a whole run.
func export(t fataler, o Options, schema string, rows ...string) {
	t.Helper()
	f := open(t, o)
	write(t, f, schema)
	for _, row := range rows {
		write(t, f, record(row))
	}
	f.OnState(at(9, true))
	write(t, f, complete)
	if err := f.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func content(t fataler, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return data
}

// However the lines are cut into writes, the same files come of them.
func TestWritesMayBeCutAnywhere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		f := open(rt, Options{Dir: dir, Format: JSONL})
		var want strings.Builder
		text := plain
		for i := range rapid.IntRange(0, 5).Draw(rt, "rows") {
			row := thing(strings.Repeat("x", rapid.IntRange(1, 300).Draw(rt, "length")), i, 1)
			want.WriteString(row + "\n")
			text += record(row)
		}
		f.OnState(at(9, true))
		for text += complete; text != ""; {
			n := rapid.IntRange(1, len(text)).Draw(rt, "bytes")
			write(rt, f, text[:n])
			text = text[n:]
		}
		if err := f.Close(); err != nil {
			rt.Fatal(err)
		}
		if got := string(content(rt, filepath.Join(dir, "things", "000001.jsonl"))); got != want.String() {
			rt.Fatalf("got %s, want %s", got, want.String())
		}
	})
}

// A merge keeps what a slow and simple one keeps, whatever fits into memory.
func TestNewestOfEachKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir := os.TempDir()
		most := rapid.SampledFrom([]int{2, 3, 1000}).Draw(t, "in memory")
		m := &marker{max: most, name: func(i int) string {
			return filepath.Join(dir, fmt.Sprintf("folder-test-%d-%d-%d", os.Getpid(), rand.Int64(), i))
		}}
		type version struct {
			n, at int64
			gone  bool
		}
		newest := map[uint64]version{}
		rows := rapid.IntRange(0, 60).Draw(t, "rows")
		for n := range int64(rows) {
			key, when := rapid.Uint64Range(0, 9).Draw(t, "key"), rapid.SampledFrom([]int64{none, 1, 2, 3}).Draw(t, "at")
			gone := rapid.IntRange(0, 3).Draw(t, "gone") == 0
			if err := m.add(mark{hi: key / 3, lo: key, at: when, gone: gone}); err != nil {
				t.Fatal(err)
			}
			if old, there := newest[key]; !there || old.at == none || when == none || when >= old.at {
				newest[key] = version{n, when, gone}
			}
		}
		if err := errors.Join(m.end(), m.close()); err != nil {
			t.Fatal(err)
		}
		kept := 0
		for n := range int64(rows) {
			if !m.outdated.has(n) {
				kept++
			}
		}
		there := 0
		for key, v := range newest {
			if m.outdated.has(v.n) != v.gone {
				t.Fatalf("row %d, the newest of %d, a tombstone %v, is dropped %v", v.n, key, v.gone, !v.gone)
			}
			if !v.gone {
				there++
			}
		}
		if kept != there {
			t.Fatalf("%d rows are kept of %d keys", kept, there)
		}
	})
}

// A run that was killed leaves what it had synced; the next one goes on behind it.
func TestKilledRunGoesOn(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, Format: JSONL}
	f := open(t, o)
	write(t, f, plain, record(thing("1", 1, 1)))
	f.OnState(at(1, false))
	write(t, f, record(thing("2", 1, 2)), record(thing("3", 1, 3))[:40]) // the state does not know of these
	f.lock.Close()

	f = open(t, o)
	if got := f.States().Streams; len(got) != 1 || gjson.GetBytes(got[0].Value, "updated_at").Int() != 1 {
		t.Fatalf("states %s", got)
	}
	write(t, f, plain, record(thing("2", 2, 2)))
	f.OnState(at(9, true))
	write(t, f, complete)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	want := thing("1", 1, 1) + "\n" + thing("2", 2, 2) + "\n"
	if got := string(content(t, filepath.Join(dir, "things", "000001.jsonl"))); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Half a snapshot, rows that are gone, and rows that cannot be written leave no bookmark that counts them as read.
func TestNoBookmarkWithoutItsRows(t *testing.T) {
	begin := func(t *testing.T, o Options) *Folder {
		f := open(t, o)
		write(t, f, plain, record(thing("1", 1, 1)))
		f.OnState(at(1, false))
		return f
	}
	forgets := func(t *testing.T, o Options) {
		t.Helper()
		f := open(t, o)
		defer f.Close()
		if len(f.States().Streams) > 0 || len(f.Waiting()) > 0 {
			t.Errorf("the stream is gone on with: %s, %v", f.States().Streams, f.Waiting())
		}
	}
	t.Run("half a snapshot", func(t *testing.T) {
		o := Options{Dir: t.TempDir(), Format: JSONL, Full: func(string) bool { return true }}
		begin(t, o).Close()
		forgets(t, o)
	})
	t.Run("rows that are gone", func(t *testing.T) {
		o := Options{Dir: t.TempDir(), Format: JSONL}
		begin(t, o).Close()
		if err := os.Truncate(filepath.Join(o.Dir, unfinished, "things.jsonl"), 3); err != nil {
			t.Fatal(err)
		}
		forgets(t, o)
	})
	t.Run("rows that cannot be written", func(t *testing.T) {
		o := Options{Dir: t.TempDir(), Format: JSONL}
		f := begin(t, o)
		before := content(t, f.StateFile())
		f.streams["things"].file.Close()
		if _, err := f.Write([]byte(record(thing("2", 1, 2)))); !errors.Is(err, os.ErrClosed) {
			t.Fatalf("error %v", err)
		}
		f.next = f.next.AddDate(-1, 0, 0)
		f.OnState(at(2, false))
		if err := f.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("error %v at the end", err)
		}
		if after := content(t, f.StateFile()); string(after) != string(before) {
			t.Errorf("the state has become %s", after)
		}
	})
}

// A snapshot replaces what there was, whole, and a half one does not.
func TestSnapshotReplaces(t *testing.T) {
	o := Options{Dir: t.TempDir(), Format: JSONL}
	file := func(n int) string { return filepath.Join(o.Dir, "things", fmt.Sprintf("%06d.jsonl", n)) }
	for n := range 3 {
		export(t, o, plain, thing("1", n, n+1))
	}
	o.Full = func(string) bool { return true }
	f := open(t, o)
	write(t, f, plain, record(thing("2", 1, 1)))
	f.OnState(at(1, false))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 3; n++ {
		content(t, file(n))
	}
	export(t, o, plain, thing("3", 1, 1))
	if got := string(content(t, file(1))); got != thing("3", 1, 1)+"\n" {
		t.Errorf("got %s", got)
	}
	if left, _ := filepath.Glob(filepath.Join(o.Dir, "things", "*")); !slices.Equal(left, []string{file(1)}) {
		t.Errorf("files %v, want one", left)
	}
}

// A merge that is interrupted leaves the old file, and the rows wait for the next run; so they do where the
// old file was changed.
func TestMergeThatMustNotBe(t *testing.T) {
	o := Options{Dir: t.TempDir(), Format: JSONL, Merge: true}
	path := filepath.Join(o.Dir, "things.jsonl")
	export(t, o, plain, thing("1", 1, 1))
	want := strings.Replace(string(content(t, path)), `"v":1`, `"v":7`, 1) // as long as before
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
	f := open(t, o)
	write(t, f, plain, record(thing("2", 1, 2)))
	f.OnState(at(2, true))
	write(t, f, complete)
	var changed *UnusableError
	if err := f.Close(); !errors.As(err, &changed) || changed.Path != path {
		t.Errorf("error %v, want one that names %s", err, path)
	}
	if got := string(content(t, path)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	f = open(t, o)
	defer f.Close()
	if got := f.Waiting(); !slices.Equal(got, []string{"things"}) {
		t.Errorf("waiting: %v, want things", got)
	}
}

// A file that cannot be replaced fails its stream alone, and the rows wait.
func TestNameThatIsTaken(t *testing.T) {
	o := Options{Dir: t.TempDir(), Format: CSV, Merge: true}
	f := open(t, o)
	write(t, f, plain, record(thing("1", 1, 1)))
	path := filepath.Join(o.Dir, "things.csv")
	if err := os.MkdirAll(filepath.Join(path, "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	f.OnState(at(2, true))
	write(t, f, complete)
	if err := f.Close(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names %s", err, path)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	export(t, o, plain)
	if got := string(content(t, path)); !strings.Contains(got, "\r\n1,1,2026-01-01T00:00:00Z,\r\n") {
		t.Errorf("got %q", got)
	}
}

// What has an ever higher number of versions stays one row.
func TestMergeKeepsTheNewestRow(t *testing.T) {
	for _, format := range []Format{JSONL, CSV} {
		o := Options{Dir: t.TempDir(), Format: format, Merge: true}
		export(t, o, plain, thing("1", 1, 1), thing("2", 1, 5))
		export(t, o, plain, thing("1", 2, 2), thing("2", 2, 4), thing("3", 1, 1))
		export(t, o, plain)
		got := string(content(t, filepath.Join(o.Dir, "things."+string(format))))
		want := thing("2", 1, 5) + "\n" + thing("1", 2, 2) + "\n" + thing("3", 1, 1) + "\n"
		if format == CSV {
			want = bom + "id,v,updated_at,_other_fields\r\n2,1,2026-01-05T00:00:00Z,\r\n1,2,2026-01-02T00:00:00Z,\r\n3,1,2026-01-01T00:00:00Z,\r\n"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
}

// A tombstone takes its row out of a merged file; where runs are appended it is a row like any other.
func TestTombstonesInFiles(t *testing.T) {
	schema := things([]string{"id", "v", "updated_at", "_sdc_deleted_at"})
	gone := func(id string, day int) string {
		return fmt.Sprintf(`{"id":%q,"updated_at":"2026-01-%02dT00:00:00Z","_sdc_deleted_at":"2026-01-%02dT00:00:00Z"}`, id, day, day)
	}
	there := func(id string, v, day int) string {
		return strings.TrimSuffix(thing(id, v, day), "}") + `,"_sdc_deleted_at":null}`
	}
	for _, format := range []Format{JSONL, CSV} {
		o := Options{Dir: t.TempDir(), Format: format, Merge: true}
		export(t, o, plain, thing("1", 1, 1), thing("2", 1, 1), thing("3", 1, 1)) // before deletions were asked for
		export(t, o, schema, gone("2", 3), there("2", 1, 1), gone("3", 3), gone("4", 3))
		export(t, o, schema, there("3", 2, 4)) // it is back
		got := string(content(t, filepath.Join(o.Dir, "things."+string(format))))
		want := thing("1", 1, 1) + "\n" + there("3", 2, 4) + "\n"
		if format == CSV {
			want = bom + "id,v,updated_at,_sdc_deleted_at,_other_fields\r\n1,1,2026-01-01T00:00:00Z,,\r\n3,2,2026-01-04T00:00:00Z,,\r\n"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
	o := Options{Dir: t.TempDir(), Format: JSONL}
	export(t, o, schema, there("1", 1, 1), gone("1", 2))
	if got, want := string(content(t, filepath.Join(o.Dir, "things", "000001.jsonl"))), there("1", 1, 1)+"\n"+gone("1", 2)+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
