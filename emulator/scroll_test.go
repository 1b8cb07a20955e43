package emulator_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"source-intercom/emulator"
)

func TestScroll(t *testing.T) {
	r := start(t, emulator.Options{ScrollPage: 5})
	truth, err := r.Truth("companies", "2.16")
	if err != nil {
		t.Fatal(err)
	}
	page := r.get("GET /companies/scroll", "")
	param := page["scroll_param"].(string)
	seen := map[string]bool{}
	for len(rows(page, "data")) > 0 {
		if page["pages"] != nil || page["total_count"] != nil || page["scroll_param"] != param {
			t.Errorf("pages %v, total %v, param %v; want null, null, %s", page["pages"], page["total_count"], page["scroll_param"], param)
		}
		for _, c := range rows(page, "data") {
			if seen[c["id"].(string)] || num(c, "user_count") == 0 {
				t.Errorf("company %v again, or without users", c["id"])
			}
			seen[c["id"].(string)] = true
		}
		if status, code := r.call("GET /companies/scroll", "").code(t); status != 400 || code != "scroll_exists" {
			t.Errorf("second scroll: %d %s", status, code)
		}
		page = r.get("GET /companies/scroll?scroll_param="+param, "")
	}
	if len(seen) != len(truth) || len(seen) == 0 {
		t.Errorf("%d companies, want %d", len(seen), len(truth))
	}
	if got := r.call("GET /companies/scroll?scroll_param="+param, "").status; got != 404 {
		t.Errorf("after the end: %d", got)
	}
	if got := r.call("GET /companies/scroll", "").status; got != 200 {
		t.Errorf("a new scroll after the end: %d", got)
	}
}

func TestScrollExpires(t *testing.T) {
	r := start(t, emulator.Options{ScrollPage: 2})
	param := r.get("GET /companies/scroll", "")["scroll_param"].(string)
	for range 3 { // each page renews the lease
		r.clock.add(59 * time.Second)
		r.get("GET /companies/scroll?scroll_param="+param, "")
	}
	r.clock.add(60 * time.Second)
	if got := r.call("GET /companies/scroll?scroll_param="+param, "").status; got != 404 {
		t.Errorf("after a minute: %d, want 404", got)
	}
	if got := r.call("GET /companies/scroll", "").status; got != 200 {
		t.Errorf("a new scroll: %d, want 200", got)
	}
}

func TestScrollEndsWith404(t *testing.T) {
	r := start(t, emulator.Options{ScrollEndsWith404: true})
	param := r.get("GET /companies/scroll", "")["scroll_param"].(string)
	if got := r.call("GET /companies/scroll?scroll_param="+param, "").status; got != 404 {
		t.Errorf("end: %d, want 404", got)
	}
	if got := r.call("GET /companies/scroll", "").status; got != 200 {
		t.Errorf("a new scroll: %d, want 200", got)
	}
}

func TestCompaniesWithoutUsersAreHidden(t *testing.T) {
	r := start(t, emulator.Options{})
	list := func() []string {
		var out []string
		for call := "POST /companies/list?per_page=4&order=asc"; ; {
			page := r.get(call, "")
			out = append(out, ids(rows(page, "data"))...)
			next, _ := page["pages"].(map[string]any)["next"].(string)
			if next == "" {
				return out
			}
			call = "POST " + next[len(r.url):]
		}
	}
	before := list()
	var hidden string
	r.Edit(func(w *emulator.World) {
		for _, id := range w.IDs("companies") {
			found := false
			for _, b := range before {
				found = found || b == id
			}
			if !found {
				hidden = id
			}
		}
	})
	if hidden == "" {
		t.Fatal("no hidden company in this world")
	}
	was := r.get("GET /companies/"+hidden, "")
	r.clock.add(time.Hour)
	r.Edit(func(w *emulator.World) { w.GiveUsers(hidden, 3) })
	is := r.get("GET /companies/"+hidden, "")
	if was["updated_at"] != is["updated_at"] || num(is, "user_count") != 3 {
		t.Errorf("updated_at %v, then %v; users %d", was["updated_at"], is["updated_at"], num(is, "user_count"))
	}
	r.Edit(func(w *emulator.World) { w.GiveUsers(hidden, 0) })
	if diff := cmp.Diff(before, list()); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}
