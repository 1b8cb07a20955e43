package emulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"source-intercom/emulator"
)

var streams = []string{"activity_logs", "admins", "tags", "teams", "segments", "companies", "company_attributes",
	"contact_attributes", "company_segments", "contacts", "conversations", "conversation_parts", "tickets"}

// walk reads a stream as plainly as the API allows, keyed as Truth is.
func walk(r *rig, stream string) map[string]map[string]any {
	out := map[string]map[string]any{}
	add := func(list []map[string]any, parent string) {
		for _, x := range list {
			key := fmt.Sprint(x["id"])
			if strings.HasSuffix(stream, "_attributes") {
				key = fmt.Sprint(x["model"], "/", x["full_name"])
			}
			if parent != "" {
				x[strings.TrimSuffix(strings.TrimSuffix(stream, "_segments"), "_parts")+"_id"] = parent
				key = parent + "/" + key
			}
			out[key] = x
		}
	}
	parents := func(of string) []string { return slices.Sorted(maps.Keys(walk(r, of))) }
	switch stream {
	case "activity_logs":
		for call := "GET /admins/activity_logs?created_at_after=0&per_page=7"; call != ""; {
			page := r.get(call, "")
			add(rows(page, stream), "")
			next, _ := page["pages"].(map[string]any)["next"].(string)
			call = ""
			if next != "" {
				call = "GET " + next[len(r.url):]
			}
		}
	case "admins", "teams", "segments":
		add(rows(r.get("GET /"+stream, ""), stream), "")
	case "tags":
		add(rows(r.get("GET /tags", ""), "data"), "")
	case "company_attributes", "contact_attributes":
		add(rows(r.get("GET /data_attributes?include_archived=true&model="+strings.TrimSuffix(stream, "_attributes"), ""), "data"), "")
	case "companies":
		for param := ""; ; {
			page := r.get("GET /companies/scroll?scroll_param="+param, "")
			if len(rows(page, "data")) == 0 {
				break
			}
			add(rows(page, "data"), "")
			param = page["scroll_param"].(string)
		}
	case "company_segments":
		for _, id := range parents("companies") {
			add(rows(r.get("GET /companies/"+id+"/segments", ""), "data"), id)
		}
	case "conversation_parts":
		for _, id := range parents("conversations") {
			add(rows(r.get("GET /conversations/"+id, "")["conversation_parts"].(map[string]any), stream), id)
		}
	default:
		add(r.search(stream, everyone, 60, nil), "")
	}
	return out
}

// complete gives a contact's nested list the references that it leaves out.
func (r *rig) complete(contact map[string]any, list string) {
	nested := contact[list].(map[string]any)
	if nested["has_more"] != true {
		return
	}
	var entries []any
	for _, x := range rows(r.get(fmt.Sprintf("GET /contacts/%s/%s?per_page=150", contact["id"], list), ""), "data") {
		entries = append(entries, map[string]any{"type": x["type"], "id": x["id"], "url": fmt.Sprintf("/%s/%s", list, x["id"])})
	}
	nested["data"], nested["has_more"] = entries, false
}

// plain decodes rows for comparison, without signatures.
func plain(t testing.TB, rows any) any {
	t.Helper()
	text, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(emulator.StripSignatures(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTruthIsWhatAWalkBrings(t *testing.T) {
	r := start(t, emulator.Options{Seed: 11})
	rng := rand.New(rand.NewPCG(7, 7))
	for round := range 2 {
		for _, version := range []string{"2.11", "2.16", "Preview"} {
			for _, stream := range streams {
				truth, err := r.Truth(stream, version)
				if err != nil {
					t.Fatal(err)
				}
				read := walk(r.with(version), stream)
				if stream == "contacts" {
					for _, c := range read {
						for _, list := range []string{"tags", "companies", "notes"} {
							r.with(version).complete(c, list)
						}
					}
				}
				if diff := cmp.Diff(plain(t, truth), plain(t, read)); diff != "" || len(truth) == 0 {
					t.Errorf("round %d, %s in %s: %d rows (-truth +walk):\n%.2000s", round, stream, version, len(truth), diff)
				}
			}
		}
		for range 60 {
			r.clock.add(time.Second)
			r.Edit(func(w *emulator.World) { w.RandomEdit(rng) })
		}
	}
	for stream, version := range map[string]string{"mirrors": "2.16", "tags": "9", "calls": "2.13", "custom_objects_car": "2.16"} {
		if _, err := r.Truth(stream, version); err == nil {
			t.Errorf("truth of %s in %s: no error", stream, version)
		}
	}
}

// TestEditsKeepTheIndexTrue compares the sorted index with the rows after random edits, in small steps and in bulk.
func TestEditsKeepTheIndexTrue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := start(t, emulator.Options{Seed: rapid.Int64().Draw(rt, "seed"),
			Size: emulator.Size{Admins: 2, Teams: 1, Tags: 3, Companies: 5, Contacts: 20, Conversations: 20, Tickets: 8}})
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "rng"), 0))
		for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			want := map[string][]string{}
			edits := rapid.IntRange(1, 120).Draw(rt, "edits")
			r.Edit(func(w *emulator.World) {
				for range edits {
					w.RandomEdit(rng)
				}
				for _, kind := range []string{"conversations", "contacts", "tickets"} {
					want[kind] = w.IDs(kind)
				}
			})
			r.clock.add(time.Duration(rapid.IntRange(-1, 3).Draw(rt, "seconds")) * time.Second)
			for kind, all := range want {
				got := r.search(kind, everyone, 150, nil)
				if !slices.IsSortedFunc(got, func(a, b map[string]any) int { return int(num(a, "updated_at") - num(b, "updated_at")) }) {
					rt.Fatalf("%s are out of order", kind)
				}
				found := ids(got)
				slices.Sort(found)
				if !slices.Equal(all, found) {
					rt.Fatalf("%s (-rows +search):\n%s", kind, cmp.Diff(all, found))
				}
			}
		}
	})
}

