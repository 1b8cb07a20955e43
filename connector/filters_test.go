package connector

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"

	"github.com/tidwall/gjson"
)

// filteredStreams are what the tests of filters read: the rows, what is cut from them, and what is made of a call for each.
var filteredStreams = []string{"conversations", "conversation_parts", "conversation_tags", "normalized_conversations"}

// passes judges a conversation of the truth, straight from the setting's description.
func passes(talk obj, f Filters) bool {
	among := func(wanted []string, ids ...string) bool {
		return len(wanted) == 0 || slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(wanted, id) })
	}
	idsOf := func(list []obj) (ids []string) {
		for _, o := range list {
			ids = append(ids, o.text("id"))
		}
		return ids
	}
	between := func(field string, from, to time.Time) bool {
		at := time.Unix(talk.number(field), 0)
		return !at.Before(from) && (to.IsZero() || at.Before(to))
	}
	return between("created_at", f.CreatedAfter, f.CreatedBefore) && between("updated_at", f.UpdatedAfter, f.UpdatedBefore) &&
		among(f.States, talk.text("state")) && among(f.Channels, talk.obj("source").text("type")) &&
		among(f.TeamIDs, strings.Trim(fmt.Sprint(talk["team_assignee_id"]), `"`)) &&
		among(f.ContactIDs, idsOf(talk.obj("contacts").list("contacts"))...) &&
		among(f.TagIDs, idsOf(talk.obj("tags").list("tags"))...) &&
		among(f.TeammateIDs, idsOf(append(talk.obj("teammates").list("teammates"), talk.obj("teammates").list("admins")...))...)
}

// passing are the ids of the conversations that pass, and how many there are at all.
func (w *world) passing(t *testing.T, f Filters) (ids map[string]bool, all int) {
	t.Helper()
	talks, err := slowTalks(w.Emulator, w.version)
	if err != nil {
		t.Fatal(err)
	}
	ids = map[string]bool{}
	for id, talk := range talks {
		if passes(talk, f) {
			ids[id] = true
		}
	}
	return ids, len(talks)
}

// checkFiltered compares what came with what passes; with stale, conversations that do not pass any more may be there.
func (w *world) checkFiltered(t *testing.T, f Filters, stale bool) {
	t.Helper()
	pass, _ := w.passing(t, f)
	for _, stream := range filteredStreams {
		truth, err := w.Truth(stream, w.version)
		if err != nil {
			t.Fatal(err)
		}
		field := "conversation_id"
		if stream == "conversations" {
			field = "id"
		}
		for key, row := range truth {
			if !pass[gjson.GetBytes(row, field).String()] {
				delete(truth, key)
			} else if have, ok := w.union[stream][key]; !ok {
				t.Fatalf("%s: row %s is missing", stream, key)
			} else if stream == "conversations" && gjson.GetBytes(have, "updated_at").Int() != gjson.GetBytes(row, "updated_at").Int() {
				t.Fatalf("%s: row %s is an old version", stream, key)
			}
		}
		for key := range w.union[stream] {
			if _, ok := truth[key]; !ok && !stale {
				t.Fatalf("%s: row %s does not pass", stream, key)
			}
		}
	}
}

// someFilters are filters that some of a world's conversations pass, one for each field, and some together.
func (w *world) someFilters(t *testing.T) map[string]Filters {
	t.Helper()
	talks, err := slowTalks(w.Emulator, w.version)
	if err != nil {
		t.Fatal(err)
	}
	first := func(list func(obj) []obj) string {
		for _, id := range slices.Sorted(maps.Keys(talks)) {
			if l := list(talks[id]); len(l) > 0 {
				return l[0].text("id")
			}
		}
		t.Fatal("no conversation has one")
		return ""
	}
	var created, updated []time.Time
	teams := map[string]bool{}
	for _, talk := range talks {
		created, updated = append(created, time.Unix(talk.number("created_at"), 0)), append(updated, time.Unix(talk.number("updated_at"), 0))
		if team := strings.Trim(fmt.Sprint(talk["team_assignee_id"]), `"`); team != "0" && team != "<nil>" {
			teams[team] = true
		}
	}
	slices.SortFunc(created, time.Time.Compare)
	slices.SortFunc(updated, time.Time.Compare)
	n := len(created)
	tag := first(func(talk obj) []obj { return talk.obj("tags").list("tags") })
	return map[string]Filters{
		"created": {CreatedAfter: created[n/4], CreatedBefore: created[n/2]},
		"updated": {UpdatedAfter: updated[n/4], UpdatedBefore: updated[n/2]},
		"states":  {States: []string{"open", "snoozed"}},
		"tag":     {TagIDs: []string{tag, "no such tag"}},
		"contact": {ContactIDs: []string{first(func(talk obj) []obj { return talk.obj("contacts").list("contacts") })}},
		"teammate": {TeammateIDs: []string{first(func(talk obj) []obj {
			return append(talk.obj("teammates").list("teammates"), talk.obj("teammates").list("admins")...)
		})}},
		"team":     {TeamIDs: slices.Sorted(maps.Keys(teams))[:1]},
		"channels": {Channels: []string{"email", "whatsapp"}},
		"together": {CreatedAfter: created[n/4], States: []string{"open", "closed"}, Channels: []string{"email", "conversation"}},
	}
}

