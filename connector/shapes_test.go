package connector

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"source-intercom/emulator"
)

// TestDriftIsReportedOnce: fields that no schema knows, at the top and nested, are passed on, and each is named once
// however many records have it.
func TestDriftIsReportedOnce(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Size: littleWorld})
	behind(t, w, func(r *http.Request, _, answer string) string {
		if r.URL.Path == "/teams" || r.URL.Path == "/tickets/search" {
			answer = strings.ReplaceAll(answer, `"id":`, `"brand_new":{"deep":[1]},"id":`)
		}
		return answer
	})
	var log bytes.Buffer
	out := w.read(t, reading{streams: []string{"teams", "tickets"}, log: &log})
	for stream, rows := range out.records {
		for id, row := range rows {
			if !bytes.Contains(row, []byte(`"brand_new":{"deep":[1]}`)) {
				t.Errorf("%s: row %s lost the field: %s", stream, id, clip(string(row)))
			}
		}
		if n := strings.Count(log.String(), `"stream":"`+stream+`","field":"brand_new"`); n != 1 || len(rows) < 1 {
			t.Errorf("%s: the field of %d rows was named %d times:\n%s", stream, len(rows), n, log.String())
		}
	}
	if n := strings.Count(log.String(), `"field":"contacts.contacts.brand_new"`); n != 1 {
		t.Errorf("the field of the tickets' contacts was named %d times:\n%s", n, log.String())
	}
}

// TestGoneInEveryForm: an object that was deleted or merged before its turn came is skipped and counted, whatever the
// answer looks like, and its stream is complete.
func TestGoneInEveryForm(t *testing.T) {
	for name, gone := range map[string]func(w http.ResponseWriter) bool{
		"404 as JSON": func(w http.ResponseWriter) bool { return answer(w, 404, notFoundBody) },
		"404 as a web page": func(w http.ResponseWriter) bool {
			return answer(w, 404, "<html><head><title>404 Not Found</title></head></html>")
		},
		"404 empty": func(w http.ResponseWriter) bool { return answer(w, 404, "") },
		"410 with a link": func(w http.ResponseWriter) bool {
			w.Header().Set("Link", `</contacts/5>; rel="canonical"`)
			return answer(w, 410, `{"type":"error.list","errors":[{"code":"contact_merged","message":"no"}]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := emulator.Options{Size: littleWorld, Intercept: func(w http.ResponseWriter, r *http.Request) bool {
				child := strings.HasSuffix(r.URL.Path, "/segments") && r.URL.Path != "/segments" || strings.HasPrefix(r.URL.Path, "/conversations/") && r.Method == "GET"
				return child && gone(w)
			}}
			bubble(t, "2.16", o, func(t *testing.T, w *world) {
				streams := []string{"companies", "company_segments", "conversations", "conversation_parts"}
				out := w.read(t, reading{streams: streams})
				for i, stream := range streams {
					out.isComplete(t, stream)
					if i%2 == 1 && (out.Streams[i].Skipped != out.Streams[i-1].Records || out.Streams[i].Skipped == 0) {
						t.Errorf("%s: %d skipped of %d", stream, out.Streams[i].Skipped, out.Streams[i-1].Records)
					}
				}
			})
		})
	}
}
