package connector

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// withExports returns the names of the content export's streams, or puts others into the table for a test that runs
// alone, and returns theirs.
func withExports(t *testing.T, more ...Stream) (names []string) {
	t.Helper()
	exports := more
	if more == nil {
		exports = exportStreams
	} else {
		before := Streams
		t.Cleanup(func() { Streams = before })
		Streams = slices.Concat(before, exports)
	}
	for _, s := range exports {
		names = append(names, s.Name)
	}
	return names
}

// exported compares all that came of the streams with the emulator's truth, row by row. Truth has no ids of rows, and those
// of reports have other names.
func (w *world) exported(t *testing.T, streams ...string) {
	t.Helper()
	for _, stream := range streams {
		truth, err := w.Truth(stream, w.version)
		if err != nil {
			t.Fatal(err)
		}
		def := streamNamed(stream)
		encoder, err := protocol.Airbyte{}.Encoder(def.Described(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, row := range truth {
			line, at := encoder.Append(nil, renamed(def, row), nil, born)
			want = append(want, comparable(t, line[at.Start:at.End]))
		}
		for _, row := range w.union[stream] {
			got = append(got, comparable(t, row))
		}
		slices.Sort(want)
		slices.Sort(got)
		got = slices.Compact(got) // the truth has rows that are alike only once
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s: %d rows, want %d (-want +got):\n%.2000s", stream, len(got), len(want), cmp.Diff(want, got))
		}
	}
}

// renamed gives a row of the truth the names that ours have.
func renamed(def *Stream, row json.RawMessage) string {
	if def.Dataset == nil {
		return string(row)
	}
	out := map[string]any{}
	for _, c := range def.Dataset.columns {
		v := gjson.GetBytes(row, strings.NewReplacer(".", `\.`, "?", `\?`).Replace(c.qualified))
		if !v.Exists() { // versions without qualified ids
			gjson.ParseBytes(row).ForEach(func(name, value gjson.Result) bool {
				if strings.HasSuffix(name.Str, "."+c.id) {
					v = value
				}
				return !v.Exists()
			})
		}
		out[c.property] = v.Value()
	}
	b, _ := json.Marshal(out)
	return string(b)
}

// comparable is a row without what only we add, its fields in order and nulls left out.
func comparable(t *testing.T, row []byte) string {
	t.Helper()
	fields := plain(t, row)
	delete(fields, rowIDField)
	maps.DeleteFunc(fields, func(_ string, v any) bool { return v == nil })
	b, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestContentExport reads every form of download.
func TestContentExport(t *testing.T) {
	streams := withExports(t)
	for form, version := range map[string]string{"csv": "2.10", "zip": "2.17", "tar": "2.16"} {
		t.Run(form, func(t *testing.T) {
			o := emulator.Options{Seed: 4, ExportTime: time.Minute}
			if form == "tar" {
				o.ExportForm = form
			}
			bubble(t, version, o, func(t *testing.T, w *world) {
				out := w.read(t, reading{streams: streams, mode: protocol.Incremental})
				out.onlyOnce(t)
				told := streams
				if form == "csv" { // of which some kinds have no column there
					told = slices.DeleteFunc(slices.Clone(streams), func(s string) bool {
						return slices.Contains([]string{"reactions", "answers", "soft_bounces", "tour_step_views", "tour_step_failures"}, strings.TrimPrefix(s, "content_export_"))
					})
				}
				for _, p := range out.Streams {
					if withheld := !slices.Contains(told, p.Name); (p.Withheld > 0) != withheld || p.Records == 0 != withheld {
						t.Errorf("%s: %d records, withheld %d", p.Name, p.Records, p.Withheld)
					}
				}
				w.exported(t, told...)
				if n := out.requests["POST /export/content/data"]; n != 17 {
					t.Errorf("%d jobs for two years", n)
				}
				// The last rows may still change, but those that did not do not come again.
				again := w.read(t, reading{streams: told, mode: protocol.Incremental, state: out.State})
				if again.total() > 0 || again.requests["POST /export/content/data"] != 1 {
					t.Errorf("a quiet run: %d records, requests %v", again.total(), again.requests)
				}
				for _, s := range told {
					if got := again.stateValue(s); got.Get("unfinished").Bool() || got.Get("done.#").Int() != 0 {
						t.Errorf("%s: state %s", s, clip(got.Raw))
					}
				}
			})
		})
	}
}

// Opens and clicks come after the message, and are read though no row of theirs is newer than the bookmark of the receipts.
func TestLaterEngagementIsRead(t *testing.T) {
	streams := withExports(t)[:3]
	bubble(t, "2.17", emulator.Options{Seed: 4, IndexLag: 10 * time.Minute}, func(t *testing.T, w *world) {
		var receipt string
		w.Edit(func(world *emulator.World) { receipt = world.SendContent() })
		time.Sleep(time.Hour)
		out := w.read(t, reading{streams: streams, mode: protocol.Incremental})
		w.exported(t, streams...)
		time.Sleep(3 * 24 * time.Hour)
		w.Edit(func(world *emulator.World) {
			world.Engage(receipt, "open")
			world.Engage(receipt, "click")
			world.Engage(receipt, "click") // in the same second, perhaps at the same link
		})
		time.Sleep(time.Hour)
		out = w.read(t, reading{streams: streams, mode: protocol.Incremental, state: out.State})
		w.exported(t, streams...)
		if out.counts[streams[0]] != 1 || out.counts[streams[1]] != 1 || out.counts[streams[2]] != 2 {
			t.Errorf("records %v", out.counts)
		}
		// What is older than lookback_window, or a week, is not asked for again.
		time.Sleep(9 * 24 * time.Hour)
		out = w.read(t, reading{streams: streams, mode: protocol.Incremental, state: out.State})
		w.Edit(func(world *emulator.World) { world.Engage(receipt, "reply") })
		time.Sleep(time.Hour)
		out = w.read(t, reading{streams: streams, mode: protocol.Incremental, state: out.State})
		if out.total() != 0 {
			t.Errorf("records %v", out.counts)
		}
		config := func(c *Config) { c.Lookback = 30 * 24 * time.Hour }
		out = w.read(t, reading{streams: streams, mode: protocol.Incremental, state: out.State})
		w.read(t, reading{streams: streams, mode: protocol.Incremental, state: out.State, config: config})
		w.exported(t, streams...)
	})
}

// Each stream takes what its own progress lacks from the jobs that all share.
func TestExportsShareJobs(t *testing.T) {
	streams := withExports(t)
	bubble(t, "2.17", emulator.Options{Seed: 4}, func(t *testing.T, w *world) {
		config := func(c *Config) { c.StartDate = born.AddDate(0, -2, 0) }
		first := w.read(t, reading{streams: streams[:1], mode: protocol.Incremental, config: config})
		both := w.read(t, reading{streams: streams[:2], mode: protocol.Incremental, config: config, state: first.State})
		if n := both.requests["POST /export/content/data"]; n != 2 || both.counts[streams[0]] != 0 || both.counts[streams[1]] == 0 {
			t.Errorf("%d jobs, records %v", n, both.counts)
		}
	})
}

// An archive of receipts alone does not pass for one of messages that nobody opened.
func TestArchiveOfReceiptsAlone(t *testing.T) {
	streams := withExports(t)[:3]
	file := zipOf(t, map[string]string{"receipt_20260301-000000.csv": "receipt_id,received_at,first_open\n1,2026-03-01 10:00:00 UTC,2026-03-02 10:00:00 UTC\n2,2026-03-01 10:00:00 UTC,\n"})
	o := spoiling(emulator.Options{Seed: 4}, func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if !strings.HasPrefix(r.URL.Path, "/download") {
			return false
		}
		w.Header().Set("Content-Encoding", "zip")
		_, _ = w.Write(file)
		return true
	})
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: streams, mode: protocol.Incremental, config: recentOnly})
		if out.counts[streams[0]] != 2 || out.counts[streams[1]] != 1 || out.counts[streams[2]] != 0 {
			t.Errorf("records %v", out.counts)
		}
		for _, row := range out.records[streams[1]] {
			if v := gjson.ParseBytes(row); v.Get("receipt_id").Str != "1" || v.Get("opened_at").Int() != 1772445600 {
				t.Errorf("record %s", row)
			}
		}
	})
}

