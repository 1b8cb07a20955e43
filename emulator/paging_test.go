package emulator_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"source-intercom/emulator"
)

// firstPage replaces what differs from world to world.
func firstPage(r *rig, call string) map[string]any {
	page := r.get(call, "")
	delete(page, "data")
	delete(page, "conversations")
	delete(page, "side_conversations")
	text, _ := json.Marshal(page)
	_ = json.Unmarshal([]byte(strings.ReplaceAll(string(text), r.url, "")), &page)
	return page
}

// TestWaysOfPaging shows what surrounds the rows of a first page, one list of each kind.
func TestWaysOfPaging(t *testing.T) {
	r := start(t, emulator.Options{Size: emulator.Size{Admins: 1, Tags: 1, Contacts: 60, Companies: 2, Conversations: 40, Reference: 12, Calls: 30}})
	var people, talks []string
	r.Edit(func(w *emulator.World) { people, talks = w.IDs("contacts"), w.IDs("conversations") })
	cursor := func(call string) string { // that stands in the answer
		next, _ := firstPage(r, call)["pages"].(map[string]any)["next"].(map[string]any)
		after, _ := next["starting_after"].(string)
		return after
	}
	decoded := func(call string) string {
		raw, err := base64.StdEncoding.DecodeString(cursor(call))
		if err != nil {
			t.Errorf("%s: %v", call, err)
		}
		return string(raw)
	}
	for call, want := range map[string]string{
		"GET /help_center/help_centers": `{"type":"list"}`,
		"GET /articles?per_page=5": `{"type":"list","total_count":12,"pages":{"type":"pages","page":1,"per_page":5,"total_pages":3,
			"next":"/articles?page=2&per_page=5"}}`,
		"GET /articles?per_page=250": `{"type":"list","total_count":12,"pages":{"type":"pages","page":1,"per_page":250,"total_pages":1,"next":null}}`,
		"GET /internal_articles?per_page=5": `{"type":"list","total_count":12,"pages":{"type":"pages","page":1,"per_page":"5","total_pages":3,
			"next":"/internal_articles?page=2&per_page=5"}}`,
		"GET /internal_articles?page=2":          `{"type":"list","total_count":12,"pages":{"type":"pages","page":"2","per_page":50,"total_pages":1,"next":null}}`,
		"GET /help_center/collections":           `{"type":"list","total_count":12,"pages":{"type":"pages","page":1,"per_page":20,"total_pages":1}}`,
		"GET /help_center/collections?page=9":    `{"type":"list","total_count":12,"pages":{"type":"pages","page":9,"per_page":20,"total_pages":1}}`,
		"GET /news/news_items":                   `{"type":"list","total_count":12,"pages":{"type":"pages","page":1,"per_page":10,"total_pages":2}}`,
		"GET /calls":                             `{"type":"list","total_count":30,"pages":{"type":"pages","page":1,"per_page":25,"total_pages":2}}`,
		"GET /calls?per_page=26":                 `{"type":"list","total_count":30,"pages":{"type":"pages","page":1,"per_page":25,"total_pages":2}}`,
		"GET /content_snippets?per_page=5":       `{"type":"list","total_count":12,"page":1,"per_page":5,"total_pages":3}`,
		"GET /audiences?page=2&per_page=99":      `{"type":"list","total_count":12,"page":2,"per_page":50,"total_pages":1}`,
		"GET /macros":                            `{"type":"list","pages":{"type":"pages","per_page":50,"next":null}}`,
		"GET /custom_object_instances/order":     `{"type":"list","total_count":15,"pages":{"type":"pages","page":1,"per_page":20,"total_pages":1,"next":null}}`,
		"GET /conversations/deleted":             `{"type":"conversations.list","total_count":0,"pages":{"type":"pages","page":1,"per_page":20,"total_pages":0,"next":null}}`,
		"GET /contacts/" + people[55] + "/notes": `{"type":"list","total_count":60,"pages":{"type":"pages","page":1,"per_page":50,"total_pages":2,"next":"/contacts/` + people[55] + `/notes?page=2"}}`,
		"GET /conversations/" + talks[28] + "/side_conversations": `{"type":"side_conversation.list","total_count":55,
			"pages":{"type":"pages","page":1,"per_page":25,"total_pages":3}}`,
		"GET /conversations/" + talks[28] + "/side_conversations?per_page=99": `{"type":"side_conversation.list","total_count":55,
			"pages":{"type":"pages","page":1,"per_page":50,"total_pages":2}}`,
		"GET /contacts/" + people[14] + "/merge_history":            `{"type":"list","has_more":false}`,
		"GET /contacts/" + people[14] + "/merge_history?per_page=1": `{"type":"list","has_more":true,"next_cursor":"` + base64.RawURLEncoding.EncodeToString([]byte(`["`+mergedID(r, people[14])+`"]`)) + `"}`,
		"GET /macros?per_page=5":                                    `{"type":"list","pages":{"type":"pages","per_page":5,"next":{"starting_after":"` + cursor("GET /macros?per_page=5") + `"}}}`,
	} {
		var expected map[string]any
		if err := json.Unmarshal([]byte(want), &expected); err != nil {
			t.Fatal(call, err)
		}
		if diff := cmp.Diff(expected, firstPage(r, call)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", call, diff)
		}
	}
	macros := rows(r.get("GET /macros?per_page=5", ""), "data")
	at, _ := time.Parse(time.RFC3339, macros[4]["updated_at"].(string))
	if got, want := decoded("GET /macros?per_page=5"), fmt.Sprintf(`[%d.0,"%s"]`, at.Unix(), macros[4]["id"]); got != want {
		t.Errorf("cursor of macros: %s, want %s", got, want)
	}
	connectors := rows(r.get("GET /data_connectors?per_page=2", ""), "data")
	at, _ = time.Parse(time.RFC3339, connectors[1]["updated_at"].(string))
	if got, want := decoded("GET /data_connectors?per_page=2"), fmt.Sprintf(`[%d.0,%s]`, at.Unix(), connectors[1]["id"]); got != want {
		t.Errorf("cursor of data connectors: %s, want %s", got, want)
	}
	activities := r.with("Preview").get("GET /contacts/activities?per_page=3", "")
	last := rows(activities, "data")[2]["id"].(string)
	if got := activities["pages"].(map[string]any)["next"].(map[string]any)["starting_after"]; got != last || len(last) != len("1717000000000.0000a1") {
		t.Errorf("cursor of activities: %v, last row %s", got, last)
	}
}

