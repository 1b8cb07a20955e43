package connector

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
)

const scrollRoute = "GET /companies/scroll"

// twoFullPages has 200 companies with users; those without do not come in a scroll.
var (
	twoFullPages = emulator.Size{Admins: 1, Segments: 4, Companies: 220}
	partialPages = emulator.Size{Admins: 1, Segments: 4, Companies: 250} // 228 with users
)

// A scriptedScroll answers the calls of the scroll in turn; the last answer is repeated.
type scriptedScroll struct {
	mu      sync.Mutex
	answers []scrollAnswer
	calls   []string // their scroll_param
}

type scrollAnswer struct {
	status int
	from   int // the page's first company
	rows   int // how many; 0 is an empty page
	param  string
	after  time.Duration
	fresh  string // makes the rows' content differ from that of others
}

func (s *scriptedScroll) intercept(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path != "/companies/scroll" {
		return false
	}
	s.mu.Lock()
	a := s.answers[min(len(s.calls), len(s.answers)-1)]
	s.calls = append(s.calls, r.URL.Query().Get("scroll_param"))
	s.mu.Unlock()
	time.Sleep(a.after)
	if a.status == http.StatusNotFound {
		return answer(w, a.status, notFoundBody)
	}
	if a.status != 0 {
		return answer(w, a.status, `{"type":"error.list","errors":[{"code":"server_error","message":"no"}]}`)
	}
	rows := make([]string, a.rows)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"type":"company","id":"c%04d","name":"n%s","updated_at":%d}`, a.from+i, a.fresh, born.Unix()-1000)
	}
	param := a.param
	if param == "" {
		param = "same"
	}
	return answer(w, 200, `{"type":"list","data":[`+strings.Join(rows, ",")+`],"scroll_param":"`+param+`"}`)
}

func page(from, rows int) scrollAnswer { return scrollAnswer{from: from, rows: rows} }
func status(code int) scrollAnswer     { return scrollAnswer{status: code} }

// TestScrollEnds holds what is an end of the scroll and what is not, answer by answer.
func TestScrollEnds(t *testing.T) {
	end := scrollAnswer{}
	late := func(a scrollAnswer, d time.Duration) scrollAnswer { a.after = d; return a }
	tests := []struct {
		name    string
		answers []scrollAnswer
		records int
		calls   []string
		failing bool
	}{
		{"an unchanged scroll_param is normal", []scrollAnswer{page(0, 100), page(100, 100), page(200, 100), end},
			300, []string{"", "same", "same", "same"}, false},
		{"a changed scroll_param is followed",
			[]scrollAnswer{{rows: 100, param: "a"}, {from: 100, rows: 100, param: "b"}, {from: 200, rows: 1, param: "c"}, end},
			201, []string{"", "a", "b", "c"}, false},
		{"an empty page ends it at once", []scrollAnswer{end}, 0, []string{""}, false},
		{"a short page does not end it", []scrollAnswer{page(0, 3), page(3, 100), page(103, 1), end}, 104, []string{"", "same", "same", "same"}, false},
		{"404 on the first call ends it", []scrollAnswer{status(404)}, 0, []string{""}, false},
		{"404 after a page that was not full ends it", []scrollAnswer{page(0, 100), page(100, 99), status(404)},
			199, []string{"", "same", "same"}, false},
		{"404 after a full page ends it when a second walk ends there too", []scrollAnswer{page(0, 100), status(404), page(0, 100), status(404)},
			100, []string{"", "same", "", "same"}, false},
		{"404 late after a short page is an expiry", []scrollAnswer{page(0, 5), late(status(404), 31*time.Second), page(0, 5), page(5, 7), end},
			12, []string{"", "same", "", "same", "same"}, false},
		{"an expiry in the middle begins anew", []scrollAnswer{page(0, 100), status(404), page(0, 100), page(100, 100), page(200, 1), end},
			201, []string{"", "same", "", "same", "same", "same"}, false},
		{"a second walk that expires earlier is no end",
			[]scrollAnswer{page(0, 100), page(100, 100), status(404), page(0, 100), status(404), page(0, 100), page(100, 100), page(200, 50), end},
			250, []string{"", "same", "same", "", "same", "", "same", "same", "same"}, false},
		{"walks that expire before the place where another had come are no end",
			[]scrollAnswer{page(0, 100), page(100, 100), status(500), page(0, 100), status(404), page(0, 100), status(404), page(0, 100), page(100, 100), page(200, 3), end},
			203, nil, false},
		{"an expiry after a walk that broke is no end",
			[]scrollAnswer{page(0, 100), page(100, 100), status(500), page(0, 100), page(100, 100), status(404), page(0, 100), page(100, 100), page(200, 50), end},
			250, []string{"", "same", "same", "", "same", "same", "", "same", "same", "same"}, false},
		{"404 on the first call of a second walk is no end", []scrollAnswer{page(0, 100), status(500), status(404), page(0, 100), page(100, 4), end},
			104, []string{"", "same", "", "", "same", "same"}, false},
		{"new companies behind the place where the last walk ended", []scrollAnswer{
			page(0, 100), status(404), page(1, 100), status(404), page(1, 100), status(404)},
			101, []string{"", "same", "", "same", "", "same"}, false},
		{"a company that goes between two walks keeps no third one from being the end", []scrollAnswer{
			page(0, 15), status(404), page(1, 14), status(404), page(1, 14), status(404)},
			15, []string{"", "same", "", "same", "", "same"}, false},
		{"500 in the middle begins anew", []scrollAnswer{page(0, 100), page(100, 100), status(500), page(0, 100), page(100, 100), page(200, 9), end},
			209, []string{"", "same", "same", "", "same", "same", "same"}, false},
		{"500 for ever is an error", []scrollAnswer{page(0, 100), status(500)}, 100, nil, true},
		{"a page with nothing new is an error", []scrollAnswer{page(0, 100), page(0, 100)}, 100, []string{"", "same"}, true},
		{"a refusal is an error", []scrollAnswer{page(0, 100), status(400)}, 100, []string{"", "same"}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			script := &scriptedScroll{answers: test.answers}
			bubble(t, "2.16", emulator.Options{Intercept: script.intercept}, func(t *testing.T, w *world) {
				out := w.read(t, reading{streams: []string{"companies"}, failing: test.failing,
					config: func(c *Config) { c.RequestTimeout = time.Minute }})
				out.onlyOnce(t)
				if got := out.counts["companies"]; got != test.records {
					t.Errorf("%d records, want %d", got, test.records)
				}
				if test.calls != nil && !slices.Equal(script.calls, test.calls) {
					t.Errorf("calls %q, want %q", script.calls, test.calls)
				}
				if test.failing {
					out.isIncomplete(t, "companies")
				} else {
					out.isComplete(t, "companies")
				}
			})
		})
	}
}

func TestScrollGivesUpAfterManyRestarts(t *testing.T) {
	begun := 0
	intercept := func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/companies/scroll" || r.URL.Query().Get("scroll_param") != "" {
			return r.URL.Path == "/companies/scroll" && answer(w, 500, `{"type":"error.list","errors":[{"code":"server_error","message":"no"}]}`)
		}
		begun++
		return answer(w, 200, `{"type":"list","data":[{"type":"company","id":"c1","updated_at":1}],"scroll_param":"same"}`)
	}
	bubble(t, "2.16", emulator.Options{Intercept: intercept}, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: []string{"companies"}, failing: true})
		if intercom.KindOf(out.err) != intercom.Temporary {
			t.Errorf("error %v, want a temporary one", out.err)
		}
		if begun != scrollRestarts+1 {
			t.Errorf("begun %d times, want %d", begun, scrollRestarts+1)
		}
	})
}

// TestScrollEmitsAChangeThatComesWithTheSecondWalk: seen is by id and content, never by id alone.
func TestScrollEmitsAChangeThatComesWithTheSecondWalk(t *testing.T) {
	changed := page(0, 100)
	changed.fresh = " new"
	script := &scriptedScroll{answers: []scrollAnswer{page(0, 100), status(500), changed, {}}}
	bubble(t, "2.16", emulator.Options{Intercept: script.intercept}, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: []string{"companies"}})
		if got := out.counts["companies"]; got != 200 {
			t.Errorf("%d records, want each of 100 companies in both versions", got)
		}
		if got := string(out.records["companies"]["c0007"]); !strings.Contains(got, `"n new"`) {
			t.Errorf("the last version emitted is %s", got)
		}
	})
}

// TestScroll reads the emulator's scroll, which knows the lease and its expiry.
func TestScroll(t *testing.T) {
	tests := []struct {
		name  string
		o     emulator.Options
		calls int
	}{
		{"ends with an empty page", emulator.Options{Size: partialPages}, 4},
		{"ends with an empty page after a full one", emulator.Options{Size: twoFullPages}, 3},
		{"ends with 404", emulator.Options{Size: partialPages, ScrollEndsWith404: true}, 4},
		{"ends with 404 after a full page", emulator.Options{Size: twoFullPages, ScrollEndsWith404: true}, 6},
		{"breaks once", emulator.Options{Size: partialPages, Faults: []emulator.Fault{{Path: "/companies/scroll", After: 2, Times: 1, Kind: "500"}}}, 7},
		{"loses a page on its way", emulator.Options{Size: partialPages, Faults: []emulator.Fault{{Path: "/companies/scroll", After: 1, Times: 1, Kind: "cut"}}}, 0},
		{"a page is cut short", emulator.Options{Size: partialPages, Faults: []emulator.Fault{{Path: "/companies/scroll", After: 1, Times: 1, Kind: "truncated"}}}, 0},
		{"an empty answer is no empty page", emulator.Options{Size: partialPages, Faults: []emulator.Fault{{Path: "/companies/scroll", After: 1, Times: 1, Kind: "empty"}}}, 0},
		{"is throttled in the middle", emulator.Options{Size: partialPages,
			Faults: []emulator.Fault{{Path: "/companies/scroll", After: 1, Times: 1, Kind: "429"}}}, 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, "2.16", test.o, func(t *testing.T, w *world) {
				streams := []string{"companies", "company_segments"}
				out := w.read(t, reading{streams: streams})
				out.onlyOnce(t)
				w.check(t, false, streams...)
				if got := out.requests[scrollRoute]; test.calls > 0 && got != test.calls {
					t.Errorf("%d calls, want %d", got, test.calls)
				}
			})
		})
	}
}

// TestScrollExists: only one scroll can be open in a workspace.
func TestScrollExists(t *testing.T) {
	t.Run("waits for the other one to end", func(t *testing.T) {
		bubble(t, "2.16", emulator.Options{Size: partialPages}, func(t *testing.T, w *world) {
			w.call(t, "/companies/scroll")
			began := time.Now()
			w.read(t, reading{streams: []string{"companies"}}).onlyOnce(t)
			w.check(t, false, "companies")
			if took := time.Since(began); took < 45*time.Second || took > 90*time.Second {
				t.Errorf("read after %s, want about a minute, which is what an idle scroll lives", took)
			}
		})
	})
	t.Run("says in the end who may hold it", func(t *testing.T) {
		busy := func(w http.ResponseWriter, r *http.Request) bool {
			return r.URL.Path == "/companies/scroll" && answer(w, 400, `{"type":"error.list","errors":[{"code":"scroll_exists","message":"scroll already exists for this workspace"}]}`)
		}
		bubble(t, "2.16", emulator.Options{Size: partialPages, Intercept: busy}, func(t *testing.T, w *world) {
			began := time.Now()
			out := w.read(t, reading{streams: []string{"companies", "tags"}, failing: true})
			if took := time.Since(began); took < time.Minute || took > 2*scrollWait {
				t.Errorf("gave up after %s", took)
			}
			out.isIncomplete(t, "companies")
			out.isComplete(t, "tags")
			failure := out.traceErrors()["companies"]
			if failure.Get("failure_type").Str != "transient_error" || !strings.Contains(failure.Get("message").Str, "another tool") {
				t.Errorf("failure %s, want a transient one that says who may hold the scroll", failure.Raw)
			}
		})
	})
}

// call makes a request as another program of the same workspace would.
func (w *world) call(t *testing.T, path string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
	req.Header.Set("Accept", "application/json")
	req.Close = true
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

// slowly takes its time over every write, as a destination under load does.
type slowly struct {
	w io.Writer
	d time.Duration
}

func (s slowly) Write(b []byte) (int, error) {
	time.Sleep(s.d)
	return s.w.Write(b)
}

// gaps records when a path was asked for.
type gaps struct {
	path string
	mu   sync.Mutex
	at   []time.Time
}

func (g *gaps) intercept(_ http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path == g.path {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.at = append(g.at, time.Now())
	}
	return false
}

func (g *gaps) longest() (d time.Duration) {
	for i := 1; i < len(g.at); i++ {
		d = max(d, g.at[i].Sub(g.at[i-1]))
	}
	return d
}

// TestScrollNeverIdles: nothing slow happens between two calls of the scroll.
func TestScrollNeverIdles(t *testing.T) {
	streams := []string{"companies", "company_segments"}
	slowWriter := func(w io.Writer) io.Writer { return slowly{w, 40 * time.Second} }
	for name, test := range map[string]struct {
		faults  []emulator.Fault
		through func(io.Writer) io.Writer
		config  func(*Config)
		streams []string
	}{
		"slow stdout":   {through: slowWriter},
		"slow children": {faults: []emulator.Fault{{Path: "/companies/*/segments", Kind: "delay", Delay: 25 * time.Second}}},
		"both": {through: slowWriter,
			faults: []emulator.Fault{{Path: "/companies/*/segments", Kind: "delay", Delay: 25 * time.Second}}},
		"slow children and few calls at a time": {config: func(c *Config) { c.MaxInFlight = 4 },
			faults: []emulator.Fault{{Path: "/companies/*/segments", Kind: "delay", Delay: 25 * time.Second}}},
		"few calls a minute": {config: func(c *Config) { c.APIRateLimit = 60 }},
		"failing children":   {faults: []emulator.Fault{{Path: "/companies/*/segments", Kind: "503", Every: 3, Times: 20}}},
	} {
		t.Run(name, func(t *testing.T) {
			g := &gaps{path: "/companies/scroll"}
			o := emulator.Options{Size: partialPages, ScrollPage: 20, RateLimit: 1000, Faults: test.faults, Intercept: g.intercept}
			bubble(t, "2.16", o, func(t *testing.T, w *world) {
				began := time.Now()
				out := w.read(t, reading{streams: streams, through: test.through, config: test.config})
				out.onlyOnce(t)
				w.check(t, false, streams...)
				if d := g.longest(); d > 30*time.Second { // it dies after 60
					t.Errorf("the scroll was left alone for %s of a run of %s", d, time.Since(began))
				}
				if len(g.at) != 13 {
					t.Errorf("%d calls, want 13: one walk", len(g.at))
				}
			})
		})
	}
}

// TestScrollWithoutTemporaryDirectory: the buffer stays in memory, bounded, and that is said.
func TestScrollWithoutTemporaryDirectory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/none")
	// Pages of 100 companies of some 10 KB make the buffer overflow while stdout is slow.
	var log bytes.Buffer
	script := &scriptedScroll{}
	for i := range 12 {
		p := page(100*i, 100)
		p.fresh = strings.Repeat("x", 10<<10)
		script.answers = append(script.answers, p)
	}
	script.answers = append(script.answers, scrollAnswer{})
	bubble(t, "2.16", emulator.Options{Intercept: script.intercept}, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: []string{"companies"}, log: &log,
			through: func(w io.Writer) io.Writer { return slowly{w, time.Second} }})
		out.onlyOnce(t)
		if got := out.counts["companies"]; got != 1200 {
			t.Errorf("%d records, want 1200", got)
		}
		if n := strings.Count(log.String(), "no temporary file"); n != 1 {
			t.Errorf("it was said %d times that there is no temporary file, want once", n)
		}
	})
}

// TestScrollOverALivingWorld edits, deletes and adds companies while they are scrolled: what the
// scroll did not show comes with the next run.
func TestScrollOverALivingWorld(t *testing.T) {
	streams := []string{"companies", "company_segments"}
	var w *world
	calls := 0
	intercept := func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/companies/scroll" {
			return false
		}
		if calls++; calls == 3 {
			time.Sleep(2 * time.Second)
			w.Edit(func(world *emulator.World) {
				ids := world.IDs("companies")
				world.UpdateCompany(ids[0])                                   // has been passed
				world.UpdateCompany(ids[len(ids)-1])                          // is still to come
				world.DeleteCompany(ids[1])                                   // has been passed
				world.DeleteCompany(ids[len(ids)-2])                          // will be shown, without segments
				world.AddCompanySegment(ids[2], world.IDs("segments")[3])     // has been passed
				world.NewCompany()                                            // will not be shown
				world.SetUpdatedAt("companies", ids[5], born.Unix()-12*60*60) // moves back
			})
		}
		return false
	}
	bubble(t, "2.16", emulator.Options{Size: partialPages, ScrollPage: 50, Intercept: intercept}, func(t *testing.T, bubbled *world) {
		w = bubbled
		first := w.read(t, reading{streams: streams})
		first.onlyOnce(t)
		if got := first.Streams[1].Skipped; got != 1 {
			t.Errorf("%d companies skipped, want the deleted one", got)
		}
		time.Sleep(time.Hour)
		second := w.read(t, reading{streams: streams, state: first.State, config: func(c *Config) { c.Lookback = 24 * time.Hour }})
		w.check(t, true, streams...)
		if n := second.counts["companies"]; n < 5 || n > 7 {
			t.Errorf("%d companies in the second run, want those that changed: %v", n, slices.Collect(maps.Keys(second.records["companies"])))
		}
	})
}
