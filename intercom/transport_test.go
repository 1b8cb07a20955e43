package intercom_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"source-intercom/intercom"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server on loopback and returns a client for it.
func serve(t *testing.T, cfg intercom.Config, h http.HandlerFunc) *intercom.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	cfg.BaseURL = s.URL
	return newClient(t, cfg)
}

var get = intercom.Request{Method: "GET", Path: "/tags", Stream: "tags"}

func TestRequestCarriesWhatIntercomNeeds(t *testing.T) {
	type sent struct{ Method, URL, Authorization, Version, Accept, Agent, Type, Encoding, Body string }
	var got sent
	c := serve(t, intercom.Config{Version: intercom.V2_14, UserAgent: "connector/1"}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := r.Header
		got = sent{r.Method, r.URL.String(), h.Get("Authorization"), h.Get("Intercom-Version"), h.Get("Accept"),
			h.Get("User-Agent"), h.Get("Content-Type"), h.Get("Accept-Encoding"), string(body)}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, `{"a": 1}`)
		_ = z.Close()
	})
	a, err := c.Do(t.Context(), intercom.Request{Method: "POST", Path: "/contacts/search?x=a%2Fb", Body: []byte(`{"q":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := sent{"POST", "/contacts/search?x=a%2Fb", "Bearer " + token, "2.14", "application/json", "connector/1", "application/json", "gzip", `{"q":1}`}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if a.Body != `{"a": 1}` {
		t.Errorf("body %q, want it as it was sent", a.Body)
	}
}

func TestConnectionIsReused(t *testing.T) {
	peers := map[string]bool{}
	answers := []string{`{"a":1}`, "", `{"cut`, strings.Repeat("x", 100_000)}
	var n int
	c := serve(t, intercom.Config{MaxRetry: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
		peers[r.RemoteAddr] = true
		n++
		if n == len(answers) {
			w.WriteHeader(404)
		}
		_, _ = io.WriteString(w, answers[(n-1)%len(answers)])
	})
	for range 2 {
		_, _ = c.Do(t.Context(), intercom.Request{Method: "GET", Path: "/x", Once: true})
		_, _ = c.Do(t.Context(), intercom.Request{Method: "GET", Path: "/x", Once: true})
	}
	if len(peers) != 1 {
		t.Errorf("%d connections for %d calls one after the other, want 1", len(peers), n)
	}
}

func TestRedirectIsAnErrorAndTakesNoToken(t *testing.T) {
	var visited atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited.Store(true) }))
	defer other.Close()
	for _, target := range []string{other.URL + "/tags", "/elsewhere"} {
		var calls int
		c := serve(t, intercom.Config{MaxRetry: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
			calls++
			http.Redirect(w, r, target, http.StatusFound)
		})
		_, err := c.Do(t.Context(), get)
		if intercom.KindOf(err) != intercom.Redirected || calls != 1 {
			t.Errorf("redirect to %s: error %v after %d calls, want one call and kind %q", target, err, calls, intercom.Redirected)
		}
	}
	if visited.Load() {
		t.Error("the client went to another host")
	}
}

