package emulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"source-intercom/emulator"
)

// clock is a time that only tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// rig is an emulator behind a real HTTP server.
type rig struct {
	*emulator.Emulator
	t       testing.TB
	url     string
	version string
	token   string
	clock   *clock
}

func start(t testing.TB, o emulator.Options) *rig {
	t.Helper()
	r := &rig{t: t, version: "2.16", token: emulator.DefaultToken, clock: newClock()}
	if o.Now == nil {
		o.Now = r.clock.now
	}
	e, err := emulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.Emulator, r.url = e, serve(t, e)
	return r
}

// with returns the same rig speaking another version.
func (r *rig) with(version string) *rig {
	c := *r
	c.version = version
	return &c
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

// do calls "GET /path" or "POST /path" and returns the answer; a transport error is returned as it is.
func (r *rig) do(call, body string, header ...string) (reply, error) {
	r.t.Helper()
	method, path, _ := strings.Cut(call, " ")
	req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Intercom-Version", r.version)
	for i := 0; i < len(header); i += 2 {
		req.Header.Del(header[i])
		if header[i+1] != "" {
			req.Header.Set(header[i], header[i+1])
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, b}, err
}

// call is do for answers that must arrive.
func (r *rig) call(call, body string, header ...string) reply {
	r.t.Helper()
	a, err := r.do(call, body, header...)
	if err != nil {
		r.t.Fatalf("%s: %v", call, err)
	}
	return a
}

// get calls and wants 200 and JSON.
func (r *rig) get(call, body string) map[string]any {
	r.t.Helper()
	a := r.call(call, body)
	if a.status != http.StatusOK {
		r.t.Fatalf("%s: status %d: %s", call, a.status, a.body)
	}
	return a.json(r.t)
}

func (a reply) json(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("answer is not JSON: %v: %.200s", err, a.body)
	}
	return v
}

// code is the first error code of an answer, with its status.
func (a reply) code(t testing.TB) (int, string) {
	t.Helper()
	errors, _ := a.json(t)["errors"].([]any)
	if len(errors) == 0 {
		return a.status, ""
	}
	code, _ := errors[0].(map[string]any)["code"].(string)
	return a.status, code
}

func rows(v map[string]any, key string) []map[string]any {
	list, _ := v[key].([]any)
	out := make([]map[string]any, len(list))
	for i, x := range list {
		out[i] = x.(map[string]any)
	}
	return out
}

func ids(list []map[string]any) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i], _ = x["id"].(string)
	}
	return out
}

func cursor(v map[string]any) string {
	pages, _ := v["pages"].(map[string]any)
	next, _ := pages["next"].(map[string]any)
	after, _ := next["starting_after"].(string)
	return after
}

func num(v map[string]any, key string) int64 {
	f, _ := v[key].(float64)
	return int64(f)
}

// serve starts a server for as long as the test runs.
func serve(t testing.TB, e *emulator.Emulator) string {
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return server.URL
}
