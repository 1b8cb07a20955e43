package emulator_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"source-intercom/emulator"
)

func filter(field, op string, value any) string {
	switch v := value.(type) {
	case string:
		value = strconv.Quote(v)
	case []string:
		value = `["` + strings.Join(v, `","`) + `"]`
	}
	return fmt.Sprintf(`{"field":%q,"operator":%q,"value":%v}`, field, op, value)
}

func group(op string, members ...string) string {
	return `{"operator":"` + op + `","value":[` + strings.Join(members, ",") + `]}`
}

// search walks all pages of a search, oldest change first, and calls between (if any) before each further page.
func (r *rig) search(kind, query string, perPage int, between func()) []map[string]any {
	r.t.Helper()
	key := map[string]string{"contacts": "data", "conversations": "conversations", "tickets": "tickets"}[kind]
	var out []map[string]any
	for after, n := "", 0; ; n++ {
		page := r.get("POST /"+kind+"/search?include_merge_history=true", fmt.Sprintf(
			`{"query":%s,"pagination":{"per_page":%d,"starting_after":%q},"sort":{"field":"updated_at","order":"ascending"}}`, query, perPage, after))
		out = append(out, rows(page, key)...)
		if after = cursor(page); after == "" {
			return out
		}
		if n > 1000 {
			r.t.Fatal("the walk does not end")
		}
		if between != nil {
			between()
		}
	}
}

const everyone = `{"field":"updated_at","operator":">","value":1}`

// TestSearchAgreesWithAPlainFilter draws queries over the two times and page sizes, and compares a walk with a filter over all
// rows: whatever way the index takes, it must find the same rows.
func TestSearchAgreesWithAPlainFilter(t *testing.T) {
	r := start(t, emulator.Options{Seed: 3})
	for _, kind := range []string{"conversations", "tickets"} {
		all := r.search(kind, everyone, 150, nil)
		var times []int64
		for _, x := range all {
			times = append(times, num(x, "updated_at"), num(x, "created_at"))
		}
		rapid.Check(t, func(t *rapid.T) {
			query, holds := drawQuery(t, times, 1)
			want := []string{}
			for _, x := range all {
				if holds(x) {
					want = append(want, x["id"].(string))
				}
			}
			got := ids(r.search(kind, query, rapid.IntRange(3, 40).Draw(t, "per page"), nil))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s %s (-want +got):\n%s", kind, query, diff)
			}
		})
	}
}

// drawQuery draws a query of up to two levels and what it means.
func drawQuery(t *rapid.T, times []int64, level int) (string, func(x map[string]any) bool) {
	if level > 2 || level == 2 && rapid.Bool().Draw(t, "leaf") {
		field := rapid.SampledFrom([]string{"updated_at", "created_at"}).Draw(t, "field")
		op := rapid.SampledFrom([]string{">", "<", "=", ">=", "<=", "!="}).Draw(t, "operator")
		value := rapid.SampledFrom(times).Draw(t, "time") + rapid.Int64Range(-1, 1).Draw(t, "off")
		return filter(field, op, value), func(x map[string]any) bool {
			n := num(x, field)
			return map[string]bool{">": n > value, "<": n < value, "=": n == value, ">=": n >= value, "<=": n <= value, "!=": n != value}[op]
		}
	}
	conjunction := rapid.Bool().Draw(t, "and")
	var members []string
	var holds []func(map[string]any) bool
	for range rapid.IntRange(1, 3).Draw(t, "members") {
		m, h := drawQuery(t, times, level+1)
		members, holds = append(members, m), append(holds, h)
	}
	return group(map[bool]string{true: "AND", false: "OR"}[conjunction], members...), func(x map[string]any) bool {
		for _, h := range holds {
			if h(x) != conjunction {
				return !conjunction
			}
		}
		return conjunction
	}
}

func TestGreaterStrictOrInclusive(t *testing.T) {
	for _, inclusive := range []bool{false, true} {
		r := start(t, emulator.Options{InclusiveGreater: inclusive})
		all := r.search("conversations", everyone, 150, nil)
		newest := num(all[len(all)-1], "updated_at")
		got := len(r.search("conversations", filter("updated_at", ">", newest), 150, nil)) > 0
		if got != inclusive {
			t.Errorf("inclusive %v: the row of that second found: %v", inclusive, got)
		}
	}
}

