package connector

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

// A pageLog is how many rows the requests for pages asked for, in their order.
type pageLog struct {
	mu    sync.Mutex
	sizes []int
}

// see is an Intercept of a world.
func (l *pageLog) see(_ http.ResponseWriter, r *http.Request) bool {
	size := 0
	_, _ = fmt.Sscan(r.URL.Query().Get("per_page"), &size)
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		size = int(gjson.GetBytes(body, "pagination.per_page").Int())
	}
	if size > 1 {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.sizes = append(l.sizes, size)
	}
	return false
}

func (l *pageLog) last() int { return l.sizes[len(l.sizes)-1] }

// TestPageSizeShrinks: pages that are too much for Intercom, or for the memory, become smaller, whatever
// the way in which it fails, and nothing is lost or emitted twice.
func TestPageSizeShrinks(t *testing.T) {
	for _, kind := range few(t, "504", "500", "502", "408", "cut", "truncated", "hang") {
		for rows, bearable := range map[int]int{100: 50, 20: 15, 3: 1} {
			if rows != 20 && (kind != "504" || testing.Short()) {
				continue // sizes have nothing to do with how a page fails
			}
			t.Run(fmt.Sprintf("%s above %d rows", kind, rows), func(t *testing.T) {
				t.Parallel()
				o := emulator.Options{Seed: 3, OffsetCursor: rows == 20, Faults: []emulator.Fault{
					{Kind: kind, Path: "*/search", Rows: rows}, {Kind: kind, Path: "/admins/activity_logs", Rows: rows},
				}, Size: emulator.Size{Admins: 2, Companies: 3, Contacts: 330, Conversations: 400, Tickets: 180, ActivityLogs: 320}}
				bubble(t, "2.16", o, func(t *testing.T, w *world) {
					streams := []string{"contacts", "conversations", "tickets", "activity_logs"}
					out := w.read(t, reading{streams: streams})
					out.onlyOnce(t)
					w.check(t, false, streams...)
					if n := out.requests["POST /conversations/search"]; n > 3*400/bearable/2+150 {
						t.Errorf("%d calls for 400 conversations", n)
					}
				})
			})
		}
	}
}

// TestPageSizeGrowsBack: when what was in the way has gone, pages are as large as before.
func TestPageSizeGrowsBack(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	log := &pageLog{}
	o := emulator.Options{Seed: 3, Size: talks(3000), Intercept: log.see, Faults: []emulator.Fault{{Kind: "500", Path: "/conversations/search", Rows: 5, Times: 40}}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		w.read(t, reading{streams: []string{"conversations"}}).onlyOnce(t)
		w.check(t, false, "conversations")
		if log.last() != 150 {
			t.Errorf("the last page was one of %d rows", log.last())
		}
	})
}

// TestOutageShrinksLittle: while Intercom answers nobody, it is not the pages' fault.
func TestOutageShrinksLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	log := &pageLog{}
	var began time.Time
	o := emulator.Options{Seed: 3, Size: talks(3000), Latency: 200 * time.Millisecond, Intercept: func(w http.ResponseWriter, r *http.Request) bool {
		_ = log.see(w, r)
		since := time.Since(began)
		return since > time.Second && since < 6*time.Second && answer(w, http.StatusServiceUnavailable, `{}`)
	}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		began = time.Now()
		w.read(t, reading{streams: []string{"conversations"}}).onlyOnce(t)
		w.check(t, false, "conversations")
		for _, size := range log.sizes {
			if size != 150 {
				t.Fatalf("pages of %d rows after an outage of 5 s", size)
			}
		}
	})
}

// TestPageTooLarge: an answer beyond the bound of bytes is asked for in smaller pieces at once.
func TestPageTooLarge(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 3, Size: talks(200)})
	client, err := intercom.New(intercom.Config{BaseURL: w.url, Token: emulator.DefaultToken, MaxBody: 20_000})
	if err != nil {
		t.Fatal(err)
	}
	for size, large := range map[int]bool{150: true, 1: false} {
		page, err := client.Search(t.Context(), intercom.Search{Path: "/conversations/search", Rows: "conversations", PerPage: size,
			Query: orEqual("updated_at", ">", 0), SortField: "updated_at", Order: "ascending"})
		if intercom.Heavy(err) != large {
			t.Errorf("pages of %d rows: %v", size, err)
		}
		if err == nil {
			page.Release()
		}
	}
}

// TestPageSizeEnds: whatever is served and whatever is not, sizes stay on their ladder, a size that fails is
// not asked for again before smaller pages came, and one row is the end.
func TestPageSizeEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 250).Draw(t, "most")
		bearable := rapid.IntRange(1, 250).Draw(t, "bearable")
		p := newPageSize(most)
		failures := 0
		for range 5000 {
			size := p.get()
			if size > most || size < 1 {
				t.Fatalf("a size of %d, at most %d", size, most)
			}
			if size <= bearable {
				p.answered(size)
				continue
			}
			failures++
			if !p.shrink(size) {
				t.Fatal("one row is never too much here")
			}
			if p.get() >= size {
				t.Fatalf("%d failed, and is asked for again", size)
			}
		}
		if failures > 5+5000/mostPagesToGrow+10 {
			t.Errorf("%d of 5000 pages failed", failures)
		}
		if newPageSize(1).shrink(1) {
			t.Error("less than one row")
		}
	})
}

// without takes rows out of the comparison that must not have come.
func (w *world) without(t *testing.T, stream string, ids ...string) {
	t.Helper()
	encoder, err := protocol.Airbyte{}.Encoder(streamNamed(stream).Described(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if _, came := w.union[stream][id]; came {
			t.Errorf("%s %s came", stream, id)
		}
		row, ok := w.truthOf(stream, id)
		if !ok {
			t.Fatalf("there is no %s %s", stream, id)
		}
		if w.union[stream] == nil {
			w.union[stream] = map[string]json.RawMessage{}
		}
		line, at := encoder.Append(nil, row.Raw, nil, born)
		w.union[stream][id] = line[at.Start:at.End]
	}
}
