package emulator_test

import (
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

func TestFiltersOfLists(t *testing.T) {
	r := start(t, emulator.Options{})
	count := func(call string) int { return len(rows(r.get("GET "+call, ""), "data")) }
	if some, all := count("/conversations/attributes"), count("/conversations/attributes?include_archived=true"); all != some+1 {
		t.Errorf("%d conversation attributes, with archived ones %d", some, all)
	}
	var macro, connector string
	r.Edit(func(w *emulator.World) {
		macro, connector = w.IDs("macros")[4], w.IDs("data_connectors")[0]
		w.SetUpdatedAt("macros", macro, 1_900_000_000)
	})
	if before, at := count("/macros?updated_since=1899999999"), count("/macros?updated_since=1900000000"); before != 1 || at != 0 {
		t.Errorf("macros updated since: %d, %d; want 1, 0", before, at)
	}
	results := "/data_connectors/" + connector + "/execution_results"
	all := rows(r.get("GET "+results+"?start_ts=0&per_page=30", ""), "data")
	if hour := rows(r.get("GET "+results, ""), "data"); len(hour) == 0 || len(hour) >= len(all) {
		t.Errorf("%d executions of the last hour, %d of all time", len(hour), len(all))
	}
	failed := rows(r.get("GET "+results+"?start_ts=0&per_page=30&success=false", ""), "data")
	succeeded := rows(r.get("GET "+results+"?start_ts=0&per_page=30&success=true", ""), "data")
	if len(failed) == 0 || len(succeeded) == 0 || len(failed)+len(succeeded) != len(all) {
		t.Errorf("%d failed, %d succeeded of %d", len(failed), len(succeeded), len(all))
	}
	kind := failed[0]["error_type"].(string)
	for _, x := range rows(r.get("GET "+results+"?start_ts=0&per_page=30&error_type="+kind, ""), "data") {
		if x["error_type"] != kind {
			t.Errorf("error type %v, want %s", x["error_type"], kind)
		}
	}
	when, _ := time.Parse(time.RFC3339, all[2]["created_at"].(string))
	window := fmt.Sprintf("%s?start_ts=%d&end_ts=%d", results, when.Unix(), when.Unix())
	if got := ids(rows(r.get("GET "+window, ""), "data")); !slices.Equal(got, ids(all[2:3])) {
		t.Errorf("window of one second: %v", got)
	}
	_, bodies := all[0]["response_body"]
	_, asked := rows(r.get("GET "+results+"?start_ts=0&include_bodies=true", ""), "data")[0]["response_body"]
	if bodies || !asked {
		t.Errorf("bodies unasked %v, asked for %v", bodies, asked)
	}
	order := rows(r.get("GET /custom_object_instances/order", ""), "data")[0]
	if got := r.get("GET /custom_object_instances/order?external_id="+order["external_id"].(string), ""); cmp.Diff(order, got) != "" {
		t.Errorf("by external id: %v, in the list %v", got, order)
	}
	var people []string
	r.Edit(func(w *emulator.World) { people = w.IDs("contacts") })
	few := 0
	for _, id := range people {
		few += count("/custom_object_instances/order?references_contact_id=" + id)
	}
	if few != 10 {
		t.Errorf("%d orders of all contacts, want 10", few)
	}
	history := func(order string) []string {
		var out []string
		for _, page := range r.pages("/contacts/" + people[14] + "/merge_history?per_page=1&order=" + order) {
			for _, x := range rows(page, "data") {
				out = append(out, x["source_contact_id"].(string))
			}
		}
		return out
	}
	up, down := history("asc"), history("desc")
	slices.Reverse(down)
	if len(up) != 2 || !slices.Equal(up, down) {
		t.Errorf("merge history %v, backwards %v", up, down)
	}
	a := r.call("GET /contacts/"+up[0], "")
	if a.status != http.StatusGone || a.header.Get("Link") != "</contacts/"+people[14]+`>; rel="canonical"` {
		t.Errorf("merged before the world began: %d, Link %q", a.status, a.header.Get("Link"))
	}
}

// TestMergeHistory: it is in the rows when asked for, and there for users alone.
func TestMergeHistory(t *testing.T) {
	r := start(t, emulator.Options{})
	r.Edit(func(w *emulator.World) {
		people := w.IDs("contacts")
		w.MergeContacts(people[0], people[2])
		w.MergeContacts(people[1], people[3]) // a lead
	})
	got := map[string]any{}
	page := r.get("POST /contacts/search?include_merge_history=true", `{"query":`+everyone+`,"pagination":{"per_page":150}}`)
	for _, x := range rows(page, "data") {
		list, ok := x["merge_history"].([]any)
		if ok != (x["role"] == "user") {
			t.Errorf("a %v with merge history: %v", x["role"], ok)
		}
		for _, m := range list {
			m := m.(map[string]any)
			m["contact_id"], m["contact_updated_at"] = x["id"], x["updated_at"]
			got[x["id"].(string)+"/"+m["source_contact_id"].(string)] = m
		}
	}
	truth, err := r.Truth("contact_merges", "2.16")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain(t, truth), plain(t, got)); diff != "" || len(got) < 4 {
		t.Errorf("%d entries (-truth +search):\n%s", len(got), diff)
	}
	if _, err := r.Truth("contact_merges", "2.15"); err == nil {
		t.Error("no error in 2.15")
	}
}

