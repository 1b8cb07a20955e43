package connector

import (
	"net/http"
	"strings"
	"testing"

	"source-intercom/emulator"

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