func TestBodyBound(t *testing.T) {
	row := `{"data":["` + strings.Repeat("x", 5000) + `"]}`
	tests := map[string]struct {
		length, zipped, whole bool
		bound                 int64
		want                  intercom.Kind
	}{
		"announced":           {length: true, bound: 4999, want: intercom.TooLarge},
		"not announced":       {bound: 4999, want: intercom.TooLarge},
		"grows when unpacked": {zipped: true, bound: 4999, want: intercom.TooLarge},
		"fits exactly":        {bound: int64(len(row))},
		"one byte too many":   {bound: int64(len(row)) - 1, want: intercom.TooLarge},
		"read whole":          {whole: true, bound: 10},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var calls int
			c := serve(t, intercom.Config{MaxBody: test.bound, MaxRetry: time.Minute}, func(w http.ResponseWriter, _ *http.Request) {
				calls++
				switch {
				case test.zipped:
					w.Header().Set("Content-Encoding", "gzip")
					z := gzip.NewWriter(w)
					_, _ = io.WriteString(z, row)
					_ = z.Close()
				case test.length:
					w.Header().Set("Content-Length", fmt.Sprint(len(row)))
					_, _ = io.WriteString(w, row)
				default:
					w.(http.Flusher).Flush()
					_, _ = io.WriteString(w, row)
				}
			})
			r := get
			r.Whole = test.whole
			a, err := c.Do(t.Context(), r)
			if intercom.KindOf(err) != test.want || calls != 1 {
				t.Fatalf("error %v after %d calls, want kind %q and no second call", err, calls, test.want)
			}
			if err == nil && a.Body != row {
				t.Errorf("body of %d bytes, want %d", len(a.Body), len(row))
			}
		})
	}
}

// Every broken answer is repeated, and the whole one that follows is what the caller gets.
func TestBrokenAnswersAreRepeated(t *testing.T) {
	whole := `{"type":"list","data":[{"id":"1"},{"id":"2"}]}`
	broken := map[string]http.HandlerFunc{
		"connection cut before the answer": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut within the body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
			_, _ = io.WriteString(w, whole[:20])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"cut within chunks": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, whole)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"closed early without a length": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"+whole[:30])
			_ = conn.Close()
		},
		"reset": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		},
		"longer than its length": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n%s", whole)
			_ = conn.Close()
		},
		"cut gzip": func(w http.ResponseWriter, _ *http.Request) {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = io.WriteString(z, whole)
			_ = z.Close()
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(b.Bytes()[:b.Len()-6])
		},
		"truncated JSON of full length": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, whole[:30]) },
		"two documents":                 func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, whole+whole) },
		"empty 200":                     func(http.ResponseWriter, *http.Request) {},
		"HTML 200":                      func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>hold on</html>") },
		"captcha":                       status(405, "<html>are you human?</html>"),
		"408":                           status(408, `{"type":"error.list","errors":[{"code":"request_timeout"}]}`),
		"500":                           status(500, `{"type":"error.list","errors":[{"code":"server_error"}]}`),
		"502 as HTML":                   status(502, "<html><h1>502 Bad Gateway</h1></html>"),
		"503 empty":                     status(503, ""),
		"504 as HTML":                   status(504, "<html>"),
		"deep nesting":                  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("[", 3<<20)) },
	}
	for name, fault := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			h := func(w http.ResponseWriter, r *http.Request) {
				if calls.Add(1) == 1 {
					fault(w, r)
					return
				}
				_, _ = io.WriteString(w, whole)
			}
			a, err := serve(t, intercom.Config{MaxRetry: time.Minute}, h).Do(t.Context(), get)
			if err != nil {
				t.Fatal(err)
			}
			if a.Body != whole {
				t.Errorf("body %q", a.Body)
			}

			// What must happen once is not repeated after any of these.
			calls.Store(0)
			once := get
			once.Once = true
			if _, err = serve(t, intercom.Config{MaxRetry: time.Minute}, h).Do(t.Context(), once); intercom.KindOf(err) != intercom.Temporary {
				t.Errorf("once: error %v, want kind %q", err, intercom.Temporary)
			}
			if n := calls.Load(); n != 1 {
				t.Errorf("once: %d calls", n)
			}
		})
	}
}