func TestCallsAndTranscripts(t *testing.T) {
	r := start(t, emulator.Options{})
	var calls, talks []string
	r.Edit(func(w *emulator.World) { calls, talks = w.IDs("calls"), w.IDs("conversations") })
	search := func(list []string) reply {
		text, _ := json.Marshal(map[string]any{"conversation_ids": list})
		return r.call("POST /calls/search", string(text))
	}
	for n, want := range map[int]int{0: 400, 1: 200, 20: 200, 21: 400} {
		if got := search(talks[:n]).status; got != want {
			t.Errorf("search by %d conversations: %d, want %d", n, got, want)
		}
	}
	if status := r.call("POST /calls/search", "[").status; status != http.StatusBadRequest {
		t.Errorf("no JSON: %d", status)
	}
	if status := r.with("2.13").call("POST /calls/search", `{"conversation_ids":["1"]}`).status; status != http.StatusNotFound {
		t.Errorf("search in 2.13: %d", status)
	}
	truth, err := r.Truth("call_transcripts", "2.16")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]any{}
	for chunk := range slices.Chunk(talks, 20) {
		for _, x := range rows(search(chunk).json(t), "data") {
			found[x["id"].(string)] = x
		}
	}
	if diff := cmp.Diff(plain(t, truth), plain(t, found)); diff != "" || len(found) == 0 || len(found) == len(calls) {
		t.Errorf("%d calls with transcripts of %d (-truth +search):\n%s", len(found), len(calls), diff)
	}
	silent, texts := 0, 0
	for _, id := range calls {
		x := r.get("GET /calls/"+id, "")
		a, err := http.NewRequest(http.MethodGet, r.url+"/calls/"+id+"/recording", nil)
		if err != nil {
			t.Fatal(err)
		}
		a.Header.Set("Authorization", "Bearer "+r.token)
		a.Header.Set("Accept", "application/json")
		resp, err := http.DefaultTransport.RoundTrip(a) // follows nothing
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if recorded := x["recording_url"] != nil; recorded != (resp.StatusCode == http.StatusFound) || recorded != strings.Contains(resp.Header.Get("Location"), "recording.wav?expires=") {
			t.Errorf("recording of %s: %d to %q", id, resp.StatusCode, resp.Header.Get("Location"))
		}
		text := r.call("GET /calls/"+id+"/transcript", "")
		if x["transcription_url"] == nil {
			silent++
			if text.status != http.StatusNotFound {
				t.Errorf("no transcript: %d", text.status)
			}
			continue
		}
		texts++
		if kind := text.header.Get("Content-Type"); text.status != http.StatusOK || kind != "text/plain; charset=utf-8" || !strings.Contains(string(text.body), "contact: ") {
			t.Errorf("transcript: %d %s %s", text.status, kind, text.body)
		}
	}
	if silent == 0 || texts == 0 {
		t.Errorf("%d calls without transcript, %d with one", silent, texts)
	}
}

func TestEvents(t *testing.T) {
	r := start(t, emulator.Options{})
	var id string
	r.Edit(func(w *emulator.World) { id = w.IDs("contacts")[4] })
	list := func(r *rig, query string) []map[string]any {
		var out []map[string]any
		for _, page := range r.pages("/events?type=user&intercom_user_id=" + id + query) {
			out = append(out, rows(page, "events")...)
		}
		return out
	}
	all := list(r, "&per_page=3")
	if n := len(r.pages("/events?type=user&intercom_user_id=" + id)); n != 2 || len(all) <= 15 {
		t.Errorf("%d events in %d pages", len(all), n)
	}
	if !slices.IsSortedFunc(all, func(a, b map[string]any) int { return int(num(b, "created_at") - num(a, "created_at")) }) {
		t.Error("not newest first")
	}
	since := fmt.Sprintf("&since=%d", num(all[4], "created_at"))
	if got := list(r.with("2.17"), since); cmp.Diff(all[:4], got) != "" {
		t.Errorf("%d events since the fifth, want 4", len(got))
	}
	if got := list(r, since); len(got) != len(all) {
		t.Errorf("2.16 does not know since, but leaves %d of %d", len(got), len(all))
	}
	summary := r.get("GET /events?type=user&summary=true&intercom_user_id="+id, "")
	total := int64(0)
	for _, x := range rows(summary, "events") {
		total += num(x, "count")
	}
	if total != 40 || summary["type"] != "event.summary" {
		t.Errorf("%v of %d events, want 40", summary["type"], total)
	}
	schema := document(t, "2.16").Components.Schemas["data_event_list"].Value
	for _, version := range []string{"2.16", "2.17"} { // the list is in no operation of the files
		if v := violations(schema, version, "GET /events", r.with(version).call("GET /events?type=user&intercom_user_id="+id, "").body); v != nil {
			t.Error(v)
		}
	}
	r.clock.add(30 * 24 * time.Hour)
	if got := list(r, ""); len(got) >= len(all) || len(got) == 0 {
		t.Errorf("a month later: %d of %d events", len(got), len(all))
	}
	r.Edit(func(w *emulator.World) {
		w.AddEvent(id, "invited-friend")
		w.AddEvent(id, "invited-friend")
	})
	if got := list(r, "&per_page=1"); got[0]["event_name"] != "invited-friend" || num(got[1], "created_at") != r.clock.now().Unix() {
		t.Errorf("the newest events are %v and %v", got[0], got[1])
	}
}

