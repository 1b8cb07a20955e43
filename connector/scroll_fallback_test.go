package connector

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
)

const listRoute = "POST /companies/list"

var companyStreams = []string{"companies", "company_segments"}

// scrollFails answers calls of the scroll in the emulator's place once so many were let through.
func scrollFails(after, status int, code string) func(http.ResponseWriter, *http.Request) bool {
	calls := 0
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/companies/scroll" {
			return false
		}
		if param := r.URL.Query().Get("scroll_param"); param == "" {
			calls = 0
		}
		calls++
		return calls > after && answer(w, status, `{"type":"error.list","errors":[{"code":"`+code+`","message":"no"}]}`)
	}
}

func withFallback(c *Config) { c.CompaniesListFallback = true }

// TestCompaniesListFallback: the list takes the scroll's place, brings what that has not shown, and says so.
func TestCompaniesListFallback(t *testing.T) {
	for name, test := range map[string]struct {
		scroll func(http.ResponseWriter, *http.Request) bool
		o      emulator.Options
	}{
		"another scroll stays open":      {scroll: scrollFails(0, 400, "scroll_exists")},
		"it never gets beyond a page":    {scroll: scrollFails(1, 500, "server_error")},
		"it always expires early":        {scroll: expiresEarly()},
		"its endpoint is closed":         {scroll: scrollFails(0, 403, "forbidden")},
		"it is not part of the plan":     {scroll: scrollFails(0, 402, "api_plan_restricted")},
		"its endpoint fails for minutes": {scroll: scrollFails(0, 503, "service_unavailable")},
		"the list has troubles, too": {scroll: scrollFails(0, 400, "scroll_exists"), o: emulator.Options{RateLimit: 50, Faults: []emulator.Fault{
			{Path: "/companies/list", Every: 3, Times: 6, Kind: "length"}, {Path: "/companies/list", Every: 5, Times: 3, Kind: "502"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			test.o.Size, test.o.Intercept = partialPages, test.scroll
			bubble(t, "2.16", test.o, func(t *testing.T, w *world) {
				var log bytes.Buffer
				out := w.read(t, reading{streams: companyStreams, config: withFallback, log: &log})
				out.onlyOnce(t)
				w.check(t, false, companyStreams...)
				for _, stream := range companyStreams {
					out.isComplete(t, stream)
				}
				if n := strings.Count(log.String(), "reading them by companies/list"); n != 1 || out.requests[listRoute] == 0 {
					t.Errorf("%d calls of the list, said %d times:\n%s", out.requests[listRoute], n, log.String())
				}
			})
		})
	}
}

// expiresEarly lets walks over the scroll end with a 404 after two pages and after one in turn, so that no two of them
// end at the same place.
func expiresEarly() func(http.ResponseWriter, *http.Request) bool {
	last, walks, calls := "", 0, 0
	return func(w http.ResponseWriter, r *http.Request) bool {
		param := r.URL.Query().Get("scroll_param")
		if r.URL.Path != "/companies/scroll" || param == "" {
			return false
		}
		if param != last {
			last, walks, calls = param, walks+1, 0
		}
		calls++
		return calls > walks%2 && answer(w, 404, notFoundBody)
	}
}

// TestCompaniesListIsOnlyAFallback: it is neither used where it is not allowed nor where the scroll works.
func TestCompaniesListIsOnlyAFallback(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: partialPages}, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: companyStreams, config: withFallback})
		w.check(t, false, companyStreams...)
		if n := out.requests[listRoute]; n > 0 {
			t.Errorf("the list was asked %d times although the scroll works", n)
		}
	})
	bubble(t, "2.16", emulator.Options{Size: partialPages, Intercept: scrollFails(0, 400, "scroll_exists")}, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: companyStreams, failing: true})
		out.isIncomplete(t, "companies")
		if n := out.requests[listRoute]; n > 0 {
			t.Errorf("the list was asked %d times although nobody allowed it", n)
		}
	})
	// What is no trouble of the scroll's is not mended by a list: here a page without an array.
	shapeless := func(w http.ResponseWriter, r *http.Request) bool {
		return r.URL.Path == "/companies/scroll" && answer(w, 200, `{"scroll_param":"x"}`)
	}
	bubble(t, "2.16", emulator.Options{Size: partialPages, Intercept: shapeless}, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: companyStreams, failing: true, config: withFallback})
		errorAs[*intercom.ShapeError](t, out)
	})
}

