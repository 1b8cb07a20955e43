package connector

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/emulator"
)

const (
	logsPath  = "/admins/activity_logs"
	logsRoute = "GET /admins/activity_logs"
)

// A logbook serves activity logs the way a test wants them: with bounds that belong to a window or
// not, and with changes between its pages.
type logbook struct {
	mu        sync.Mutex
	at        map[string]int64 // id, created_at
	exclusive bool
	between   func(call int) // runs before each answer
	next      func(call int, r *http.Request, page, pages int) string
	pages     int                             // reported instead of the true number; 0: the true one
	latency   func(after int64) time.Duration // of a window
	calls     int
	windows   [][2]int64
}

func newLogbook(seconds ...int64) *logbook {
	b := &logbook{at: map[string]int64{}}
	for i, s := range seconds {
		b.at[fmt.Sprintf("l%04d", i)] = s
	}
	return b
}

func (b *logbook) intercept(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path != logsPath {
		return false
	}
	if b.latency != nil {
		after, _ := strconv.ParseInt(r.URL.Query().Get("created_at_after"), 10, 64)
		time.Sleep(b.latency(after))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.calls++; b.between != nil {
		b.between(b.calls)
	}
	number := func(name string, otherwise int64) int64 {
		n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
		if err != nil {
			return otherwise
		}
		return n
	}
	after, before := number("created_at_after", 0), number("created_at_before", 1<<40)
	page, perPage := int(number("page", 1)), int(number("per_page", 20))
	if page == 1 {
		b.windows = append(b.windows, [2]int64{after, before})
	}
	var rows []string
	for _, id := range b.newestFirst() {
		at := b.at[id]
		if after < at && at < before || !b.exclusive && (at == after || at == before) {
			rows = append(rows, fmt.Sprintf(`{"id":%q,"created_at":%d,"activity_type":"admin_logout"}`, id, at))
		}
	}
	pages := max(1, (len(rows)+perPage-1)/perPage)
	rows = rows[min(len(rows), (page-1)*perPage):min(len(rows), page*perPage)]
	next := "null"
	if page < pages {
		query := r.URL.Query()
		query.Set("page", strconv.Itoa(page+1))
		next = strconv.Quote("http://" + r.Host + logsPath + "?" + query.Encode())
	}
	if b.next != nil {
		if n := b.next(b.calls, r, page, pages); n != "" {
			next = n
		}
	}
	return answer(w, 200, fmt.Sprintf(`{"type":"activity_log.list","pages":{"type":"pages","next":%s,"page":%d,"per_page":%d,"total_pages":%d},"activity_logs":[%s]}`,
		next, page, perPage, cmp.Or(b.pages, pages), strings.Join(rows, ",")))
}

// alone runs f while no call is being answered. Those that were given up may be, long after a run.
func (b *logbook) alone(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *logbook) newestFirst() []string {
	ids := slices.Sorted(maps.Keys(b.at))
	slices.SortStableFunc(ids, func(x, y string) int { return cmp.Compare(b.at[y], b.at[x]) })
	return ids
}

// logs reads a logbook in a bubble.
func logs(t *testing.T, b *logbook, r reading, f func(t *testing.T, w *world, out *run)) {
	t.Helper()
	r.streams = []string{"activity_logs"}
	bubble(t, "2.16", emulator.Options{Intercept: b.intercept}, func(t *testing.T, w *world) { f(t, w, w.read(t, r)) })
}

func small(pageSize int) func(*Config) {
	return func(c *Config) { c.PageSize, c.StartDate = pageSize, born.Add(-24*time.Hour) }
}

// TestNumberedListIsReadAgainWhenItMoves: rows that slip past the page border come with another walk.
func TestNumberedListIsReadAgainWhenItMoves(t *testing.T) {
	seconds := make([]int64, 20)
	for i := range seconds {
		seconds[i] = born.Unix() - 3600 - int64(i)
	}
	t.Run("a row goes", func(t *testing.T) {
		b := newLogbook(seconds...)
		b.between = func(call int) {
			if call == 2 {
				delete(b.at, "l0000") // the first row: what was the first of page 2 is now on page 1
			}
		}
		logs(t, b, reading{config: small(5)}, func(t *testing.T, w *world, out *run) {
			out.onlyOnce(t)
			if n := out.counts["activity_logs"]; n != 20 {
				t.Errorf("%d rows, want all 20", n)
			}
			out.isComplete(t, "activity_logs")
		})
	})
	t.Run("a row goes that is not the first", func(t *testing.T) {
		b := newLogbook(seconds[:16]...)
		b.between = func(call int) {
			if call == 2 {
				delete(b.at, "l0002") // 16 rows on four pages of five become 15 on three
			}
		}
		logs(t, b, reading{config: small(5)}, func(t *testing.T, w *world, out *run) {
			out.onlyOnce(t)
			if n := out.counts["activity_logs"]; n != 16 {
				t.Errorf("%d rows, want all 16", n)
			}
		})
	})
	t.Run("without end", func(t *testing.T) {
		b := newLogbook(seconds...)
		b.between = func(call int) { b.at[fmt.Sprintf("new%04d", call)] = born.Unix() - 3000 + int64(call) }
		logs(t, b, reading{config: small(5), failing: true}, func(t *testing.T, w *world, out *run) {
			errorAs[*MovingError](t, out)
			out.isIncomplete(t, "activity_logs")
			if got, want := out.stateValue("activity_logs").Get("created_at").Int(), born.Add(-24*time.Hour).Unix(); got != want {
				t.Errorf("bookmark %d, want the start %d", got, want)
			}
			if b.calls > (rewalks+1)*30 {
				t.Errorf("%d calls", b.calls)
			}
		})
	})
	t.Run("a list of one page is one moment", func(t *testing.T) {
		b := newLogbook(seconds...)
		logs(t, b, reading{config: small(20)}, func(t *testing.T, w *world, out *run) {
			if b.calls != 1 || out.counts["activity_logs"] != 20 {
				t.Errorf("%d calls for %d rows", b.calls, out.counts["activity_logs"])
			}
		})
	})
}

// TestNumberedGuards: what does not end, or leads elsewhere, is an error and moves no bookmark.
func TestNumberedGuards(t *testing.T) {
	seconds := make([]int64, 12)
	for i := range seconds {
		seconds[i] = born.Unix() - 3600 - int64(i)
	}
	self := func(_ int, r *http.Request, _, _ int) string {
		return strconv.Quote("http://" + r.Host + r.URL.String())
	}
	tests := []struct {
		name  string
		next  func(call int, r *http.Request, page, pages int) string
		pages int
		calls int
		loop  bool
	}{
		{"the next page is this page", self, 0, 1, true},
		{"the next page is the first page", func(_ int, r *http.Request, page, _ int) string {
			if page < 2 {
				return ""
			}
			query := r.URL.Query()
			query.Del("page")
			return strconv.Quote("http://" + r.Host + logsPath + "?" + query.Encode())
		}, 0, 3, true},
		{"a page number passes total_pages", func(_ int, r *http.Request, page, _ int) string {
			query := r.URL.Query()
			query.Set("page", strconv.Itoa(page+1))
			return strconv.Quote("http://" + r.Host + logsPath + "?" + query.Encode())
		}, 0, 4, true},
		{"total_pages is too small", nil, 1, 2, true},
		{"another host", func(int, *http.Request, int, int) string {
			return `"https://intercom.example.net/admins/activity_logs?page=2"`
		}, 0, 1, false},
		{"another host with our path behind", func(int, *http.Request, int, int) string { return `"//intercom.example.net/x"` }, 0, 1, false},
		{"a password in it", func(_ int, r *http.Request, _, _ int) string { return `"http://a:b@` + r.Host + logsPath + `?page=2"` }, 0, 1, false},
		{"no URL", func(int, *http.Request, int, int) string { return `"::"` }, 0, 1, false},
		{"a number", func(int, *http.Request, int, int) string { return `7` }, 0, 1, false},
		{"an empty object", func(int, *http.Request, int, int) string { return `{}` }, 0, 1, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newLogbook(seconds...)
			b.next, b.pages = test.next, test.pages
			logs(t, b, reading{config: small(4), failing: true}, func(t *testing.T, w *world, out *run) {
				if test.loop {
					errorAs[*LoopError](t, out)
				}
				b.alone(func() {
					if b.calls > test.calls {
						t.Errorf("%d calls, want no more than %d", b.calls, test.calls)
					}
				})
				out.isIncomplete(t, "activity_logs")
			})
		})
	}
}

