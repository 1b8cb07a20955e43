package connector

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

// logTrigger runs f at the first log line that holds text.
type logTrigger struct {
	text string
	f    func()
	done atomic.Bool
}

func (l *logTrigger) Write(p []byte) (int, error) {
	if strings.Contains(string(p), l.text) && l.done.CompareAndSwap(false, true) {
		l.f()
	}
	return len(p), nil
}

// TestCancelledBeforeTheFirstWindow: a SIGTERM between /me and the first window of the
// activity logs must not leave the stream finished.
func TestCancelledBeforeTheFirstWindow(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var out bytes.Buffer
		reader := NewReader(Options{Config: w.config(), Dialect: protocol.Airbyte{}, Lines: protocol.NewLines(&out),
			Log:       zerolog.New(&logTrigger{text: "stream started", f: cancel}).Level(zerolog.DebugLevel),
			Selection: &protocol.Selection{Streams: []protocol.Selected{{Stream: "activity_logs", Mode: protocol.Incremental}}}})
		s, err := reader.Read(ctx)
		if err == nil {
			t.Error("no error")
		}
		if v := gjson.ParseBytes(stateOf(s.State, "activity_logs")); !v.Get("unfinished").Bool() {
			t.Errorf("%d records, state %s", s.Streams[0].Records, clip(v.Raw))
		}
	})
}

// TestCancelledChildrenAreNoChildren: children of a page that were never asked for must not count as
// fetched when the run is cancelled.
func TestCancelledChildrenAreNoChildren(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{})
	r := &Reader{Options: Options{Config: w.config(), Dialect: protocol.Airbyte{}, Log: zerolog.Nop()}, client: w.client(t)}
	run := &streamRun{stream: streamNamed("conversation_parts"), prints: newFingerprints(0)}
	f := &feedRun{Reader: r, feed: conversations, runs: []*streamRun{run}, nursery: newNursery()}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	trail, ctx := newTrail(ctx, nil)
	noted := false
	h := &haul{runs: f.runs, errands: []errand{{parent: parent{id: "1", updated: 5, dated: true}, of: run.stream, runs: f.runs}}}
	err := f.raise(ctx, trail, h, func() error { noted = true; return nil })
	if err := trail.end(err); err == nil || noted {
		t.Errorf("a page whose children were not fetched is taken for done: error %v, noted %v", err, noted)
	}
}

// nulled sets the value at the path to null.
func nulled(text, path string) string {
	v := gjson.Get(text, path)
	if !v.Exists() {
		return text
	}
	return text[:v.Index] + "null" + text[v.Index+len(v.Raw):]
}

// behind serves the world through a proxy that edits answers.
func behind(t *testing.T, w *world, edit func(r *http.Request, request, answer string) string) {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.Header.Del("Accept-Encoding")
		rec := httptest.NewRecorder()
		w.Emulator.ServeHTTP(rec, r)
		text := edit(r, string(body), rec.Body.String())
		for k, v := range rec.Header() {
			if k != "Content-Length" {
				rw.Header()[k] = v
			}
		}
		rw.WriteHeader(rec.Code)
		_, _ = rw.Write([]byte(text))
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
}

// TestContactWithoutUpdatedAt: one contact without updated_at on the newest page must not end the open
// window there.
func TestContactWithoutUpdatedAt(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Size: emulator.Size{Admins: 1, Contacts: 400}, Start: born.Add(-40 * time.Hour)})
	behind(t, w, func(r *http.Request, request, answer string) string {
		if r.URL.Path == "/contacts/search" && gjson.Get(answer, "data.3").Exists() {
			answer = nulled(answer, "data.3.updated_at")
		}
		return answer
	})
	out := w.read(t, reading{streams: []string{"contacts"}, config: func(c *Config) { c.PageSize = 150; c.StartDate = born.Add(-41 * time.Hour) }})
	if n := len(out.records["contacts"]); n != 400 {
		t.Errorf("%d contacts of 400, error %v, state %s", n, out.err, clip(out.stateValue("contacts").Raw))
	}
}

