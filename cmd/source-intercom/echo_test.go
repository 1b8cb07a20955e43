package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// echoed is a token that looks different inside URLs and JSON.
const echoed = "dG9rOmVj+aG9l/ZA=="

// otherSecret belongs to the app, as configurations of other connectors carry it.
const otherSecret = "client-s3cret-of-the-tests"

// An echo is a server that repeats the token in one place of what it sends.
type echo struct {
	way   string // how the token is written
	place string // where it is put
	other string // address of another host
}

// spell writes what the server was sent in its way.
func (e *echo) spell(said string) string {
	switch e.way {
	case "query":
		return url.QueryEscape(said)
	case "lower":
		return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(said, "+", "%2b"), "/", "%2f"), "=", "%3d")
	case "percent":
		var b strings.Builder
		for i := range len(said) {
			fmt.Fprintf(&b, "%%%02X", said[i])
		}
		return b.String()
	case "unicode":
		var b strings.Builder
		for i := range len(said) {
			fmt.Fprintf(&b, `\u%04x`, said[i])
		}
		return b.String()
	}
	return said
}

// in puts the token into a JSON text.
func (e *echo) in(said string) string {
	if e.way == "unicode" {
		return `"` + e.spell(said) + `"` // an escape of JSON's own
	}
	text, _ := json.Marshal(e.spell(said))
	return string(text)
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	said := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if r.URL.Path == "/me" && e.place != "me" {
		_, _ = io.WriteString(w, `{"app":{"id_code":"x"}}`)
		return
	}
	refusal := `{"type":"error.list","request_id":` + e.in(said) + `,"errors":[{"code":` + e.in(said) + `,"message":` + e.in("you said Bearer "+said) + `}]}`
	switch e.place {
	case "message", "me":
		w.WriteHeader(422)
		_, _ = io.WriteString(w, refusal)
	case "gzip":
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, refusal)
		_ = z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(500)
		_, _ = w.Write(b.Bytes())
	case "html":
		w.WriteHeader(503)
		_, _ = io.WriteString(w, "<html>"+e.spell(said)+"</html>")
	case "headers":
		for _, name := range []string{"X-Request-Id", "Link", "Content-Encoding", "Retry-After", "Date", "X-RateLimit-Limit", "Content-Type", "Www-Authenticate"} {
			w.Header().Set(name, "<"+e.spell(said)+">")
		}
		w.WriteHeader(410)
	case "encoding":
		w.Header().Set("Content-Encoding", e.spell(said))
		_, _ = io.WriteString(w, "{}")
	case "redirect":
		w.Header().Set("Location", "http://"+e.other+"/?t="+e.spell(said))
		w.WriteHeader(http.StatusPermanentRedirect)
	case "next":
		_, _ = io.WriteString(w, `{"type":"list","total_count":9,"data":[{"id":"1"}],"tags":[],"pages":{"page":1,"total_pages":9,"next":`+
			e.in("http://"+r.Host+r.URL.Path+"?page="+strings.Repeat("x", len(r.URL.RawQuery)%7)+said)+`}}`)
	case "host":
		_, _ = io.WriteString(w, `{"type":"list","data":[],"pages":{"next":`+e.in("http://"+e.other+"/"+said)+`}}`)
	case "names":
		_, _ = io.WriteString(w, `{"data":[{"id":{`+e.in(said)+`:1},`+e.in(said)+`:1}],"pages":{"next":{`+e.in(said)+`:`+e.in(said)+`}}}`)
	case "status":
		e.raw(w, "HTTP/1.1 500 "+e.spell(said)+"\r\nContent-Length: 0\r\n\r\n")
	case "nonsense":
		e.raw(w, e.spell(said)+" HTTP\r\n\r\n")
	case "unasked":
		e.raw(w, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"+"HTTP/1.1 200 OK\r\nX: "+e.spell(said)+"\r\n\r\n")
	}
}

