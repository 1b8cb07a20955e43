package emulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"source-intercom/emulator"
)

// outcome names what a client sees of an answer.
func outcome(r *rig, call string) string {
	a, err := r.do(call, `{"query":`+everyone+`}`)
	switch {
	case err != nil:
		return "broken"
	case len(a.body) == 0:
		return fmt.Sprint(a.status, " empty")
	case strings.HasPrefix(a.header.Get("Content-Type"), "text/html"):
		return fmt.Sprint(a.status, " html")
	case !json.Valid(a.body):
		return fmt.Sprint(a.status, " not json")
	}
	return fmt.Sprint(a.status)
}

func TestFaultKinds(t *testing.T) {
	for kind, want := range map[string]string{
		"408": "408", "429": "429", "500": "500", "502": "502 html", "503": "503", "504": "504", "cut": "broken",
		"truncated": "200 not json", "invalid": "200 not json", "empty": "200 empty", "captcha": "405 html", "nginx404": "404 html", "delay": "200",
		"length": "broken", "reset": "broken",
	} {
		r := start(t, emulator.Options{Faults: []emulator.Fault{{Kind: kind, Path: "/tags"}}})
		if got := outcome(r, "GET /tags"); got != want {
			t.Errorf("%s: got %s, want %s", kind, got, want)
		}
		if got := outcome(r, "GET /teams"); got != "200" {
			t.Errorf("%s spoils another path: %s", kind, got)
		}
	}
	r := start(t, emulator.Options{RateLimit: 10, Faults: []emulator.Fault{{Kind: "429", Times: 1}}})
	if h := r.call("GET /tags", "").header; h.Get("X-RateLimit-Reset") != "" {
		t.Errorf("a 429 fault carries rate headers: %v", h)
	}
}

func TestFaultSchedule(t *testing.T) {
	for _, tt := range []struct {
		fault emulator.Fault
		want  string
	}{
		{emulator.Fault{Kind: "500", Every: 3}, "..x..x..x"},
		{emulator.Fault{Kind: "500", Times: 2}, "xx......."},
		{emulator.Fault{Kind: "500", After: 4, Times: 1}, "....x...."},
		{emulator.Fault{Kind: "500", After: 1, Every: 2}, "..x.x.x.x"},
		{emulator.Fault{Kind: "500", Method: "POST"}, "........."},
		{emulator.Fault{Kind: "500", Path: "/t*"}, "xxxxxxxxx"},
	} {
		r := start(t, emulator.Options{Faults: []emulator.Fault{tt.fault}})
		if got := pattern(r, 9); got != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.fault, got, tt.want)
		}
	}
	faults := []emulator.Fault{{Kind: "500", Probability: 0.3}}
	first := pattern(start(t, emulator.Options{Seed: 1, Faults: faults}), 100)
	if n := strings.Count(first, "x"); n < 15 || n > 45 {
		t.Errorf("probability 0.3: %d of 100", n)
	}
	if again := pattern(start(t, emulator.Options{Seed: 1, Faults: faults}), 100); again != first {
		t.Error("the same seed spoils other requests")
	}
}

func pattern(r *rig, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(map[bool]string{true: ".", false: "x"}[r.call("GET /tags", "").status == 200])
	}
	return b.String()
}