// TestConversationWithoutUpdatedAt: one conversation without updated_at must not send the follow-up
// walks out of time, where they would miss what was edited while the snapshot was read.
func TestConversationWithoutUpdatedAt(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Size: emulator.Size{Admins: 1, Contacts: 20, Conversations: 400, Tags: 2}})
	var asked []string
	var oldest string
	behind(t, w, func(r *http.Request, request, answer string) string {
		if r.URL.Path == "/conversations/search" {
			asked = append(asked, request)
			if len(asked) == 1 {
				answer = nulled(answer, "conversations.3.updated_at")
				w.Edit(func(world *emulator.World) { // the oldest one moves to the top
					oldest = world.IDs("conversations")[0]
					world.Reply(oldest)
				})
			}
		}
		return answer
	})
	w.Edit(func(world *emulator.World) {
		world.SetUpdatedAt("conversations", world.IDs("conversations")[0], born.AddDate(-1, 0, 0).Unix())
	})
	out := w.read(t, reading{streams: []string{"conversations"}, mode: protocol.FullRefresh})
	for _, a := range asked {
		if strings.Contains(a, "9223372036854775807") {
			t.Errorf("asked %s", a)
		}
	}
	if out.records["conversations"][oldest] == nil {
		t.Errorf("%d of 400; conversation %s is missing; asked\n%s", len(out.records["conversations"]), oldest, strings.Join(asked, "\n"))
	}
}

// TestEndlessNumberedList: a list without total_pages whose next never ends must end.
func TestEndlessNumberedList(t *testing.T) {
	var calls atomic.Int64
	intercept := func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/tags" {
			return false
		}
		n := calls.Add(1)
		return answer(w, 200, fmt.Sprintf(`{"type":"list","data":[{"type":"tag","id":"1","name":"a"}],"pages":{"page":%d,"next":{"page":%d}}}`, n, n+1))
	}
	w := newWorld(t, "2.16", emulator.Options{Intercept: intercept})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out := w.read(t, reading{streams: []string{"tags"}, failing: true, ctx: ctx})
	t.Logf("%d calls, %v", calls.Load(), out.err)
	if ctx.Err() != nil {
		t.Errorf("still going on after %d calls", calls.Load())
	}
}

// TestBookmarkDoesNotGoBack: an end date before the bookmark takes nothing back.
func TestBookmarkDoesNotGoBack(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		r := reading{streams: cursorStreams}
		first := w.read(t, r)
		r.state = first.State
		r.config = func(c *Config) { c.EndDate = born.AddDate(0, -6, 0) }
		second := w.read(t, r)
		for _, s := range cursorStreams {
			cursor := streamNamed(s).Cursor
			if a, b := first.stateValue(s).Get(cursor).Int(), second.stateValue(s).Get(cursor).Int(); b < a {
				t.Errorf("%s: bookmark %d went back to %d", s, a, b)
			}
		}
		r.state, r.config = second.State, nil
		if third := w.read(t, r); third.total() != 0 {
			t.Errorf("third run in a still world: %v", third.counts)
		}
	})
}

// TestPagesNullInTheMiddle: no pages although total_count says that there is more is an error, not the end.
func TestPagesNullInTheMiddle(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Size: emulator.Size{Admins: 1, Contacts: 20, Conversations: 2, Tickets: 400}})
	behind(t, w, func(r *http.Request, request, answer string) string {
		if r.URL.Path == "/tickets/search" {
			answer = nulled(answer, "pages")
		}
		return answer
	})
	out := w.read(t, reading{streams: []string{"tickets"}, failing: true})
	if shape := errorAs[*intercom.ShapeError](t, out); shape.Path != "pages" {
		t.Errorf("error %v, want one that names pages", out.err)
	}
}

