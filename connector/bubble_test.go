package connector

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"source-intercom/emulator"

	"github.com/tidwall/gjson"
)

// bubble runs f in a world whose time is synctest's: the client's, the server's and the emulator's
// clocks are one, waits cost nothing, and what is left running when f returns fails the test. Client
// and server are the real ones; between them are pipes, since a bubble cannot wait for a socket.
func bubble(t *testing.T, version string, o emulator.Options, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, bubbleWorld(t, version, o)) })
}

// bubbleWorld makes a world for a test that is in a bubble already. Its time passes by time.Sleep.
func bubbleWorld(t *testing.T, version string, o emulator.Options) *world {
	t.Helper()
	w := &world{version: version, union: map[string]map[string]json.RawMessage{}, options: o}
	began := time.Now()
	o.Now = func() time.Time { return born.Add(time.Since(began)) }
	if o.Start.IsZero() {
		o.Start = born.AddDate(-1, 0, 0)
	}
	var err error
	if w.Emulator, err = emulator.New(o); err != nil {
		t.Fatal(err)
	}
	l := newPipeListener()
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: w.Emulator}}
	server.Start()
	t.Cleanup(server.Close)
	w.url = "http://" + l.address
	return w
}

// pipes are the listeners that http's default transport, of which every client's is a clone, reaches
// without a socket. Other addresses are dialled as ever.
var pipes = func() *sync.Map {
	var listeners sync.Map
	transport := http.DefaultTransport.(*http.Transport)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if l, ok := listeners.Load(address); ok {
			return l.(*pipeListener).dial(ctx)
		}
		return dial(ctx, network, address)
	}
	return &listeners
}()

var pipePorts atomic.Int64

type pipeListener struct {
	address string
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
	fault   func() error // why no connection can be made now, if it cannot; nil: it always can
}

func newPipeListener() *pipeListener {
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	l.address = "127.0.0.1:" + strconv.FormatInt(70_000+pipePorts.Add(1), 10) // a port that no socket can have
	pipes.Store(l.address, l)
	return l
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	if l.fault != nil {
		if err := l.fault(); err != nil {
			return nil, err
		}
	}
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() {
		pipes.Delete(l.address)
		close(l.closed)
	})
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddress(l.address) }

type pipeAddress string

func (pipeAddress) Network() string  { return "tcp" }
func (a pipeAddress) String() string { return string(a) }

// answer writes an answer of an Intercept.
func answer(w http.ResponseWriter, status int, body string) bool {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
	return true
}

const notFoundBody = `{"type":"error.list","errors":[{"code":"not_found","message":"gone"}]}`

// finishes reads the streams once more, undisturbed, and compares all that came until then with the
// truth.
func (w *world) finishes(t *testing.T, r reading) *run {
	t.Helper()
	r.failing, r.ctx, r.through = false, nil, nil
	out := w.read(t, r)
	w.check(t, true, r.streams...)
	return out
}

// isIncomplete fails unless the stream ended as INCOMPLETE with a state that does not claim more.
func (r *run) isIncomplete(t *testing.T, stream string) {
	t.Helper()
	if s := r.statuses[stream]; len(s) == 0 || s[len(s)-1] != "INCOMPLETE" {
		t.Errorf("%s: statuses %v, want INCOMPLETE last", stream, s)
	}
	if !r.stateValue(stream).Get("unfinished").Bool() {
		t.Errorf("%s: the state claims to be finished: %s", stream, clip(r.stateValue(stream).Raw))
	}
}

func (r *run) isComplete(t *testing.T, stream string) {
	t.Helper()
	if s := r.statuses[stream]; len(s) == 0 || s[len(s)-1] != "COMPLETE" {
		t.Errorf("%s: statuses %v, want COMPLETE last", stream, s)
	}
}

// errorAs fails unless the run's error is, or wraps, an E; it returns it.
func errorAs[E error](t *testing.T, r *run) E {
	t.Helper()
	e, ok := errors.AsType[E](r.err)
	if !ok {
		t.Fatalf("error %v, want a %T", r.err, e)
	}
	return e
}

// traceErrors are the failures that the output shows, by stream; "" is the run's own.
func (r *run) traceErrors() map[string]gjson.Result {
	out := map[string]gjson.Result{}
	for _, line := range r.lines {
		if e := line.Get("trace.error"); e.Exists() {
			out[e.Get("stream_descriptor.name").Str] = e
		}
	}
	return out
}
