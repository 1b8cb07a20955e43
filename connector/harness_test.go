package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

// A world is an emulated workspace with a clock of its own, and what has been read from it.
type world struct {
	*emulator.Emulator
	url     string
	version string
	seconds atomic.Int64
	union   map[string]map[string]json.RawMessage // stream, key, row as emitted last
	options emulator.Options
	mu      sync.Mutex
	hook    func(*http.Request, string) // sees each request and its body before the emulator does, one at a time

	settings *Config           // what derived streams go by; nil: the defaults
	threads  map[string]string // what a test has answered for conversations alone; nil: the emulator answers

	intercepted func(http.ResponseWriter, *http.Request) bool // answers in the emulator's place
}

// born is when every test's world begins to be read.
var born = time.Date(2026, 3, 10, 12, 34, 56, 0, time.UTC)

func newWorld(t *testing.T, version string, o emulator.Options) *world {
	t.Helper()
	return newWorldAt(t, version, o, born)
}

func newWorldAt(t *testing.T, version string, o emulator.Options, at time.Time) *world {
	t.Helper()
	w := &world{version: version, union: map[string]map[string]json.RawMessage{}, options: o}
	w.seconds.Store(at.Unix())
	o.Now = w.now
	if o.Intercept == nil {
		o.Intercept = w.intercept
	}
	if o.Start.IsZero() {
		o.Start = at.AddDate(-1, 0, 0)
	}
	var err error
	if w.Emulator, err = emulator.New(o); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.Emulator)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// watch sets the hook. A test that has read before must use it: handlers of calls that were given up may still run.
