package connector

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"
)

func allStreams() []string {
	var names []string
	for _, s := range TableOf(nil).Default().all() {
		names = append(names, s.Stream)
	}
	return names
}

// closedBy lists the streams that cannot be read without a scope, as the emulator knows the routes' scopes.
func closedBy(t *testing.T, table Table, scope string) []string {
	t.Helper()
	var closed []string
	for i := range table {
		for _, path := range []string{table[i].Feed.Path, table[i].Endpoint} {
			path, _, _ = strings.Cut(path, "?")
			of, known := emulator.ScopeOf("GET", path)
			if !known {
				of, known = emulator.ScopeOf("POST", path)
			}
			if !known && path != "" {
				t.Errorf("%s: the emulator does not know %s", table[i].Name, path)
			}
			if of == scope && !slices.Contains(closed, table[i].Name) {
				closed = append(closed, table[i].Name)
			}
		}
	}
	if closed == nil {
		t.Fatalf("no stream needs %s", scope)
	}
	return closed
}

// scopes are those that many streams need.
var scopes = []string{"read_admins", "read_tags", "read_conversations", "read_tickets", "read_users_companies"}

// TestMissingPermission: it stops the streams that need it, by name, and no other.
func TestMissingPermission(t *testing.T) {
	for _, scope := range few(t, scopes...) {
		closed := closedBy(t, TableOf(nil).Default(), scope)
		for _, with401 := range []bool{false, true} {
			o := emulator.Options{Size: littleWorld, DeniedScopes: []string{scope}, DenyWith401: with401}
			t.Run(fmt.Sprintf("%s, 401 %v, with a catalog", scope, with401), func(t *testing.T) {
				bubble(t, "2.16", o, func(t *testing.T, w *world) {
					out := w.read(t, reading{streams: allStreams(), failing: true})
					for _, stream := range allStreams() {
						if !slices.Contains(closed, stream) {
							out.isComplete(t, stream)
							w.check(t, false, stream)
							continue
						}
						if s := out.statuses[stream]; s[len(s)-1] != "INCOMPLETE" {
							t.Errorf("%s: statuses %v", stream, s)
						}
						failure := out.traceErrors()[stream]
						if failure.Get("failure_type").Str != "config_error" || !strings.Contains(failure.Get("message").Str, streamNamed(stream).Permission) {
							t.Errorf("%s: failure %s, want a config_error that names the permission %q", stream, failure.Raw, streamNamed(stream).Permission)
						}
						if state := out.stateValue(stream); !state.Get("unfinished").Bool() {
							t.Errorf("%s: state %s claims that it was read", stream, state.Raw)
						}
					}
					if intercom.KindOf(out.err) != intercom.MissingScope {
						t.Errorf("error %v", out.err)
					}
				})
			})
			t.Run(fmt.Sprintf("%s, 401 %v, without a catalog", scope, with401), func(t *testing.T) {
				bubble(t, "2.16", o, func(t *testing.T, w *world) {
					var log bytes.Buffer
					out := w.read(t, reading{log: &log})
					for _, stream := range allStreams() {
						out.isComplete(t, stream)
						if !slices.Contains(closed, stream) {
							w.check(t, false, stream)
							continue
						}
						if state := out.stateValue(stream); out.counts[stream] != 0 || !state.Get("unfinished").Bool() {
							t.Errorf("%s: %d records, state %s", stream, out.counts[stream], state.Raw)
						}
						if want := `"stream":"` + stream + `"`; !strings.Contains(log.String(), want) {
							t.Errorf("the log does not name %s:\n%s", stream, log.String())
						}
					}
				})
			})
		}
	}
}

// TestMissingPermissionKeepsTheBookmark: when it is given back, the stream goes on where it was.
func TestMissingPermissionKeepsTheBookmark(t *testing.T) {
	for _, restricted := range []bool{false, true} { // by the plan
		t.Run(fmt.Sprint(restricted), func(t *testing.T) {
			closed := false
			intercept := func(w http.ResponseWriter, r *http.Request) bool {
				code := "forbidden"
				if restricted {
					code = "api_plan_restricted"
				}
				return closed && strings.HasPrefix(r.URL.Path, "/tickets") && answer(w, 403, `{"type":"error.list","errors":[{"code":"`+code+`","message":"no"}]}`)
			}
			bubble(t, "2.16", emulator.Options{Size: snapshotWorld, Intercept: intercept}, func(t *testing.T, w *world) {
				r := reading{streams: []string{"tickets", "contacts"}}
				first := w.read(t, r)
				var late string
				w.Edit(func(world *emulator.World) { late = world.NewTicket() })
				time.Sleep(time.Hour)
				closed, r.state, r.failing = true, first.State, !restricted
				second := w.read(t, r)
				if got, want := second.stateValue("tickets").Raw, first.stateValue("tickets").Raw; got != want {
					t.Errorf("bookmark %s, want it as it was: %s", got, want)
				}
				if got := second.Streams[0].Withheld; restricted && got != 1 {
					t.Errorf("withheld %d, want 1", got)
				}
				time.Sleep(time.Hour)
				closed, r.state = false, second.State
				third := w.finishes(t, r)
				if third.records["tickets"][late] == nil || third.total() != 1 {
					t.Errorf("emitted %v, want the one ticket", third.counts)
				}
			})
		})
	}
}

