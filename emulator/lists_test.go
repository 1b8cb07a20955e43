package emulator_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"source-intercom/emulator"
)

// list is a stream that comes from a list, as a reader sees it.
type list struct {
	stream, of string // of: the stream of its parents
	path       string
	query      string // with a small page
	rows       string // name of the array
	inject     string // fields that a reader adds
	key        string
	since      string
	single     bool // path/{id} answers, too
}

var lists = []list{
	{"activity_log_event_types", "", "/admins/activity_log_event_types", "", "event_types", "", "name", "2.16", false},
	{"away_status_reasons", "", "/away_status_reasons", "", "data", "", "id", "2.14", false},
	{"ticket_types", "", "/ticket_types", "", "data", "", "id", "2.10", true},
	{"ticket_states", "", "/ticket_states", "", "data", "", "id", "2.12", false},
	{"subscription_types", "", "/subscription_types", "", "data", "", "id", "2.10", false},
	{"conversation_attributes", "", "/conversations/attributes", "include_archived=true", "data", "", "id", "2.16", true},
	{"articles", "", "/articles", "per_page=5", "data", "", "id", "2.10", true},
	{"internal_articles", "", "/internal_articles", "per_page=5", "data", "", "id", "2.13", true},
	{"collections", "", "/help_center/collections", "per_page=5", "data", "", "id", "2.10", true},
	{"help_centers", "", "/help_center/help_centers", "", "data", "", "id", "2.10", true},
	{"content_snippets", "", "/content_snippets", "per_page=5", "data", "", "id", "2.16", true},
	{"audiences", "", "/audiences", "per_page=5", "data", "", "id", "2.16", true},
	{"macros", "", "/macros", "per_page=5", "data", "", "id", "2.16", true},
	{"external_pages", "", "/ai/external_pages", "per_page=5", "data", "", "id", "2.12", true},
	{"content_import_sources", "", "/ai/content_import_sources", "per_page=4", "data", "", "id", "2.12", true},
	{"news_items", "", "/news/news_items", "", "data", "", "id", "2.10", true},
	{"newsfeeds", "", "/news/newsfeeds", "per_page=4", "data", "", "id", "2.10", true},
	{"brands", "", "/brands", "", "data", "", "id", "2.15", true},
	{"emails", "", "/emails", "", "data", "", "id", "2.15", true},
	{"office_hours_schedules", "", "/office_hours_schedules", "", "data", "", "id", "2.16", true},
	{"calls", "", "/calls", "per_page=5", "data", "", "id", "2.14", true},
	{"data_connectors", "", "/data_connectors", "per_page=4", "data", "", "id", "2.16", false},
	{"deleted_conversations", "", "/conversations/deleted", "per_page=1", "conversations", "", "id", "2.16", false},
	{"contact_activities", "", "/contacts/activities", "per_page=7", "data", "", "id", "Preview", false},
	{"custom_objects_order", "", "/custom_object_instances/order", "per_page=4", "data", "", "id", "2.13", true},
	{"custom_objects_device", "", "/custom_object_instances/device", "", "data", "", "id", "2.13", true},

	{"help_center_redirects", "help_centers", "/help_center/help_centers/{id}/redirects", "per_page=2", "data", "help_center_id", "help_center_id id", "2.16", true},
	{"newsfeed_items", "newsfeeds", "/news/newsfeeds/{id}/items", "per_page=2", "data", "newsfeed_id", "newsfeed_id id", "2.10", false},
	{"office_hours_exceptions", "office_hours_schedules", "/office_hours_schedules/{id}/office_hours_exceptions", "", "data",
		"office_hours_schedule_id", "office_hours_schedule_id id", "2.16", true},
	{"data_connector_executions", "data_connectors", "/data_connectors/{id}/execution_results", "start_ts=1&per_page=7", "data",
		"data_connector_id", "data_connector_id id", "2.16", true},
	{"team_metrics", "teams", "/teams/{id}/metrics", "", "data", "team_id", "team_id admin_id", "2.16", false},
	{"article_versions", "articles", "/articles/{id}/versions", "", "data", "article_id article_updated_at", "article_id id", "2.16", false},
	{"conversation_handling_events", "conversations", "/conversations/{id}/handling_events", "", "handling_events",
		"conversation_id conversation_updated_at position", "conversation_id position", "2.15", false},
	{"side_conversations", "conversations", "/conversations/{id}/side_conversations", "", "side_conversations",
		"conversation_id conversation_updated_at", "conversation_id side_conversation_id", "2.16", false},
	{"fin_voice_calls", "conversations", "/fin_voice/conversation/{id}", "", "",
		"conversation_id conversation_updated_at", "conversation_id id", "2.15", false},
	{"contact_notes", "contacts", "/contacts/{id}/notes", "per_page=5", "data", "contact_id contact_updated_at", "contact_id id", "2.10", false},
	{"contact_segments", "contacts", "/contacts/{id}/segments", "", "data", "contact_id contact_updated_at", "contact_id id", "2.10", false},
	{"contact_subscriptions", "contacts", "/contacts/{id}/subscriptions", "", "data", "contact_id contact_updated_at", "contact_id id", "2.10", false},
	{"contact_events", "contacts", "/events?type=user&intercom_user_id={id}", "", "events", "contact_id contact_updated_at position",
		"contact_id event_name created_at position", "2.10", false},
	{"company_contacts", "companies", "/companies/{id}/contacts", "per_page=2", "data", "company_id", "company_id id", "2.10", false},
	{"company_notes", "companies", "/companies/{id}/notes", "per_page=2", "data", "company_id", "company_id id", "2.15", false},
}

