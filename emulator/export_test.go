package emulator_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
)

const octets = "application/octet-stream"

// contentJob creates a content export of a stretch of time and returns its id.
func (r *rig) contentJob(after, before int64) string {
	r.t.Helper()
	job := r.get("POST /export/content/data", fmt.Sprintf(`{"created_at_after":%d,"created_at_before":%d}`, after, before))
	id, _ := job["job_identifier"].(string)
	if id == "" || job["status"] != "pending" || job["download_url"] != "" {
		r.t.Fatalf("a new job is %v", job)
	}
	return id
}

func (r *rig) state(id string) string {
	r.t.Helper()
	state, _ := r.get("GET /export/content/data/"+id, "")["status"].(string)
	return state
}

// file downloads what a path serves, unpacks it, and returns the CSV files by their names; that of a bare CSV is "".
func (r *rig) file(path string) map[string][][]string {
	r.t.Helper()
	a := r.call("GET "+path, "", "Accept", octets, "Accept-Encoding", "identity")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != octets {
		r.t.Fatalf("%s: status %d, type %q: %.200s", path, a.status, a.header.Get("Content-Type"), a.body)
	}
	files := map[string][][]string{}
	add := func(name string, in io.Reader) {
		rows, err := csv.NewReader(in).ReadAll()
		if err != nil {
			r.t.Fatalf("%s: %v", name, err)
		}
		kind, _, _ := strings.Cut(name, "_2026")
		files[strings.TrimPrefix(kind, "export/")] = rows
	}
	text := a.body
	if z, err := gzip.NewReader(bytes.NewReader(text)); err == nil {
		if text, err = io.ReadAll(z); err != nil {
			r.t.Fatal(err)
		}
	}
	if archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text))); err == nil {
		for _, f := range archive.File {
			in, err := f.Open()
			if err != nil {
				r.t.Fatal(err)
			}
			add(f.Name, in)
		}
		return files
	}
	archive := tar.NewReader(bytes.NewReader(text))
	for {
		head, err := archive.Next()
		switch {
		case err == nil:
			add(head.Name, archive)
		case errors.Is(err, io.EOF) && len(files) > 0:
			return files
		default:
			add("", bytes.NewReader(text))
			return files
		}
	}
}

func TestContentExportJobs(t *testing.T) {
	r := start(t, emulator.Options{Seed: 3, ExportTime: 8 * time.Second})
	first := r.contentJob(0, r.clock.now().Unix())
	again := `{"created_at_after":1,"created_at_before":2}`
	busy := r.call("POST /export/content/data", again)
	if status, code := busy.code(t); status != 429 || code != "rate_limit_exceeded" || !strings.Contains(string(busy.body), "Exceeded rate limit of 1 pending message data export jobs") {
		t.Errorf("a second job: %d %s", status, busy.body)
	}
	download := "GET /download/content/data/" + first
	if a := r.call(download, "", "Accept", octets); a.status != 404 {
		t.Errorf("download of a pending job: %d", a.status)
	}
	r.clock.add(4 * time.Second)
	if s := r.state(first); s != "in_progress" {
		t.Errorf("state %q after half of the time", s)
	}
	r.clock.add(4 * time.Second)
	job := r.get("GET /export/content/data/"+first, "")
	if job["status"] != "completed" || !strings.HasSuffix(job["download_url"].(string), "/download/content/data/"+first) || job["download_expires_at"] == "" {
		t.Errorf("completed: %v", job)
	}
	if a := r.call(download, ""); a.status != 406 {
		t.Errorf("download without the header: %d", a.status)
	}
	r.clock.add(48*time.Hour - time.Second)
	if a := r.call(download, "", "Accept", octets); a.status != 200 {
		t.Errorf("download within two days: %d", a.status)
	}
	r.clock.add(2 * time.Second)
	if a := r.call(download, "", "Accept", octets); a.status != 404 {
		t.Errorf("download after two days: %d", a.status)
	}
	empty := r.contentJob(1, 2)
	if a := r.get("POST /export/cancel/"+empty, ""); a["status"] != "canceled" {
		t.Errorf("canceled: %v", a)
	}
	empty = r.contentJob(1, 2) // the canceled one holds nobody up
	r.clock.add(time.Minute)
	if s := r.state(empty); s != "no_data" {
		t.Errorf("state %q of a job without rows", s)
	}
	if a := r.get("POST /export/cancel/"+empty, ""); a["status"] != "no_data" {
		t.Errorf("canceling what has ended: %v", a)
	}
	for _, call := range []string{"GET /export/content/data/none", "POST /export/cancel/none", "GET /export/reporting_data/" + empty} {
		if status, code := r.call(call, "").code(t); status != 404 || code != "not_found" {
			t.Errorf("%s: %d %s", call, status, code)
		}
	}
	for _, body := range []string{`{}`, `{"created_at_after":1}`, `nothing`, `{"created_at_after":2,"created_at_before":1}`, `{"created_at_after":"x","created_at_before":1}`} {
		if a := r.call("POST /export/content/data", body); a.status != 400 {
			t.Errorf("%s: %d", body, a.status)
		}
	}
}