// mergedID is the first entry of a contact's merge history.
func mergedID(r *rig, id string) string {
	return rows(r.get("GET /contacts/"+id+"/merge_history", ""), "data")[0]["source_contact_id"].(string)
}

func TestPagesThatAreRefused(t *testing.T) {
	r := start(t, emulator.Options{})
	var connector, company, user, lead, talk string
	r.Edit(func(w *emulator.World) {
		connector, company, talk = w.IDs("data_connectors")[0], w.IDs("companies")[0], w.IDs("conversations")[0]
		user, lead = w.IDs("contacts")[2], w.IDs("contacts")[3]
	})
	results := "/data_connectors/" + connector + "/execution_results"
	for call, want := range map[string]string{
		"GET /macros?per_page=151":                                 "400 parameter_invalid",
		"GET /macros?per_page=0":                                   "400 parameter_invalid",
		"GET /macros?starting_after=x":                             "400 client_error",
		"GET /macros?starting_after=W10=":                          "400 client_error",
		"GET /macros?updated_since=monday":                         "400 parameter_invalid",
		"GET /data_connectors?per_page=51":                         "400 parameter_invalid",
		"GET " + results + "?per_page=31":                          "400 parameter_invalid",
		"GET " + results + "?start_ts=now":                         "400 parameter_invalid",
		"GET " + results + "?success=maybe":                        "400 parameter_invalid",
		"GET /conversations/deleted?per_page=61":                   "400 parameter_invalid",
		"GET /conversations/deleted?order=up":                      "400 parameter_invalid",
		"GET /articles?per_page=251":                               "200 ",
		"GET /articles?per_page=none&page=none":                    "200 ",
		"GET /articles/5/versions":                                 "404 not_found",
		"GET /articles/6871000/versions?locale=xx":                 "400 parameter_invalid",
		"GET /articles/6871000/versions?locale=fr":                 "200 ",
		"GET /macros/5":                                            "404 not_found",
		"GET /help_center/help_centers/5/redirects":                "404 not_found",
		"GET /news/newsfeeds/5/items":                              "404 not_found",
		"GET /teams/5/metrics":                                     "404 team_not_found",
		"GET /conversations/5/handling_events":                     "404 not_found",
		"GET /conversations/5/side_conversations":                  "404 not_found",
		"GET /contacts/5/notes":                                    "404 not_found",
		"GET /companies/5/contacts":                                "404 company_not_found",
		"GET /companies/5/notes":                                   "404 company_not_found",
		"GET /companies/" + company + "/notes":                     "200 ",
		"GET /contacts/" + lead + "/merge_history":                 "404 not_found",
		"GET /contacts/" + user + "/merge_history":                 "200 ",
		"GET /contacts/" + user + "/merge_history?cursor=5":        "400 parameter_invalid",
		"GET /contacts/" + user + "/merge_history?order=up":        "400 parameter_invalid",
		"GET /custom_object_instances/car":                         "404 not_found",
		"GET /custom_object_instances/order?external_id=ref_2":     "200 ",
		"GET /custom_object_instances/order?external_id=nobody":    "404 not_found",
		"GET /custom_object_instances/order/2000002":               "200 ",
		"GET /custom_object_instances/order/2":                     "404 not_found",
		"GET /events?intercom_user_id=" + user:                     "400 parameter_invalid",
		"GET /events?type=user":                                    "400 parameter_invalid",
		"GET /events?type=lead&intercom_user_id=" + lead:           "400 parameter_invalid",
		"GET /events?type=user&intercom_user_id=" + lead:           "200 ",
		"GET /events?type=user&user_id=ext-72":                     "200 ",
		"GET /events?type=user&email=person2@mail.example.com":     "200 ",
		"GET /events?type=user&email=nobody@mail.example.com":      "404 not_found",
		"GET /events?type=user&user_id=ext-72&email=a@example.com": "400 parameter_invalid",
		"GET /contacts/activities":                                 "404 not_found",
		"GET /conversations/" + talk + "/handling_events":          "200 ",
	} {
		if status, code := r.call(call, "").code(t); fmt.Sprint(status, " ", code) != want {
			t.Errorf("%s: %d %s, want %s", call, status, code, want)
		}
	}
	if status := r.with("2.17").call("GET /events?type=lead&intercom_user_id="+lead, "").status; status != http.StatusOK {
		t.Errorf("events of a lead in 2.17: %d", status)
	}
	if a := r.call("GET /fin_voice/conversation/5", ""); a.status != http.StatusOK || string(a.body) != "[]" {
		t.Errorf("calls of no conversation: %d %s", a.status, a.body)
	}
}

