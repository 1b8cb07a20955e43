package intercom_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
)

// fetch downloads /file and returns what the last try brought, and how many there were.
func fetch(t *testing.T, c *intercom.Client) (text string, tries int, err error) {
	t.Helper()
	err = c.Download(t.Context(), intercom.Download{Path: "/file", Stream: "exports", Take: func(file io.Reader) error {
		tries++
		b, err := io.ReadAll(file)
		text = string(b)
		return err
	}})
	return text, tries, err
}

// serving returns a client of a server whose handler is told which request it answers, from 1 on.
func serving(t *testing.T, handle func(w http.ResponseWriter, r *http.Request, n int64)) *intercom.Client {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(w, r, n.Add(1)) }))
	t.Cleanup(s.Close)
	return newClient(t, intercom.Config{BaseURL: s.URL, MaxRetry: time.Minute})
}

func TestDownloadUnpacksByContent(t *testing.T) {
	const text = "receipt_id,name\n1,\"Größe, \"\"x\"\"\"\n"
	for name, test := range map[string]struct{ encoding, body, want string }{
		"gzip, said":        {"gzip", zipped(text), text},
		"gzip, unsaid":      {"", zipped(text), text},
		"gzip, called zip":  {"zip", zipped(text), text},
		"gzipped for both":  {"gzip", zipped(zipped(text)), text},
		"bare":              {"", text, text},
		"bare, called gzip": {"gzip", text, text},
		"two parts":         {"", zipped(text) + zipped(text), text + text},
		"one byte":          {"", "x", "x"},
		"another archive":   {"zip", "PK\x03\x04rest", "PK\x03\x04rest"},
	} {
		c := serving(t, func(w http.ResponseWriter, r *http.Request, _ int64) {
			if r.Header.Get("Accept") != "application/octet-stream" || r.Header.Get("Authorization") != "Bearer "+token {
				t.Errorf("headers %v", r.Header)
			}
			w.Header().Set("Content-Encoding", test.encoding)
			_, _ = io.WriteString(w, test.body)
		})
		if got, tries, err := fetch(t, c); err != nil || got != test.want || tries != 1 {
			t.Errorf("%s: %q in %d tries, error %v", name, got, tries, err)
		}
		if s := c.Stats(); s.Bytes != int64(len(test.want)) || s.Requests != 1 || s.ByStream["exports"].Requests != 1 {
			t.Errorf("%s: counted %+v", name, s.Counts)
		}
	}
}

// What is broken on the way is fetched again, from its beginning.
func TestDownloadsThatBreakAreRepeated(t *testing.T) {
	text := strings.Repeat("one,two,three\n", 20_000)
	packed := zipped(text)
	spoilt := []byte(packed)
	spoilt[len(spoilt)/2] ^= 0x55
	for name, first := range map[string]func(w http.ResponseWriter){
		"shorter than announced": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", strconv.Itoa(len(packed)))
			_, _ = io.WriteString(w, packed[:len(packed)/2])
		},
		"cut": func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, packed[:len(packed)/2])
			panic(http.ErrAbortHandler)
		},
		"half a gzip":      func(w http.ResponseWriter) { _, _ = io.WriteString(w, packed[:len(packed)/2]) },
		"spoilt":           func(w http.ResponseWriter) { _, _ = w.Write(spoilt) },
		"without its end":  func(w http.ResponseWriter) { _, _ = io.WriteString(w, packed[:len(packed)-1]) },
		"with more behind": func(w http.ResponseWriter) { _, _ = io.WriteString(w, packed+"more") },
		"empty":            func(http.ResponseWriter) {},
		"a web page": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>please wait</html>")
		},
		"an outage": func(w http.ResponseWriter) { w.WriteHeader(503) },
	} {
		c := serving(t, func(w http.ResponseWriter, _ *http.Request, n int64) {
			if n == 1 {
				first(w)
				return
			}
			_, _ = io.WriteString(w, packed)
		})
		if got, _, err := fetch(t, c); err != nil || got != text {
			t.Errorf("%s: %d bytes of %d, error %v", name, len(got), len(text), err)
		}
		if s := c.Stats(); s.Retries != 1 {
			t.Errorf("%s: %d retries", name, s.Retries)
		}
	}
}

