package connector

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"
)

var (
	refused   = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	unknown   = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "server misbehaving", Name: "api.intercom.io", IsTemporary: true}}
	noRoute   = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}
	patiently = func(c *Config) { c.MaxRetry = 15 * time.Minute }
)

// every returns a function that is true at every n-th call.
func every(n int64) func() bool {
	var calls atomic.Int64
	return func() bool { return calls.Add(1)%n == 0 }
}

// dials lets connections to the world be made unless fault returns an error.
func (w *world) dials(fault func() error) {
	l, _ := pipes.Load(strings.TrimPrefix(w.url, "http://"))
	l.(*pipeListener).fault = fault
}

// alters puts a function between the world and its clients that sees the header of every answer.
func (w *world) alters(t *testing.T, alter func(http.Header)) {
	t.Helper()
	l := newPipeListener()
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.ServeHTTP(&alteringWriter{rw, alter}, r)
	})}}
	server.Start()
	t.Cleanup(server.Close)
	w.url = "http://" + l.address
}

type alteringWriter struct {
	http.ResponseWriter
	alter func(http.Header)
}

func (w *alteringWriter) WriteHeader(status int) {
	w.alter(w.Header())
	w.ResponseWriter.WriteHeader(status)
}

// shifted moves a time in seconds that a header holds.
func shifted(h http.Header, name string, by time.Duration) {
	if n, err := strconv.ParseInt(h.Get(name), 10, 64); err == nil {
		h.Set(name, strconv.FormatInt(n+int64(by/time.Second), 10))
	}
}

// stormy spoils the first answer of each endpoint, and then every third. Of the scroll only pages are spoilt: to be told
// that another scroll is open takes up many calls.
func stormy(f emulator.Fault) []emulator.Fault {
	var faults []emulator.Fault
	for _, path := range []string{"/companies/scroll", "/me", "/admins", "/teams", "/tags", "/segments", "/data_attributes",
		"/companies/*/segments", "/contacts", "/conversations", "/tickets"} {
		f.Path, f.Rows = path, 0
		if path == "/companies/scroll" {
			f.Rows = 1
		}
		first, later := f, f
		first.Times, later.After, later.Every = 1, 1, 3
		faults = append(faults, first, later)
	}
	return faults
}

