package emulator_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"source-intercom/emulator"

	"github.com/google/go-cmp/cmp"
)

func TestRefusals(t *testing.T) {
	r := start(t, emulator.Options{DeniedScopes: []string{"read_tickets", "me"}, PlanRestricted: []string{"/admins/activity_logs"}})
	for _, tt := range []struct {
		call   string
		header []string
		status int
		code   string
	}{
		{"GET /tags", nil, 200, ""},
		{"GET /tags", []string{"Authorization", ""}, 401, "unauthorized"},
		{"GET /tags", []string{"Authorization", "Bearer other"}, 401, "unauthorized"},
		{"GET /tags", []string{"Authorization", emulator.DefaultToken}, 401, "unauthorized"},
		{"GET /tags", []string{"Accept", ""}, 406, "not_acceptable"},
		{"GET /tags", []string{"Accept", "text/html"}, 406, "not_acceptable"},
		{"GET /tags", []string{"Accept", "text/html, */*;q=0.8"}, 200, ""},
		{"GET /tags", []string{"Intercom-Version", "1.9"}, 400, "intercom_version_invalid"},
		{"GET /tags", []string{"Intercom-Version", "preview"}, 200, ""},
		{"POST /tags", nil, 404, "not_found"},
		{"GET /tickets", nil, 404, "not_found"},
		{"GET /", nil, 404, "not_found"},
		{"POST /tickets/search", nil, 403, "forbidden"},
		{"GET /me", nil, 403, "forbidden"},
		{"GET /admins/activity_logs", nil, 403, "api_plan_restricted"},
		{"GET /admins/17", nil, 404, "admin_not_found"},
		{"GET /companies/17", nil, 404, "company_not_found"},
		{"GET /companies?company_id=nobody", nil, 404, "company_not_found"},
		{"GET /companies?company_id=remote-1", nil, 200, ""},
		{"GET /contacts/17", nil, 404, "not_found"},
		{"GET /conversations/17", nil, 404, "not_found"},
		{"GET /conversations/0215468000000001", nil, 404, "not_found"},
		{"GET /data_attributes?model=person", nil, 400, "parameter_invalid"},
		{"GET /data_attributes?model=conversation", nil, 422, "parameter_invalid"},
		{"GET /data_attributes?model=conversation", []string{"Intercom-Version", "2.15"}, 200, ""},
		{"GET /conversations/deleted", []string{"Intercom-Version", "2.15"}, 404, "not_found"},
		{"GET /contacts?per_page=151", nil, 400, "parameter_invalid"},
		{"GET /contacts?starting_after=x", nil, 400, "client_error"},
		{"POST /companies/list?per_page=61", nil, 400, "parameter_invalid"},
		{"POST /companies/list?per_page=60&page=167", nil, 400, "bad_request"},
		{"POST /companies/list?per_page=60&page=166", nil, 200, ""},
	} {
		a := r.call(tt.call, `{"query":`+everyone+`}`, tt.header...)
		if status, code := a.code(t); status != tt.status || code != tt.code {
			t.Errorf("%s %v: got %d %s, want %d %s", tt.call, tt.header, status, code, tt.status, tt.code)
		}
		if a.status >= 400 {
			if id, _ := a.json(t)["request_id"].(string); id == "" || id != a.header.Get("X-Request-Id") {
				t.Errorf("%s: request id %q, header %q", tt.call, id, a.header.Get("X-Request-Id"))
			}
		}
	}
	denied := start(t, emulator.Options{DeniedScopes: []string{"read_tags"}, DenyWith401: true})
	if status, code := denied.call("GET /tags", "").code(t); status != 401 || code != "unauthorized" {
		t.Errorf("scope denied with 401: got %d %s", status, code)
	}
}