// A job brings no more than so many rows; then its time is halved.
func TestExportsOfTooManyRows(t *testing.T) {
	withExports(t)
	bubble(t, "2.17", emulator.Options{Seed: 4}, func(t *testing.T, w *world) {
		stream := exportStreams[0].Name
		out := w.readExports(t, stream, func(c *contentRun) { c.most = 30 })
		truth, err := w.Truth(stream, w.version)
		if err != nil || !slices.Equal(ids(out.records[stream]), slices.Sorted(maps.Keys(truth))) {
			t.Errorf("%d receipts of %d, error %v", len(out.records[stream]), len(truth), err)
		}
		if n := out.requests["POST /export/content/data"]; n < 20 {
			t.Errorf("%d jobs", n)
		}
	})
}

// readExports reads one stream of the content export by a walk that is set up otherwise.
func (w *world) readExports(t *testing.T, stream string, set func(*contentRun)) *run {
	t.Helper()
	walk := contentExport.Walk
	defer func() { contentExport.Walk = walk }()
	contentExport.Walk = func(ctx context.Context, f *feedRun) error {
		c := newContentRun(f)
		set(c)
		return c.all(ctx)
	}
	return w.read(t, reading{streams: []string{stream}, mode: protocol.FullRefresh})
}

// The bounds of a window are the stream's own: an end date, a start, the index lag.
func TestExportBounds(t *testing.T) {
	streams := withExports(t)[:2]
	bubble(t, "2.17", emulator.Options{Seed: 4}, func(t *testing.T, w *world) {
		start, end := born.AddDate(0, -6, 0), born.AddDate(0, -3, 0)
		out := w.read(t, reading{streams: streams, mode: protocol.Incremental, config: func(c *Config) { c.StartDate, c.EndDate = start, end }})
		truth, _ := w.Truth(streams[0], w.version)
		var want []string
		for id, row := range truth {
			at, _ := cellTime(gjson.GetBytes(row, "received_at").Str)
			if at.seconds >= start.Unix() && at.seconds <= end.Unix() {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		if got := ids(out.records[streams[0]]); !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("%d receipts, want %d", len(got), len(want))
		}
		for _, row := range out.records[streams[1]] {
			if at := gjson.GetBytes(row, "opened_at").Int(); at < start.Unix() || at > end.Unix() {
				t.Errorf("an open of %s", time.Unix(at, 0).UTC())
			}
		}
		if got := out.stateValue(streams[0]).Get("received_at").Int(); got != end.Unix() {
			t.Errorf("bookmark %d, want %d", got, end.Unix())
		}
	})
}

func TestExportScopes(t *testing.T) {
	streams := withExports(t)[:2]
	bubble(t, "2.16", emulator.Options{Seed: 4, DeniedScopes: []string{"export_content_data"}}, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: streams, mode: protocol.Incremental, failing: true})
		if !strings.Contains(fmt.Sprint(out.err), `"Export content data"`) {
			t.Errorf("error %v", out.err)
		}
		if err := contentExport.probe(t.Context(), w.client(t), contentExport.Probe, true); intercom.KindOf(err) != intercom.MissingScope {
			t.Errorf("check: %v", err)
		}
	})
	bubble(t, "2.16", emulator.Options{Seed: 4}, func(t *testing.T, w *world) {
		if err := contentExport.probe(t.Context(), w.client(t), contentExport.Probe, true); err != nil {
			t.Errorf("check: %v", err)
		}
		if n := w.Requests()["POST /export/content/data"]; n != 0 {
			t.Errorf("check made %d jobs", n)
		}
	})
}
