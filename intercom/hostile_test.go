package intercom_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/intercom"
)

// untouched is the address of a host to which nobody may make a connection.
func untouched(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var visits atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			visits.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		if n := visits.Load(); n > 0 {
			t.Errorf("%d connections to another host", n)
		}
	})
	return l.Addr().String()
}

// No redirect is followed, by whatever status, method and spelling it is asked for.
func TestNoRedirectIsFollowed(t *testing.T) {
	other := untouched(t)
	for _, code := range []int{300, 301, 302, 303, 307, 308} {
		for _, location := range []string{"http://" + other + "/tags", "//" + other, "http://u:p@" + other + "/?t=" + token, "\thttp://" + other, "/elsewhere", ""} {
			for _, r := range []intercom.Request{get, {Method: "POST", Path: "/tags", Body: []byte("{}")}, {Method: "GET", Path: "/companies/scroll", Once: true}} {
				var calls int
				c := serve(t, intercom.Config{MaxRetry: time.Minute}, func(w http.ResponseWriter, _ *http.Request) {
					calls++
					w.Header().Set("Location", location)
					w.Header().Set("Refresh", "0; url="+location)
					w.Header().Set("Alt-Svc", `h2="`+other+`"`)
					w.WriteHeader(code)
				})
				_, err := c.Do(t.Context(), r)
				if intercom.KindOf(err) != intercom.Redirected || calls != 1 || strings.Contains(err.Error(), token) {
					t.Errorf("%d to %q: error %v after %d calls", code, location, err, calls)
				}
			}
		}
	}
}

// skipShort leaves out what measures memory: beside the race detector it is another one, and all is slow.
func skipShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("measures memory")
	}
}

// allocated is how many bytes f takes from the heap, in all.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// What is noted of an answer stays in proportion to its text, or the answer is refused.
func TestNotesStayInProportion(t *testing.T) {
	skipShort(t)
	const million = 1_000_000
	several := func(n int, text string) string { return strings.TrimSuffix(strings.Repeat(text+",", n), ",") }
	var attributes, tags strings.Builder
	for i := range million {
		fmt.Fprintf(&attributes, `,"a%d":%d`, i, i)
	}
	for i := range 200_000 {
		fmt.Fprintf(&tags, `,{"type":"tag","id":"%d","name":"n"}`, i)
	}
	for name, test := range map[string]struct {
		body string
		rows int // none: refused
	}{
		"a page":                               {`{"data":[` + several(150, `{}`) + `]}`, 150},
		"empty rows":                           {`{"data":[` + several(3*million, `{}`) + `]}`, 0},
		"empty rows in an object":              {`{"data":{"data":[` + several(3*million, `{}`) + `]}}`, 0},
		"tiny rows":                            {`{"data":[` + several(million, `{"id":"1"}`) + `]}`, 0},
		"rows of a list that is not paged":     {`{"data":[{}` + tags.String() + `]}`, 200_001},
		"empty rows after a good list":         {`{"data":[],"more":[` + several(million, `{}`) + `]}`, 0},
		"numbers":                              {`{"more":[` + several(3*million, `1`) + `],"data":[{}]}`, 1},
		"arrays":                               {`{"more":[` + several(3*million, `[]`) + `],"data":[{}]}`, 1},
		"lists":                                {`{"data":[{}],"more":{` + several(million, `"":[]`) + `}}`, 0},
		"lists of a row each":                  {`{"data":[{}],"more":{` + several(million, `"":[{}]`) + `}}`, 0},
		"members":                              {`{"data":[{}],` + several(million, `"":0`) + `}`, 0},
		"custom attributes of a row":           {`{"data":[{"id":"1"` + attributes.String() + `}]}`, 1},
		"custom attributes of the answer":      {`{"data":[{}],"custom_attributes":{"a":1` + attributes.String() + `}}`, 1},
		"one name a million times in a row":    {`{"data":[{` + several(million, `"id":1`) + `}]}`, 1},
		"empty rows in a row":                  {`{"data":[{"x":[` + several(million, `{}`) + `]}]}`, 1},
		"rows beside something else, too many": {`{"data":[` + several(2*million, `{}`) + `,1]}`, 0},
	} {
		c := newClient(t, intercom.Config{Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) { send(w, 200, "of known length", test.body) })})
		var rows int
		var err error
		took := allocated(func() {
			var a *intercom.Answer
			if a, err = c.Do(within(t), get); err != nil {
				return
			}
			list, _ := a.Rows("data")
			rows = len(list)
			a.Release()
		})
		if (err == nil) != (test.rows > 0) || rows != test.rows || err != nil && intercom.KindOf(err) != intercom.TooLarge {
			t.Errorf("%s: %d rows, error %v; want %d rows", name, rows, err, test.rows)
		}
		// What is allocated in all is five times what notes take that have grown by a quarter again and again,
		// and what stands in for the network takes three times the text by itself.
		if most := int64(24*len(test.body)) + 2<<20; took > most {
			t.Errorf("%s: %d MB for an answer of %d", name, took>>20, len(test.body)>>20)
		}
	}
}