func (w *world) watch(hook func(*http.Request, string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hook = hook
}

// intercept shows a request to the hook and lets the emulator answer it.
func (w *world) intercept(rw http.ResponseWriter, r *http.Request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hook != nil {
		body, _ := io.ReadAll(r.Body) // what the client sent is whole
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.hook(r, string(body))
	}
	return w.intercepted != nil && w.intercepted(rw, r)
}

func (w *world) now() time.Time { return time.Unix(w.seconds.Load(), 0).UTC() }

// pass lets the server's clock go on.
func (w *world) pass(d time.Duration) { w.seconds.Add(int64(d / time.Second)) }

// A reading is how a test wants a read to be.
type reading struct {
	streams  []string // nil: every default stream, without a catalog
	mode     protocol.SyncMode
	modes    map[string]protocol.SyncMode
	syncID   *int64
	state    protocol.States
	config   func(*Config)
	dialect  protocol.Dialect
	strict   bool
	ctx      context.Context
	out      *bytes.Buffer
	onState  func(protocol.States)
	failing  bool                      // an error is expected
	either   bool                      // an error may come
	through  func(io.Writer) io.Writer // what stdout does on its way to out
	log      io.Writer
	selected *protocol.Selection
	maxHeld  int64
	every    time.Duration // between two states of a stream; 0: after every unit of work
}

// A run is what came of it.
type run struct {
	*Summary
	err      error
	lines    []gjson.Result
	records  map[string]map[string]json.RawMessage
	counts   map[string]int // records, doubles included
	statuses map[string][]string
	requests map[string]int
}

func (w *world) config() *Config {
	return &Config{
		AccessToken: emulator.DefaultToken, StartDate: born.AddDate(-2, 0, 0), IndexLag: 15 * time.Minute,
		ActivityLogStep: 30 * 24 * time.Hour, BaseURL: w.url, APIVersion: w.version, UserAgent: "test", PageSize: 150,
		RateLimitShare: 1, RequestTimeout: 30 * time.Second, MaxRetry: time.Minute,
	}
}

// read reads the world through the real client, checks what every run must keep, and adds what came
// to the union.
func (w *world) read(t *testing.T, r reading) *run {
	t.Helper()
	cfg := w.config()
	if r.config != nil {
		r.config(cfg)
	}
	if r.dialect == nil {
		r.dialect = protocol.Airbyte{}
	}
	if r.ctx == nil {
		r.ctx = t.Context()
	}
	if r.out == nil {
		r.out = &bytes.Buffer{}
	}
	selection := r.selected
	if selection == nil && r.streams != nil {
		selection = &protocol.Selection{Form: protocol.AirbyteConfigured}
		for _, name := range r.streams {
			mode := r.mode
			if m, ok := r.modes[name]; ok {
				mode = m
			}
			selection.Streams = append(selection.Streams, protocol.Selected{Stream: name, Mode: mode, SyncID: r.syncID})
		}
	}
	w.ResetRequests()
	said, logged := &tokenWatch{secret: cfg.AccessToken}, &tokenWatch{secret: cfg.AccessToken}
	stdout, log := io.Writer(r.out), io.Writer(logged)
	if r.through != nil {
		stdout = r.through(stdout)
	}
	if r.log != nil {
		log = io.MultiWriter(log, r.log)
	}
	reader := NewReader(Options{Config: cfg, Dialect: r.dialect, Lines: protocol.NewLines(io.MultiWriter(said, stdout)),
		Log: zerolog.New(zerolog.SyncWriter(log)), Selection: selection, State: r.state, Strict: r.strict, OnState: r.onState})
	reader.every, reader.maxHeld = r.every, r.maxHeld
	summary, err := reader.Read(r.ctx)
	if (err != nil) != r.failing && !r.either {
		t.Fatalf("read: error %v, want one: %v", err, r.failing)
	}
	out := &run{Summary: summary, err: err, requests: w.Requests()}
	said.check(t, "stdout")
	logged.check(t, "the log")
	out.holdsNoToken(t, cfg.AccessToken)
	text := r.out.String()
	if r.through != nil { // it may have been cut off in a line
		text = text[:strings.LastIndexByte(text, '\n')+1]
	}
	out.parse(t, text)
	for stream, rows := range out.records {
		if w.union[stream] == nil {
			w.union[stream] = map[string]json.RawMessage{}
		}
		maps.Copy(w.union[stream], rows)
		maps.DeleteFunc(w.union[stream], func(_ string, row json.RawMessage) bool { return isTombstone(row) })
	}
	return out
}

// deletedFields tell, in either protocol, when a row was deleted.
var deletedFields = []string{protocol.AirbyteDeleted, protocol.SingerDeleted}

func isTombstone(row json.RawMessage) bool { return protocol.IsTombstone(gjson.ParseBytes(row)) }

// parse takes the output of either protocol apart.
func (r *run) parse(t *testing.T, out string) {
	t.Helper()
	r.records, r.counts, r.statuses = map[string]map[string]json.RawMessage{}, map[string]int{}, map[string][]string{}
	for line := range strings.Lines(out) {
		if !gjson.Valid(line) {
			t.Fatalf("no JSON line: %s", clip(line))
		}
		m := gjson.Parse(line)
		r.lines = append(r.lines, m)
		switch m.Get("type").Str {
		case "RECORD":
			stream, data := m.Get("record.stream").Str, m.Get("record.data")
			if !data.Exists() {
				stream, data = m.Get("stream").Str, m.Get("record")
			}
			if r.records[stream] == nil {
				r.records[stream] = map[string]json.RawMessage{}
			}
			r.records[stream][rowID(stream, data)] = json.RawMessage(data.Raw)
			r.counts[stream]++
		case "TRACE":
			if s := m.Get("trace.stream_status"); s.Exists() {
				name := s.Get("stream_descriptor.name").Str
				r.statuses[name] = append(r.statuses[name], s.Get("status").Str)
			}
		}
	}
}

// rowID is the key by which the emulator's truth knows a row.
func rowID(stream string, row gjson.Result) string { return streamNamed(stream).RecordKey(row) }

// defaultStreams are those that the world's version has and that are read when nobody chooses.
func (w *world) defaultStreams() []string {
	var names []string
	for _, s := range TableOf(w.config()).Default().all() {
		names = append(names, s.Stream)
	}
	return names
}

// check compares the union of all output with the emulator's truth, field by field. Rows of objects
// that were deleted may be left over; without deletions extra says that none may.
func (w *world) check(t *testing.T, extra bool, streams ...string) {
	t.Helper()
	w.checkAs(t, protocol.Airbyte{}, extra, streams...)
}

// checkAs is check for what came in one of the protocols.
func (w *world) checkAs(t *testing.T, d protocol.Dialect, extra bool, streams ...string) {
	t.Helper()
	if streams == nil {
		streams = w.defaultStreams()
	}
	for _, stream := range streams {
		truth, err := w.Truth(stream, w.version)
		if err != nil {
			t.Fatal(err)
		}
		encoder, err := d.Encoder(streamNamed(stream).Described(), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := w.union[stream]
		wrong := 0
		for id, row := range truth {
			line, at := encoder.Append(nil, string(asRecord(streamNamed(stream), row)), nil, born)
			want := plain(t, line[at.Start:at.End])
			have, ok := got[id]
			switch {
			case !ok:
				t.Errorf("%s: row %s is missing (updated_at %d)", stream, id, gjson.GetBytes(row, "updated_at").Int())
			case !reflect.DeepEqual(want, plain(t, have)):
				t.Errorf("%s: row %s differs (-want +got):\n%s", stream, id, cmp.Diff(want, plain(t, have)))
			default:
				continue
			}
			if wrong++; wrong == 3 {
				t.Fatalf("%s: and more; %d rows read, %d expected", stream, len(got), len(truth))
			}
		}
		// What has gone from a list inside another record is told by the others' time of change.
		if def := streamNamed(stream); !extra && (def.Parent == "" || def.Cursor != def.Parent+"_updated_at") {
			for id := range got {
				if _, ok := truth[id]; !ok {
					t.Errorf("%s: row %s does not exist", stream, id)
				}
			}
		}
	}
}

// asRecord is what a stream takes of a row of its truth: the rest is in other streams.
func asRecord(s *Stream, row []byte) []byte {
	if s.Only == nil {
		return row
	}
	return []byte(only(gjson.ParseBytes(row), slices.Concat(s.Only, s.Key, []string{s.Cursor})...))
}

// plain decodes a row without what differs from answer to answer, and what only we add.
func plain(t *testing.T, row []byte) map[string]any {
	t.Helper()
	var out map[string]any
	d := json.NewDecoder(bytes.NewReader(emulator.StripSignatures(row)))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%v: %s", err, clip(string(row)))
	}
	delete(out, "_parts_missing")
	delete(out, "count") // only on request
	for _, name := range deletedFields {
		delete(out, name)
	}
	return out
}

func (r *run) total() int {
	n := 0
	for _, c := range r.counts {
		n += c
	}
	return n
}

// onlyOnce fails when a primary key came more than once in the run.
func (r *run) onlyOnce(t *testing.T) {
	t.Helper()
	for stream, n := range r.counts {
		if n != len(r.records[stream]) {
			t.Errorf("%s: %d records of %d keys", stream, n, len(r.records[stream]))
		}
	}
}

func (r *run) stateValue(stream string) gjson.Result {
	return gjson.ParseBytes(stateOf(r.State, stream))
}

func ids(rows map[string]json.RawMessage) []string { return slices.Sorted(maps.Keys(rows)) }

// testLog is silent, unless READ_LOG is set.
var testLog = func() zerolog.Logger {
	if os.Getenv("READ_LOG") == "" {
		return zerolog.Nop()
	}
	return zerolog.New(os.Stderr).With().Timestamp().Logger()
}()

// serve starts a server that lives as long as the test.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func (w *world) client(t *testing.T) *intercom.Client {
	t.Helper()
	c, err := newClient(t.Context(), w.config(), testLog, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// someID returns an object of the world, always the same.
func (w *world) someID(kind string) string {
	var id string
	w.Edit(func(world *emulator.World) { id = world.IDs(kind)[2] })
	return id
}

// truthOf returns one row of the truth. It must not be called inside an edit.
func (w *world) truthOf(stream, id string) (gjson.Result, bool) {
	rows, err := w.Truth(stream, w.version)
	row, ok := rows[id]
	return gjson.ParseBytes(row), ok && err == nil
}