// TestActivityLogWindows: windows tile time, and rows on their very bounds come once, whether the
// API's bounds belong to its windows or not.
func TestActivityLogWindows(t *testing.T) {
	const step = 100
	for _, exclusive := range []bool{false, true} {
		t.Run(fmt.Sprintf("exclusive bounds %v", exclusive), func(t *testing.T) {
			start := born.Unix() - 1000
			var seconds []int64
			for at := start - 3; at <= born.Unix()+3; at++ {
				if near := (at - start + step) % step; near <= 2 || near >= step-2 {
					seconds = append(seconds, at)
				}
			}
			b := newLogbook(seconds...)
			b.exclusive = exclusive
			config := func(c *Config) { c.StartDate, c.ActivityLogStep = time.Unix(start, 0), step*time.Second }
			logs(t, b, reading{config: config}, func(t *testing.T, w *world, out *run) {
				out.onlyOnce(t)
				for id, at := range b.at {
					_, got := out.records["activity_logs"][id]
					switch want := start <= at && at <= born.Unix(); {
					case want && !got:
						t.Errorf("row of second %d is missing", at-start)
					case got && at < start:
						t.Errorf("row of second %d is before the start", at-start)
					}
				}
				slices.SortFunc(b.windows, func(x, y [2]int64) int { return cmp.Compare(x[0], y[0]) })
				for i := 1; i < len(b.windows); i++ {
					if b.windows[i][0] >= b.windows[i-1][1] {
						t.Errorf("windows %v and %v leave a hole", b.windows[i-1], b.windows[i])
					}
				}
			})
		})
	}
}

