package connector

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
)

// stormWorld makes a world in a bubble, as bubbleWorld does, whose clock is not this process's, and whose headers
// may be wrong.
func stormWorld(t *testing.T, s *storm) *world {
	t.Helper()
	time.Sleep(time.Until(born) + s.climate.skew)
	s.began = time.Now()
	w := &world{version: s.climate.version, union: map[string]map[string]json.RawMessage{}, options: s.climate.options}
	o := s.climate.options
	o.Now, o.Intercept = s.now, s.intercept
	var err error
	if w.Emulator, err = emulator.New(o); err != nil {
		t.Fatal(err)
	}
	l := newPipeListener()
	l.fault = s.noConnection
	handler := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.ServeHTTP(&wrongHeaders{rw, s}, r) })
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler}}
	server.Start()
	t.Cleanup(server.Close)
	w.url = "http://" + l.address
	return w
}

// now is the world's clock.
func (s *storm) now() time.Time { return born.Add(time.Since(s.began)) }

// wrongHeaders takes the Date out of some answers, and sets the clock of the rate limit wrong.
type wrongHeaders struct {
	http.ResponseWriter
	storm *storm
}

func (w *wrongHeaders) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *wrongHeaders) WriteHeader(status int) {
	h := w.Header()
	if w.storm.dropsDate() {
		h["Date"] = nil // else net/http would set one
	}
	if reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		h.Set("X-RateLimit-Reset", strconv.FormatInt(reset+w.storm.climate.reset, 10))
	}
	w.ResponseWriter.WriteHeader(status)
}

func (s *storm) dropsDate() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live.Float64() < s.climate.dateless
}

var errRefused = errors.New("connection refused")

// noConnection is why no connection can be made now.
func (s *storm) noConnection() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outage() == "refused" {
		return errRefused
	}
	return nil
}

// visitor marks the calls of another program.
const visitor = "X-Visitor"

// intercept is what a request goes through before the emulator answers it.
func (s *storm) intercept(rw http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get(visitor) != "" {
		return false
	}
	visits, outage := s.called(r.URL.Path)
	for i := range visits {
		go s.visit(i)
	}
	switch outage {
	case "":
		return s.saysGone(rw, r.URL.Path)
	case "hang up", "refused":
		panic(http.ErrAbortHandler)
	case "hang":
		_, _ = io.Copy(io.Discard, r.Body) // a server sees that its client has gone only after the body
		<-r.Context().Done()
		return true
	case "502", "captcha":
		rw.Header().Set("Content-Type", "text/html")
		rw.WriteHeader(map[string]int{"502": http.StatusBadGateway, "captcha": http.StatusMethodNotAllowed}[outage])
		_, _ = rw.Write([]byte("<html>Not now</html>"))
		return true
	case "429":
		return answer(rw, http.StatusTooManyRequests, `{"type":"error.list","errors":[{"code":"rate_limit_exceeded","message":"no"}]}`)
	}
	return answer(rw, http.StatusServiceUnavailable, `{"type":"error.list","errors":[{"code":"service_unavailable","message":"no"}]}`)
}

// called does what the weather holds for a call. The lock must not be held while time passes.
func (s *storm) called(path string) (visits int, outage string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &s.weather
	if w.calls++; w.calls == w.killAtCall {
		w.kill()
	}
	if w.edits > 0 && s.live.IntN(w.oneIn) == 0 {
		w.edits--
		s.Edit(func(world *emulator.World) { anyEdit(s.live, world) })
	}
	if w.bankrupt > 0 && path == "/companies/scroll" {
		w.bankrupt--
		s.Edit(func(world *emulator.World) {
			if ids := world.IDs("companies"); len(ids) > 0 {
				world.DeleteCompany(oneOf(s.live, ids...))
			}
		})
	}
	if w.neighbour > 0 && s.live.IntN(20) == 0 {
		visits = w.neighbour
	}
	return visits, s.outage()
}

// outage is what the server suffers from at the moment, as a whole. The caller holds the lock.
func (s *storm) outage() string {
	if since := time.Since(s.weather.began); since >= s.weather.outage[0] && since < s.weather.outage[1] {
		return s.weather.outageKind
	}
	return ""
}

// saysGone denies a conversation that exists, in one of the ways in which that is said.
func (s *storm) saysGone(rw http.ResponseWriter, path string) bool {
	id, single := strings.CutPrefix(path, "/conversations/")
	s.mu.Lock()
	left := s.climate.gone[id] - s.denials[id]
	if single && left > 0 {
		s.denials[id]++
		s.denied[id] = s.now()
		s.weather.denied++
	}
	s.mu.Unlock()
	switch {
	case !single || left <= 0:
		return false
	case left == 1:
		return answer(rw, http.StatusNotFound, notFoundBody)
	case left == 2:
		return answer(rw, http.StatusGone, notFoundBody)
	}
	rw.Header().Set("Content-Type", "text/html")
	rw.WriteHeader(http.StatusNotFound)
	_, _ = rw.Write([]byte("<html><head><title>404 Not Found</title></head></html>"))
	return true
}

// visit makes a call of another program, which uses up the same limit and may open the only scroll.
func (s *storm) visit(n int) {
	path := "/tags"
	if n == 0 {
		path = "/companies/scroll"
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	v := httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody)
	v.Header.Set(visitor, "yes")
	defer func() { _ = recover() }() // a cut connection, which a server would take for one
	v.Header.Set("Authorization", "Bearer "+emulator.DefaultToken)
	s.ServeHTTP(httptest.NewRecorder(), v)
}
