package emulator_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
)

// edited is a row before and after an edit.
func edited(t *testing.T, r *rig, stream, key string, edit func(w *emulator.World)) (before, after string) {
	t.Helper()
	read := func() string {
		truth, err := r.Truth(stream, "2.16")
		if err != nil {
			t.Fatal(err)
		}
		return string(emulator.StripSignatures(truth[key]))
	}
	before = read()
	r.clock.add(time.Hour)
	r.Edit(edit)
	return before, read()
}

// TestEveryKindCanBeEdited adds, changes and deletes one object of each list.
func TestEveryKindCanBeEdited(t *testing.T) {
	r := start(t, emulator.Options{})
	for _, l := range lists {
		var old, fresh string
		known := true
		r.clock.add(time.Hour)
		r.Edit(func(w *emulator.World) {
			if known = len(w.IDs(l.stream)) > 0 && l.of == ""; known {
				old = w.IDs(l.stream)[1]
				fresh = w.NewObject(l.stream)
			}
		})
		if !known {
			continue
		}
		before, after := edited(t, r, l.stream, old, func(w *emulator.World) { w.UpdateObject(l.stream, old) })
		if before == after || before == "" {
			t.Errorf("%s: the update shows nothing", l.stream)
		}
		timed := strings.Contains(before, `"updated_at":`) && l.stream != "ticket_states" // whose types have it
		if timed && !strings.Contains(after, `"updated_at":`+textOf(float64(r.clock.now().Unix()))) && !strings.Contains(after, r.clock.now().Format("2006-01-02T15:04:05")) {
			t.Errorf("%s: updated_at is not now: %s", l.stream, after)
		}
		if before, after = edited(t, r, l.stream, fresh, func(w *emulator.World) { w.DeleteObject(l.stream, fresh) }); before == "" || after != "" {
			t.Errorf("%s: new object %q, after its deletion %q", l.stream, before, after)
		}
		if truth, err := r.Truth(l.stream, "Preview"); err != nil || len(truth) != len(r.with("Preview").read(l, nil)) {
			t.Errorf("%s: %v, %d rows", l.stream, err, len(truth))
		}
	}
}

func TestNotesEventsAndPartsCanBeEdited(t *testing.T) {
	r := start(t, emulator.Options{})
	var person, job, talk string
	r.Edit(func(w *emulator.World) {
		person, job, talk = w.IDs("contacts")[15], w.IDs("tickets")[3], w.IDs("conversations")[4]
	})
	contact := func() map[string]any { return r.get("GET /contacts/"+person, "") }
	listed := func() []string {
		var out []string
		for _, page := range r.pages("/contacts/" + person + "/notes?per_page=5") {
			out = append(out, ids(rows(page, "data"))...)
		}
		return out
	}
	check := func(what string, want []string) {
		t.Helper()
		notes := contact()["notes"].(map[string]any)
		if got := listed(); !slices.Equal(got, want) || num(notes, "total_count") != int64(len(want)) || !slices.Equal(ids(rows(notes, "data")), want[:10]) {
			t.Errorf("%s: notes %v, nested %v; want %v", what, got, notes, want)
		}
		if num(contact(), "updated_at") != r.clock.now().Unix() {
			t.Errorf("%s: updated_at stays", what)
		}
	}
	old := listed()
	var note string
	r.clock.add(time.Hour)
	r.Edit(func(w *emulator.World) { note = w.AddNote(person) })
	check("added", append([]string{note}, old...))
	if before, after := edited(t, r, "contact_notes", person+"/"+old[3], func(w *emulator.World) { w.EditNote(person, old[3]) }); before == after || !strings.Contains(after, "edited") {
		t.Errorf("edited note: %s, before %s", after, before)
	}
	r.clock.add(time.Hour)
	r.Edit(func(w *emulator.World) { w.DeleteNote(person, old[0]) })
	check("deleted", append([]string{note}, old[1:]...))

	var part string
	r.Edit(func(w *emulator.World) { part = w.AddTicketPart(job) })
	before, after := edited(t, r, "ticket_parts", job+"/"+part, func(w *emulator.World) { w.RedactTicketPart(job, part) })
	if !strings.Contains(before, `"redacted":false`) || !strings.Contains(after, `"redacted":true`) || !strings.Contains(after, "was deleted") {
		t.Errorf("part of a ticket: %s, redacted %s", before, after)
	}
	var call string
	r.Edit(func(w *emulator.World) { call = w.NewCall(talk) })
	if got := r.get("GET /calls/"+call, ""); got["conversation_id"] != talk {
		t.Errorf("call %v, want one of conversation %s", got, talk)
	}
	found := rows(r.get("POST /calls/search", `{"conversation_ids":["`+talk+`"]}`), "data")
	if len(found) == 0 || found[len(found)-1]["id"] != call {
		t.Errorf("calls of the conversation: %v", ids(found))
	}
}

