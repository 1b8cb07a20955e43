package connector

import (
	"net/http"
	"slices"
	"testing"

	"source-intercom/emulator"
)

// TestListsFollowEveryFormOfNext reads a list whose pages are linked by number, by cursor and by URL.
func TestListsFollowEveryFormOfNext(t *testing.T) {
	for name, next := range map[string]string{
		"number": `{"page":2}`, "cursor": `{"page":2,"starting_after":"abc"}`, "URL": `"https://api.intercom.io/tags?page=2"`,
	} {
		t.Run(name, func(t *testing.T) {
			intercept := func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/tags" {
					return false
				}
				row, link := "1", next
				if q := r.URL.Query(); q.Get("page") == "2" || q.Get("starting_after") == "abc" {
					row, link = "2", "null"
				}
				return answer(w, 200, `{"type":"list","pages":{"next":`+link+`},"data":[{"type":"tag","id":"`+row+`","name":"t"}]}`)
			}
			bubble(t, "2.16", emulator.Options{Intercept: intercept}, func(t *testing.T, w *world) {
				out := w.read(t, reading{streams: []string{"tags"}})
				if got := ids(out.records["tags"]); !slices.Equal(got, []string{"1", "2"}) {
					t.Errorf("rows %q", got)
				}
			})
		})
	}
}

// TestListsRefuseAMissingArray: a missing path must never look like zero records.
func TestListsRefuseAMissingArray(t *testing.T) {
	for stream, path := range map[string]string{
		"tags": "/tags", "segments": "/segments", "companies": "/companies/scroll", "contacts": "/contacts/search",
		"activity_logs": logsPath, "conversation_parts": "/conversations/search",
	} {
		t.Run(stream, func(t *testing.T) {
			intercept := func(w http.ResponseWriter, r *http.Request) bool {
				return r.URL.Path == path && answer(w, 200, `{"type":"list","total_count":1,"pages":null,"scroll_param":"x","rows":[{"id":"1"}]}`)
			}
			bubble(t, "2.16", emulator.Options{Intercept: intercept}, func(t *testing.T, w *world) {
				out := w.read(t, reading{streams: []string{stream}, failing: true})
				if s := out.statuses[stream]; s[len(s)-1] != "INCOMPLETE" {
					t.Errorf("statuses %v", s)
				}
				if e := out.traceErrors()[stream]; e.Get("failure_type").Str != "system_error" {
					t.Errorf("failure %s", e.Raw)
				}
			})
		})
	}
}