// TestCrowdedDaysAreReadOnce: many contacts each day cost few calls more than their pages.
func TestCrowdedDaysAreReadOnce(t *testing.T) {
	const contacts, perPage = 10_000, 25 // five hundred a day, a window's worth
	w := newWorld(t, "2.16", emulator.Options{Size: emulator.Size{Admins: 1, Contacts: contacts}, Start: born.AddDate(0, 0, -20)})
	var pages atomic.Int64
	var counts atomic.Int64
	w.hook = func(r *http.Request, body string) {
		if r.URL.Path == "/contacts/search" {
			if gjson.Get(body, "pagination.per_page").Int() == 1 {
				counts.Add(1)
			} else {
				pages.Add(1)
			}
		}
	}
	out := w.read(t, reading{streams: []string{"contacts"}, config: func(c *Config) {
		c.StartDate, c.PageSize = born.AddDate(0, 0, -21), perPage
	}})
	if n := len(out.records["contacts"]); n != contacts {
		t.Errorf("%d contacts of %d", n, contacts)
	}
	if p, c := pages.Load(), counts.Load(); p > 2*contacts/perPage || c > contacts/perPage/2 {
		t.Errorf("%d pages and %d counts for %d pages of contacts", p, c, contacts/perPage)
	}
}

// TestStrictCountsTheSkipped: what was deleted meanwhile makes a strict run fail.
func TestStrictCountsTheSkipped(t *testing.T) {
	o := emulator.Options{Size: snapshotWorld, Intercept: func(w http.ResponseWriter, r *http.Request) bool {
		return strings.HasPrefix(r.URL.Path, "/conversations/") && r.Method == "GET" && answer(w, 404, notFoundBody)
	}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		var log bytes.Buffer
		out := w.read(t, reading{streams: []string{"conversation_parts"}, strict: true, failing: true, log: &log})
		t.Log(log.String(), out.err)
	})
}

// TestPlanEndsInTheMiddle: a plan's refusal after the first record is a failure, not the end.
func TestPlanEndsInTheMiddle(t *testing.T) {
	calls := 0
	intercept := func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/tickets/search" {
			return false
		}
		calls++
		return calls > 4 && answer(w, 402, `{"type":"error.list","errors":[{"code":"api_plan_restricted","message":"no"}]}`)
	}
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld, Intercept: intercept}, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: []string{"tickets"}, mode: protocol.FullRefresh, failing: true, config: func(c *Config) { c.PageSize, c.MaxInFlight = 3, 1 }})
		t.Log(out.counts, out.statuses, out.err)
	})
}

// TestForbiddenByAProxy: a web page with status 403 is an outage, not a missing permission.
func TestForbiddenByAProxy(t *testing.T) {
	n := 0
	intercept := func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/tickets/search" {
			return false
		}
		if n++; n > 1 {
			return false
		}
		w.WriteHeader(403)
		_, _ = w.Write([]byte("<html>blocked</html>"))
		return true
	}
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld, Intercept: intercept}, func(t *testing.T, w *world) {
		out := w.read(t, reading{})
		if out.counts["tickets"] == 0 {
			t.Errorf("no ticket, error %v, status %v", out.err, out.statuses["tickets"])
		}
	})
}

// TestMeWithoutApp: a token of no app reads, without the check of the workspace.
func TestMeWithoutApp(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{})
	behind(t, w, func(r *http.Request, request, answer string) string {
		if r.URL.Path == "/me" {
			answer = nulled(answer, "app")
		}
		return answer
	})
	cfg := w.config()
	_, err := NewReader(Options{Config: cfg, Dialect: protocol.Airbyte{}, Lines: protocol.NewLines(io.Discard), Log: zerolog.Nop()}).Read(t.Context())
	if err != nil {
		t.Error(err)
	}
}

