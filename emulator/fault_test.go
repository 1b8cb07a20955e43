package emulator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	for _, text := range []string{"200:*", "fire", "500:*:2", "500:*:0", "500:*:x", "500:a:b:c", "delay=soon:*", "500:[:1x"} {
		if f, err := emulator.ParseFaults(text); err == nil {
			t.Errorf("%q: no error but %+v", text, f)
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