func TestExportFaults(t *testing.T) {
	r := start(t, emulator.Options{Seed: 3, FailExports: 1, DeniedScopes: []string{"export_reporting_data"}})
	failing := r.contentJob(0, r.clock.now().Unix())
	r.clock.add(time.Minute)
	if s := r.state(failing); s != "failed" {
		t.Errorf("state %q", s)
	}
	if a := r.call("GET /download/content/data/"+failing, "", "Accept", octets); a.status != 404 {
		t.Errorf("download of a failed job: %d", a.status)
	}
	r.contentJob(0, r.clock.now().Unix())
	if a := r.call("GET /export/reporting_data/get_datasets", ""); a.status != 403 || !strings.Contains(string(a.body), "export_reporting_data") {
		t.Errorf("without the scope: %d %s", a.status, a.body)
	}
}

// A job that was refused on its way was not made.
func TestRefusedExportIsNone(t *testing.T) {
	r := start(t, emulator.Options{Faults: []emulator.Fault{{Method: "POST", Path: "/export", Kind: "429", Times: 1}}})
	if a := r.call("POST /export/content/data", `{"created_at_after":1,"created_at_before":2}`); a.status != 429 {
		t.Fatal(a.status)
	}
	r.contentJob(1, 2)
}

// rowsOf turns a CSV file into rows as Truth has them.
func rowsOf(file [][]string) []map[string]any {
	var out []map[string]any
	for _, cells := range file[1:] {
		row := map[string]any{}
		for i, name := range file[0] {
			if row[name] = cells[i]; cells[i] == "" {
				row[name] = nil
			}
		}
		out = append(out, row)
	}
	return out
}

// matches compares a file with the truth of a stream, whatever the order of rows.
func matches(t *testing.T, r *rig, stream string, rows []map[string]any) {
	t.Helper()
	truth, err := r.Truth(stream, r.version)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, row := range truth {
		var v map[string]any
		if err := json.Unmarshal(row, &v); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(v))
	}
	for _, row := range rows {
		if at, ok := row["first_dismisall"]; ok {
			row["first_dismissal"] = at
			delete(row, "first_dismisall")
		}
		got = append(got, fmt.Sprint(row))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(slices.Compact(want), slices.Compact(got)) || len(want) == 0 {
		t.Errorf("%s: %d rows, %d expected; or they differ:\n%.300v\n%.300v", stream, len(got), len(want), got, want)
	}
}