func TestConversationFilters(t *testing.T) {
	for _, version := range few(t, "2.16", "2.10", "Preview") {
		w := newWorld(t, version, emulator.Options{Size: talks(120), Seed: 5})
		for name, f := range w.someFilters(t) {
			if testing.Short() && name != "together" && name != "teammate" {
				continue
			}
			for _, pushed := range []bool{true, false} {
				t.Run(fmt.Sprint(version, " ", name, " pushed ", pushed), func(t *testing.T) {
					w.union = map[string]map[string]json.RawMessage{}
					refused := 0
					w.intercepted = func(rw http.ResponseWriter, r *http.Request) bool { return !pushed && refusesFilters(rw, r, &refused) }
					pass, all := w.passing(t, f)
					if len(pass) == 0 || len(pass) == all {
						t.Fatalf("%d of %d conversations pass", len(pass), all)
					}
					var log bytes.Buffer
					out := w.read(t, reading{streams: filteredStreams, log: &log, config: func(c *Config) { c.Filters, c.PageSize = f, 7 }})
					w.checkFiltered(t, f, false)
					if gets := out.requests["GET /conversations/{id}"]; gets != len(pass) {
						t.Errorf("%d calls for single conversations, want %d", gets, len(pass))
					}
					if said := strings.Contains(log.String(), "does not understand the filters"); said == pushed || refused > 0 == pushed {
						t.Errorf("refused %d times, said so: %v", refused, said)
					}
					if pages := out.requests["POST /conversations/search"]; pushed && pages > len(pass)/7+4 {
						t.Errorf("%d pages for %d rows", pages, len(pass))
					}
				})
			}
		}
	}
}

// refusesFilters answers a search that asks for more than windows of time as a search that knows no such field does.
func refusesFilters(rw http.ResponseWriter, r *http.Request, refused *int) bool {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	bounds := gjson.GetBytes(body, `query.value.#(operator=="OR")#`).Array()
	if r.URL.Path != "/conversations/search" || *refused > 0 && len(bounds) < 2 && !bytes.Contains(body, []byte(`"IN"`)) {
		return false
	}
	*refused++
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(http.StatusBadRequest)
	_, _ = rw.Write([]byte(`{"type":"error.list","errors":[{"code":"invalid_field","message":"Invalid field"}]}`))
	return true
}

// Under other filters than those of its state a stream begins anew, whichever way they changed; streams of other feeds do not.
func TestOtherFiltersBeginAnew(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Size: talks(60), Seed: 6})
	open, closed := Filters{States: []string{"open"}}, Filters{States: []string{"closed"}}
	r := reading{streams: append([]string{"contacts"}, filteredStreams...)}
	for i, step := range []struct {
		filters Filters
		anew    bool
	}{{open, false}, {open, false}, {closed, true}, {Filters{}, true}, {Filters{}, false}, {open, true}} {
		var log bytes.Buffer
		r.log, r.config = &log, func(c *Config) { c.Filters = step.filters }
		w.pass(time.Hour)
		out := w.read(t, r)
		r.state = out.State
		if got := strings.Count(log.String(), "made under other conversation_filters"); got != len(filteredStreams) && step.anew || got != 0 && !step.anew {
			t.Errorf("step %d: %d streams say that they begin anew", i, got)
		}
		pass, _ := w.passing(t, step.filters)
		want := len(pass)
		if !step.anew && i > 0 {
			want = 0
		}
		if got := out.counts["conversations"]; got != want {
			t.Errorf("step %d: %d conversations, want %d", i, got, want)
		}
		if got := out.counts["contacts"]; i > 0 && got != 0 {
			t.Errorf("step %d: %d contacts in a quiet run", i, got)
		}
	}
}

