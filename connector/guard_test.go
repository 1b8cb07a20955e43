package connector

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/emulator"

	"github.com/tidwall/gjson"
)

// endless answers a search for ever: next names the cursor that follows the n-th page.
func endless(calls *atomic.Int64, total, rows int, next func(n int64) string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/tickets/search" {
			return false
		}
		body, _ := io.ReadAll(r.Body)
		if gjson.GetBytes(body, "pagination.per_page").Int() == 1 { // it only counts
			return answer(w, 200, fmt.Sprintf(`{"type":"ticket.list","total_count":%d,"pages":{},"tickets":[]}`, total))
		}
		n := calls.Add(1)
		list := make([]string, rows)
		for i := range list {
			list[i] = fmt.Sprintf(`{"type":"ticket","id":"%d","updated_at":%d}`, n*1000+int64(i), born.Unix()-10_000)
		}
		return answer(w, 200, fmt.Sprintf(`{"type":"ticket.list","total_count":%d,"pages":{"next":{"starting_after":%q}},"tickets":[%s]}`,
			total, next(n), strings.Join(list, ",")))
	}
}

// TestLoopGuards: a walk that Intercom would not let end, ends, with an error, and moves no bookmark.
func TestLoopGuards(t *testing.T) {
	distinct := func(n int64) string { return fmt.Sprint(n) }
	tests := []struct {
		name        string
		total, rows int
		next        func(n int64) string
		calls       int64
	}{
		{"one cursor for ever, one window", 5, 5, func(int64) string { return "same" }, 3},
		{"one cursor for ever, closed windows", 2000, 5, func(int64) string { return "same" }, 3*walksAtMost + 1},
		{"three cursors in turn", 5, 5, func(n int64) string { return fmt.Sprint(n % 3) }, 5},
		{"new cursors for ever, one window", 5, 150, distinct, 10_010/150 + 2},
		{"new cursors for ever, closed windows", 2000, 150, distinct, (14_000/150 + 3) * walksAtMost},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var calls atomic.Int64
			bubble(t, "2.16", emulator.Options{Intercept: endless(&calls, test.total, test.rows, test.next)}, func(t *testing.T, w *world) {
				r := reading{streams: []string{"tickets", "tags"}, failing: true, config: func(c *Config) { c.StartDate = born.Add(-24 * time.Hour) }}
				out := w.read(t, r)
				errorAs[*LoopError](t, out)
				out.isIncomplete(t, "tickets")
				out.isComplete(t, "tags")
				if got := out.stateValue("tickets").Get("updated_at").Int(); got > born.Unix()-10_000 {
					t.Errorf("bookmark %d is beyond the rows whose end was not reached", got)
				}
				if n := calls.Load(); n > test.calls {
					t.Errorf("%d calls, want no more than %d", n, test.calls)
				}
			})
		})
	}
}

// TestLoopGuardsLetRetriesPass: a request that is sent again after a failure repeats nothing.
func TestLoopGuardsLetRetriesPass(t *testing.T) {
	o := emulator.Options{Size: snapshotWorld, Faults: []emulator.Fault{{Every: 4, Kind: "503"}, {Every: 7, Kind: "truncated"}}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		streams := []string{"activity_logs", "contacts", "conversations", "tickets"}
		w.read(t, reading{streams: streams, config: smallPages}).onlyOnce(t)
		w.check(t, false, streams...)
	})
}

// TestGuardCountsRows: the bound is twice the largest total and 10,000, so that a list which grows
// while it is read still comes to its end.
func TestGuardCountsRows(t *testing.T) {
	walk := func(pages, rows int, total func(page int) int64) error {
		g := newGuard("tickets")
		for p := range pages {
			if _, err := g.page(fmt.Sprint(p), total(p), rows); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(11_000, 0, func(int) int64 { return 5 }); err == nil {
		t.Error("11,000 empty pages passed")
	}
	if err := walk(1000, 150, func(p int) int64 { return int64(p) * 75 }); err != nil {
		t.Errorf("a list that grows as fast as it is read: %v", err)
	}
	if err := walk(68, 150, func(int) int64 { return 100 }); err != nil {
		t.Errorf("10,200 rows of 100: %v", err)
	}
	if err := walk(69, 150, func(int) int64 { return 100 }); err == nil {
		t.Error("10,350 rows of 100 passed")
	}
	if err := walk(69, 150, func(p int) int64 { return 1000 - int64(p) }); err != nil {
		t.Errorf("the largest total counts, not the last one: %v", err)
	}
}

// TestAnnouncedAndNotShown: a walk that ends before all announced rows were shown is walked again. If more must have
// followed it fails; if the count is just too high, what is not shown is counted.
func TestAnnouncedAndNotShown(t *testing.T) {
	for name, c := range map[string]struct {
		spoil    func(page int, body string) string
		withheld bool
	}{
		"once, in the middle": {func(page int, body string) string {
			if page == 3 {
				return replaced(body, "pages.next", "null")
			}
			return body
		}, false},
		"counts that are too high": {func(_ int, body string) string {
			return replaced(body, "total_count", strconv.FormatInt(gjson.Get(body, "total_count").Int()+2, 10))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "2.16", emulator.Options{Seed: 5, Size: emulator.Size{Admins: 1, Tickets: 33}})
			var page atomic.Int64
			behind(t, w, func(r *http.Request, _, body string) string {
				if r.URL.Path != "/tickets/search" {
					return body
				}
				return c.spoil(int(page.Add(1)), body)
			})
			out := w.read(t, reading{streams: []string{"tickets"}, config: pages(10)})
			w.check(t, false, "tickets")
			if n := out.Streams[0].Withheld; n > 0 != c.withheld {
				t.Errorf("%d rows are said to be withheld, want any: %v", n, c.withheld)
			}
			if c.withheld {
				w.read(t, reading{streams: []string{"tickets"}, config: pages(10), strict: true, failing: true})
			}
		})
	}
}
