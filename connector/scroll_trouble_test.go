package connector

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
)

// TestScrollDoesNotWaitForStdout: while stdout stands still and answers fill the memory that they may have,
// the scroll goes on. It would expire otherwise.
func TestScrollDoesNotWaitForStdout(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a large world")
	}
	size := talks(150)
	size.PartsPerConversation, size.Companies = 400, 4000
	o := atIntercomsPace(size)
	var scrolls atomic.Int64
	o.Intercept = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/companies/scroll" && r.URL.Query().Get("scroll_param") == "" {
			scrolls.Add(1)
		}
		return false
	}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		gate, written := make(chan struct{}), 0
		time.AfterFunc(90*time.Second, func() { close(gate) })
		w.read(t, reading{streams: []string{"companies", "conversations", "conversation_parts"}, through: func(out io.Writer) io.Writer {
			return writerFunc(func(b []byte) (int, error) {
				if written += len(b); written > 1<<18 {
					<-gate
				}
				return out.Write(b)
			})
		}})
		if scrolls.Load() != 1 {
			t.Errorf("the scroll was begun %d times", scrolls.Load())
		}
		w.check(t, false, "companies", "conversations", "conversation_parts")
	})
}

// TestScrollKeepsNoMemory: without a temporary directory the scroll waits for those who read its pages, and so
// must not keep what they wait for.
func TestScrollKeepsNoMemory(t *testing.T) {
	t.Setenv("TMPDIR", "/nonexistent")
	pad := strings.Repeat("x", 15_000)
	pages := 0
	o := emulator.Options{Latency: 100 * time.Millisecond}
	o.Intercept = func(rw http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/companies/scroll":
			if pages++; pages > 12 {
				return answer(rw, 200, `{"type":"list","data":[],"scroll_param":"same"}`)
			}
			rows := make([]string, 100)
			for i := range rows {
				rows[i] = fmt.Sprintf(`{"type":"company","id":"c%04d","name":"%s","updated_at":%d}`, pages*100+i, pad, born.Unix()-1000)
			}
			return answer(rw, 200, `{"type":"list","data":[`+strings.Join(rows, ",")+`],"scroll_param":"same"}`)
		case strings.HasSuffix(r.URL.Path, "/segments"):
			time.Sleep(2 * time.Second)
			return answer(rw, 200, `{"type":"list","data":[{"type":"segment","id":"s1","name":"n"}]}`)
		}
		return false
	}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		out := w.read(t, reading{streams: []string{"companies", "company_segments"}, maxHeld: 1, ctx: ctx})
		if n := out.counts["company_segments"]; n != 1200 {
			t.Errorf("%d memberships, want 1200", n)
		}
	})
}

// TestScrollThatHangsUpIsNotTheEnd: a connection that ends is an EOF, and must not pass for the last page.
func TestScrollThatHangsUpIsNotTheEnd(t *testing.T) {
	o := emulator.Options{Intercept: func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/companies/scroll" {
			panic(http.ErrAbortHandler)
		}
		return false
	}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: []string{"companies", "company_segments"}, failing: true})
		out.isIncomplete(t, "companies")
		if s := out.statuses["company_segments"]; s[len(s)-1] != "INCOMPLETE" {
			t.Errorf("company_segments: statuses %v", s)
		}
	})
}

// TestScrollOfSmallPages: where pages have fewer companies than Intercom documents, a 404 after one that is as
// long as those before is no end.
func TestScrollOfSmallPages(t *testing.T) {
	script := &scriptedScroll{answers: []scrollAnswer{
		page(0, 20), page(20, 20), status(404), // another program's failure closed it
		page(0, 20), page(20, 20), page(40, 20), page(60, 7), status(404),
	}}
	bubble(t, "2.16", emulator.Options{Intercept: script.intercept}, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: []string{"companies"}})
		out.onlyOnce(t)
		if n := out.counts["companies"]; n != 67 {
			t.Errorf("%d companies, want all 67", n)
		}
		if len(script.calls) != len(script.answers) {
			t.Errorf("%d calls, want %d: after a shorter page it is the end", len(script.calls), len(script.answers))
		}
	})
}

// TestScrollThatCannotBegin is tried again for as long as any call, and no longer.
func TestScrollThatCannotBegin(t *testing.T) {
	script := &scriptedScroll{answers: []scrollAnswer{status(500)}}
	bubble(t, "2.16", emulator.Options{Intercept: script.intercept}, func(t *testing.T, w *world) {
		began := time.Now()
		out := w.read(t, reading{streams: []string{"companies"}, failing: true, config: func(c *Config) { c.MaxRetry = 10 * time.Minute }})
		if took := time.Since(began); intercom.KindOf(out.err) != intercom.Temporary || took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("gave up after %s: %v", took, out.err)
		}
	})
}

// TestScrollLostAfterItsFirstPage: nobody knows how long a full page is before there were two, so that a 404 after
// the first one is not taken for the end before a second walk has ended there, too.
func TestScrollLostAfterItsFirstPage(t *testing.T) {
	var lost atomic.Bool
	o := emulator.Options{Seed: 3, ScrollPage: 7, Size: emulator.Size{Admins: 1, Companies: 30}, Intercept: func(rw http.ResponseWriter, r *http.Request) bool {
		return r.URL.Query().Get("scroll_param") != "" && lost.CompareAndSwap(false, true) && answer(rw, http.StatusNotFound, notFoundBody)
	}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		w.read(t, reading{streams: []string{"companies"}}).onlyOnce(t)
		w.check(t, false, "companies")
	})
}