// TestActivityLogsGoOn: what is written later, the last second of the run included, comes with the
// next run, and nothing comes twice.
func TestActivityLogsGoOn(t *testing.T) {
	for _, lag := range []time.Duration{0, 15 * time.Minute} {
		t.Run(lag.String(), func(t *testing.T) {
			b := newLogbook(born.Unix()-5, born.Unix()-1, born.Unix())
			bubble(t, "2.16", emulator.Options{Intercept: b.intercept}, func(t *testing.T, w *world) {
				r := reading{streams: []string{"activity_logs"}, config: func(c *Config) { c.IndexLag = lag }}
				first := w.read(t, r)
				b.at["late"] = born.Unix() // came in the very second that the run read
				r.state = first.State
				time.Sleep(time.Minute)
				b.at["later"] = born.Unix() + 30
				second := w.read(t, r)
				if got := ids(second.records["activity_logs"]); !slices.Equal(got, []string{"late", "later"}) {
					t.Errorf("second run emitted %q", got)
				}
			})
		})
	}
}

// TestActivityLogsResume: finished windows are not read again after an interruption.
func TestActivityLogsResume(t *testing.T) {
	var seconds []int64
	for day := range int64(20) {
		seconds = append(seconds, born.Unix()-86_400*day-7)
	}
	b := newLogbook(seconds...)
	b.latency = func(int64) time.Duration { return time.Second }
	bad := born.Unix() - 86_400*5
	b.next = func(_ int, r *http.Request, _, _ int) string {
		if from, _ := strconv.ParseInt(r.URL.Query().Get("created_at_after"), 10, 64); from > bad {
			return `7` // these windows cannot be read
		}
		return ""
	}
	bubble(t, "2.16", emulator.Options{Intercept: b.intercept}, func(t *testing.T, w *world) {
		r := reading{streams: []string{"activity_logs"}, failing: true, config: func(c *Config) {
			c.StartDate, c.ActivityLogStep = born.AddDate(0, 0, -20), 24*time.Hour
		}}
		first := w.read(t, r)
		first.isIncomplete(t, "activity_logs")
		mark := first.stateValue("activity_logs").Get("created_at").Int()
		if mark < bad-2*86_400 || mark > bad+86_400 {
			t.Errorf("bookmark %d, want one near %d", mark, bad)
		}
		time.Sleep(time.Minute) // until calls that were given up have been answered
		b.alone(func() { b.next, b.windows = nil, nil })
		r.failing, r.state = false, first.State
		second := w.read(t, r)
		for _, window := range b.windows {
			if window[0] < mark-1 {
				t.Errorf("window %v was read again, although all before %d was finished", window, mark)
			}
		}
		got := maps.Clone(first.records["activity_logs"])
		maps.Copy(got, second.records["activity_logs"])
		if len(got) != len(seconds) {
			t.Errorf("%d rows in both runs, want %d", len(got), len(seconds))
		}
	})
}