// TestContactsCompareWholeDays puts contacts around the midnights of zones west and east of Greenwich.
func TestContactsCompareWholeDays(t *testing.T) {
	for _, zone := range []string{"America/Los_Angeles", "Asia/Kathmandu", "UTC", "Eastern Time (US & Canada)"} {
		r := start(t, emulator.Options{TimeZone: zone})
		name := zone
		if strings.HasPrefix(zone, "Eastern") {
			name = "America/New_York"
		}
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		midnight := time.Date(2026, 2, 10, 0, 0, 0, 0, loc).Unix()
		const day = 86_400
		labels := map[string]string{}
		r.Edit(func(w *emulator.World) {
			for label, at := range map[string]int64{"eve": midnight - 1, "dawn": midnight, "dusk": midnight + day - 1, "next": midnight + day} {
				id := w.NewContact()
				w.SetUpdatedAt("contacts", id, at)
				labels[id] = label
			}
		})
		noon := midnight + day/2
		find := func(r *rig, op string, value int64) string {
			var got []string
			around := group("AND", filter("updated_at", op, value), filter("updated_at", ">", midnight-3*day))
			for _, id := range ids(r.search("contacts", around, 50, nil)) {
				if labels[id] != "" {
					got = append(got, labels[id])
				}
			}
			slices.Sort(got)
			return strings.Join(got, " ")
		}
		for _, tt := range []struct{ version, op, want string }{
			{"2.16", "=", "dawn dusk"}, {"2.16", ">", "next"}, {"2.16", "<", "eve"},
			{"2.17", ">", "dusk next"}, {"2.17", "<", "dawn eve"}, {"2.17", "=", ""}, {"Preview", ">=", "dusk next"},
		} {
			if got := find(r.with(tt.version), tt.op, noon); got != tt.want {
				t.Errorf("%s %s noon in %s: got %q, want %q", tt.version, tt.op, zone, got, tt.want)
			}
		}
	}
}

// TestCursorsOverEdits walks ascending while rows are touched: behind a search-after cursor nothing that stays is missed; behind
// an offset, rows slide past.
func TestCursorsOverEdits(t *testing.T) {
	for _, offset := range []bool{false, true} {
		r := start(t, emulator.Options{OffsetCursor: offset})
		before := ids(r.search("conversations", everyone, 150, nil))
		seen := map[string]bool{}
		touched := 0
		upTo := filter("updated_at", "<", r.clock.now().Unix())
		got := r.search("conversations", upTo, 5, func() {
			r.clock.add(time.Second)
			if touched < 10 {
				r.Edit(func(w *emulator.World) { w.Reply(before[touched]) })
				touched++
			}
		})
		for _, id := range ids(got) {
			seen[id] = true
		}
		missed := 0
		for _, id := range before {
			if !seen[id] {
				missed++
			}
		}
		if offset == (missed == 0) {
			t.Errorf("offset cursor %v: %d rows missed", offset, missed)
		}
	}
}

func TestCursorsDescendingBothMeanings(t *testing.T) {
	for _, offset := range []bool{false, true} {
		r := start(t, emulator.Options{OffsetCursor: offset})
		want := ids(r.search("contacts", everyone, 150, nil))
		slices.Reverse(want)
		var got []string
		for after := ""; ; {
			page := r.get("POST /contacts/search", fmt.Sprintf(`{"query":%s,"pagination":{"per_page":7,"starting_after":%q},"sort":{"field":"updated_at"}}`, everyone, after))
			got = append(got, ids(rows(page, "data"))...)
			if after = cursor(page); after == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("offset %v (-want +got):\n%s", offset, diff)
		}
	}
}