// TestPlanRestriction: the stream is complete, as there is nothing to have, warned of and, with
// strict, an error.
func TestPlanRestriction(t *testing.T) {
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprint(strict), func(t *testing.T) {
			o := emulator.Options{Size: snapshotWorld, PlanRestricted: []string{"/tickets", "/admins/activity_logs", "/companies/scroll"}}
			bubble(t, "2.16", o, func(t *testing.T, w *world) {
				var log bytes.Buffer
				closed := []string{"tickets", "activity_logs", "companies", "company_segments"}
				out := w.read(t, reading{streams: append([]string{"contacts"}, closed...), strict: strict, failing: strict, log: &log})
				w.check(t, false, "contacts")
				for _, stream := range closed {
					out.isComplete(t, stream)
					if !out.stateValue(stream).Get("unfinished").Bool() {
						t.Errorf("%s: the state claims that it was read", stream)
					}
					if !strings.Contains(log.String(), `"level":"warn","stream":"`+stream+`"`) {
						t.Errorf("no warning about %s", stream)
					}
				}
			})
		})
	}
}

// TestBadToken stops the run before any stream begins.
func TestBadToken(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		out := w.read(t, reading{failing: true, config: func(c *Config) { c.AccessToken = "wrong-token-7f" }})
		if intercom.KindOf(out.err) != intercom.BadToken || len(out.requests) != 1 || len(out.statuses) != 0 {
			t.Errorf("error %v, requests %v, statuses %v", out.err, out.requests, out.statuses)
		}
		if f := Classify(out.err); f.Kind != protocol.ConfigError || strings.Contains(f.Message, "wrong-token") {
			t.Errorf("failure %+v", f)
		}
	})
}

// TestTokenRevokedMeanwhile: what was begun is not complete, whether or not there is a catalog.
func TestTokenRevokedMeanwhile(t *testing.T) {
	for _, code := range []string{"unauthorized", "token_revoked"} {
		for _, streams := range [][]string{nil, {"contacts"}} {
			t.Run(fmt.Sprintf("%s, catalog %v", code, streams != nil), func(t *testing.T) {
				calls := 0
				intercept := func(w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Path != "/contacts/search" {
						return false
					}
					calls++
					return calls > 8 && answer(w, 401, `{"type":"error.list","errors":[{"code":"`+code+`","message":"no"}]}`)
				}
				// One window at a time, so that rows have come before the refusal.
				bubble(t, "2.17", emulator.Options{Size: snapshotWorld, Intercept: intercept}, func(t *testing.T, w *world) {
					r := reading{streams: streams, failing: true, config: func(c *Config) { c.PageSize, c.MaxInFlight = 3, 1 }}
					out := w.read(t, r)
					out.isIncomplete(t, "contacts")
					if out.counts["contacts"] == 0 {
						t.Fatal("no contact came before the refusal")
					}
				})
			})
		}
	}
}

// TestRefusedMe skips the check of the workspace, with a warning, and nothing else.
func TestRefusedMe(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld, DeniedScopes: []string{"me"}, TimeZone: "Pacific/Kiritimati"}, func(t *testing.T, w *world) {
		var log bytes.Buffer
		first := w.read(t, reading{log: &log, config: smallPages})
		first.onlyOnce(t)
		w.check(t, false, slices.DeleteFunc(w.defaultStreams(), func(name string) bool { return name == "workspace" })...)
		if !strings.Contains(log.String(), `"level":"warn"`) {
			t.Errorf("no warning: %s", log.String())
		}
		time.Sleep(time.Hour)
		if second := w.read(t, reading{state: first.State, streams: cursorStreams, mode: protocol.Incremental}); second.total() != 0 {
			t.Errorf("the next run emitted %v", second.counts)
		}
	})
}