func TestContactActivities(t *testing.T) {
	r := start(t, emulator.Options{}).with("Preview")
	before := len(r.pages("/contacts/activities?per_page=1"))
	var fresh string
	var people []string
	r.Edit(func(w *emulator.World) {
		people = w.IDs("contacts")
		fresh = w.NewContact()
		w.MergeContacts(people[0], people[1])
		w.DeleteContact(fresh)
	})
	list := rows(r.get("GET /contacts/activities?per_page=150", ""), "data")
	kinds := map[string]bool{}
	for _, x := range list {
		kinds[x["event_type"].(string)] = true
	}
	if len(list) != before+3 || len(kinds) != 5 {
		t.Errorf("%d activities, %d before; kinds %v", len(list), before, kinds)
	}
	for i, want := range []string{"contact.created " + fresh, "contact.merged " + people[1], "contact.deleted " + fresh} {
		if x := list[before+i]; fmt.Sprint(x["event_type"], " ", x["contact_id"]) != want {
			t.Errorf("%v, want %s", x, want)
		}
	}
	after := "/contacts/activities?starting_after=" + list[before-1]["id"].(string) // as a reader goes on next time
	if got := ids(rows(r.get("GET "+after, ""), "data")); !slices.Equal(got, ids(list[before:])) {
		t.Errorf("after the last one seen: %v", got)
	}
}

// TestStreamsThatAreNoList: what Truth makes of one object, of texts and of numbers.
func TestStreamsThatAreNoList(t *testing.T) {
	r := start(t, emulator.Options{Workspace: "w7"})
	truth := func(stream string) map[string]json.RawMessage {
		rows, err := r.Truth(stream, "2.16")
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	if got := plain(t, truth("workspace")); cmp.Diff(map[string]any{"w7": r.get("GET /me", "")["app"]}, got) != "" {
		t.Errorf("workspace: %v", got)
	}
	if got := string(truth("activity_log_event_types")["seat_change"]); got != `{"name":"seat_change"}` {
		t.Errorf("event type: %s", got)
	}
	members := map[string]any{}
	for _, team := range rows(r.get("GET /teams", ""), "teams") {
		for _, admin := range team["admin_ids"].([]any) {
			members[fmt.Sprint(team["id"], "/", textOf(admin))] = map[string]any{"team_id": team["id"], "admin_id": textOf(admin)}
		}
	}
	if diff := cmp.Diff(plain(t, truth("team_members")), plain(t, members)); diff != "" || len(members) == 0 {
		t.Errorf("team members (-truth +teams):\n%s", diff)
	}
}

// TestTeamMetrics compares the counts with the conversations.
func TestTeamMetrics(t *testing.T) {
	r := start(t, emulator.Options{})
	var team string
	r.Edit(func(w *emulator.World) { team = w.IDs("teams")[0] })
	want := map[string]map[string]int64{}
	for _, x := range r.search("conversations", everyone, 150, nil) {
		admin := textOf(x["admin_assignee_id"])
		if want[admin] == nil {
			want[admin] = map[string]int64{}
		}
		want[admin][x["state"].(string)]++
		if x["state"] == "open" && r.clock.now().Unix()-num(x, "waiting_since") > 86_400 {
			want[admin]["idle"]++
		}
	}
	list := rows(r.get("GET /teams/"+team+"/metrics?idle_threshold=999999", ""), "data")
	for _, m := range list {
		w := want[m["admin_id"].(string)]
		if num(m, "open") != w["open"] || num(m, "snoozed") != w["snoozed"] || num(m, "idle") != w["idle"] {
			t.Errorf("metrics %v, want %v", m, w)
		}
	}
	if len(list) != 2 {
		t.Errorf("%d admins in the team", len(list))
	}
}
