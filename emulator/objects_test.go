package emulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"source-intercom/emulator"
)

func TestThreadsEndAt500Parts(t *testing.T) {
	r := start(t, emulator.Options{Size: emulator.Size{Admins: 2, Conversations: 30, PartsPerConversation: 4, LongConversations: 2}})
	long, empty := 0, 0
	for _, x := range r.search("conversations", everyone, 150, nil) {
		full := r.get("GET /conversations/"+x["id"].(string), "")
		list := full["conversation_parts"].(map[string]any)
		parts := rows(list, "conversation_parts")
		if num(list, "total_count") != int64(len(parts)) {
			t.Errorf("total_count %d, parts %d", num(list, "total_count"), len(parts))
		}
		statistics, ok := full["statistics"].(map[string]any)
		if len(parts) == 0 {
			empty++
		}
		if !ok {
			continue
		}
		count := num(statistics, "count_conversation_parts")
		if count > 500 {
			long++
			var first string
			r.Edit(func(w *emulator.World) { w.Reply(x["id"].(string)) })
			again := rows(r.get("GET /conversations/"+x["id"].(string), "")["conversation_parts"].(map[string]any), "conversation_parts")
			first = again[0]["id"].(string)
			if first != parts[1]["id"] {
				t.Errorf("after one more part the oldest shown is %s, want %s", first, parts[1]["id"])
			}
		}
		if min(count, 500) != int64(len(parts)) {
			t.Errorf("%d parts, statistics say %d", len(parts), count)
		}
	}
	if long != 2 || empty == 0 {
		t.Errorf("%d long and %d empty threads", long, empty)
	}
}

func TestNestedListsEndAtTen(t *testing.T) {
	r := start(t, emulator.Options{Size: emulator.Size{Admins: 1, Tags: 20, Companies: 30, Contacts: 60}})
	cut := map[string]int{}
	for _, c := range r.search("contacts", everyone, 150, nil) {
		for _, name := range []string{"tags", "companies"} {
			list := c[name].(map[string]any)
			total, data := num(list, "total_count"), rows(list, "data")
			if list["has_more"] != (total > 10) || int64(len(data)) != min(total, 10) {
				t.Errorf("%s: %d of %d, has_more %v", name, len(data), total, list["has_more"])
			}
			if total > 10 {
				cut[name]++
			}
			whole := ids(rows(r.get("GET "+list["url"].(string), ""), "data"))
			if int64(len(whole)) != total || !slices.Equal(whole[:len(data)], ids(data)) {
				t.Errorf("%s: the whole list has %d, want %d beginning with %v", name, len(whole), total, ids(data))
			}
		}
	}
	if cut["tags"] == 0 || cut["companies"] == 0 {
		t.Errorf("no list was cut: %v", cut)
	}
}

func TestMergedContacts(t *testing.T) {
	r := start(t, emulator.Options{})
	all := ids(r.search("contacts", everyone, 150, nil))
	r.Edit(func(w *emulator.World) {
		w.MergeContacts(all[0], all[1])
		w.MergeContacts(all[1], all[2])
	})
	a := r.call("GET /contacts/"+all[0], "")
	if status, code := a.code(t); status != http.StatusGone || code != "contact_merged" || a.header.Get("Link") != "</contacts/"+all[2]+`>; rel="canonical"` {
		t.Errorf("2.16: %d %s, Link %q", status, code, a.header.Get("Link"))
	}
	if status := r.with("2.15").call("GET /contacts/"+all[0], "").status; status != http.StatusNotFound {
		t.Errorf("2.15: %d", status)
	}
	history := r.get("GET /contacts/"+all[2]+"?include_merge_history=true", "")["merge_history"].([]any)
	if n := len(history); n == 0 || history[n-1].(map[string]any)["source_contact_id"] != all[1] {
		t.Errorf("merge history: %v", history)
	}
	if left := ids(r.search("contacts", everyone, 150, nil)); slices.Contains(left, all[0]) || slices.Contains(left, all[1]) {
		t.Error("merged contacts are still found")
	}
}

func TestActivityLogWindows(t *testing.T) {
	r := start(t, emulator.Options{})
	get := func(query string) []map[string]any {
		return rows(r.get("GET /admins/activity_logs"+query, ""), "activity_logs")
	}
	all := get("?created_at_after=0&per_page=250")
	if len(all) != 60 || !slices.IsSortedFunc(all, func(a, b map[string]any) int { return int(num(b, "created_at") - num(a, "created_at")) }) {
		t.Errorf("%d entries, or not newest first", len(all))
	}
	lo, hi := num(all[40], "created_at"), num(all[10], "created_at")
	if got := get(fmt.Sprintf("?created_at_after=%d&created_at_before=%d&per_page=250", lo, hi)); !slices.Equal(ids(got), ids(all[10:41])) {
		t.Errorf("window: %d entries, want 31", len(got))
	}
	month := r.clock.now().AddDate(0, 0, -30).Unix()
	for _, x := range get("") {
		if num(x, "created_at") < month {
			t.Errorf("without a lower end came %d, older than 30 days", num(x, "created_at"))
		}
	}
	if len(get("?created_at_after=0")) != 20 {
		t.Error("the default page is not 20")
	}
}