func TestPagesAndTotals(t *testing.T) {
	r := start(t, emulator.Options{})
	page := r.get("POST /conversations/search?starting_after=nonsense", `{"query":`+everyone+`,"pagination":{"per_page":15}}`)
	if num(page, "total_count") != 40 || len(rows(page, "conversations")) != 15 {
		t.Errorf("total %d, rows %d", num(page, "total_count"), len(rows(page, "conversations")))
	}
	pages := page["pages"].(map[string]any)
	if pages["type"] != "pages" || num(pages, "page") != 1 || num(pages, "per_page") != 15 || num(pages, "total_pages") != 3 {
		t.Errorf("pages: %v", pages)
	}
	after := cursor(page)
	raw, err := base64.StdEncoding.DecodeString(after)
	if err != nil || !strings.HasPrefix(string(raw), "[1") {
		t.Errorf("cursor %q: %s, %v", after, raw, err)
	}
	for path, want := range map[string]int{"/contacts": 10, "/conversations": 20} {
		first := r.get("GET "+path, "")
		key := map[string]string{"/contacts": "data", "/conversations": "conversations"}[path]
		second := r.get("GET "+path+"?starting_after="+cursor(first), "")
		if len(rows(first, key)) != want || ids(rows(first, key))[0] == ids(rows(second, key))[0] {
			t.Errorf("%s: %d rows, second page begins like the first: %v", path, len(rows(first, key)), ids(rows(second, key))[0])
		}
	}
}

func TestSearchFields(t *testing.T) {
	r := start(t, emulator.Options{})
	contact := r.get("GET /contacts", "")["data"].([]any)[0].(map[string]any)
	talk := r.get("GET /conversations", "")["conversations"].([]any)[0].(map[string]any)
	assigned := func(v any) bool { n, _ := v.(float64); return n > 0 }
	for _, tt := range []struct {
		kind, query string
		holds       func(x map[string]any) bool
	}{
		{"conversations", filter("state", "=", "closed"), func(x map[string]any) bool { return x["state"] == "closed" }},
		{"conversations", filter("open", "=", true), func(x map[string]any) bool { return x["open"] == true }},
		{"conversations", filter("id", ">", ""), func(map[string]any) bool { return true }},
		{"conversations", filter("id", "<", talk["id"]), func(x map[string]any) bool { return x["id"].(string) < talk["id"].(string) }},
		{"conversations", filter("id", "=", talk["id"]), func(x map[string]any) bool { return x["id"] == talk["id"] }},
		{"conversations", filter("updated_at", ">", 1.5e9), func(map[string]any) bool { return true }},
		{"conversations", filter("updated_at", ">", "1500000000"), func(map[string]any) bool { return true }},
		{"conversations", filter("updated_at", "!=", num(talk, "updated_at")), func(x map[string]any) bool { return x["updated_at"] != talk["updated_at"] }},
		{"conversations", filter("admin_assignee_id", "=", "null"), nil},
		{"conversations", filter("admin_assignee_id", "=", 0), func(x map[string]any) bool { return !assigned(x["admin_assignee_id"]) }},
		{"conversations", filter("source.type", "IN", []string{"email", "push"}), func(x map[string]any) bool {
			kind := x["source"].(map[string]any)["type"]
			return kind == "email" || kind == "push"
		}},
		{"conversations", filter("tag_ids", "NIN", []string{"7520001"}), func(x map[string]any) bool {
			for _, tag := range x["tags"].(map[string]any)["tags"].([]any) {
				if tag.(map[string]any)["id"] == "7520001" {
					return false
				}
			}
			return true
		}},
		{"contacts", filter("role", "=", "lead"), func(x map[string]any) bool { return x["role"] == "lead" }},
		{"contacts", filter("email", "=", contact["email"]), func(x map[string]any) bool { return x["email"] == contact["email"] }},
		{"contacts", filter("email", "^", "person1"), func(x map[string]any) bool { return strings.HasPrefix(x["email"].(string), "person1") }},
		{"contacts", group("OR", filter("role", "=", "lead"), filter("external_id", "$", "8")), func(x map[string]any) bool {
			external, _ := x["external_id"].(string)
			return x["role"] == "lead" || strings.HasSuffix(external, "8")
		}},
		{"tickets", filter("category", "=", "tracker"), func(x map[string]any) bool { return x["category"] == "Tracker" }},
		{"tickets", filter("ticket_type_id", "=", "101"), func(x map[string]any) bool { return x["ticket_type"].(map[string]any)["id"] == "101" }},
	} {
		if tt.holds == nil {
			if status := r.call("POST /"+tt.kind+"/search", `{"query":`+tt.query+`}`).status; status != http.StatusBadRequest {
				t.Errorf("%s %s: status %d, want 400", tt.kind, tt.query, status)
			}
			continue
		}
		var want []string
		for _, x := range r.search(tt.kind, everyone, 150, nil) {
			if tt.holds(x) {
				want = append(want, x["id"].(string))
			}
		}
		got := ids(r.search(tt.kind, tt.query, 150, nil))
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
			t.Errorf("%s %s: %d wanted (-want +got):\n%s", tt.kind, tt.query, len(want), diff)
		}
	}
}