func TestContentExportFiles(t *testing.T) {
	for form, version := range map[string]string{"csv": "2.16", "zip": "2.17", "tar": "2.12"} {
		t.Run(form, func(t *testing.T) {
			o := emulator.Options{Seed: 8}
			if form == "tar" {
				o.ExportForm = form
			}
			r := start(t, o).with(version)
			var receipt string
			r.Edit(func(w *emulator.World) {
				receipt = w.SendContent()
				w.Engage(receipt, "open")
				w.Engage(receipt, "click")
			})
			id := r.contentJob(0, r.clock.now().Unix())
			r.clock.add(time.Minute)
			files := r.file("/download/content/data/" + id)
			if form == "csv" {
				matches(t, r, "content_export_receipts", rowsOf(files[""]))
				if len(files) != 1 {
					t.Errorf("%d files", len(files))
				}
				return
			}
			matches(t, r, "content_export_receipts", rowsOf(files["receipt"]))
			for kind, stream := range map[string]string{"open": "opens", "click": "clicks", "reply": "replies", "answer": "answers", "goal_success": "goal_successes",
				"completion": "completions", "dismissal": "dismissals", "unsubscribe": "unsubscribes", "hard_bounce": "hard_bounces", "soft_bounce": "soft_bounces",
				"reaction": "reactions", "series_completion": "series_completions", "series_disengagement": "series_disengagements", "series_exit": "series_exits",
				"tour_step_view": "tour_step_views", "tour_step_failure": "tour_step_failures"} {
				if files[kind] == nil {
					t.Errorf("no file %s", kind)
					continue
				}
				matches(t, r, "content_export_"+stream, rowsOf(files[kind]))
			}
		})
	}
}

// What was sent in a job's range is in its file, with what happened to it within the range.
func TestContentExportRange(t *testing.T) {
	r := start(t, emulator.Options{Seed: 8, IndexLag: 10 * time.Minute})
	var receipt string
	sent := r.clock.now().Unix()
	r.Edit(func(w *emulator.World) { receipt = w.SendContent() })
	r.clock.add(time.Hour)
	opened := r.clock.now().Unix()
	r.Edit(func(w *emulator.World) { w.Engage(receipt, "open") })
	r.clock.add(5 * time.Minute)
	first := func(after, before int64) (any, bool) {
		t.Helper()
		id := r.contentJob(after, before)
		r.clock.add(6 * time.Second)
		if r.state(id) == "no_data" {
			return nil, false
		}
		for _, row := range rowsOf(r.file("/download/content/data/" + id)[""]) {
			if row["receipt_id"] == receipt {
				return row["first_open"], true
			}
		}
		return nil, false
	}
	if at, ok := first(sent, sent); !ok || at != nil {
		t.Errorf("a range of its second alone: %v, open at %v", ok, at)
	}
	for _, other := range [][2]int64{{sent + 1, opened}, {0, sent - 1}} {
		if _, ok := first(other[0], other[1]); ok {
			t.Errorf("it is in the range %v", other)
		}
	}
	if at, ok := first(sent, opened); !ok || at != nil {
		t.Errorf("before the export shows what has just happened: %v, open at %v", ok, at)
	}
	r.clock.add(10 * time.Minute)
	if at, ok := first(sent, opened); !ok || at != fmt.Sprint(opened) {
		t.Errorf("open at %v, want %d", at, opened)
	}
	if at, ok := first(sent, opened-1); !ok || at != nil {
		t.Errorf("an open after the range is counted: %v", at)
	}
}

func (r *rig) report(dataset, attributes string, from, to int64) (id string) {
	r.t.Helper()
	job := r.get("POST /export/reporting_data/enqueue", fmt.Sprintf(`{"dataset_id":%q,"attribute_ids":%s,"start_time":%d,"end_time":%d}`, dataset, attributes, from, to))
	id, _ = job["job_identifier"].(string)
	return id
}