func TestOptionsThatMeanNothing(t *testing.T) {
	for name, o := range map[string]emulator.Options{
		"zone":    {TimeZone: "Mars/Olympus"},
		"version": {AppVersion: "3.0"},
		"size":    {Size: emulator.Size{Admins: 1, Contacts: -1}},
		"admins":  {Size: emulator.Size{Contacts: 1}},
		"calls":   {Size: emulator.Size{Admins: 1, Calls: -1}},
		"start":   {Start: time.Now().Add(time.Hour)},
		"fault":   {Faults: []emulator.Fault{{Kind: "flood"}}},
	} {
		if _, err := emulator.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, size := range []string{"huge", "-1", "", "1.5"} {
		if _, err := emulator.SizeOf(size); err == nil {
			t.Errorf("size %q: no error", size)
		}
	}
}

func TestVersionWithoutHeader(t *testing.T) {
	for version, want := range map[string]bool{"": true, "2.15": false} {
		r := start(t, emulator.Options{AppVersion: version})
		_, has := rows(r.call("GET /admins", "", "Intercom-Version", "").json(t), "admins")[0]["role"]
		if has != want {
			t.Errorf("app version %q: role shown %v, want %v", version, has, want)
		}
	}
}

func TestRateWindows(t *testing.T) {
	r := start(t, emulator.Options{RateLimit: 3})
	limits := func(a reply) string {
		h := a.header
		return strings.Join([]string{strconv.Itoa(a.status), h.Get("X-RateLimit-Limit"), h.Get("X-RateLimit-Remaining"), h.Get("X-RateLimit-Reset")}, " ")
	}
	r.clock.add(7 * time.Second)
	end := strconv.FormatInt(r.clock.now().Add(3*time.Second).Unix(), 10)
	for _, want := range []string{"200 3 2 " + end, "200 3 1 " + end, "200 3 0 " + end, "429 3 0 " + end} {
		if got := limits(r.call("GET /tags", "")); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	a := r.call("GET /tags", "")
	if _, code := a.code(t); code != "rate_limit_exceeded" || !strings.Contains(string(a.body), "Exceeded rate limit of 3 in 10_seconds") {
		t.Errorf("got %s", a.body)
	}
	if got := limits(r.call("GET /tags", "", "Authorization", "Bearer no")); got != "401   " {
		t.Errorf("without a token: %q", got)
	}
	r.clock.add(3 * time.Second)
	if got := r.call("GET /tags", "").status; got != 200 {
		t.Errorf("in the next window: %d", got)
	}
	last := r.clock.now()
	want := []emulator.Window{{Start: last.Add(-10 * time.Second), Calls: 3, Refused: 2}, {Start: last, Calls: 1}}
	if diff := cmp.Diff(want, r.Windows()); diff != "" { // cmp compares moments, not zones
		t.Errorf("windows counted: %s", diff)
	}
}

func TestDateIsTheEmulatorsClock(t *testing.T) {
	r := start(t, emulator.Options{})
	r.clock.add(90 * time.Second)
	for _, header := range [][]string{nil, {"Authorization", ""}} {
		if got, want := r.call("GET /me", "", header...).header.Get("Date"), r.clock.now().Format(http.TimeFormat); got != want {
			t.Errorf("Date %q, want %q", got, want)
		}
	}
}

func TestGzip(t *testing.T) {
	r := start(t, emulator.Options{})
	plain := r.call("GET /tags", "", "Accept-Encoding", "identity")
	packed := r.call("GET /tags", "", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(bytes.NewReader(packed.body))
	if err != nil || packed.header.Get("Content-Encoding") != "gzip" || plain.header.Get("Content-Encoding") != "" {
		t.Fatalf("gzip: %v, headers %v", err, packed.header)
	}
	if text, err := io.ReadAll(z); err != nil || !bytes.Equal(text, plain.body) {
		t.Errorf("gzip: %v, %d bytes, want %d", err, len(text), len(plain.body))
	}
}

func TestCountsAndIntercept(t *testing.T) {
	r := start(t, emulator.Options{Intercept: func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/teams" {
			return false
		}
		w.WriteHeader(http.StatusTeapot)
		return true
	}})
	id := ids(rows(r.get("GET /conversations", ""), "conversations"))[0]
	r.call("GET /conversations/"+id, "")
	r.call("GET /conversations/1", "")
	r.call("DELETE /tags", "")
	if got := r.call("GET /teams", "").status; got != http.StatusTeapot {
		t.Errorf("intercepted: %d", got)
	}
	requests, statuses := r.Requests(), r.Statuses()
	if requests["GET /conversations"] != 1 || requests["GET /conversations/{id}"] != 2 || requests["DELETE (unknown)"] != 1 || requests["GET /teams"] != 1 {
		t.Errorf("requests: %v", requests)
	}
	if statuses[200] != 2 || statuses[404] != 2 || len(statuses) != 2 {
		t.Errorf("statuses: %v", statuses)
	}
	r.ResetRequests()
	if len(r.Requests())+len(r.Statuses()) != 0 {
		t.Error("counts survive the reset")
	}
}

func TestMeNamesTheWorkspace(t *testing.T) {
	r := start(t, emulator.Options{Workspace: "w7", Region: "EU", TimeZone: "Asia/Kathmandu", Token: "eu-token"})
	if got := r.call("GET /me", "").status; got != 401 {
		t.Errorf("the token of another region: %d, want 401", got)
	}
	r.token = "eu-token"
	app := r.get("GET /me", "")["app"].(map[string]any)
	if app["id_code"] != "w7" || app["region"] != "EU" || app["timezone"] != "Asia/Kathmandu" {
		t.Errorf("app: %v", app)
	}
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := emulator.New(emulator.Options{Latency: 2 * time.Second, Jitter: time.Second, Faults: []emulator.Fault{{Kind: "delay", Delay: 10 * time.Second}}})
		if err != nil {
			t.Fatal(err)
		}
		took := func(ctx context.Context) (time.Duration, int) {
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/tags", nil)
			r.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
			r.Header.Set("Accept", "application/json")
			begin, rec := time.Now(), httptest.NewRecorder()
			e.ServeHTTP(rec, r)
			return time.Since(begin), rec.Body.Len()
		}
		if d, n := took(t.Context()); d < 12*time.Second || d >= 13*time.Second || n == 0 {
			t.Errorf("took %v and brought %d bytes", d, n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if d, n := took(ctx); d != time.Second || n != 0 {
			t.Errorf("for a client that left: took %v and brought %d bytes", d, n)
		}
	})
}