// Whatever is edited before, during and between runs: what passes the filters in the end is there in its last version.
func TestFilteredReadingLosesNothing(t *testing.T) {
	for _, seed := range few(t, uint64(1), 2, 3, 4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 11))
			w := newWorld(t, "2.16", emulator.Options{Size: talks(150), Seed: int64(seed), OffsetCursor: seed%2 == 0})
			f := w.someFilters(t)[[]string{"states", "together", "tag", "team"}[seed%4]]
			edits := 0
			w.watch(func(*http.Request, string) {
				w.pass(time.Second)
				if edits > 0 && rng.IntN(3) == 0 {
					edits--
					w.Edit(func(world *emulator.World) { world.RandomEdit(rng) })
				}
			})
			r := reading{streams: filteredStreams, config: func(c *Config) { c.Filters, c.PageSize = f, 1+rng.IntN(20) }}
			for range 3 {
				edits = 60
				out := w.read(t, r)
				r.state = out.State
				w.pass(time.Duration(rng.IntN(7200)) * time.Second)
			}
			edits = 0
			w.pass(time.Hour)
			w.read(t, r)
			w.checkFiltered(t, f, true)
		})
	}
}

func TestConversationFiltersInConfigurations(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2024, 1, day, 0, 0, 0, 0, time.UTC) }
	want := Filters{CreatedAfter: at(2), UpdatedBefore: at(3), States: []string{"open"}, TagIDs: []string{"12", "34"}}
	const given = `{"created_after":"2024-01-02","updated_before":"2024-01-03T00:00:00Z","states":["open"],"tag_ids":[12,"34"],"contact_ids":[],"channels":null}`
	for _, value := range []any{json.RawMessage(given), given} { // as JSON, and as a text that holds it
		cfg, err := loadJSON(true, string(settingsJSON(map[string]any{"conversation_filters": value})))
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.Filters; got.mark() != want.mark() {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	for given, problem := range map[string]string{
		`{"states":["open","shut"]}`:    `conversation_filters.states.1: found "shut", expected one of open, closed, snoozed`,
		`{"created_after":"yesterday"}`: `conversation_filters.created_after: found "yesterday", expected a date such as 2024-01-31T00:00:00Z or 2024-01-31`,
		`{"tag_ids":"12"}`:              `conversation_filters.tag_ids: found "12", expected a list, of which each is a text`,
		`{"tag_ids":[["12"]]}`:          `conversation_filters.tag_ids.0: found an array, expected a text`,
		`{"state":"open"}`:              `conversation_filters: found the name "state", expected an object with channels, contact_ids, created_after, created_before, states, tag_ids, team_ids, teammate_ids, updated_after, updated_before`,
		`["open"]`:                      `conversation_filters: found an array, expected an object with`,
		`"open"`:                        `conversation_filters: found "open", expected an object with`,
		`{"created_after":"2024-01-02","created_before":"2024-01-02"}`: `conversation_filters.created_before: found 2024-01-02T00:00:00Z, expected a date after 2024-01-02T00:00:00Z`,
		`{"tag_ids":["` + testToken + `",7.5e9000000]}`:                `conversation_filters.tag_ids.1: found a number, expected a text`,
		`{"states":["` + testToken + `"]}`:                             `conversation_filters.states.0: found a secret, expected one of`,
	} {
		_, err := loadJSON(false, string(settingsJSON(map[string]any{"conversation_filters": json.RawMessage(given)})))
		if problems := problemsOf(t, err); len(problems) != 1 || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v\nwant %s", given, err, problem)
		}
	}
	source := EnvironmentSource([]string{"TAP_INTERCOM_CONVERSATION_FILTERS={\"states\":[\"shut\"]}"})
	_, err := LoadConfig([]Source{{Name: "1.json", Data: settingsJSON(nil)}, source}, true, testNow)
	if problem := "environment: TAP_INTERCOM_CONVERSATION_FILTERS.states.0: found \"shut\""; err == nil || !strings.Contains(err.Error(), problem) {
		t.Errorf("%v, want %s", err, problem)
	}
}