func TestReports(t *testing.T) {
	for _, version := range []string{"2.14", "2.16", "Preview"} {
		t.Run(version, func(t *testing.T) {
			r := start(t, emulator.Options{Seed: 8, Start: time.Date(2025, 3, 4, 0, 0, 0, 0, time.UTC)}).with(version)
			datasets := rows(r.get("GET /export/reporting_data/get_datasets", ""), "data")
			if len(datasets) != 3 {
				t.Fatalf("%d datasets", len(datasets))
			}
			from, to := r.clock.now().AddDate(-1, -6, 0).Unix(), r.clock.now().Unix()
			for _, d := range datasets {
				var asked, names []string
				for _, a := range rows(d, "attributes") {
					id, qualified := a["qualified_id"].(string)
					if !qualified {
						id, _ = a["id"].(string)
					}
					asked, names = append(asked, id), append(names, a["id"].(string))
				}
				list, _ := json.Marshal(asked)
				id := r.report(d["id"].(string), string(list), from, to)
				if job := r.get("GET /export/reporting_data/"+id+"?app_id=x&job_identifier="+id, ""); job["status"] != "pending" {
					t.Errorf("a new job: %v", job)
				}
				r.clock.add(time.Minute)
				job := r.get("GET /export/reporting_data/"+id, "")
				if job["status"] != "complete" || job["download_url"] == "" {
					t.Errorf("a complete job: %v", job)
				}
				file := r.file("/download/reporting_data/" + id)[""]
				if !slices.Equal(file[0], names) {
					t.Errorf("header %q, want %q", file[0], names)
				}
				if truth, _ := r.Truth("reporting_"+d["id"].(string), version); len(truth) != len(file)-1 || len(truth) == 0 {
					t.Errorf("%v: %d rows, want %d", d["id"], len(file)-1, len(truth))
				}
				if version == "Preview" {
					copy(file[0], asked) // as Truth names them
					matches(t, r, "reporting_"+d["id"].(string), rowsOf(file))
				}
			}
		})
	}
}

func TestReportRefusals(t *testing.T) {
	r := start(t, emulator.Options{Seed: 8})
	now := r.clock.now().Unix()
	enqueue := func(body string) reply { return r.call("POST /export/reporting_data/enqueue", body) }
	for body, message := range map[string]string{
		`{}`:                            "'dataset_id' is a required parameter",
		`{"dataset_id":"imaginary"}`:    "imaginary is not a valid dataset_id",
		`{"dataset_id":"conversation"}`: "'attribute_ids' is a required parameter",
		`{"dataset_id":"conversation","attribute_ids":[]}`:                                                                                   "attribute_ids must contain at least one attribute_id",
		`{"dataset_id":"conversation","attribute_ids":"x"}`:                                                                                  "'attribute_ids' not an array must be of type Array",
		`{"dataset_id":"conversation","attribute_ids":["standard.channel","non_existent"]}`:                                                  "attribute_ids invalid for conversation dataset: non_existent",
		`{"dataset_id":"conversation","attribute_ids":["channel"]}`:                                                                          "attribute_ids invalid for conversation dataset: channel",
		`{"dataset_id":"conversation","attribute_ids":["standard.channel"],"end_time":1}`:                                                    "'start_time' is a required parameter",
		`{"dataset_id":"conversation","attribute_ids":["standard.channel"],"start_time":1}`:                                                  "'end_time' is a required parameter",
		fmt.Sprintf(`{"dataset_id":"conversation","attribute_ids":["standard.channel"],"start_time":%d,"end_time":%d}`, now-800*86_400, now): "retention",
	} {
		a := enqueue(body)
		if status, code := a.code(t); status != 400 || code != "bad_request" || !strings.Contains(string(a.body), message) {
			t.Errorf("%s: %d %s", body, status, a.body)
		}
	}
	for range 5 {
		r.report("conversation", `["standard.conversation_id"]`, now-1, now)
	}
	body := fmt.Sprintf(`{"dataset_id":"tickets","attribute_ids":["ticket.ticket_id"],"start_time":%d,"end_time":%d}`, now-1, now)
	if a := enqueue(body); a.status != 429 || !strings.Contains(string(a.body), "Exceeded rate limit of 5 pending reporting dataset export jobs") {
		t.Errorf("a sixth job: %d %s", a.status, a.body)
	}
	r.contentJob(1, 2) // has a limit of its own
	r.clock.add(time.Minute)
	if a := enqueue(body); a.status != 200 {
		t.Errorf("after they ended: %d", a.status)
	}
	if a := r.call("GET /download/reporting_data/none", "", "Accept", octets); a.status != 404 || !strings.Contains(string(a.body), "Export job not found for identifier: none") {
		t.Errorf("an unknown job: %d %s", a.status, a.body)
	}
	if a := r.with("2.13").call("GET /export/reporting_data/get_datasets", ""); a.status != 404 {
		t.Errorf("in 2.13: %d", a.status)
	}
}
