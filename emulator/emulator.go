package emulator

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Emulator serves one workspace. It is safe for concurrent use.
type Emulator struct {
	options Options
	version version // of requests that name none
	zone    *time.Location
	routes  []route

	mu    sync.RWMutex // guards world
	world *World

	conversations *searchable[*conversation]
	contacts      *searchable[*contact]
	tickets       *searchable[*ticket]
	scroll        scroll
	exports       exports

	counts      sync.Mutex // guards what follows
	requests    map[string]int
	statuses    map[int]int
	faultCounts []faultCount
	windows     []Window // oldest first

	serial atomic.Uint64 // of answers
	gzips  sync.Pool     // of *gzip.Writer
	pages  sync.Pool     // of *[]byte, what answers were written in
}

// New makes the workspace that o describes. It fails on options that mean nothing: a time zone or an API version that
// does not exist, a negative size, a start that is not in the past, an unknown kind of fault.
func New(o Options) (*Emulator, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	e := &Emulator{options: o, faultCounts: make([]faultCount, len(o.Faults)), requests: map[string]int{}, statuses: map[int]int{},
		exports: exports{jobs: map[string]*exportJob{}}}
	var ok bool
	if e.version, ok = parseVersion(o.AppVersion); !ok {
		return nil, fmt.Errorf("unknown API version %q", o.AppVersion)
	}
	var err error
	if e.zone, err = loadZone(o.TimeZone); err != nil {
		return nil, fmt.Errorf("time zone %q: %w", o.TimeZone, err)
	}
	if !o.Start.Before(o.Now()) {
		return nil, fmt.Errorf("start %s is not before now", o.Start.Format(time.RFC3339))
	}
	s := o.Size
	if s.Admins < 1 || min(s.Teams, s.Tags, s.Segments, s.Companies, s.Contacts, s.Conversations, s.Tickets, s.ActivityLogs, s.PartsPerConversation, s.LongConversations, s.Reference, s.Calls, s.CustomObjects) < 0 {
		return nil, fmt.Errorf("size %+v: want one admin at least and no negative numbers", s)
	}
	for _, f := range o.Faults {
		if err := f.validate(); err != nil {
			return nil, err
		}
	}
	e.world = newWorld(o)
	e.makeSearchables()
	e.routes = routeTable()
	return e, nil
}

func (e *Emulator) makeSearchables() {
	w, o := e.world, e.options
	exact := func(version) *time.Location { return nil }
	days := func(v version) *time.Location {
		if v <= v216 {
			return e.zone
		}
		return nil
	}
	invalid := fail(http.StatusBadRequest, "client_error", "Invalid starting_after param, please use the cursor of the previous page")
	broken := fail(http.StatusInternalServerError, "server_error", "Internal server error")
	e.conversations = newSearchable(w.conversations, w.conversationFields(), "updated_at", 1000, exact, o.InclusiveGreater, invalid)
	e.contacts = newSearchable(w.contacts, w.contactFields(), "created_at", 1, days, false, invalid)
	e.tickets = newSearchable(w.tickets, w.ticketFields(), "updated_at", 1000, exact, o.InclusiveGreater, broken)
}

// Edit changes the world in f, alone: no request sees half of it. The methods of World move updated_at to the emulator's
// clock unless they say otherwise.
func (e *Emulator) Edit(f func(w *World)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f(e.world)
}

// Requests returns how many requests were answered by route, such as "GET /conversations/{id}"; those that match no
// route count under their method and "(unknown)".
func (e *Emulator) Requests() map[string]int {
	e.counts.Lock()
	defer e.counts.Unlock()
	return maps.Clone(e.requests)
}

// Statuses returns how many requests were answered by HTTP status. A connection cut on purpose counts under the status
// that it began with.
func (e *Emulator) Statuses() map[int]int {
	e.counts.Lock()
	defer e.counts.Unlock()
	return maps.Clone(e.statuses)
}

// Window is what was counted in one rate window. Calls without a valid token are in neither figure.
type Window struct {
	Start   time.Time
	Calls   int // within the limit
	Refused int // beyond it, answered with 429
}

// Windows returns the rate windows in which calls came, oldest first. There are none without a rate limit.
func (e *Emulator) Windows() []Window {
	e.counts.Lock()
	defer e.counts.Unlock()
	return slices.Clone(e.windows)
}

// ResetRequests sets the counts by route and by status to zero.
func (e *Emulator) ResetRequests() {
	e.counts.Lock()
	defer e.counts.Unlock()
	clear(e.requests)
	clear(e.statuses)
}

// ServeHTTP answers one API call.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{e: e, r: r, serial: e.serial.Add(1)}
	c.route, c.id = e.find(r)
	c.requestID = requestID(seed(e.options.Seed), c.serial)
	name := r.Method + " (unknown)"
	if c.route != nil {
		name = c.route.pattern
	}
	e.counts.Lock()
	e.requests[name]++
	e.counts.Unlock()
	w.Header().Set("Date", e.options.Now().UTC().Format(http.TimeFormat))
	if e.options.Intercept != nil && e.options.Intercept(w, r) {
		return
	}
	if !sleep(r.Context(), e.latency()) {
		return
	}
	e.serve(w, c)
}

