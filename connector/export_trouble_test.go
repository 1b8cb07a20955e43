package connector

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"
)

// TestInterruptedExport: finished windows are not read again, and the job is canceled so that the next run need not wait.
func TestInterruptedExport(t *testing.T) {
	streams := withExports(t)[:4]
	bubble(t, "2.17", emulator.Options{Seed: 4, ExportTime: time.Hour}, func(t *testing.T, w *world) {
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Hour+10*time.Minute)
		defer stop()
		out := w.read(t, reading{streams: streams, mode: protocol.Incremental, ctx: ctx, failing: true})
		out.isIncomplete(t, streams[0])
		if out.requests["POST /export/cancel/{id}"] != 1 {
			t.Errorf("requests %v", out.requests)
		}
		done := out.requests["POST /export/content/data"] - 1
		if done < 9 {
			t.Fatalf("%d windows were finished", done)
		}
		rest := w.read(t, reading{streams: streams, mode: protocol.Incremental, state: out.State})
		if n := rest.requests["POST /export/content/data"]; n != 17-done {
			t.Errorf("%d jobs after %d", n, done)
		}
		w.exported(t, streams...)
	})
}

// A job that a killed run has left behind, or that somebody else has made, is waited for, but not for ever.
func TestForeignJobs(t *testing.T) {
	streams := withExports(t)[:1]
	for name, test := range map[string]struct {
		takes time.Duration
		fails bool
	}{"ends in time": {20 * time.Minute, false}, "does not": {3 * time.Hour, true}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, "2.17", emulator.Options{Seed: 4, ExportTime: test.takes}, func(t *testing.T, w *world) {
				c := w.client(t)
				a, err := c.Do(t.Context(), intercom.Request{Method: http.MethodPost, Path: "/export/content/data", Body: []byte(`{"created_at_after":1,"created_at_before":2}`)})
				if err != nil {
					t.Fatal(err)
				}
				a.Release()
				began := time.Now()
				out := w.read(t, reading{streams: []string{streams[0], "tags"}, mode: protocol.Incremental, modes: map[string]protocol.SyncMode{"tags": protocol.FullRefresh},
					failing: test.fails, config: func(c *Config) { c.StartDate = born.AddDate(0, 0, -20) }})
				if len(out.records["tags"]) == 0 {
					t.Error("the other streams waited, too")
				}
				if !test.fails {
					out.isComplete(t, streams[0])
					return
				}
				out.isIncomplete(t, streams[0])
				if took := time.Since(began); took > jobsPatience+time.Minute {
					t.Errorf("it took %s", took)
				}
				e := out.traceErrors()[streams[0]]
				if !strings.Contains(e.Get("message").Str, "earlier run that was killed") || e.Get("failure_type").Str != "transient_error" {
					t.Errorf("error %s", e.Raw)
				}
			})
		})
	}
}

// spoiling answers some requests in the emulator's place.
func spoiling(o emulator.Options, spoil func(w http.ResponseWriter, r *http.Request, n int) bool) emulator.Options {
	var mu sync.Mutex
	n := map[string]int{}
	o.Intercept = func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		kind := r.Method + " " + r.URL.Path[:strings.LastIndex(r.URL.Path, "/")]
		n[kind]++
		return spoil(w, r, n[kind])
	}
	return o
}

func recentOnly(c *Config) { c.StartDate = born.AddDate(0, 0, -20) }

