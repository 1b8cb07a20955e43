//go:build peers

package e2e

import (
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// A history is what raw records tell of a workspace, run by run.
type history struct {
	talks  map[string]*talk                   // as they are now
	parts  map[string]gjson.Result            // all that were ever shown
	events map[string]map[string]happening    // by conversation and id: what each run could know
	names  map[string]map[string]gjson.Result // of admins, teams, companies
}

// A talk is a conversation with the parts that Intercom shows of it, from the raw streams.
type talk struct {
	gjson.Result
	parts []gjson.Result
}

// A happening opens or closes a conversation.
type happening struct {
	at   time.Time
	kind int
}

const (
	opened = iota // in the order that counts in one second
	closed
	reopened
)

func newHistory(runs ...string) *history {
	h := &history{talks: map[string]*talk{}, parts: map[string]gjson.Result{}, events: map[string]map[string]happening{},
		names: map[string]map[string]gjson.Result{"admins": {}, "teams": {}, "companies": {}}}
	for _, run := range runs {
		changed := map[string]bool{}
		gjson.ForEachLine(run, func(line gjson.Result) bool {
			record := line.Get("record")
			id := record.Get("id").Str
			switch stream := line.Get("stream").Str; {
			case line.Get("type").Str != "RECORD":
			case stream == "conversations":
				h.talks[id], changed[id] = &talk{Result: record}, true
			case stream == "conversation_parts":
				h.parts[id] = record
			case h.names[stream] != nil:
				h.names[stream][id] = record
			}
			return true
		})
		h.settle(changed)
	}
	return h
}

// settle gives each talk its parts, of which Intercom shows the newest 500, and notes the events of those that changed.
func (h *history) settle(changed map[string]bool) {
	of := map[string][]gjson.Result{}
	for _, id := range slices.Sorted(maps.Keys(h.parts)) { // ids of one length: the order of the thread
		part := h.parts[id]
		of[part.Get("conversation_id").Str] = append(of[part.Get("conversation_id").Str], part)
	}
	for id, k := range h.talks {
		k.parts = of[id][max(0, len(of[id])-500):]
		if changed[id] {
			h.note(id, k)
		}
	}
}

func (h *history) note(id string, k *talk) {
	if h.events[id] == nil {
		h.events[id] = map[string]happening{}
	}
	add := func(what string, at time.Time, kind int) {
		h.events[id][what+at.String()] = happening{at, kind}
	}
	add("opened", k.time("created_at"), opened)
	closes := 0
	for _, p := range k.parts {
		at := timeOf(p.Get("created_at"))
		switch p.Get("part_type").Str {
		case "close":
			closes++
			add("closed", at, closed)
		case "open", "assign_and_reopen":
			add("reopened", at, reopened)
		}
	}
	if last := k.time("statistics.last_close_at"); closes == 0 && !last.IsZero() {
		add("closed", last, closed)
	}
}

// name is that of an admin, a team or a company, null where there is none.
func (h *history) name(kind string, id any) any {
	text, _ := id.(string)
	return textOrNil(h.names[kind][text].Get("name"))
}

func timeOf(v gjson.Result) time.Time {
	at, _ := time.Parse(time.RFC3339, v.Str)
	return at
}

func (k *talk) time(path string) time.Time { return timeOf(k.Get(path)) }

// textOrNil is a text or an id; 0 is nobody's.
func textOrNil(v gjson.Result) any {
	if s := v.String(); s != "" && s != "0" {
		return s
	}
	return nil
}

func (k *talk) byCustomer() bool { return k.Get("source.delivered_as").Str == "customer_initiated" }

// whole tells whether all parts are there, if anybody knows.
func (k *talk) whole() (whole, known bool) {
	if count := k.Get("statistics.count_conversation_parts"); count.Exists() {
		return count.Int() <= int64(len(k.parts)), true
	}
	return true, len(k.parts) < 500
}

func (k *talk) surelyWhole() bool { whole, known := k.whole(); return whole && known }

func author(message gjson.Result) string {
	a := message.Get("author")
	switch kind := a.Get("type").Str; {
	case kind == "user" || kind == "lead" || kind == "contact" || kind == "visitor":
		return "customer"
	case kind == "bot" || a.Get("from_ai_agent").Bool() || a.Get("is_ai_answer").Bool():
		return "bot"
	case kind == "admin" && !regexp.MustCompile(`(?i)^operator\+.*@intercom\.io$`).MatchString(a.Get("email").Str):
		return "human"
	}
	return ""
}

var tag = regexp.MustCompile(`<[^>]*>`)

// says tells whether a message has a text, a picture or a file, and is meant for the customer.
func says(message gjson.Result) bool {
	body := message.Get("body").Str
	text := strings.TrimSpace(html.UnescapeString(tag.ReplaceAllString(body, "")))
	return message.Get("part_type").Str != "note" && !message.Get("redacted").Bool() &&
		(text != "" || strings.Contains(body, "<img") || len(message.Get("attachments").Array()) > 0)
}

// said are the times of what somebody said.
func (k *talk) said(by string) []time.Time {
	var all []time.Time
	for _, p := range k.parts {
		if author(p) == by && says(p) {
			all = append(all, timeOf(p.Get("created_at")))
		}
	}
	return all
}

// humanMessages counts the first one, too.
func (k *talk) humanMessages() int {
	n := len(k.said("human"))
	if source := k.Get("source"); author(source) == "human" && says(source) {
		n++
	}
	return n
}

// firstReply is how many seconds a customer waited for a human. No value: for ever, or nobody knows.
func (k *talk) firstReply() []float64 {
	asked, answered := k.time("created_at"), k.time("statistics.first_admin_reply_at")
	byCustomer := author(k.Get("source")) == "customer"
	switch questions := k.said("customer"); {
	case byCustomer:
	case !k.surelyWhole():
		asked = k.time("statistics.first_contact_reply_at")
	case len(questions) == 0:
		return nil
	default:
		asked = slices.MinFunc(questions, time.Time.Compare)
	}
	if k.surelyWhole() {
		replies := slices.DeleteFunc(k.said("human"), func(at time.Time) bool { return at.Before(asked) })
		if len(replies) == 0 {
			return nil
		}
		answered = slices.MinFunc(replies, time.Time.Compare)
	}
	if asked.IsZero() || answered.IsZero() {
		return nil
	}
	return []float64{max(0, answered.Sub(asked).Seconds())}
}

// lastClose is when it was closed last, whether or not it is closed now.
func (k *talk) lastClose() time.Time {
	if at := k.time("statistics.last_close_at"); !at.IsZero() {
		return at
	}
	var last time.Time
	for _, p := range k.parts {
		if at := timeOf(p.Get("created_at")); p.Get("part_type").Str == "close" && at.After(last) {
			last = at
		}
	}
	return last
}

// reopens are how often it was opened again, -1 where nobody knows.
func (k *talk) reopens() int {
	if n := k.Get("statistics.count_reopens"); n.Exists() {
		return int(n.Int())
	}
	n := 0
	for _, p := range k.parts {
		if kind := p.Get("part_type").Str; kind == "open" || kind == "assign_and_reopen" {
			n++
		}
	}
	if !k.surelyWhole() {
		return -1
	}
	return n
}
