package connector

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

// TestListWithoutPages: a list that announces more rows than it shows, and does not say where they are, is asked for its
// next pages by number; rows that are nowhere are counted.
func TestListWithoutPages(t *testing.T) {
	for _, test := range []struct {
		pages    [][]string // of tags, by id
		rows     int
		withheld int64
		calls    int
	}{
		{[][]string{{"1", "2"}, {"3", "4"}, {"5"}}, 5, 0, 3},
		{[][]string{{"1", "2"}, {"3"}, {}}, 3, 2, 3},
		{[][]string{{"1", "2"}, {"1", "2"}}, 2, 3, 2},
	} {
		calls := 0
		intercept := func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/tags" {
				return false
			}
			n := max(1, int(gjson.Parse(r.URL.Query().Get("page")).Int()))
			calls++
			var rows []string
			for _, id := range test.pages[n-1] {
				rows = append(rows, `{"type":"tag","id":"`+id+`","name":"n"}`)
			}
			return answer(w, 200, `{"type":"list","data":[`+strings.Join(rows, ",")+`],"total_count":5}`)
		}
		bubble(t, "2.16", emulator.Options{Intercept: intercept}, func(t *testing.T, w *world) {
			out := w.read(t, reading{streams: []string{"tags"}})
			if out.counts["tags"] != test.rows || out.Streams[0].Withheld != test.withheld {
				t.Errorf("%v: %d rows, %d withheld, want %d and %d", test.pages, out.counts["tags"], out.Streams[0].Withheld, test.rows, test.withheld)
			}
		})
		if calls < test.calls || calls > test.calls+1 { // and perhaps the first page once more
			t.Errorf("%v: %d calls, want %d", test.pages, calls, test.calls)
		}
	}
}

// TestListThatTheWorkspaceLacks: a list of a feature that a workspace has not is left out, said and counted; one that every
// workspace has is an error.
func TestListThatTheWorkspaceLacks(t *testing.T) {
	intercept := func(w http.ResponseWriter, r *http.Request) bool {
		return (r.URL.Path == "/brands" || r.URL.Path == "/tags") && answer(w, 404, notFoundBody)
	}
	bubble(t, "2.16", emulator.Options{Intercept: intercept}, func(t *testing.T, w *world) {
		var log bytes.Buffer
		out := w.read(t, reading{streams: []string{"brands", "emails"}, log: &log})
		out.isComplete(t, "brands")
		if out.Streams[0].Withheld != 1 || out.counts["emails"] == 0 || !strings.Contains(log.String(), `"stream":"brands"`) {
			t.Errorf("%d withheld, %v records, log %s", out.Streams[0].Withheld, out.counts, log.String())
		}
		if !out.stateValue("brands").Get("unfinished").Bool() {
			t.Errorf("state %s", out.stateValue("brands").Raw)
		}
		w.read(t, reading{streams: []string{"brands"}, strict: true, failing: true})
		out = w.read(t, reading{streams: []string{"tags"}, failing: true})
		out.isIncomplete(t, "tags")
		result, err := Check(t.Context(), w.config(), &protocol.Selection{Streams: []protocol.Selected{{Stream: "brands"}, {Stream: "emails"}}}, zerolog.Nop())
		if err != nil || len(result.Missing) != 1 || result.Missing[0].Stream != "brands" {
			t.Errorf("check: %+v, error %v", result, err)
		}
	})
}

// TestCallThatItsConversationDoesNotShow: a call whose transcript does not come is counted as skipped.
func TestCallThatItsConversationDoesNotShow(t *testing.T) {
	intercept := func(w http.ResponseWriter, r *http.Request) bool {
		return r.URL.Path == "/calls/search" && answer(w, 200, `{"type":"list","data":[]}`)
	}
	bubble(t, "2.16", emulator.Options{Intercept: intercept}, func(t *testing.T, w *world) {
		calls := w.read(t, reading{streams: []string{"calls"}}).counts["calls"]
		out := w.read(t, reading{streams: []string{"call_transcripts"}})
		if n := out.Streams[0].Skipped; out.total() != 0 || n == 0 || n > int64(calls) {
			t.Errorf("%d skipped of %d calls, %v records", n, calls, out.counts)
		}
	})
}