// TestOtherHabits: an Intercom with other habits than the emulator's, in a still world: nothing is missing,
// and the next run is quiet.
func TestOtherHabits(t *testing.T) {
	for _, version := range few(t, "2.16", "2.11", "2.17") {
		for _, days := range []bool{false, true} {
			t.Run(fmt.Sprint(version, days), func(t *testing.T) {
				w := newWorld(t, version, emulator.Options{TimeZone: "Asia/Kathmandu", ScrollPage: 17, ScrollEndsWith404: days,
					Size: emulator.Size{Admins: 3, Teams: 2, Tags: 5, Segments: 4, Companies: 60, Contacts: 250, Conversations: 250, Tickets: 200, ActivityLogs: 100, PartsPerConversation: 2}})
				stamp := regexp.MustCompile(`"updated_at":(\d+)`)
				id := regexp.MustCompile(`"(type":"(?:conversation|ticket)","id)":"(\d+)"`)
				server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					b, _ := io.ReadAll(r.Body)
					body := string(b)
					empty := ""
					if after := gjson.Get(body, "pagination.starting_after").Str; after != "" {
						if bare, ok := strings.CutSuffix(after, "~"); ok {
							body = strings.Replace(body, after, bare, 1)
						} else {
							empty = after + "~"
						}
					}
					if n := gjson.Get(body, "pagination.per_page"); n.Int() > 40 {
						body = body[:n.Index] + "40" + body[n.Index+len(n.Raw):]
					}
					r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
					if days && r.URL.Path == "/contacts/search" {
						r.Header.Set("Intercom-Version", "2.17") // exact although 2.16
					}
					r.Header.Del("Accept-Encoding")
					rec := httptest.NewRecorder()
					w.Emulator.ServeHTTP(rec, r)
					text := rec.Body.String()
					text = stamp.ReplaceAllString(text, `"updated_at":"$1"`)
					text = id.ReplaceAllString(text, `"$1":$2`)
					if empty != "" {
						for _, rows := range []string{"data", "tickets", "conversations"} {
							if v := gjson.Get(text, rows); v.IsArray() {
								text = text[:v.Index] + "[]" + text[v.Index+len(v.Raw):]
							}
						}
						if v := gjson.Get(text, "pages"); v.Exists() {
							text = text[:v.Index] + `{"type":"pages","next":{"starting_after":"` + empty + `"}}` + text[v.Index+len(v.Raw):]
						}
					} else if v := gjson.Get(text, "pages"); v.Exists() && !v.Get("next").Exists() {
						text = text[:v.Index] + "null" + text[v.Index+len(v.Raw):]
					}
					rw.Header().Set("Content-Type", "application/json")
					rw.Header()["Date"] = nil
					rw.WriteHeader(rec.Code)
					_, _ = io.WriteString(rw, text)
				}))
				t.Cleanup(server.Close)
				w.url = server.URL
				first := w.read(t, reading{})
				for _, name := range w.defaultStreams() {
					truth, _ := w.Truth(name, version)
					if got := len(first.records[name]); got != len(truth) {
						t.Errorf("%s: %d of %d", name, got, len(truth))
					}
				}
				first.onlyOnce(t)
				second := w.read(t, reading{state: first.State, streams: cursorStreams, mode: protocol.Incremental})
				if second.total() != 0 {
					t.Errorf("second run: %v", second.counts)
				}
			})
		}
	}
}

// TestParentWithoutID: a parent that has no id is an error that names the place; a call without the
// id would end in a 404, which would pass for a deletion.
func TestParentWithoutID(t *testing.T) {
	for path, stream := range map[string]string{"/conversations/search": "conversation_parts", "/companies/scroll": "company_segments"} {
		w := newWorld(t, "2.16", emulator.Options{})
		behind(t, w, func(r *http.Request, _, answer string) string {
			if r.URL.Path != path {
				return answer
			}
			return nulled(answer, streamNamed(stream).Feed.Rows+".0.id")
		})
		out := w.read(t, reading{streams: []string{stream}, failing: true})
		if shape := errorAs[*intercom.ShapeError](t, out); shape.Path != streamNamed(stream).Feed.Rows+".#.id" {
			t.Errorf("%s: error %v", stream, out.err)
		}
	}
}