func TestFailingJobs(t *testing.T) {
	streams := withExports(t)[:1]
	for name, test := range map[string]struct {
		options emulator.Options
		fails   bool
		jobs    int
	}{
		"two fail": {emulator.Options{FailExports: 2}, false, 3},
		"all fail": {emulator.Options{FailExports: 100}, true, 3},
		"unknown at once": {spoiling(emulator.Options{}, func(w http.ResponseWriter, r *http.Request, n int) bool {
			return r.Method == "GET" && strings.HasPrefix(r.URL.Path, "/export/content") && n < 4 && answer(w, 404, notFoundBody)
		}), false, 1},
		"expired before the download": {spoiling(emulator.Options{}, func(w http.ResponseWriter, r *http.Request, n int) bool {
			return strings.HasPrefix(r.URL.Path, "/download") && n < 2 && answer(w, 404, notFoundBody)
		}), false, 2},
		"canceled by somebody": {spoiling(emulator.Options{}, func(w http.ResponseWriter, r *http.Request, n int) bool {
			return r.Method == "GET" && strings.HasPrefix(r.URL.Path, "/export/content") && n == 1 && answer(w, 200, `{"job_identifier":"x","status":"canceled"}`)
		}), false, 2},
		"answer of the creation lost": {spoiling(emulator.Options{ExportTime: 5 * time.Minute}, func(w http.ResponseWriter, r *http.Request, n int) bool {
			if r.Method != "POST" || n > 1 {
				return false
			}
			w.Header().Set("Content-Length", "100")
			return answer(w, 200, `{"job_id`)
		}), false, 2},
		"never ends": {emulator.Options{ExportTime: 100 * time.Hour}, true, 1},
		"a word that nobody knows": {spoiling(emulator.Options{}, func(w http.ResponseWriter, r *http.Request, n int) bool {
			return r.Method == "GET" && strings.HasPrefix(r.URL.Path, "/export/content") && n < 3 && answer(w, 200, `{"job_identifier":"x","status":"queued"}`)
		}), false, 1},
		"no state": {spoiling(emulator.Options{}, func(w http.ResponseWriter, r *http.Request, _ int) bool {
			return r.Method == "GET" && strings.HasPrefix(r.URL.Path, "/export/content") && answer(w, 200, `{"job_identifier":"x"}`)
		}), true, 1},
		"broken downloads": {emulator.Options{Faults: []emulator.Fault{{Path: "/download", Kind: "cut", Times: 1}, {Path: "/download", Kind: "truncated", Times: 1},
			{Path: "/download", Kind: "length", Times: 1}, {Path: "/download", Kind: "503", Times: 1}, {Path: "/download", Kind: "reset", Times: 1}}}, false, 1},
		"a broken zip": {emulator.Options{ExportForm: "zip", Faults: []emulator.Fault{{Path: "/download", Kind: "truncated", Times: 2}}}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			test.options.Seed = 4
			bubble(t, "2.16", test.options, func(t *testing.T, w *world) {
				out := w.read(t, reading{streams: streams, mode: protocol.Incremental, failing: test.fails, config: recentOnly})
				if n := out.requests["POST /export/content/data"]; n != test.jobs {
					t.Errorf("%d jobs, want %d", n, test.jobs)
				}
				if test.fails {
					out.isIncomplete(t, streams[0])
					return
				}
				out.isComplete(t, streams[0])
				if len(out.records[streams[0]]) == 0 {
					t.Error("no records")
				}
			})
		})
	}
}

