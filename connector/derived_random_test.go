package connector

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"

	"pgregory.net/rapid"
)

// TestDerivedOfRandomConversations holds derived streams against the second implementation over conversations that no
// emulator would make up: with or without statistics, a source, a state; truncated, redacted, by bots, teams and nobody; in
// full, and again after they have changed.
func TestDerivedOfRandomConversations(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 3, Size: talks(6)})
	var all []string
	w.Edit(func(world *emulator.World) { all = world.IDs("conversations") })
	w.intercepted = func(rw http.ResponseWriter, r *http.Request) bool {
		thread, ok := w.threads[strings.TrimPrefix(r.URL.Path, "/conversations/")]
		return ok && r.Method == http.MethodGet && answer(rw, http.StatusOK, thread)
	}
	versions := emulator.Versions()
	rapid.Check(t, func(rt *rapid.T) {
		w.version = rapid.SampledFrom(versions).Draw(rt, "version")
		w.settings = w.config()
		w.settings.TranscriptFormat = rapid.SampledFrom([]string{"markdown", "messages"}).Draw(rt, "format")
		w.settings.TranscriptNotes = rapid.Bool().Draw(rt, "notes")
		w.settings.TranscriptLength = rapid.SampledFrom([]int{0, 1000, 3000}).Draw(rt, "length")
		w.union = map[string]map[string]json.RawMessage{}
		r := reading{streams: derivedStreams(), config: func(c *Config) {
			c.TranscriptFormat, c.TranscriptNotes, c.TranscriptLength = w.settings.TranscriptFormat, w.settings.TranscriptNotes, w.settings.TranscriptLength
		}}
		changed := all
		for range 2 {
			w.Edit(func(world *emulator.World) {
				for _, id := range changed {
					world.Reply(id)
				}
			})
			w.draw(rt, changed)
			w.pass(time.Hour)
			r.state = w.read(t, r).State
			w.check(t, true, r.streams...)
			if t.Failed() {
				rt.Fatalf("%v", w.threads)
			}
			changed = changed[:3]
		}
	})
}