func TestDeletedFeed(t *testing.T) {
	r := start(t, emulator.Options{})
	all := ids(r.search("conversations", everyone, 150, nil))
	for _, id := range all[:3] {
		r.clock.add(time.Second)
		r.Edit(func(w *emulator.World) { w.DeleteConversation(id) })
	}
	page := r.get("GET /conversations/deleted?per_page=2", "")
	got := ids(rows(page, "conversations"))
	next := page["pages"].(map[string]any)["next"].(string)
	got = append(got, ids(rows(r.get("GET "+next[len(r.url):], ""), "conversations"))...)
	if diff := cmp.Diff([]string{all[2], all[1], all[0]}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if status := r.call("GET /conversations/"+all[0], "").status; status != http.StatusNotFound {
		t.Errorf("deleted conversation: %d", status)
	}
}

func TestShapesByVersion(t *testing.T) {
	r := start(t, emulator.Options{})
	// one value of each shape that changed, from the first row that has it
	first := func(version, kind string, get func(x map[string]any) any) string {
		for _, x := range r.with(version).search(kind, everyone, 150, nil) {
			if v := get(x); v != nil {
				return fmt.Sprintf("%T", v)
			}
		}
		return "none"
	}
	field := func(name string) func(map[string]any) any { return func(x map[string]any) any { return x[name] } }
	for _, tt := range []struct {
		version, kind, field, want string
	}{
		{"2.11", "tickets", "ticket_state", "string"}, {"2.12", "tickets", "ticket_state", "map[string]interface {}"},
		{"2.11", "tickets", "ticket_state_internal_label", "string"}, {"2.12", "tickets", "ticket_state_internal_label", "none"},
		{"2.15", "contacts", "owner_id", "float64"}, {"2.16", "contacts", "owner_id", "string"},
		{"2.15", "tickets", "admin_assignee_id", "string"}, {"2.16", "tickets", "admin_assignee_id", "float64"},
		{"2.10", "conversations", "ai_agent_participated", "none"}, {"2.11", "conversations", "ai_agent_participated", "bool"},
		{"2.15", "conversations", "channel", "none"}, {"2.16", "conversations", "channel", "map[string]interface {}"},
		{"2.14", "conversations", "company", "none"}, {"2.15", "conversations", "company", "map[string]interface {}"},
		{"2.16", "conversations", "ai_topics", "none"}, {"Preview", "conversations", "ai_topics", "map[string]interface {}"},
		{"2.10", "contacts", "formatted_phone", "none"}, {"2.11", "contacts", "formatted_phone", "string"}, {"2.12", "contacts", "formatted_phone", "none"},
	} {
		if got := first(tt.version, tt.kind, field(tt.field)); got != tt.want {
			t.Errorf("%s of %s in %s: %s, want %s", tt.field, tt.kind, tt.version, got, tt.want)
		}
	}
	words := func(version, name string) string {
		set := map[string]bool{}
		for _, x := range r.with(version).search("conversations", everyone, 150, nil) {
			if s := fmt.Sprint(x[name]); len(s) < 15 && !strings.HasPrefix(s, "9.9") {
				set[s] = true
			}
		}
		return strings.Join(slices.Sorted(maps.Keys(set)), " ")
	}
	for _, tt := range [][3]string{
		{"2.15", "priority", "not_priority priority"}, {"2.16", "priority", "high low medium none urgent"},
		{"2.15", "admin_assignee_id", "<nil>"}, {"2.16", "admin_assignee_id", "0"},
	} {
		if got := words(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%s in %s: %q, want %q", tt[1], tt[0], got, tt[2])
		}
	}
}

func TestPlainText(t *testing.T) {
	r := start(t, emulator.Options{})
	changed := 0
	for _, id := range ids(r.search("conversations", everyone, 150, nil)) {
		html := r.get("GET /conversations/"+id, "")["source"].(map[string]any)["body"].(string)
		text := r.get("GET /conversations/"+id+"?display_as=plaintext", "")["source"].(map[string]any)["body"].(string)
		if strings.Contains(text, "<p>") || strings.Contains(text, "&amp;") {
			t.Errorf("plain text %q", text)
		}
		if strings.Contains(html, "the guide") && text != `See the guide (https://docs.example.com/a?b=1&c=2) and C:\temp\log.txt` {
			t.Errorf("plain text %q of %q", text, html)
		}
		if html != text {
			changed++
		}
	}
	if changed == 0 {
		t.Error("plain text changes nothing")
	}
}

func TestSignaturesDifferAndCanBeStripped(t *testing.T) {
	r := start(t, emulator.Options{})
	signed := 0
	for _, id := range ids(r.search("conversations", everyone, 150, nil)) {
		one, two := r.call("GET /conversations/"+id, "").body, r.call("GET /conversations/"+id, "").body
		if !bytes.Contains(one, []byte("signature=")) {
			continue
		}
		signed++
		if bytes.Equal(one, two) {
			t.Errorf("%s: the signature stays", id)
		}
		one, two = emulator.StripSignatures(one), emulator.StripSignatures(two)
		if !bytes.Equal(one, two) || bytes.Contains(one, []byte("signature=")) || !json.Valid(one) {
			t.Errorf("%s: stripping leaves a difference, a signature, or no JSON", id)
		}
	}
	if signed < 3 {
		t.Errorf("%d conversations with attachments", signed)
	}
}