func TestSearchRefusals(t *testing.T) {
	r := start(t, emulator.Options{})
	many := slices.Repeat([]string{everyone}, 16)
	search := func(query string) string { return `{"query":` + query + `}` }
	for _, tt := range []struct {
		version, kind, body string
		status              int
		code                string
	}{
		{"2.16", "contacts", search(filter("updated_at", ">=", 5)), 400, "parameter_invalid"},
		{"2.16", "contacts", search(filter("created_at", "!=", 5)), 400, "parameter_invalid"},
		{"2.16", "contacts", search(`{"field":"updated_at","operator":"IN","value":[5]}`), 400, "parameter_invalid"},
		{"2.17", "contacts", search(filter("updated_at", ">=", 5)), 200, ""},
		{"2.16", "contacts", search(filter("tag_id", "IN", []string{"1"})), 400, "parameter_invalid"},
		{"2.16", "contacts", search(filter("shoe_size", "=", 5)), 400, "invalid_field"},
		{"2.16", "conversations", search(filter("updated_at", "~", "5")), 400, "parameter_invalid"},
		{"2.16", "conversations", search(filter("updated_at", ">", "yesterday")), 400, "parameter_invalid"},
		{"2.16", "conversations", search(filter("state", "IN", "open")), 400, "parameter_invalid"},
		{"2.16", "conversations", search(group("AND", many...)), 400, "bad_request"},
		{"2.16", "conversations", search(group("AND", many[:15]...)), 200, ""},
		{"2.16", "conversations", search(group("AND", group("OR", everyone))), 200, ""},
		{"2.16", "conversations", search(group("AND", group("OR", group("AND", everyone)))), 400, "bad_request"},
		{"2.16", "conversations", search(group("XOR", everyone)), 400, "bad_request"},
		{"2.16", "conversations", search(group("AND")), 400, "parameter_invalid"},
		{"2.16", "conversations", `{}`, 400, "parameter_not_found"},
		{"2.16", "conversations", `{"query":`, 400, "parameter_invalid"},
		{"2.16", "conversations", `{"query":` + everyone + `,"pagination":{"per_page":151}}`, 400, "parameter_invalid"},
		{"2.16", "conversations", `{"query":` + everyone + `,"pagination":{"per_page":0}}`, 400, "parameter_invalid"},
		{"2.16", "conversations", `{"query":` + everyone + `,"pagination":{"starting_after":"nonsense"}}`, 400, "client_error"},
		{"2.16", "contacts", `{"query":` + everyone + `,"pagination":{"starting_after":"WzFd"}}`, 400, "client_error"},
		{"2.16", "tickets", `{"query":` + everyone + `,"pagination":{"starting_after":"nonsense"}}`, 500, "server_error"},
		{"2.16", "contacts", `{"query":` + everyone + `,"sort":{"field":"updated_at","order":"desc"}}`, 400, "invalid_sort_order"},
		{"2.16", "contacts", `{"query":` + everyone + `,"sort":{"field":"email"}}`, 400, "parameter_invalid"},
	} {
		a := r.with(tt.version).call("POST /"+tt.kind+"/search", tt.body)
		if status, code := a.code(t); status != tt.status || code != tt.code {
			t.Errorf("%s %s %s: got %d %s, want %d %s", tt.version, tt.kind, tt.body, status, code, tt.status, tt.code)
		}
	}
}
