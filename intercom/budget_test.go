package intercom_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"source-intercom/intercom"
)

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.String()
}

// send answers in one of the ways in which a body can come.
func send(w http.ResponseWriter, code int, way, text string) {
	h := w.Header()
	if strings.HasPrefix(way, "zipped") {
		text = zipped(text)
		h.Set("Content-Encoding", "gzip")
	}
	if !strings.HasSuffix(way, "in chunks") {
		h.Set("Content-Length", strconv.Itoa(len(text)))
	}
	w.WriteHeader(code)
	if f, ok := w.(http.Flusher); ok {
		f.Flush() // or the server would find out the length
	}
	_, _ = io.WriteString(w, text)
}

var ways = []string{"zipped", "zipped in chunks", "of known length", "in chunks"}

func TestBodiesComeWhole(t *testing.T) {
	for _, size := range []int{0, 10, 65_500, 65_526, 65_536, 300_000, 2_000_000} {
		want := `{"x":"` + strings.Repeat("y", size) + `"}`
		for _, way := range ways {
			c := serve(t, intercom.Config{MaxHeld: 1}, func(w http.ResponseWriter, _ *http.Request) { send(w, 200, way, want) })
			for range 2 {
				a, err := c.Do(within(t), get)
				if err != nil || a.Body != want {
					t.Fatalf("%d bytes %s: error %v", size, way, err)
				}
				a.Release()
			}
			if got := c.Stats().Bytes; got != 2*int64(len(want)) {
				t.Errorf("%d bytes %s were counted as %d", 2*len(want), way, got)
			}
		}
	}
}

// within is a context that ends soon: what is waited for by then hangs.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestEncodingThatWasNotAskedFor(t *testing.T) {
	var calls int
	c := serve(t, intercom.Config{MaxRetry: time.Minute, MaxHeld: 1}, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Content-Encoding", "br")
		_, _ = io.WriteString(w, "{}")
	})
	_, err := c.Do(within(t), get)
	if intercom.KindOf(err) != intercom.BadRequest || calls != 1 || !strings.Contains(err.Error(), `"br"`) {
		t.Errorf("error %v after %d calls, want one that names the encoding after one", err, calls)
	}
}

func TestErrorsMayBeZipped(t *testing.T) {
	body := `{"type":"error.list","request_id":"r1","errors":[{"code":"not_found","message":"Not here"}]}`
	for _, way := range ways {
		c := serve(t, intercom.Config{}, func(w http.ResponseWriter, _ *http.Request) { send(w, 418, way, body) })
		_, err := c.Do(within(t), get)
		failure, isError := errors.AsType[*intercom.Error](err)
		if !isError || failure.Status != http.StatusTeapot || failure.Code != "not_found" || failure.RequestID != "r1" {
			t.Errorf("%s: error %v", way, err)
		}
	}
}

// With a budget of one byte a call that left something behind would make the next one wait for ever.
func TestErrorsHoldNoMemory(t *testing.T) {
	good := `{"data":[{"id":"1"}]}`
	z := zipped(good)
	gz := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, body)
		}
	}
	for name, fault := range map[string]http.HandlerFunc{
		"cut gzip":         gz(z[:len(z)-9]),
		"gzip without end": gz(z[:len(z)-8]),
		"half a head":      gz(z[:5]),
		"wrong checksum":   gz(z[:len(z)-8] + "abcd" + z[len(z)-4:]),
		"wrong size":       gz(z[:len(z)-1] + "\x7f"),
		"garbage behind":   gz(z + "garbage"),
		"no gzip at all":   gz(good),
		"gzip of nothing":  gz(zipped("")),
		"gzip of HTML":     gz(zipped("<html>")),
		"gzip of half":     gz(zipped(good[:9])),
		"gzip of too much": gz(zipped(strings.Repeat(" ", 200_000))),
		"empty":            gz(""),
		"HTML":             status(200, "<html>"),
		"too much":         status(200, strings.Repeat(" ", 200_000)),
		"half of a length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			_, _ = io.WriteString(w, good)
		},
		"cut in long chunks": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat(" ", 70_000))
			panic(http.ErrAbortHandler)
		},
		"404":         status(404, good),
		"500, zipped": func(w http.ResponseWriter, _ *http.Request) { send(w, 500, "zipped", good) },
	} {
		t.Run(name, func(t *testing.T) {
			var calls int
			c := serve(t, intercom.Config{MaxHeld: 1, MaxBody: 100_000}, func(w http.ResponseWriter, r *http.Request) {
				if calls++; calls == 1 {
					fault(w, r)
					return
				}
				send(w, 200, "zipped", good)
			})
			if _, err := c.Do(within(t), get); intercom.KindOf(err) == "" {
				t.Fatalf("error %v", err)
			}
			for range 2 {
				a, err := c.Do(within(t), get)
				if err != nil {
					t.Fatal(err)
				}
				a.Release()
			}
		})
	}
}

func TestPagesThatAreRefusedHoldNoMemory(t *testing.T) {
	body := `{"total_count":1,"conversations":[{"id":"1"}]}`
	c := newClient(t, intercom.Config{MaxHeld: 1, Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })})
	s := intercom.Search{Path: "/conversations/search", Rows: "conversations", Query: "{}"}
	for _, bad := range []string{`{}`, `{"conversations":[]}`, `{"total_count":2,"conversations":[{}]}`, `{"total_count":2,"conversations":[{}],"pages":{"next":"u"}}`} {
		good := body
		body = bad
		if _, err := c.Search(within(t), s); err == nil {
			t.Errorf("%s passed for a page", bad)
		}
		body = good
	}
	for range 2 {
		page, err := c.Search(within(t), s)
		if err != nil {
			t.Fatal(err)
		}
		page.Release()
		page.Release()
	}
	body = `{"app":{"id_code":"x"}}`
	for range 2 {
		if _, err := c.Workspace(within(t)); err != nil {
			t.Fatal(err)
		}
	}
}