// A refusal that is nested without end costs no stack, and one without end no memory.
func TestHostileRefusals(t *testing.T) {
	skipShort(t)
	endless := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			for range 8 << 20 / len(text) {
				if _, err := io.WriteString(w, text); err != nil || r.Context().Err() != nil {
					return
				}
			}
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"deep":           status(500, strings.Repeat("[", 1<<20)),
		"deep and whole": status(500, strings.Repeat("[", 1<<19)+strings.Repeat("]", 1<<19)),
		"deep objects":   status(400, strings.Repeat(`{"errors":`, 1<<16)),
		"endless":        endless(500, strings.Repeat("x", 1<<10)),
		"endless and zipped": func(w http.ResponseWriter, _ *http.Request) {
			send(w, 502, "zipped in chunks", strings.Repeat("x", 64<<20))
		},
		"a long message": status(400, `{"errors":[{"code":"c","message":"`+strings.Repeat(`\u0000é\n`, 50_000)+`"}]}`),
		"a header of a megabyte": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Request-Id", strings.Repeat("x", 1<<20))
			w.WriteHeader(400)
		},
		"an encoding of its own": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", strings.Repeat("x", 1<<20))
			_, _ = w.Write([]byte("{}"))
		},
	} {
		c := serve(t, intercom.Config{}, h)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := c.Do(within(t), get)
		runtime.ReadMemStats(&after)
		if intercom.KindOf(err) == "" || len(err.Error()) > 5000 || strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("%s: error of %d bytes: %.500v", name, len(fmt.Sprint(err)), err)
		}
		if stack := int64(after.StackSys) - int64(before.StackSys); stack > 4<<20 {
			t.Errorf("%s: %d MB of stack", name, stack>>20)
		}
	}
}

// Numbers in headers that no server should send change neither the answer nor its time.
func TestHostileHeaders(t *testing.T) {
	for _, text := range []string{"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-1", "0", "1e999999", "NaN", strings.Repeat("9", 100_000), ""} {
		c := serve(t, intercom.Config{MaxRetry: time.Minute}, func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			for _, name := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After", "Age"} {
				h[name] = []string{text}
			}
			_, _ = io.WriteString(w, `{"data":[]}`)
		})
		for range 3 {
			a, err := c.Do(within(t), get)
			if err != nil {
				t.Errorf("%.30q: %v", text, err)
				break
			}
			a.Release()
		}
	}
}

// A length that is a lie costs no more memory than what comes, and the answer that it belongs to is not taken
// for whole.
func TestHostileLengths(t *testing.T) {
	skipShort(t)
	const body = `{"data":[]}`
	for _, length := range []string{"-1", "1", "10", "12", "65536", "67108864", "67108865", "1099511627776", "9223372036854775807", "9223372036854775808", "1e3", "0x10", "11, 12"} {
		for _, whole := range []bool{false, true} {
			for _, zip := range []bool{false, true} {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				go answerOnce(l, length, zip)
				c := newClient(t, intercom.Config{BaseURL: "http://" + l.Addr().String()})
				r := get
				r.Whole = whole
				took := allocated(func() {
					a, err := c.Do(within(t), r)
					if err == nil {
						t.Errorf("length %s, whole %v: %q passed for whole", length, whole, a.Body)
						a.Release()
					}
				})
				if took > 70<<20 { // what is announced within the bound of an answer is believed
					t.Errorf("length %s, whole %v, zipped %v: %d MB", length, whole, zip, took>>20)
				}
				_ = l.Close()
			}
		}
	}
	c := newClient(t, intercom.Config{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: 1 << 40, Body: io.NopCloser(strings.NewReader(body))}, nil
	})})
	r := get
	r.Whole = true
	if _, err := c.Do(within(t), r); intercom.KindOf(err) != intercom.TooLarge {
		t.Errorf("an answer of a terabyte that is to be read whole: error %v, want %q", err, intercom.TooLarge)
	}
}