func TestTagsOfAConversationAreNotRepeated(t *testing.T) {
	r := start(t, emulator.Options{Size: emulator.Size{Admins: 1, Tags: 4, Contacts: 1, Conversations: 4}})
	r.Edit(func(w *emulator.World) {
		for range 9 {
			w.TagConversation(w.IDs("conversations")[1])
		}
	})
	truth, err := r.Truth("conversation_tags", "2.16")
	if err != nil {
		t.Fatal(err)
	}
	var id string
	r.Edit(func(w *emulator.World) { id = w.IDs("conversations")[1] })
	tags := rows(r.get("GET /conversations/"+id, "")["tags"].(map[string]any), "tags")
	if len(tags) != 4 || len(truth) < 4 {
		t.Errorf("%d tags of 4 after nine more, %d rows", len(tags), len(truth))
	}
}

// TestSizesOfLists: reference data stays small in large worlds, and can be had in any number.
func TestSizesOfLists(t *testing.T) {
	for _, tt := range []struct {
		name            string
		options         emulator.Options
		articles, calls int
	}{
		{"tiny", emulator.Options{}, 12, 12},
		{"small", emulator.Options{Size: size(t, "small")}, 14, 125},
		{"large", emulator.Options{Size: size(t, "large")}, 48, 12_500},
		{"none", emulator.Options{Size: size(t, "0")}, 0, 0},
		{"asked for", emulator.Options{Size: emulator.Size{Admins: 1, Reference: 300, Calls: 70}}, 300, 70},
	} {
		e, err := emulator.New(tt.options)
		if err != nil {
			t.Fatal(err)
		}
		e.Edit(func(w *emulator.World) {
			if a, c := len(w.IDs("articles")), len(w.IDs("calls")); a != tt.articles || c != tt.calls {
				t.Errorf("%s: %d articles, %d calls; want %d, %d", tt.name, a, c, tt.articles, tt.calls)
			}
		})
	}
	// an empty workspace still has its own settings, and takes every edit
	r := start(t, emulator.Options{Size: size(t, "0")})
	for _, l := range lists {
		if l.of == "" && l.since != "Preview" {
			n := len(r.read(l, nil))
			if always := slices.Contains([]string{"activity_log_event_types", "away_status_reasons", "ticket_types", "ticket_states", "brands"}, l.stream); always != (n > 0) {
				t.Errorf("%s of an empty workspace: %d rows", l.stream, n)
			}
		}
	}
	rng := rand.New(rand.NewPCG(3, 3))
	names := map[string]bool{}
	for range 900 {
		r.clock.add(time.Minute)
		r.Edit(func(w *emulator.World) { w.RandomEdit(rng); names[w.RandomReferenceEdit(rng)] = true })
	}
	for _, want := range []string{"add note", "edit note", "delete note", "add event", "add ticket part", "redact ticket part", "new call",
		"new articles", "update macros", "update custom_objects_order"} {
		if !names[want] {
			t.Errorf("no random edit was %q", want)
		}
	}
	if deleted := strings.Count(fmt.Sprint(names), "delete "); deleted < 5 {
		t.Errorf("%d kinds of objects were deleted: %v", deleted, names)
	}
	for _, l := range lists {
		truth, err := r.Truth(l.stream, "Preview")
		if r := r.with("Preview"); err != nil || len(truth) != len(r.read(l, r.parentsOf(l.of))) {
			t.Errorf("%s: %v, %d rows", l.stream, err, len(truth))
		}
	}
}

func size(t *testing.T, name string) emulator.Size {
	t.Helper()
	s, err := emulator.SizeOf(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