// later makes a call in a bubble and returns how it ended, once it has.
func later(ctx context.Context, c *intercom.Client) func() (done bool, a *intercom.Answer, err error) {
	var a *intercom.Answer
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		a, err = c.Do(ctx, get)
	}()
	return func() (bool, *intercom.Answer, error) {
		synctest.Wait()
		select {
		case <-done:
			return true, a, err
		default:
			return false, nil, nil
		}
	}
}

// Who waits for memory waits for as long as it takes, whatever the time-out of a call is.
func TestWaitingForMemory(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text := `{"x":"` + strings.Repeat("y", 100_000) + `"}`
				c := newClient(t, intercom.Config{MaxHeld: 1000, RequestTimeout: 10 * time.Second, Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) { send(w, 200, way, text) })})
				first, err := c.Do(t.Context(), get)
				if err != nil {
					t.Fatal(err)
				}
				second := later(t.Context(), c)
				time.Sleep(time.Hour)
				if done, _, _ := second(); done {
					t.Fatal("two answers are held at a time, each larger than the budget")
				}
				// What came zipped is whole: it keeps no call waiting.
				if n := c.Stats().InFlight; strings.HasPrefix(way, "zipped") && n != 0 {
					t.Errorf("%d calls are in flight", n)
				}
				first.Release()
				first.Release()
				done, a, err := second()
				if !done || err != nil || a.Body != text || c.Stats().Requests != 2 {
					t.Fatalf("done %v, error %v, %d requests", done, err, c.Stats().Requests)
				}
				// A second Release gives nothing back a second time.
				third := later(t.Context(), c)
				if done, _, _ := third(); done {
					t.Error("the budget has grown")
				}
				first.Release()
				a.Release()
				if done, a, err := third(); !done || err != nil {
					t.Errorf("done %v, error %v", done, err)
				} else {
					a.Release()
				}
			})
		})
	}
}

func TestCancelWhileWaitingForMemory(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, intercom.Config{MaxHeld: 1, MaxRetry: time.Hour, Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) { send(w, 200, way, `{"data":[]}`) })})
				first, err := c.Do(t.Context(), get)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				second, third := later(ctx, c), later(t.Context(), c)
				synctest.Wait()
				cancel()
				if done, _, err := second(); !done || !errors.Is(err, context.Canceled) || intercom.KindOf(err) != "" {
					t.Errorf("done %v, error %v, want the context's own", done, err)
				}
				first.Release()
				done, a, err := third()
				if !done || err != nil {
					t.Fatalf("done %v, error %v: the cancelled call left something behind", done, err)
				}
				a.Release()
			})
		})
	}
}

// The time-out of a call goes on where it stood.
func TestTimeoutGoesOnAfterWaitingForMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stalls := false
		c := newClient(t, intercom.Config{MaxHeld: 1, RequestTimeout: 10 * time.Second, Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			body := io.Reader(strings.NewReader("{}"))
			if stalls {
				time.Sleep(4 * time.Second)
				body = stalled{r.Context()}
			}
			return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: 2, Body: io.NopCloser(body)}, nil
		})})
		first, err := c.Do(t.Context(), get)
		if err != nil {
			t.Fatal(err)
		}
		stalls = true
		second := later(t.Context(), c)
		time.Sleep(time.Hour)
		first.Release()
		time.Sleep(5 * time.Second)
		if done, _, _ := second(); done {
			t.Error("timed out early")
		}
		time.Sleep(2 * time.Second)
		if done, _, err := second(); !done || intercom.KindOf(err) != intercom.Temporary {
			t.Errorf("done %v, error %v, want a time-out 10 s after the start, the wait for memory apart", done, err)
		}
	})
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// stalled is a body of which nothing comes.
type stalled struct{ ctx context.Context }

func (s stalled) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, context.Cause(s.ctx)
}

// What has come packed waits in bounded memory, too: calls whose answers have no place stop reading.
func TestPackedBodiesAreBounded(t *testing.T) {
	text := `{"x":"` + strings.Repeat("y", 100_000) + `"}`
	for _, way := range []string{"zipped", "in chunks"} {
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, intercom.Config{MaxHeld: 1000, Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) { send(w, 200, way, text) })})
			first, err := c.Do(t.Context(), get)
			if err != nil {
				t.Fatal(err)
			}
			waiting := make([]func() (bool, *intercom.Answer, error), 8)
			for i := range waiting {
				waiting[i] = later(t.Context(), c)
			}
			synctest.Wait()
			if n := c.Stats().InFlight; n < len(waiting)-4 {
				t.Errorf("%s: only %d of %d calls wait with their body unread", way, n, len(waiting))
			}
			first.Release()
			for range waiting {
				released := 0
				for _, call := range waiting {
					if done, a, err := call(); done && err == nil {
						a.Release()
						released++
					}
				}
				if released == len(waiting) {
					return
				}
			}
			t.Errorf("%s: not all calls got their answer in the end", way)
		})
	}
}