// answerOnce answers the first request on l with half of an answer whose length is announced as such, and
// hangs up.
func answerOnce(l net.Listener, length string, zip bool) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	buffer := make([]byte, 4096)
	_, _ = conn.Read(buffer)
	encoding := ""
	if zip {
		encoding = "Content-Encoding: gzip\r\n"
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+encoding+"Content-Length: "+length+"\r\n\r\n"+`{"data":[`)
}

// The announced size of a packed answer is no size to be believed either.
func TestPackedBombs(t *testing.T) {
	skipShort(t)
	bomb := zipped(`{"data":[` + strings.Repeat(" ", 100<<20) + `]}`)
	for _, whole := range []bool{false, true} {
		c := serve(t, intercom.Config{MaxBody: 1 << 20}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Length", strconv.Itoa(len(bomb)))
			_, _ = io.WriteString(w, bomb)
		})
		r := get
		r.Whole = whole
		took := allocated(func() {
			a, err := c.Do(within(t), r)
			if (err == nil) != whole || err != nil && intercom.KindOf(err) != intercom.TooLarge {
				t.Errorf("whole %v: error %v", whole, err)
			}
			if err == nil {
				a.Release()
			}
		})
		if most := int64(8 << 20); !whole && took > most {
			t.Errorf("%d MB for a bomb that is refused", took>>20)
		}
	}
}

// No dump of what holds the token shows it: not of goroutines that are calling, nor of a panic among them.
func TestDumpsShowNoToken(t *testing.T) {
	dump := make([]byte, 4<<20)
	var n int
	var c *intercom.Client
	c = newClient(t, intercom.Config{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
		n = runtime.Stack(dump, true)
		for _, v := range []any{c, get} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
				if text := fmt.Sprintf(verb, v); strings.Contains(text, token) || strings.Contains(text, fmt.Sprintf("%x", token)) {
					t.Errorf("%s of %T shows the token", verb, v)
				}
			}
		}
		panic("in the middle of a call")
	})})
	func() {
		defer func() {
			said := fmt.Sprint(recover())
			if !strings.Contains(said, "in the middle") || strings.Contains(said, token) {
				t.Errorf("panic: %s", said)
			}
		}()
		_, _ = c.Do(t.Context(), get)
	}()
	if text := string(dump[:n]); !strings.Contains(text, "intercom.(*Client)") || strings.Contains(text, token) {
		t.Errorf("the dump of %d bytes shows no call, or the token", n)
	}
}

// A server that repeats what it was sent, wherever it can, does not bring the token into an error or a log.
func TestEchoesShowNoToken(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said := r.Header.Get("Authorization")
		switch r.URL.Path {
		case "/id":
			w.Header().Set("X-Request-Id", said)
		case "/link":
			w.Header().Set("Link", "<"+said+">")
		}
		w.WriteHeader(400)
		_, _ = io.WriteString(w, list(said, "you said: "+said))
	}))
	t.Cleanup(echo.Close)
	c := newClient(t, intercom.Config{BaseURL: echo.URL})
	for _, path := range []string{"/body", "/id", "/link"} {
		_, err := c.Do(t.Context(), intercom.Request{Method: "GET", Path: path})
		if shown := fmt.Sprintf("%v %+v", err, err); strings.Contains(shown, token) || !strings.Contains(shown, "[redacted]") {
			t.Errorf("%s: %s", path, shown)
		}
	}
}