// TestScopesOfLists denies the scopes of all lists at once.
func TestScopesOfLists(t *testing.T) {
	scopes := []string{"read_admins", "read_tickets", "read_users_companies", "read_articles_scope", "read_help_center_redirects_scope",
		"read_write_content_snippets", "read_audiences", "read_macros", "read_content", "read_news_items", "read_brands", "read_emails",
		"read_write_office_hours", "read_data_connectors", "read_calls", "read_custom_object_instances", "read_conversations", "read_events"}
	r := start(t, emulator.Options{DeniedScopes: scopes}).with("Preview")
	used := map[string]bool{}
	for _, l := range lists {
		a := r.call("GET "+l.url("x", ""), "")
		if status, code := a.code(t); status != http.StatusForbidden || code != "forbidden" {
			t.Errorf("%s: %d %s", l.stream, status, code)
		}
		for _, s := range scopes {
			if strings.Contains(string(a.body), "("+s+")") {
				used[s] = true
			}
		}
	}
	if len(used) != len(scopes) {
		t.Errorf("only these scopes are asked for: %v", used)
	}
	plan := start(t, emulator.Options{PlanRestricted: []string{"/teams/"}})
	if status, code := plan.call("GET /teams/5017000/metrics", "").code(t); status != http.StatusForbidden || code != "api_plan_restricted" {
		t.Errorf("team metrics without the plan: %d %s", status, code)
	}
	if status := plan.call("GET /teams", "").status; status != http.StatusOK {
		t.Errorf("teams without the plan for metrics: %d", status)
	}
}

// TestOrders: what the documents say of the order of rows.
func TestOrders(t *testing.T) {
	r := start(t, emulator.Options{}).with("Preview")
	updated := func(x map[string]any) string { return fmt.Sprintf("%24s", textOf(x["updated_at"])) }
	var connector, center, article string
	r.Edit(func(w *emulator.World) {
		connector, center, article = w.IDs("data_connectors")[0], w.IDs("help_centers")[0], w.IDs("articles")[3]
		for i, id := range w.IDs("macros") { // four in each second
			w.SetUpdatedAt("macros", id, 1_700_000_000+int64(i/4))
		}
	})
	for call, by := range map[string]func(map[string]any) string{
		"/articles?per_page=250": updated, "/macros": updated, "/data_connectors": updated,
		"/help_center/help_centers/" + center + "/redirects":              updated,
		"/data_connectors/" + connector + "/execution_results?start_ts=1": func(x map[string]any) string { return x["created_at"].(string) },
		"/articles/" + article + "/versions?per_page=250":                 func(x map[string]any) string { return fmt.Sprintf("%24s", textOf(x["created_at"])) },
		"/contacts/activities?per_page=150":                               nil,
	} {
		list := rows(r.get("GET "+call, ""), "data")
		if by == nil {
			slices.Reverse(list)
			by = func(x map[string]any) string { return x["id"].(string) }
		}
		if len(list) < 4 || !slices.IsSortedFunc(list, func(a, b map[string]any) int { return strings.Compare(by(b), by(a)) }) {
			t.Errorf("%s: %d rows, or in another order", call, len(list))
		}
	}
	seen := map[string]bool{}
	for _, page := range r.pages("/macros?per_page=3") {
		for _, id := range ids(rows(page, "data")) {
			if seen[id] {
				t.Errorf("macro %s comes twice", id)
			}
			seen[id] = true
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d macros of one second each four, want 12", len(seen))
	}
}