// TestStorms: while many answers of all endpoints are spoilt, and with clocks that disagree, every stream comes out whole,
// and nothing twice.
func TestStorms(t *testing.T) {
	for name, test := range map[string]struct {
		fault    emulator.Fault
		answers  func(w http.ResponseWriter, r *http.Request) bool // in the emulator's place
		dial     func() error
		alter    func(http.Header)
		rate     int
		harmless bool // no call fails
	}{
		"429 without a header":        {fault: emulator.Fault{Kind: "429"}},
		"408":                         {fault: emulator.Fault{Kind: "408"}},
		"500":                         {fault: emulator.Fault{Kind: "500"}},
		"502 as HTML":                 {fault: emulator.Fault{Kind: "502"}},
		"503":                         {fault: emulator.Fault{Kind: "503"}},
		"504":                         {fault: emulator.Fault{Kind: "504"}},
		"captcha":                     {fault: emulator.Fault{Kind: "captcha"}},
		"empty 200":                   {fault: emulator.Fault{Kind: "empty"}},
		"invalid JSON":                {fault: emulator.Fault{Kind: "invalid"}},
		"truncated JSON":              {fault: emulator.Fault{Kind: "truncated"}},
		"cut in the body":             {fault: emulator.Fault{Kind: "cut"}},
		"wrong lengths":               {fault: emulator.Fault{Kind: "length"}},
		"reset":                       {fault: emulator.Fault{Kind: "reset"}},
		"no answer":                   {fault: emulator.Fault{Kind: "hang"}},
		"drips":                       {fault: emulator.Fault{Kind: "drip", Delay: 25 * time.Second}, harmless: true},
		"drips for longer than a try": {fault: emulator.Fault{Kind: "drip", Delay: 45 * time.Second}},
		"429 with a reset": {answers: func() func(w http.ResponseWriter, r *http.Request) bool {
			third := every(3)
			return func(w http.ResponseWriter, _ *http.Request) bool {
				if !third() {
					return false
				}
				now, _ := http.ParseTime(w.Header().Get("Date"))
				w.Header().Set("X-RateLimit-Limit", "100")
				w.Header().Set("X-RateLimit-Remaining", "0")
				w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(now.Unix()/10*10+10, 10))
				return answer(w, 429, `{"type":"error.list","errors":[{"code":"rate_limit_exceeded","message":"no"}]}`)
			}
		}()},
		"connection refused":             {dial: failing(every(3), refused)},
		"no route":                       {dial: failing(every(3), noRoute)},
		"name not resolved":              {dial: failing(every(3), unknown)},
		"reset hours ahead of the clock": {rate: 60, harmless: true, alter: func(h http.Header) { shifted(h, "X-RateLimit-Reset", 5*time.Hour) }},
		"reset hours behind the clock":   {rate: 60, harmless: true, alter: func(h http.Header) { shifted(h, "X-RateLimit-Reset", -5*time.Hour) }},
		"clock and reset another machine's": {rate: 60, harmless: true, alter: func(h http.Header) {
			date, _ := http.ParseTime(h.Get("Date"))
			h.Set("Date", date.Add(-7*time.Hour).UTC().Format(http.TimeFormat))
			shifted(h, "X-RateLimit-Reset", -7*time.Hour)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := emulator.Options{Size: littleWorld, RateLimit: test.rate}
			if test.fault.Kind != "" {
				o.Faults = stormy(test.fault)
			}
			o.Intercept = func(w http.ResponseWriter, r *http.Request) bool {
				if test.dial != nil {
					w.Header().Set("Connection", "close") // each call makes a connection of its own
				}
				return test.answers != nil && test.answers(w, r)
			}
			bubble(t, "2.16", o, func(t *testing.T, w *world) {
				if test.dial != nil {
					w.dials(test.dial)
				}
				if test.alter != nil {
					w.alters(t, test.alter)
				}
				began := time.Now()
				out := w.read(t, reading{streams: allStreams(), config: patiently})
				w.check(t, false)
				out.onlyOnce(t)
				for _, stream := range allStreams() {
					out.isComplete(t, stream)
				}
				if failed := out.Client.Retries > out.Client.Throttled || test.rate == 0 && out.Client.Throttled > 0; failed == test.harmless {
					t.Errorf("%d calls were made again, %d of them after a 429", out.Client.Retries, out.Client.Throttled)
				}
				if took := time.Since(began); took > 30*time.Minute {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// failing returns err whenever it is time for it.
func failing(now func() bool, err error) func() error {
	return func() error {
		if now() {
			return err
		}
		return nil
	}
}

// An outage stops everything for a time.
type outage struct {
	kind       string
	from, till time.Time
}

func (o *outage) now() bool { n := time.Now(); return !n.Before(o.from) && n.Before(o.till) }

func (o *outage) intercept(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Connection", "close")
	if !o.now() {
		return false
	}
	switch o.kind {
	case "503":
		return answer(w, 503, `{"type":"error.list","errors":[{"code":"service_unavailable","message":"no"}]}`)
	case "429":
		return answer(w, 429, `{"type":"error.list","errors":[{"code":"rate_limit_exceeded","message":"no"}]}`)
	case "hang":
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

// dial is what the outage does to new connections.
func (o *outage) dial() error {
	switch {
	case !o.now():
	case o.kind == "connection refused":
		return refused
	case o.kind == "name not resolved":
		return unknown
	}
	return nil
}

// few are all of the values, or, where time is dear, the first.
func few[T any](t *testing.T, values ...T) []T {
	t.Helper()
	if testing.Short() {
		return values[:1]
	}
	return values
}

var outages = []string{"503", "429", "hang", "reset", "connection refused", "name not resolved"}

// outageWorld is one that is read for a quarter of a minute, and an outage that begins in the midst of it.
func outageWorld(t *testing.T, kind string, lasts time.Duration, f func(t *testing.T, w *world, o *outage)) {
	t.Helper()
	o := &outage{kind: kind}
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld, Latency: time.Second, Intercept: o.intercept, ScrollPage: 5}, func(t *testing.T, w *world) {
		o.from = time.Now().Add(5 * time.Second)
		o.till = o.from.Add(lasts)
		w.dials(o.dial)
		f(t, w, o)
	})
}

// TestOutageIsSurvived: one of several minutes, inside max_retry_minutes, costs nothing but the time.
func TestOutageIsSurvived(t *testing.T) {
	for _, kind := range few(t, outages...) {
		t.Run(kind, func(t *testing.T) {
			outageWorld(t, kind, 8*time.Minute, func(t *testing.T, w *world, o *outage) {
				out := w.read(t, reading{streams: allStreams(), config: func(c *Config) { c.MaxRetry, c.PageSize = 10*time.Minute, 5 }})
				w.check(t, false)
				out.onlyOnce(t)
				for _, stream := range allStreams() {
					out.isComplete(t, stream)
				}
				if late := time.Since(o.till); late < 0 || late > 2*time.Minute {
					t.Errorf("ended %s after the outage", late)
				}
			})
		})
	}
}

// TestOutageThatOutlastsTheRetries: the run ends soon after max_retry_minutes and fails, each stream that was not done
// says so and keeps its last true state, and the next run completes all from there.
func TestOutageThatOutlastsTheRetries(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, kind := range outages {
		t.Run(kind, func(t *testing.T) {
			outageWorld(t, kind, time.Hour, func(t *testing.T, w *world, o *outage) {
				r := reading{streams: allStreams(), failing: true, config: func(c *Config) { c.MaxRetry, c.PageSize = 5*time.Minute, 5 }}
				out := w.read(t, r)
				// Calls that wait for their turn are not given up before they had it, and smaller pages are tried, too.
				most := map[string]time.Duration{"hang": 20 * time.Minute}[kind]
				if took := time.Since(o.from); took < 5*time.Minute || took > max(most, 16*time.Minute) {
					t.Errorf("ended %s after the outage began", took)
				}
				incomplete := 0
				for stream, said := range out.statuses {
					if said[len(said)-1] == "COMPLETE" {
						continue
					}
					incomplete++
					out.isIncomplete(t, stream)
					if f := out.traceErrors()[stream]; f.Get("failure_type").Str != "transient_error" {
						t.Errorf("%s: failure %s, want a transient one", stream, f.Raw)
					}
				}
				if incomplete == 0 || out.total() == 0 {
					t.Fatalf("%d streams incomplete, %d records: the outage did not come in the midst of the run", incomplete, out.total())
				}
				r.state = out.stateAt(t, len(out.lines))
				sameStates(t, r.state, out.State)
				time.Sleep(time.Until(o.till) + time.Minute)
				w.Edit(func(world *emulator.World) { world.Reply(world.IDs("conversations")[0]) })
				time.Sleep(time.Hour)
				w.finishes(t, r)
			})
		})
	}
}

// A fullDisk takes so many bytes.
type fullDisk struct {
	w    io.Writer
	left int
}

func (d *fullDisk) Write(b []byte) (int, error) {
	n, _ := d.w.Write(b[:min(len(b), d.left)])
	if d.left -= n; n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

// TestFullDisk: where stdout is a file on a disk that fills up, what it holds is true, and the next run goes on from there.
func TestFullDisk(t *testing.T) {
	for _, dialect := range []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}} {
		for _, size := range []int{0, 1, 30_000, 100_000, 200_000} {
			bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
				r := reading{streams: allStreams(), config: smallPages, failing: true, dialect: dialect}
				r.through = func(out io.Writer) io.Writer { return &fullDisk{out, size} }
				out := w.read(t, r)
				if !errors.Is(out.err, errOutput) || !errors.Is(out.err, syscall.ENOSPC) || !strings.Contains(out.err.Error(), "stdout: no space left on device") {
					t.Errorf("error %v, want one that says where there is no space", out.err)
				}
				r.state = out.stateAt(t, len(out.lines))
				sameStates(t, r.state, out.State)
				if dialect.Name() == "singer" {
					return // its states say the same; its records look different
				}
				time.Sleep(time.Hour)
				w.finishes(t, r)
			})
		}
	}
}

// TestCancelledInAnOutage: a run that waits for better times ends at once when it is told to.
func TestCancelledInAnOutage(t *testing.T) {
	for _, kind := range outages {
		t.Run(kind, func(t *testing.T) {
			outageWorld(t, kind, time.Hour, func(t *testing.T, w *world, o *outage) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(3*time.Minute, cancel)
				r := reading{streams: allStreams(), failing: true, ctx: ctx, config: func(c *Config) { c.MaxRetry, c.PageSize = 30*time.Minute, 5 }}
				began := time.Now()
				out := w.read(t, r)
				if took := time.Since(began); took > 3*time.Minute+5*time.Second || !errors.Is(out.err, context.Canceled) || intercom.KindOf(out.err) != "" {
					t.Errorf("ended after %s: %v", took, out.err)
				}
				time.Sleep(2 * time.Hour)
				r.state = out.State
				w.finishes(t, r)
			})
		})
	}
}