func TestIndexLag(t *testing.T) {
	const lag = 5 * time.Minute
	r := start(t, emulator.Options{IndexLag: lag})
	all := r.search("conversations", everyone, 150, nil)
	old := all[3]
	id, gone := old["id"].(string), all[4]["id"].(string)
	r.clock.add(time.Hour)
	var fresh string
	r.Edit(func(w *emulator.World) {
		w.Reply(id)
		w.DeleteConversation(gone)
		fresh = w.NewConversation()
	})
	state := func() (updated int64, deleted, added bool) {
		for _, x := range r.search("conversations", everyone, 150, nil) {
			switch x["id"] {
			case id:
				updated = num(x, "updated_at")
			case gone:
				deleted = true
			case fresh:
				added = true
			}
		}
		return updated, !deleted, added
	}
	r.clock.add(lag - time.Nanosecond)
	if updated, deleted, added := state(); updated != num(old, "updated_at") || deleted || added {
		t.Errorf("within the lag: updated_at %d, deleted %v, added %v", updated, deleted, added)
	}
	if got := num(r.get("GET /conversations/"+id, ""), "updated_at"); got == num(old, "updated_at") {
		t.Error("the single read lags too")
	}
	r.clock.add(time.Nanosecond)
	if updated, deleted, added := state(); updated == num(old, "updated_at") || !deleted || !added {
		t.Errorf("after the lag: updated_at %d, deleted %v, added %v", updated, deleted, added)
	}
}

func TestReplicaLag(t *testing.T) {
	r := start(t, emulator.Options{ReplicaLag: time.Minute})
	id := ids(r.search("conversations", everyone, 150, nil))[0]
	before := len(rows(r.get("GET /conversations/"+id, "")["conversation_parts"].(map[string]any), "conversation_parts"))
	r.Edit(func(w *emulator.World) { w.Reply(id) })
	count := func() int {
		return len(rows(r.get("GET /conversations/"+id, "")["conversation_parts"].(map[string]any), "conversation_parts"))
	}
	if got := count(); got != before {
		t.Errorf("within the lag: %d parts, want %d", got, before)
	}
	r.clock.add(time.Minute)
	if got := count(); got != before+1 {
		t.Errorf("after the lag: %d parts, want %d", got, before+1)
	}
}

func TestSameSeedSameWorld(t *testing.T) {
	text := func(seed int64) []byte {
		e, err := emulator.New(emulator.Options{Seed: seed, Now: newClock().now})
		if err != nil {
			t.Fatal(err)
		}
		var all bytes.Buffer
		for _, stream := range streams {
			truth, err := e.Truth(stream, "2.16")
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range slices.Sorted(maps.Keys(truth)) {
				all.Write(truth[key])
			}
		}
		return all.Bytes()
	}
	if !bytes.Equal(text(1), text(1)) || bytes.Equal(text(1), text(2)) {
		t.Error("seeds do not make worlds")
	}
}

func TestEmptyWorkspace(t *testing.T) {
	size, err := emulator.SizeOf("0")
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, emulator.Options{Size: size})
	for _, stream := range streams {
		if n := len(walk(r, stream)); n != 0 && stream != "admins" && !strings.HasSuffix(stream, "_attributes") {
			t.Errorf("%s: %d rows", stream, n)
		}
	}
	r.Edit(func(w *emulator.World) {
		for i := range 300 {
			w.RandomEdit(rand.New(rand.NewPCG(uint64(i), 1)))
		}
	})
	if len(walk(r, "conversations")) == 0 {
		t.Error("no edit made a conversation")
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	r := start(t, emulator.Options{IndexLag: time.Second})
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 9))
			for range 25 {
				r.clock.add(time.Second)
				r.Edit(func(w *emulator.World) { w.RandomEdit(rng) })
				a := r.call("POST /conversations/search", `{"query":`+group("AND", everyone, filter("read", "=", true))+`}`)
				if a.status != http.StatusOK {
					t.Errorf("status %d", a.status)
				}
				r.call("GET /companies/scroll", "")
			}
		})
	}
	wg.Wait()
}