// TestCompaniesListIsCapped: all that the list shows comes, and then the streams are incomplete, say both numbers, and
// have no bookmark that passes what was not shown.
func TestCompaniesListIsCapped(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, page := range []int{150, 30} { // 30 does not divide the cap
		t.Run(fmt.Sprint(page), func(t *testing.T) {
			busy, blocked := scrollFails(0, 400, "scroll_exists"), true
			o := emulator.Options{Size: emulator.Size{Admins: 1, Companies: 11_300}, Intercept: func(w http.ResponseWriter, r *http.Request) bool {
				return blocked && busy(w, r)
			}}
			bubble(t, "2.16", o, func(t *testing.T, w *world) {
				truth, err := w.Truth("companies", "2.16")
				if err != nil {
					t.Fatal(err)
				}
				r := reading{streams: []string{"companies"}, failing: true, config: func(c *Config) { c.CompaniesListFallback, c.PageSize = true, page }}
				out := w.read(t, r)
				want := 10_000 / min(page, companiesListPage) * min(page, companiesListPage)
				if n := len(out.records["companies"]); n != want || n != out.counts["companies"] {
					t.Errorf("%d records of %d companies, want %d", out.counts["companies"], n, want)
				}
				out.isIncomplete(t, "companies")
				capped := errorAs[*CappedError](t, out)
				if capped.Shown != int64(want) || capped.Total != int64(len(truth)) {
					t.Errorf("%d of %d, want %d of %d", capped.Shown, capped.Total, want, len(truth))
				}
				failure := out.traceErrors()["companies"]
				for _, part := range []string{fmt.Sprint(want), fmt.Sprint(len(truth)), "another scroll"} {
					if !strings.Contains(failure.Get("message").Str, part) || failure.Get("failure_type").Str != "transient_error" {
						t.Errorf("failure %s, want a transient one that says %q", failure.Raw, part)
					}
				}
				time.Sleep(time.Hour)
				blocked, r.state = false, out.State
				w.finishes(t, r).isComplete(t, "companies")
			})
		})
	}
}

// TestCompaniesListIsClosed: where the token has not the permission for the list either, the message says so, and the
// kind of the failure is that of the scroll.
func TestCompaniesListIsClosed(t *testing.T) {
	o := emulator.Options{Size: partialPages, Intercept: scrollFails(0, 400, "scroll_exists"), DeniedScopes: []string{"write_users_companies"}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: companyStreams, failing: true, config: withFallback})
		out.isIncomplete(t, "companies")
		failure := out.traceErrors()["companies"]
		for _, part := range []string{"another tool", "write_users_companies", "/companies/list"} {
			if !strings.Contains(failure.Get("message").Str, part) || failure.Get("failure_type").Str != "transient_error" {
				t.Errorf("failure %s, want a transient one that says %q", failure.Raw, part)
			}
		}
	})
}

// TestCompaniesListOverALivingWorld: companies come, change and go while the list is read, and it is read again; a
// later run by the scroll emits what changed alone.
func TestCompaniesListOverALivingWorld(t *testing.T) {
	var w *world
	busy, blocked := scrollFails(0, 400, "scroll_exists"), true
	var calls atomic.Int64
	var newest string
	var changed []string
	o := emulator.Options{Size: partialPages, Intercept: func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/companies/list" {
			if calls.Add(1) == 3 {
				time.Sleep(2 * time.Second)
				w.Edit(func(world *emulator.World) {
					world.DeleteCompany(newest) // on the first page: all later ones move up
					world.UpdateCompany(world.IDs("companies")[0])
				})
			}
		}
		return blocked && busy(rw, r)
	}}
	bubble(t, "2.16", o, func(t *testing.T, bubbled *world) {
		w = bubbled
		var all []string
		w.Edit(func(world *emulator.World) { all = world.IDs("companies") })
		for _, id := range all {
			if _, shown := w.truthOf("companies", id); shown {
				newest = id
			}
		}
		first := w.read(t, reading{streams: companyStreams, config: func(c *Config) { c.CompaniesListFallback, c.PageSize = true, 20 }})
		w.check(t, true, companyStreams...)
		if first.requests[listRoute] < 2*12 {
			t.Errorf("%d calls: the list was not read again", first.requests[listRoute])
		}
		time.Sleep(time.Hour)
		w.Edit(func(world *emulator.World) {
			changed = []string{world.NewCompany(), world.IDs("companies")[7]}
			world.UpdateCompany(changed[1])
			world.GiveUsers(changed[0], 2)
		})
		blocked = false
		second := w.finishes(t, reading{streams: companyStreams, state: first.State, config: withFallback})
		if n := second.counts["companies"]; n > len(changed) {
			t.Errorf("%d companies in the second run: %v", n, ids(second.records["companies"]))
		}
	})
}