// TestActivityLogsResumeBelowTheIndexLag: a window that ends now is finished only up to the index lag,
// should the run not come to its end.
func TestActivityLogsResumeBelowTheIndexLag(t *testing.T) {
	b := newLogbook(born.Unix() - 90_000)
	older := func(after int64) bool { return after < born.Unix()-86_400 }
	b.latency = func(after int64) time.Duration {
		if older(after) {
			return time.Minute // fails when the newest window has long been read
		}
		return 0
	}
	b.next = func(_ int, r *http.Request, _, _ int) string {
		if after, _ := strconv.ParseInt(r.URL.Query().Get("created_at_after"), 10, 64); older(after) {
			return `7`
		}
		return ""
	}
	config := func(c *Config) {
		c.StartDate, c.ActivityLogStep, c.RequestTimeout = born.Add(-36*time.Hour), 18*time.Hour, 5*time.Minute
	}
	bubble(t, "2.16", emulator.Options{Intercept: b.intercept}, func(t *testing.T, w *world) {
		r := reading{streams: []string{"activity_logs"}, failing: true, config: config}
		r.state = w.read(t, r).State
		time.Sleep(2 * time.Minute) // until calls that were given up have been answered
		b.alone(func() {
			b.latency, b.next = nil, nil
			b.at["late"] = born.Unix() - 300 // written before the first run, shown after it
		})
		r.failing = false
		if out := w.read(t, r); out.records["activity_logs"]["late"] == nil {
			t.Errorf("emitted %v", ids(out.records["activity_logs"]))
		}
	})
}

// TestAListThatMovedIsLeft: pages of a list that has moved are not asked for to its end, which may be far.
func TestAListThatMovedIsLeft(t *testing.T) {
	var calls atomic.Int64
	o := emulator.Options{Intercept: func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != logsPath {
			return false
		}
		calls.Add(1)
		page, err := strconv.Atoi(r.URL.Query().Get("page"))
		if err != nil {
			page = 1
		}
		query := r.URL.Query()
		query.Set("page", strconv.Itoa(page+1))
		return answer(rw, 200, fmt.Sprintf(`{"type":"activity_log.list","activity_logs":[{"id":"1","created_at":%d}],`+
			`"pages":{"type":"pages","page":%d,"per_page":1,"total_pages":1000000000,"next":"http://%s%s?%s"}}`,
			born.Unix()-1000, page, r.Host, logsPath, query.Encode()))
	}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: []string{"activity_logs"}, failing: true, config: small(1)})
		errorAs[*MovingError](t, out)
		if n := calls.Load(); n > (rewalks+1)*3*pagesAtOnce {
			t.Errorf("%d calls", n)
		}
	})
}