// serve decides in Intercom's order: token, rate limit, headers, then the route.
func (e *Emulator) serve(w http.ResponseWriter, c *call) {
	r, now := c.r, e.options.Now()
	c.now = now
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	if r.Header.Get("Authorization") != "Bearer "+e.options.Token {
		e.send(w, r, fail(http.StatusUnauthorized, "unauthorized", "Access Token Invalid").answer(c.requestID), delivery{})
		return
	}
	if !e.admit(w, now) {
		a := fail(http.StatusTooManyRequests, "rate_limit_exceeded",
			fmt.Sprintf("Exceeded rate limit of %d in %d_seconds", e.options.RateLimit, int(e.options.RateWindow.Seconds()))).answer(c.requestID)
		a.rated = true
		e.send(w, r, a, delivery{})
		return
	}
	a := e.dispatch(c)
	a.rated = true
	if e.options.Mark != "" {
		a.mark(r.URL.Path, e.options.Mark)
	}
	fault, fired := e.fault(r, a)
	if fault == nil {
		e.send(w, r, a, delivery{})
	} else if !e.act(w, c, a, fault, fired) {
		return
	}
	e.pages.Put(&a.body)
}

// act answers as a fault wants it. It returns false if nothing was sent.
func (e *Emulator) act(w http.ResponseWriter, c *call, a *answer, f *Fault, fired int) bool {
	if f.refuses() && c.undo != nil {
		c.undo()
	}
	d := delivery{kind: f.Kind, long: fired%2 == 1}
	if f.Kind == "drip" {
		d.time = f.Delay
	} else if !sleep(c.r.Context(), f.Delay) {
		return false
	}
	if f.silent(w, c.r) {
		return false
	}
	f.spoil(a)
	if a.status >= 500 && c.r.URL.Path == "/companies/scroll" {
		e.scroll.drop() // "Please restart the scroll operation"
	}
	e.send(w, c.r, a, d)
	return true
}

// admit counts the call against the rate window, and sets the rate headers.
func (e *Emulator) admit(w http.ResponseWriter, now time.Time) bool {
	e.counts.Lock()
	defer e.counts.Unlock()
	if limit := e.options.RateLimit; limit > 0 {
		n := e.windowOf(now)
		end := n.Start.Add(e.options.RateWindow)
		h := w.Header()
		h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
		h.Set("X-RateLimit-Reset", strconv.FormatInt(end.Add(time.Second-1).Unix(), 10)) // whole seconds, never early
		h.Set("X-RateLimit-Remaining", strconv.Itoa(max(limit-n.Calls-1, 0)))
		if n.Calls >= limit {
			n.Refused++
			return false
		}
		n.Calls++
	}
	return true
}

// windowOf returns the rate window of a moment; a clock that was set back gets a new one. The caller holds the lock of the counters.
func (e *Emulator) windowOf(now time.Time) *Window {
	width := int64(e.options.RateWindow)
	start := time.Unix(0, now.UnixNano()/width*width)
	if last := len(e.windows) - 1; last < 0 || !e.windows[last].Start.Equal(start) {
		e.windows = append(e.windows, Window{Start: start})
	}
	return &e.windows[len(e.windows)-1]
}

func (e *Emulator) latency() time.Duration {
	d := e.options.Latency
	if e.options.Jitter > 0 {
		d += rand.N(e.options.Jitter)
	}
	return d
}

// sleep passes real time and returns false if the client went away.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// answer is a response before faults and compression.
type answer struct {
	status    int
	kind      string // content type
	body      []byte
	link      string
	location  string // of a redirection
	requestID string
	rated     bool   // carries rate headers
	file      bool   // is sent as it is
	encoding  string // a file's Content-Encoding
}

func (a *apiError) answer(requestID string) *answer {
	return &answer{status: a.status, kind: "application/json; charset=utf-8", body: a.body(requestID), link: a.link, requestID: requestID}
}

func (a *answer) html(status int, body string) {
	*a = answer{status: status, kind: "text/html", body: []byte(body), requestID: a.requestID, rated: a.rated}
}

func (e *Emulator) send(w http.ResponseWriter, r *http.Request, a *answer, d delivery) {
	h := w.Header()
	if !a.rated {
		for _, k := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} {
			h.Del(k)
		}
	}
	h.Set("Content-Type", a.kind)
	h.Set("X-Request-Id", a.requestID)
	if a.link != "" {
		h.Set("Link", a.link)
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
	body := a.body
	switch {
	case a.file && a.encoding != "":
		h.Set("Content-Encoding", a.encoding)
	case a.file:
	case strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && len(body) > 0:
		body = e.compress(body)
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	e.counts.Lock()
	e.statuses[a.status]++
	e.counts.Unlock()
	d.send(r.Context(), w, a.status, body)
}

func requestID(s seed, serial uint64) string {
	h := uint64(s.at(int(serial)))
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(h), serial&0xffff, h>>32&0xfff, h>>44&0xfff, serial)
}

func (e *Emulator) compress(body []byte) []byte {
	z, ok := e.gzips.Get().(*gzip.Writer)
	if !ok {
		z, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level exists
	}
	defer e.gzips.Put(z)
	var b bytes.Buffer
	z.Reset(&b)
	_, _ = z.Write(body) // into memory
	_ = z.Close()
	return b.Bytes()
}