// raw sends a text in the place of an answer, and hangs up a little later.
func (e *echo) raw(w http.ResponseWriter, text string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, text)
	time.AfterFunc(50*time.Millisecond, func() { _ = conn.Close() })
}

var echoPlaces = []string{"me", "message", "gzip", "html", "headers", "encoding", "redirect", "next", "host", "names", "status", "nonsense", "unasked"}

// A server that repeats the token wherever it can does not get it into any output, in either protocol, nor
// out to another host.
func TestEchoedTokenIsNowhere(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var visitors sync.WaitGroup
	visitors.Go(func() {
		for {
			c, err := other.Accept()
			if err != nil {
				return
			}
			t.Error("another host was visited")
			_ = c.Close()
		}
	})
	defer visitors.Wait()
	defer func() { _ = other.Close() }()
	ways := []string{"plain", "percent", "unicode"}
	if testing.Short() {
		ways = ways[:1]
	}
	for _, way := range ways {
		for _, place := range echoPlaces {
			t.Run(way+" in "+place, func(t *testing.T) {
				t.Parallel()
				server := httptest.NewServer(&echo{way: way, place: place, other: other.Addr().String()})
				t.Cleanup(server.Close)
				for _, program := range [][]string{{"source-intercom", "read", "--debug", "--catalog", filepath.Join("..", "..", "catalog.json")},
					{"tap-intercom", "--debug"}, {"source-intercom", "check"}} {
					runEcho(t, server.URL, program)
				}
			})
		}
	}
}

// runEcho runs a program against the server, and looks for secrets in all that it leaves behind.
func runEcho(t *testing.T, address string, program []string) {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.json")
	document := fmt.Sprintf(`{"access_token":%q,"client_id":"c","client_secret":%q,"start_date":"2024-01-01","base_url":%q,"max_retry_minutes":0}`, echoed, otherSecret, address)
	if err := os.WriteFile(config, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append(program[1:], "--config", config)
	if program[len(program)-1] != "check" {
		args = append(args, "--state-file", filepath.Join(dir, "state.json"))
	}
	cmd := exec.CommandContext(t.Context(), program[0], args...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	kept, _ := os.ReadFile(filepath.Join(dir, "state.json.next"))
	for name, text := range map[string]string{"stdout": out.String(), "stderr": log.String(), "the state": string(kept)} {
		if at := indexOfSecret(text); at >= 0 {
			t.Errorf("%s: a secret is in %s: %s", strings.Join(program, " "), name, text[max(0, at-150):min(len(text), at+100)])
		}
	}
	if err == nil && program[len(program)-1] != "check" {
		t.Errorf("%s: all was well", strings.Join(program, " "))
	}
}

// indexOfSecret finds a secret, or a good part of one, in any of the ways in which the server writes it.
func indexOfSecret(text string) int {
	for _, secret := range []string{echoed, otherSecret} {
		for _, way := range []string{"plain", "query", "lower", "percent", "unicode"} {
			e := echo{way: way}
			spelled := e.spell(secret)
			for _, form := range []string{spelled, strings.ToLower(spelled), strings.ReplaceAll(spelled, `\`, `\\`), spelled[:len(spelled)*3/4]} {
				if at := strings.Index(text, form); at >= 0 {
					return at
				}
			}
		}
	}
	return -1
}

// The dump of all goroutines, which a crash prints too, shows no token, though calls are under way with it.
func TestDumpShowsNoToken(t *testing.T) {
	called, hang := make(chan struct{}, 100), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("Authorization"), secret) {
			called <- struct{}{}
		}
		<-hang
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hang) })
	config := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(config, []byte(configFor(server.URL, secret, today())), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOTRACEBACK", "system")
	r := start(t, "source-intercom", "check", "--debug", "--config", config)
	<-called
	if err := r.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	if code := r.end(t, 20*time.Second); code != 2 || !strings.Contains(r.stderr.String(), "intercom.(*Client)") {
		t.Errorf("exit code %d, %d bytes of a dump that shows no call", code, r.stderr.Len())
	}
}