// What a file lacks is named, and never passes for a file without rows.
func TestFilesThatCannotBeRead(t *testing.T) {
	all := withExports(t)
	receipts, opens, clicks := all[0], all[1], all[2]
	for name, test := range map[string]struct {
		file  []byte
		wrong map[string]string // stream: what its error says
	}{
		"no receipt_id":    {[]byte("id,received_at,first_open,first_click\n1,2,3,\n"), map[string]string{receipts: "receipt_id", opens: "receipt_id", clicks: "receipt_id"}},
		"no time":          {[]byte("receipt_id,name,first_open,first_click\n1,x,,\n"), map[string]string{receipts: "received_at"}},
		"no CSV":           {[]byte(`{"error":"none"}`), map[string]string{receipts: "row 1 of the CSV", opens: "row 1 of the CSV", clicks: "row 1 of the CSV"}},
		"a web page":       {[]byte("<!DOCTYPE html><p>Hello"), map[string]string{receipts: "receipt_id", opens: "receipt_id", clicks: "receipt_id"}},
		"ragged":           {[]byte("receipt_id,received_at,first_open,first_click\n1,2\n"), map[string]string{receipts: "row 2", opens: "row 2", clicks: "row 2"}},
		"an open quote":    {[]byte("receipt_id,received_at,first_open,first_click\n1,2,\"\n"), map[string]string{receipts: "row 2", opens: "row 2", clicks: "row 2"}},
		"an empty id":      {[]byte("receipt_id,received_at,first_open,first_click\n,1773000000,,\n"), map[string]string{receipts: "receipt_id"}},
		"an empty archive": {zipOf(t, nil), map[string]string{receipts: "a CSV file", opens: "a CSV file", clicks: "a CSV file"}},
		"strangers":        {zipOf(t, map[string]string{"other_1.csv": "a\n1\n"}), map[string]string{receipts: "other_1.csv", opens: "other_1.csv", clicks: "other_1.csv"}},
		"one bad file of an archive": {zipOf(t, map[string]string{"receipt_20260301-000000.csv": "receipt_id,received_at\n1,1773000000\n", "open_20260301-000000.csv": "receipt_id,opened\n1,2\n",
			"click_20260301-000000.csv": "receipt_id,clicked_at\n\"1\" 2,3\n"}), map[string]string{opens: "opened_at", clicks: "row 2 of click_"}},
		"an empty file of an archive": {zipOf(t, map[string]string{"receipt_1.csv": "receipt_id,received_at\n1,1773000000\n", "open_1.csv": ""}), map[string]string{opens: "receipt_id"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := spoiling(emulator.Options{Seed: 4}, func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if !strings.HasPrefix(r.URL.Path, "/download") {
					return false
				}
				w.Header().Set("Content-Type", "application/octet-stream")
				_, _ = w.Write(test.file)
				return true
			})
			bubble(t, "2.16", o, func(t *testing.T, w *world) {
				out := w.read(t, reading{streams: all[:3], mode: protocol.Incremental, failing: true, config: recentOnly})
				for _, p := range out.Streams {
					want := test.wrong[p.Name]
					switch {
					case want == "" && p.Err != nil:
						t.Errorf("%s: error %v", p.Name, p.Err)
					case want != "" && (p.Err == nil || !strings.Contains(p.Err.Error(), want)):
						t.Errorf("%s: error %v, want one about %s", p.Name, p.Err, want)
					}
				}
				if name == "an empty id" {
					return
				}
				errorAs[*intercom.ShapeError](t, out)
			})
		})
	}
}

// Whenever runs end, and whatever happens between them, all of it is in the output in the end.
func TestExportsThroughInterruptions(t *testing.T) {
	streams := withExports(t)
	for seed := range 6 {
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		o := emulator.Options{Seed: int64(seed), ExportTime: 10 * time.Minute, IndexLag: 5 * time.Minute, FailExports: seed % 2,
			Faults: []emulator.Fault{{Path: "/export", Kind: "503", Probability: 0.05}, {Path: "/download", Kind: "cut", Probability: 0.2}}}
		bubble(t, "2.17", o, func(t *testing.T, w *world) {
			var state protocol.States
			for range 6 {
				ctx, stop := context.WithTimeout(t.Context(), time.Duration(rng.Int64N(int64(3*time.Hour))))
				out := w.read(t, reading{streams: streams, mode: protocol.Incremental, state: state, ctx: ctx, either: true})
				stop()
				state = out.State
				w.Edit(func(world *emulator.World) {
					for range rng.IntN(4) {
						receipt := world.SendContent()
						world.Engage(receipt, []string{"open", "reply", "series_exit"}[rng.IntN(3)])
					}
				})
				time.Sleep(time.Duration(rng.Int64N(int64(12 * time.Hour))))
			}
			time.Sleep(time.Hour)
			w.read(t, reading{streams: streams, mode: protocol.Incremental, state: state})
			w.exported(t, streams...)
		})
	}
}