// draw makes up what Intercom answers for conversations, as long as it stays within the words that the second implementation
// can read.
func (w *world) draw(t *rapid.T, conversations []string) {
	if w.threads == nil {
		w.threads = map[string]string{}
	}
	rows, err := w.Emulator.Truth("conversations", w.version)
	if err != nil {
		t.Fatal(err)
	}
	known, err := objects(rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range conversations {
		d := drawer{t: t, at: known[id].number("updated_at") - 1_000_000}
		talk := d.conversation(id, known[id].number("updated_at"))
		text, err := json.Marshal(talk)
		if err != nil {
			t.Fatal(err)
		}
		w.threads[id] = string(text)
	}
}

// A drawer draws one conversation; at is the time of what came last.
type drawer struct {
	t  *rapid.T
	at int64
	n  int
}

func (d *drawer) yes(label string) bool            { return rapid.Bool().Draw(d.t, label) }
func (d *drawer) among(label string, v ...any) any { return rapid.SampledFrom(v).Draw(d.t, label) }

// later is a time, sometimes the same as the one before.
func (d *drawer) later() int64 {
	d.at += rapid.SampledFrom([]int64{0, 1, 60, 5000}).Draw(d.t, "later")
	return d.at
}

var drawnBodies = []any{nil, "", "<p></p>", "<p> </p>", "<p>Hello &amp; goodbye</p>", "<p>one</p><p>two</p>", "9 lives", "<div>*stars* [and] more</div>", "<p>\u00e9\u4e2d\U0001f600</p>"}

func (d *drawer) author() any {
	return d.among("author", nil,
		obj{"type": "user", "id": "c1", "name": "Ada", "email": " Ada@Example.com "}, obj{"type": "user", "id": "c1", "name": "Ada", "email": nil},
		obj{"type": "lead", "id": "c2", "name": "", "email": "two@example.com"}, obj{"type": "user", "id": "c9", "name": "Stranger", "email": "nine@example.com", "is_ai_answer": true},
		obj{"type": "admin", "id": "7", "name": "Grace", "email": "grace@example.com"}, obj{"type": "admin", "id": "8", "name": "Fin", "email": "operator+abc@intercom.io"},
		obj{"type": "admin", "id": "9", "name": "Alan", "email": "alan@example.com", "from_ai_agent": d.yes("agent")},
		obj{"type": "bot", "id": "10", "name": "Fin", "email": ""}, obj{"type": "team", "id": "11", "name": "Team", "email": nil})
}

func (d *drawer) message() obj {
	m := obj{"author": d.author(), "body": d.among("body", drawnBodies...), "redacted": rapid.IntRange(0, 5).Draw(d.t, "redacted") == 0}
	m["attachments"] = d.among("attachments", nil, []any{}, []any{}, []any{obj{"name": "a.pdf", "url": "https://downloads.intercomcdn.com/i/o/1/a.pdf?expires=1&signature=abc&req=xyz"}})
	return m
}

func (d *drawer) part() obj {
	p := d.message()
	d.n++
	p["id"], p["created_at"] = fmt.Sprint(d.n), d.later()
	p["part_type"] = d.among("type", "comment", "comment", "note", "close", "open", "assign_and_reopen", "assignment", "quick_reply")
	return p
}

// orNull is the value, or null.
func (d *drawer) orNull(label string, v any) any { return d.among(label, nil, v, v) }

func (d *drawer) conversation(id string, updated int64) obj {
	created := d.later()
	talk := obj{"type": "conversation", "id": id, "created_at": created, "updated_at": updated, "title": d.orNull("title", "A *title*"),
		"waiting_since": d.orNull("waiting", d.at+5), "snoozed_until": d.orNull("snoozed", updated+5), "custom_attributes": obj{"Plan": "pro"}, "priority": "high",
		"admin_assignee_id": d.among("assignee", nil, 0, 7), "team_assignee_id": d.among("team", nil, 0, "12")}
	talk["state"] = d.among("state", "open", "closed", "closed", "snoozed")
	if source := d.message(); rapid.IntRange(0, 9).Draw(d.t, "source") > 0 {
		source["type"], source["delivered_as"], source["url"] = "email", "customer_initiated", nil
		talk["source"] = source
	}
	contacts := []any{obj{"type": "contact", "id": "c1", "external_id": "x1"}, obj{"type": "contact", "id": "c2", "external_id": nil}}
	talk["contacts"] = obj{"contacts": contacts[:rapid.IntRange(0, 2).Draw(d.t, "contacts")]}
	talk["company"] = d.orNull("company", obj{"id": "co1", "company_id": "own"})
	talk["tags"] = d.among("tags", nil, obj{"tags": []any{}}, obj{"tags": []any{obj{"id": "2", "name": "b", "applied_at": 20}, obj{"id": "1", "name": "a", "applied_at": 10}, obj{"id": "3", "name": "a", "applied_at": 30}}})
	rating := obj{"created_at": created + 9, "rating": d.orNull("rating", 4), "remark": d.among("remark", nil, "", "Fine"), "teammate": d.orNull("rated", obj{"type": "admin", "id": "7"})}
	if rating["rating"] != nil {
		rating["updated_at"] = d.orNull("rated at", created+99)
	}
	talk["conversation_rating"] = d.orNull("asked", rating)
	n := rapid.IntRange(0, 12).Draw(d.t, "parts")
	if rapid.IntRange(0, 30).Draw(d.t, "long") == 0 {
		n = maxParts
	}
	parts := make([]any, n)
	for i := range parts {
		if parts[i] = d.part(); i > 20 {
			parts[i] = obj{"id": fmt.Sprint(i), "part_type": "comment", "created_at": d.at, "body": "<p>More</p>", "author": obj{"type": "user", "id": "c1"}}
		}
	}
	talk["conversation_parts"] = obj{"conversation_parts": parts}
	missing := rapid.SampledFrom([]int{0, 0, 0, 3}).Draw(d.t, "missing")
	statistics := obj{"count_conversation_parts": n + missing, "count_reopens": d.orNull("reopens", 2), "first_close_at": d.orNull("first close", created+50),
		"last_close_at": d.orNull("last close", created+70), "last_closed_by_id": "7", "first_admin_reply_at": d.orNull("first reply", created+30), "first_contact_reply_at": d.orNull("first ask", created+10),
		"time_to_admin_reply": d.orNull("office", 20), "time_to_last_close": d.orNull("office close", 40), "handling_time": d.orNull("handling", 15)}
	talk["statistics"] = d.orNull("statistics", statistics)
	return talk
}