func TestParseFaults(t *testing.T) {
	got, err := emulator.ParseFaults("500:conversations:0.05, 429:*:0.01,cut:contacts/search:1x,delay=2s:tickets:1/20,503")
	want := []emulator.Fault{
		{Kind: "500", Path: "conversations", Probability: 0.05}, {Kind: "429", Path: "*", Probability: 0.01},
		{Kind: "cut", Path: "contacts/search", Times: 1}, {Kind: "delay", Delay: 2 * time.Second, Path: "tickets", Every: 20}, {Kind: "503"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	got, err = emulator.ParseFaults("504:conversations/search:rows>50,500:*:id=123:1/2:3x,drip=1m")
	want = []emulator.Fault{{Kind: "504", Path: "conversations/search", Rows: 50}, {Kind: "500", Path: "*", ID: "123", Every: 2, Times: 3}, {Kind: "drip", Delay: time.Minute}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	for _, text := range []string{"500:*:rows>0", "500:*:rows>many", "500:*:rows=5", "500:*:id=", "500:*:3x:often", "drip", "drip:*:1x", "200:*", "fire", "500:*:2", "500:*:0", "500:*:x", "500:a:b:c", "delay=soon:*", "500:[:1x"} {
		if f, err := emulator.ParseFaults(text); err == nil {
			t.Errorf("%q: no error but %+v", text, f)
		}
	}
}

// TestFaultConditions: rules that look at the right answer.
func TestFaultConditions(t *testing.T) {
	var id, other string
	probe := start(t, emulator.Options{})
	probe.Edit(func(w *emulator.World) { id, other = w.IDs("conversations")[3], w.IDs("conversations")[4] })
	page := func(n string) string {
		return `{"query":{"field":"id","operator":"IN","value":["` + id + `","` + other + `"]},"pagination":{"per_page":` + n + `}}`
	}
	for _, tt := range []struct {
		name       string
		fault      emulator.Fault
		call, body string
		want       int
	}{
		{"a longer page", emulator.Fault{Kind: "504", Rows: 1}, "POST /conversations/search", page("2"), 504},
		{"a page that is short enough", emulator.Fault{Kind: "504", Rows: 1}, "POST /conversations/search", page("1"), 200},
		{"a list of many", emulator.Fault{Kind: "504", Rows: 3}, "GET /tags", "", 504},
		{"a single object is one row", emulator.Fault{Kind: "504", Rows: 1}, "GET /conversations/" + id, "", 200},
		{"a page that shows the object", emulator.Fault{Kind: "500", ID: id}, "POST /conversations/search", page("2"), 500},
		{"the object itself", emulator.Fault{Kind: "500", ID: id}, "GET /conversations/" + id, "", 500},
		{"another object", emulator.Fault{Kind: "500", ID: id}, "GET /conversations/" + other, "", 200},
		{"an object on another path", emulator.Fault{Kind: "500", ID: id, Path: "/tickets"}, "GET /conversations/" + id, "", 200},
		{"both", emulator.Fault{Kind: "500", ID: id, Rows: 1}, "GET /conversations/" + id, "", 200},
		{"an object that is only nested", emulator.Fault{Kind: "500", ID: "conversation", Rows: 0}, "GET /conversations/" + id, "", 200},
		{"an error shows nothing", emulator.Fault{Kind: "500", ID: "7"}, "GET /conversations/7", "", 404},
	} {
		r := start(t, emulator.Options{Faults: []emulator.Fault{tt.fault}})
		if got := r.call(tt.call, tt.body).status; got != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, got, tt.want)
		}
	}
	r := start(t, emulator.Options{Faults: []emulator.Fault{{Kind: "500", ID: id, After: 1, Times: 1}}})
	for i, want := range []int{200, 500, 200} { // others in between do not count
		r.call("GET /conversations/"+other, "")
		if got := r.call("GET /conversations/"+id, "").status; got != want {
			t.Errorf("call %d: status %d, want %d", i, got, want)
		}
	}
}

// TestWrongLengths: one that the body does not reach, then one that it passes.
func TestWrongLengths(t *testing.T) {
	right := start(t, emulator.Options{}).call("GET /tags", "", "Accept-Encoding", "identity")
	r := start(t, emulator.Options{Faults: []emulator.Fault{{Kind: "length", Times: 2}}})
	if a, err := r.do("GET /tags", "", "Accept-Encoding", "identity"); err == nil {
		t.Errorf("%d of %d bytes and no error", len(a.body), len(right.body))
	}
	if a, err := r.do("GET /tags", "", "Accept-Encoding", "identity"); err != nil || len(a.body) != len(right.body)/2 || a.header.Get("X-Request-Id") == "" {
		t.Errorf("%d of %d bytes, headers %v, error %v", len(a.body), len(right.body), a.header, err)
	}
	if got := outcome(r, "GET /tags"); got != "200" {
		t.Errorf("afterwards: %s", got)
	}
}

// TestSlowFaults: a drip takes its time and brings all; one who hangs waits for the client, who may be on either method.
func TestSlowFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		serve := func(kind, method, path string) (*httptest.ResponseRecorder, time.Duration) {
			e, err := emulator.New(emulator.Options{Faults: []emulator.Fault{{Kind: kind, Delay: 50 * time.Second}}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(`{"query":`+everyone+`}`))
			r.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
			r.Header.Set("Accept", "application/json")
			began := time.Now()
			e.ServeHTTP(w, r)
			return w, time.Since(began)
		}
		if w, took := serve("drip", "GET", "/tags"); took != 50*time.Second || !json.Valid(w.Body.Bytes()) {
			t.Errorf("drip: %d bytes in %s", w.Body.Len(), took)
		}
		for _, call := range []string{"GET /tags", "POST /contacts/search"} {
			method, path, _ := strings.Cut(call, " ")
			if w, took := serve("hang", method, path); took != 2*time.Minute || w.Body.Len() > 0 {
				t.Errorf("hang of a %s: %d bytes after %s", method, w.Body.Len(), took)
			}
		}
	})
}