func (l list) url(id, query string) string {
	url := strings.Replace(l.path, "{id}", id, 1)
	if query == "" {
		return url
	}
	if strings.Contains(url, "?") {
		return url + "&" + query
	}
	return url + "?" + query
}

// addListCalls adds the requests of lists whose answers are compared with the files: with and without the small page, and of
// single rows.
func addListCalls(r *rig, all map[string][]string) {
	version := r.version
	known := map[string][]string{}
	r.Edit(func(w *emulator.World) {
		for _, l := range lists {
			known[l.stream] = w.IDs(l.stream)
			known[l.of] = w.IDs(l.of)
		}
	})
	for _, l := range lists {
		path, _, _ := strings.Cut(l.path, "?")
		path = strings.NewReplacer("/order", "/{id}", "/device", "/{id}").Replace(path)
		route := "GET " + path
		parents := known[l.of]
		if l.of == "" {
			parents = []string{""}
		}
		for _, id := range parents {
			for _, query := range []string{"per_page=250", l.query} {
				switch {
				case l.stream == "contact_events":
					query = "summary=true" // the file's schema is that of summaries
				case l.stream == "company_contacts" || l.stream == "side_conversations":
					query += "&include_merge_history=true&include_translations=true"
				case strings.HasPrefix(l.stream, "custom_objects") && version < "2.16":
					query = "external_id=ref_3" // the only way that the older files know
				case l.stream == "data_connector_executions":
					query = "start_ts=1&include_bodies=true&per_page=7"
				case l.stream == "macros" || l.stream == "data_connectors" || l.stream == "deleted_conversations":
					query = l.query // these refuse 250
				}
				all[route] = append(all[route], "GET "+l.url(id, query))
			}
			if l.single && l.of != "" && order(version) >= order(l.since) {
				for _, row := range ids(rows(r.pages(l.url(id, l.query))[0], l.rows)) {
					all[route+"/{id}"] = append(all[route+"/{id}"], "GET "+l.url(id, "")+"/"+row)
				}
			}
		}
		if l.single && l.of == "" {
			for _, id := range known[l.stream] {
				all[route+"/{id}"] = append(all[route+"/{id}"], "GET "+l.path+"/"+id)
			}
		}
	}
	all["POST /calls/search"] = []string{"POST /calls/search"}
	for _, id := range known["contacts"] {
		if r.get("GET /contacts/"+id, "")["role"] == "lead" {
			continue // they have no merge history
		}
		all["GET /contacts/{id}/merge_history"] = append(all["GET /contacts/{id}/merge_history"], "GET /contacts/"+id+"/merge_history?per_page=1")
	}
}

func twentyConversations(r *rig) string {
	var text []byte
	r.Edit(func(w *emulator.World) {
		text, _ = json.Marshal(map[string]any{"conversation_ids": w.IDs("conversations")[:20]})
	})
	return string(text)
}

// TestListsBringTheTruth walks every list in every version.
// versionsToTry are all, or two where time is dear.
func versionsToTry() []string {
	if testing.Short() {
		return []string{"2.11", "2.16"}
	}
	return emulator.Versions()
}