// net/http repeats a GET by itself when a kept connection breaks. The second answer must not pass for the
// first: it would be the next page of a scroll.
func TestOnceSeesRepeatsOfTheTransport(t *testing.T) {
	var calls atomic.Int32
	c := serve(t, intercom.Config{MaxRetry: time.Minute}, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, `{"data":[]}`)
	})
	once := intercom.Request{Method: "GET", Path: "/companies/scroll", Once: true}
	if _, err := c.Do(t.Context(), once); err != nil {
		t.Fatal(err)
	}
	a, err := c.Do(t.Context(), once)
	if intercom.KindOf(err) != intercom.Temporary {
		t.Errorf("answer %v, error %v after %d calls; want kind %q", a, err, calls.Load(), intercom.Temporary)
	}
	if calls.Load() != 3 {
		t.Errorf("%d calls: the transport did not repeat, this test shows nothing", calls.Load())
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func TestCancelReturnsAtOnce(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"while the answer is awaited": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"within the body": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"a":`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"between tries":       status(500, ""),
		"in the pause of 429": status(429, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, intercom.Config{MaxRetry: time.Hour}, h)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			start := time.Now()
			_, err := c.Do(ctx, get)
			if !errors.Is(err, context.Canceled) || intercom.KindOf(err) != "" {
				t.Errorf("error %v, want the context's own", err)
			}
			if d := time.Since(start); d > 2*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestTokenIsNowhere(t *testing.T) {
	var log bytes.Buffer
	cfg := intercom.Config{BaseURL: "https://api.intercom.io", Token: token, MaxRetry: 20 * time.Millisecond}
	logged := cfg
	logged.Log = zerolog.New(&log).Level(zerolog.TraceLevel)
	logged.Log.Info().Interface("config", struct{ Token intercom.Secret }{token}).Msg("")
	fault := status(500, `{"request_id":"`+token+`","errors":[{"code":"x`+token+`","message":"what is `+token+`?"}]}`)
	_, err := serve(t, logged, fault).Do(t.Context(), get)
	_, bad := intercom.New(intercom.Config{BaseURL: "https://api.intercom.io", Token: token + "\n"})
	if err == nil || bad == nil || log.Len() == 0 {
		t.Fatalf("errors %v and %v, %d bytes of log: nothing was tried", err, bad, log.Len())
	}
	shown := []string{log.String(), err.Error(), bad.Error(), fmt.Sprintf("%+v", err)}
	c := newClient(t, cfg)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		shown = append(shown, fmt.Sprintf(verb, cfg), fmt.Sprintf(verb, c), fmt.Sprintf(verb, cfg.Token))
	}
	for _, s := range shown {
		if strings.Contains(s, token) || strings.Contains(s, fmt.Sprintf("%x", token)) {
			t.Errorf("the token shows in %.2000s", s)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := intercom.Config{BaseURL: "https://api.intercom.io", Token: token}
	for name, spoil := range map[string]func(*intercom.Config){
		"no base URL":         func(c *intercom.Config) { c.BaseURL = "" },
		"plain http":          func(c *intercom.Config) { c.BaseURL = "http://api.intercom.io" },
		"http on this subnet": func(c *intercom.Config) { c.BaseURL = "http://192.168.1.1" },
		"http, like loopback": func(c *intercom.Config) { c.BaseURL = "http://127.0.0.1.example.com" },
		"other scheme":        func(c *intercom.Config) { c.BaseURL = "ftp://localhost" },
		"no host":             func(c *intercom.Config) { c.BaseURL = "https:///x" },
		"password in URL":     func(c *intercom.Config) { c.BaseURL = "https://a:b@api.intercom.io" },
		"query in URL":        func(c *intercom.Config) { c.BaseURL = "https://api.intercom.io?x=1" },
		"no token":            func(c *intercom.Config) { c.Token = "" },
		"token of two lines":  func(c *intercom.Config) { c.Token = "a\nb" },
		"unknown version":     func(c *intercom.Config) { c.Version = "3.0" },
		"share above 1":       func(c *intercom.Config) { c.RateLimitShare = 1.5 },
		"negative share":      func(c *intercom.Config) { c.RateLimitShare = -0.5 },
		"negative bound":      func(c *intercom.Config) { c.MaxInFlight = -1 },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := intercom.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, base := range []string{"https://api.eu.intercom.io/", "http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1", "https://proxy.example.com/intercom/"} {
		cfg := good
		cfg.BaseURL = base
		if _, err := intercom.New(cfg); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}