func TestDownloadErrors(t *testing.T) {
	for status, kind := range map[int]intercom.Kind{403: intercom.MissingScope, 404: intercom.NotFound, 400: intercom.BadRequest, 302: intercom.Redirected} {
		c := serving(t, func(w http.ResponseWriter, _ *http.Request, _ int64) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"type":"error.list","errors":[{"code":"some_code","message":"said"}]}`)
		})
		_, tries, err := fetch(t, c)
		e, ok := errors.AsType[*intercom.Error](err)
		if !ok || e.Kind != kind || e.Status != status || e.Path != "/file" || e.Stream != "exports" || tries != 0 {
			t.Errorf("%d: error %v", status, err)
		}
	}
	full := errors.New("the disk is full")
	c := serving(t, func(w http.ResponseWriter, _ *http.Request, _ int64) { ok(w) })
	err := c.Download(t.Context(), intercom.Download{Path: "/file", Take: func(io.Reader) error { return full }})
	if s := c.Stats(); !errors.Is(err, full) || s.Requests != 1 {
		t.Errorf("Take's own error: %v after %d requests", err, s.Requests)
	}
	tries := 0
	err = c.Download(t.Context(), intercom.Download{Path: "/file", Take: func(io.Reader) error {
		if tries++; tries == 1 {
			return fmt.Errorf("%w: it has no end", intercom.ErrIncomplete)
		}
		return nil
	}})
	if err != nil || tries != 2 {
		t.Errorf("a file that is not whole: %v after %d tries", err, tries)
	}
}

// A download occupies no turn while it comes, and its time is not that of a call.
func TestDownloadsHoldNobodyUp(t *testing.T) {
	c := newClient(t, intercom.Config{MaxInFlight: 1, Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) { ok(w) })})
	err := c.Download(t.Context(), intercom.Download{Path: "/file", Take: func(file io.Reader) error {
		a, err := c.Do(t.Context(), get)
		if err == nil {
			a.Release()
		}
		return err
	}})
	if err != nil {
		t.Error(err)
	}
	if s := c.Stats(); s.InFlight != 0 {
		t.Errorf("%d calls in flight", s.InFlight)
	}
}

// body is a file that comes in pieces, each after a wait, and then stands still if it is stuck.
type body struct {
	ctx    context.Context
	pieces int
	wait   time.Duration
	stuck  bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.pieces--; b.pieces < 0 && !b.stuck {
		return 0, io.EOF
	}
	wait := b.wait
	if b.pieces < 0 {
		wait = time.Hour
	}
	select {
	case <-time.After(wait):
		return copy(p, "piece,"), nil
	case <-b.ctx.Done():
		return 0, context.Cause(b.ctx)
	}
}

func (b *body) Close() error { return nil }

type bodies func(ctx context.Context) *body

func (f bodies) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: f(r.Context()), ContentLength: -1}, nil
}

func TestDownloadsMayBeSlowButNotStandStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c := newClient(t, intercom.Config{RequestTimeout: time.Minute, MaxRetry: time.Hour, Transport: bodies(func(ctx context.Context) *body {
			tries++
			return &body{ctx: ctx, pieces: 20, wait: 50 * time.Second, stuck: tries == 1}
		})})
		began := time.Now()
		err := c.Download(t.Context(), intercom.Download{Path: "/file", Take: func(file io.Reader) error {
			b := make([]byte, 6)
			for n := 0; ; n++ {
				if _, err := file.Read(b); errors.Is(err, io.EOF) && n == 20 {
					return nil
				} else if err != nil {
					return err
				}
				time.Sleep(5 * time.Minute) // the reader's own time
			}
		}})
		if err != nil || tries != 2 {
			t.Errorf("%d tries, error %v", tries, err)
		}
		if took := time.Since(began); took > 5*time.Hour {
			t.Errorf("it took %s", took)
		}
	})
}

// Only a bounded part of a file is in memory.
func TestDownloadsAreNotHeld(t *testing.T) {
	const size = 64 << 20
	piece := bytes.Repeat([]byte("0123456789abcdef"), 4096)
	want := crc32.NewIEEE()
	for range size / len(piece) {
		_, _ = want.Write(piece)
	}
	c := serving(t, func(w http.ResponseWriter, _ *http.Request, _ int64) {
		for range size / len(piece) {
			_, _ = w.Write(piece)
		}
	})
	got := crc32.NewIEEE()
	allocated := testing.AllocsPerRun(1, func() {
		got.Reset()
		if err := c.Download(t.Context(), intercom.Download{Path: "/file", Take: func(file io.Reader) error {
			_, err := io.Copy(got, file)
			return err
		}}); err != nil {
			t.Error(err)
		}
	})
	if got.Sum32() != want.Sum32() || allocated > 20_000 {
		t.Errorf("checksum %x, want %x; %.0f allocations", got.Sum32(), want.Sum32(), allocated)
	}
}

// A 429 that is about jobs stops nobody, and is said at once; one about calls is waited out.
func TestJobsUnderWayStopNoCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		message := "Exceeded rate limit of 1 pending message data export jobs"
		refusals := 1
		c := newClient(t, intercom.Config{MaxRetry: 10 * time.Minute, Transport: inMemory(func(w http.ResponseWriter, r *http.Request) {
			now := time.Now()
			limits(w, 100, 50, now, now.Truncate(10*time.Second).Add(10*time.Second))
			if r.Method == http.MethodPost && refusals > 0 {
				refusals--
				w.WriteHeader(429)
				_, _ = fmt.Fprintf(w, `{"type":"error.list","errors":[{"code":"rate_limit_exceeded","message":%q}]}`, message)
				return
			}
			ok(w)
		})})
		create := intercom.Request{Method: http.MethodPost, Path: "/export/content/data", Body: []byte(`{}`), Once: true}
		began := time.Now()
		if _, err := c.Do(t.Context(), create); intercom.KindOf(err) != intercom.JobPending || !strings.Contains(err.Error(), message) || !strings.Contains(err.Error(), "under way") {
			t.Errorf("error %v", err)
		}
		if _, err := c.Do(t.Context(), get); err != nil || time.Since(began) > time.Second {
			t.Errorf("the next call was answered after %s, error %v", time.Since(began), err)
		}
		refusals, message = 1, "Exceeded rate limit of 100 in 10_seconds"
		if _, err := c.Do(t.Context(), create); err != nil || time.Since(began) < time.Second {
			t.Errorf("a 429 about calls: error %v after %s", err, time.Since(began))
		}
		if s := c.Stats(); s.Throttled != 1 {
			t.Errorf("%d calls were throttled", s.Throttled)
		}
	})
}

func TestEmulatorJobLimits(t *testing.T) {
	c := emulate(t, emulator.Options{RateLimit: 100}, intercom.Config{})
	create := intercom.Request{Method: http.MethodPost, Path: "/export/content/data", Body: []byte(`{"created_at_after":1,"created_at_before":2}`), Once: true}
	if _, err := c.Do(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), create); intercom.KindOf(err) != intercom.JobPending {
		t.Errorf("error %v", err)
	}
	now := time.Now().Unix()
	report := intercom.Request{Method: http.MethodPost, Path: "/export/reporting_data/enqueue", Once: true,
		Body: fmt.Appendf(nil, `{"dataset_id":"tickets","attribute_ids":["ticket.ticket_id"],"start_time":%d,"end_time":%d}`, now-1, now)}
	for range 5 {
		if _, err := c.Do(t.Context(), report); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Do(t.Context(), report); intercom.KindOf(err) != intercom.JobPending {
		t.Errorf("error %v", err)
	}
}