func TestListsBringTheTruth(t *testing.T) {
	r := start(t, emulator.Options{Seed: 3})
	rng := rand.New(rand.NewPCG(5, 5))
	for range 3 {
		r.clock.add(time.Second)
		r.Edit(func(w *emulator.World) {
			w.DeleteConversation(w.IDs("conversations")[0])
			w.MergeContacts(w.IDs("contacts")[3], w.IDs("contacts")[6])
		})
	}
	for round := range 2 {
		for _, version := range versionsToTry() {
			r := r.with(version)
			for _, l := range lists {
				truth, err := r.Truth(l.stream, version)
				if order(version) < order(l.since) {
					if err == nil {
						t.Errorf("%s in %s: truth without error", l.stream, version)
					}
					if status, code := r.call("GET "+l.url("x", ""), "").code(t); status != http.StatusNotFound || code != "not_found" {
						t.Errorf("%s in %s: %d %s", l.stream, version, status, code)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				parents := r.parentsOf(l.of)
				rows := r.read(l, parents)
				always := slices.Contains([]string{"article_versions", "contact_segments", "company_contacts", "team_metrics"}, l.stream)
				if l.of != "" && !always && !slices.ContainsFunc(slices.Collect(maps.Keys(parents)), func(id string) bool { return childless(rows, id) }) {
					t.Errorf("%s: every parent has some", l.stream)
				}
				if diff := cmp.Diff(plain(t, truth), plain(t, rows)); diff != "" || len(rows) == 0 {
					t.Errorf("round %d, %s in %s: %d rows (-truth +read):\n%.1500s", round, l.stream, version, len(rows), diff)
				}
			}
		}
		for range 80 {
			r.clock.add(time.Second)
			r.Edit(func(w *emulator.World) { w.RandomEdit(rng); w.RandomReferenceEdit(rng) })
		}
	}
}

func childless(rows map[string]map[string]any, parent string) bool {
	for key := range rows {
		if strings.HasPrefix(key, parent+"/") {
			return false
		}
	}
	return true
}

// order makes versions comparable as text.
func order(version string) string { return strings.Replace(version, "Preview", "3", 1) }

// cuts are the streams that are made of parts of other rows.
var cuts = []struct {
	list
	whole string // the call that has all of a list that was cut
}{
	{list{"ticket_type_attributes", "ticket_types", "ticket_type_attributes.data", "", "", "ticket_type_id", "ticket_type_id id", "2.10", false}, ""},
	{list{"conversation_tags", "conversations", "tags.tags", "", "", "conversation_id conversation_updated_at", "conversation_id id", "2.10", false}, ""},
	{list{"conversation_contacts", "conversations", "contacts.contacts", "", "", "conversation_id conversation_updated_at", "conversation_id id", "2.10", false}, ""},
	{list{"conversation_teammates", "conversations", "teammates.teammates", "", "", "conversation_id conversation_updated_at", "conversation_id id", "2.10", false}, ""},
	{list{"conversation_linked_objects", "conversations", "linked_objects.data", "", "", "conversation_id conversation_updated_at", "conversation_id type id", "2.10", false}, ""},
	{list{"conversation_ratings", "conversations", "conversation_rating", "", "", "conversation_id conversation_updated_at", "conversation_id", "2.10", false}, ""},
	{list{"conversation_ai_content_sources", "conversations", "ai_agent.content_sources.content_sources", "", "", "conversation_id conversation_updated_at position", "conversation_id position", "2.11", false}, ""},
	{list{"ticket_parts", "tickets", "ticket_parts.ticket_parts", "", "", "ticket_id ticket_updated_at", "ticket_id id", "2.10", false}, ""},
	{list{"company_tags", "companies", "tags.tags", "", "", "company_id company_updated_at", "company_id id", "2.10", false}, ""},
	{list{"contact_tags", "contacts", "tags.data", "", "", "contact_id contact_updated_at", "contact_id id", "2.10", false}, "/contacts/{id}/tags"},
	{list{"contact_companies", "contacts", "companies.data", "", "", "contact_id contact_updated_at", "contact_id id", "2.10", false}, "/contacts/{id}/companies"},
}

func TestCutsAreTheTruth(t *testing.T) {
	r := start(t, emulator.Options{Seed: 4})
	rng := rand.New(rand.NewPCG(8, 8))
	for range 60 {
		r.clock.add(time.Second)
		r.Edit(func(w *emulator.World) { w.RandomEdit(rng); w.RandomReferenceEdit(rng) })
	}
	for _, version := range versionsToTry() {
		r := r.with(version)
		for _, c := range cuts {
			truth, err := r.Truth(c.stream, version)
			if order(version) < order(c.since) {
				if err == nil {
					t.Errorf("%s in %s: no error", c.stream, version)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			rows, whole := map[string]map[string]any{}, 0
			for id, parent := range r.parentsOf(c.of) {
				var list any = parent
				var outer map[string]any
				for _, name := range strings.Split(c.path, ".") {
					outer, _ = list.(map[string]any)
					list = outer[name]
				}
				if object, ok := list.(map[string]any); ok {
					list = []any{object}
				}
				if c.whole != "" && outer["has_more"] == true {
					whole++
					list = nil
					for _, page := range r.pages(strings.Replace(c.whole, "{id}", id, 1)) {
						list = page["data"]
					}
				}
				same := map[string]int{}
				all, _ := list.([]any)
				for _, x := range all {
					if company, ok := x.(map[string]any); ok && c.stream == "contact_companies" { // what a call shows whole is a reference
						x = map[string]any{"type": company["type"], "id": company["id"], "url": fmt.Sprint("/companies/", company["id"])}
					}
					r.add(c.list, x.(map[string]any), id, parent, same, rows)
				}
			}
			if diff := cmp.Diff(plain(t, truth), plain(t, rows)); diff != "" || len(rows) < 3 || c.whole != "" && whole == 0 {
				t.Errorf("%s in %s: %d rows, %d read whole (-truth +read):\n%.1500s", c.stream, version, len(rows), whole, diff)
			}
		}
	}
}