// TestLostScrollPages: what was served and lost on its way is gone, what was refused is not.
func TestLostScrollPages(t *testing.T) {
	for kind, kept := range map[string]bool{
		"429": true, "captcha": true, "nginx404": true,
		"cut": false, "truncated": false, "invalid": false, "empty": false, "length": false, "reset": false,
	} {
		r := start(t, emulator.Options{ScrollPage: 3, Faults: []emulator.Fault{{Kind: kind, Path: "/companies/scroll", After: 1, Times: 1, Rows: 2}}})
		right := start(t, emulator.Options{ScrollPage: 3})
		scrolled := func(r *rig) func() string {
			// Each call on a connection of its own: net/http repeats a GET by itself when a kept one breaks.
			param := gjson.GetBytes(r.call("GET /companies/scroll", "", "Connection", "close").body, "scroll_param").Str
			return func() string {
				a, _ := r.do("GET /companies/scroll?scroll_param="+param, "", "Connection", "close")
				return gjson.GetBytes(a.body, "data.0.id").Str
			}
		}
		spoilt, whole := scrolled(r), scrolled(right)
		spoilt()
		second, third := whole(), whole()
		if got := spoilt(); got != map[bool]string{true: second, false: third}[kept] {
			t.Errorf("%s: the page after it begins with %s; the second is %s, the third %s", kind, got, second, third)
		}
	}
}

// TestFaultsInAScroll: a page that was refused comes with the next try; after a server error the scroll is gone.
func TestFaultsInAScroll(t *testing.T) {
	r := start(t, emulator.Options{ScrollPage: 5, Faults: []emulator.Fault{
		{Kind: "429", Path: "/companies/scroll", After: 1, Times: 1}, {Kind: "500", Path: "/companies/scroll", After: 2, Times: 1}}})
	first := r.get("GET /companies/scroll", "")
	param := first["scroll_param"].(string)
	next := "GET /companies/scroll?scroll_param=" + param
	if got := r.call(next, "").status; got != 429 {
		t.Fatalf("status %d, want 429", got)
	}
	if page := r.get(next, ""); page["data"].([]any)[0].(map[string]any)["id"] == first["data"].([]any)[0].(map[string]any)["id"] {
		t.Error("the page after a refusal is the first one again")
	}
	if got := r.call(next, "").status; got != 500 {
		t.Fatalf("status %d, want 500", got)
	}
	if got := r.call(next, "").status; got != 404 {
		t.Errorf("the scroll survived: %d", got)
	}
	second := r.get("GET /companies/scroll", "")
	if diff := cmp.Diff(ids(rows(first, "data")), ids(rows(second, "data"))); diff != "" {
		t.Errorf("the new scroll begins elsewhere:\n%s", diff)
	}
}
