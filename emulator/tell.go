package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// cut is a stream that no call answers: its rows are an array inside the rows of another stream.
type cut struct {
	stream, of string
	path       string // of the array, or of the one object
	inject     string
	key        string // fields that tell rows of one parent apart
	since      version
	whole      string // the list that answers the array when has_more says that it was cut; "": the same, uncut
}

const fromConversation = "conversation_id conversation_updated_at"

var cuts = []cut{
	{"ticket_type_attributes", "ticket_types", "ticket_type_attributes.data", "ticket_type_id", "id", v210, ""},
	{"conversation_tags", "conversations", "tags.tags", fromConversation, "id", v210, ""},
	{"conversation_contacts", "conversations", "contacts.contacts", fromConversation, "id", v210, ""},
	{"conversation_teammates", "conversations", "teammates.teammates", fromConversation, "id", v210, ""},
	{"conversation_linked_objects", "conversations", "linked_objects.data", fromConversation, "type id", v210, ""},
	{"conversation_ratings", "conversations", "conversation_rating", fromConversation, "", v210, ""},
	{"conversation_ai_content_sources", "conversations", "ai_agent.content_sources.content_sources", fromConversation + " position", "", v211, ""},
	{"ticket_parts", "tickets", "ticket_parts.ticket_parts", "ticket_id ticket_updated_at", "id", v210, ""},
	{"company_tags", "companies", "tags.tags", "company_id company_updated_at", "id", v210, ""},
	{"contact_tags", "contacts", "tags.data", "contact_id contact_updated_at", "id", v210, "/contacts/{id}/tags"},
	{"contact_companies", "contacts", "companies.data", "contact_id contact_updated_at", "id", v210, ""},
	{"contact_merges", "contacts", "merge_history", "contact_id contact_updated_at", "source_contact_id", v216, ""},
}

// parent is an object that rows belong to.
type parent struct {
	id      string
	updated int64
	write   func(p *printer)
}

func parentsOf[T any](rows []*T, id func(*T) string, updated func(*T) int64, write func(*printer, *T)) []parent {
	var out []parent
	for _, r := range rows {
		if r != nil {
			out = append(out, parent{id(r), updated(r), func(p *printer) { write(p, r) }})
		}
	}
	return out
}

func (w *World) parents(stream string) []parent {
	switch stream {
	case "":
		return []parent{{}}
	case "conversations":
		return parentsOf(w.conversations.live, (*conversation).id, func(c *conversation) int64 { return c.updated },
			func(p *printer, c *conversation) { p.conversation("", c, false) })
	case "contacts":
		return parentsOf(w.contacts.live, (*contact).id, func(c *contact) int64 { return c.updated },
			func(p *printer, c *contact) { p.contact("", c, false) })
	case "tickets":
		return parentsOf(w.tickets.live, (*ticket).id, func(t *ticket) int64 { return t.updated },
			func(p *printer, t *ticket) { p.ticket("", t) })
	case "companies":
		return parentsOf(w.visibleCompanies(), (*company).id, func(c *company) int64 { return c.updated },
			func(p *printer, c *company) { p.company("", c) })
	case "teams":
		return parentsOf(w.teams, (*team).id, func(*team) int64 { return 0 }, (*printer).team)
	}
	sh := w.shelves[stream]
	return parentsOf(sh.items, func(x *item) string { return x.id }, func(x *item) int64 { return x.updated }, sh.write)
}

// tellList tells the streams of the two tables, and of custom objects.
func (t *teller) tellList(stream string) (known bool, err error) {
	for i := range collections {
		if l := &collections[i]; stream != "" && l.stream == stream {
			return true, t.tellCollection(l, "")
		}
	}
	for _, k := range cuts {
		if k.stream == stream {
			return true, t.tellCut(k)
		}
	}
	if kind, ok := strings.CutPrefix(stream, "custom_objects_"); ok && t.w.shelves[stream] != nil {
		return true, t.tellCollection(collectionAt("/custom_object_instances/{id}"), kind)
	}
	if stream == "call_transcripts" {
		return true, t.tellTranscripts()
	}
	return false, nil
}

func (t *teller) lacks(stream string, since version) error {
	if t.v < since {
		return fmt.Errorf("stream %q is not in this API version", stream)
	}
	return nil
}

// call is the request of a full read of a list.
func (t *teller) call(l *collection, id string) *call {
	return &call{printer: t.printer, query: l.everything(), id: id, now: t.w.now()}
}

func (t *teller) tellCollection(l *collection, id string) error {
	if err := t.lacks(l.stream, l.since); err != nil {
		return err
	}
	inject := strings.Fields(l.inject)
	for _, of := range t.w.parents(l.of) {
		if l.of == "" {
			of.id = id
		}
		rows, err := l.rows(t.call(l, of.id))
		if err != nil {
			return fmt.Errorf("%s of %s: %s", l.stream, of.id, err.message)
		}
		same := map[string]int{}
		for i := range rows.n {
			rows.write(&t.printer, i)
			key := []string{rows.id(i)}
			if l.of != "" {
				key = []string{of.id, key[0]}
			}
			t.file(key, inject, of, same[rows.id(i)])
			same[rows.id(i)]++
		}
	}
	return nil
}

// file keeps the row that was printed last, under its key and with what a reader adds to it: the parent's id, its
// updated_at and the position.
func (t *teller) file(key, inject []string, of parent, position int) {
	row := t.b
	t.b = nil
	if row[0] == '"' { // event types are texts
		row = fmt.Appendf(nil, `{"name":%s}`, row)
	}
	if len(inject) > 0 {
		fields := map[string]json.RawMessage{}
		_ = json.Unmarshal(row, &fields) // printed just now
		for _, name := range inject {
			switch {
			case name == "position":
				fields[name] = strconv.AppendInt(nil, int64(position), 10)
				key = append(key, strconv.Itoa(position))
			case strings.HasSuffix(name, "_updated_at"):
				fields[name] = strconv.AppendInt(nil, of.updated, 10)
			default:
				fields[name] = appendQuoted(nil, of.id)
			}
		}
		row = object(fields)
	}
	key = slices.DeleteFunc(key, func(part string) bool { return part == "" })
	t.rows[strings.Join(key, "/")] = row
}

func object(fields map[string]json.RawMessage) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(fields) // raw messages, into memory
	return bytes.TrimSpace(b.Bytes())
}

func (t *teller) tellCut(k cut) error {
	if err := t.lacks(k.stream, k.since); err != nil {
		return err
	}
	inject := strings.Fields(k.inject)
	for _, of := range t.w.parents(k.of) {
		t.mergeHistory, t.uncut = k.path == "merge_history", k.whole == ""
		of.write(&t.printer)
		t.mergeHistory, t.uncut = false, false
		row := t.b
		t.b = nil
		rows := rowsAt(row, k.path)
		if list, _, _ := strings.Cut(k.path, "."); k.whole != "" && string(lookUp(row, list+".has_more")) == "true" {
			rows = t.all(collectionAt(k.whole), of.id)
		}
		for i, r := range rows {
			key := []string{of.id}
			for _, field := range strings.Fields(k.key) {
				key = append(key, textOf(lookUp(r, field)))
			}
			t.b = r
			t.file(key, inject, of, i)
		}
	}
	return nil
}

// all prints every row of a list.
func (t *teller) all(l *collection, id string) []json.RawMessage {
	rows, _ := l.rows(t.call(l, id)) // the parent was listed just now
	out := make([]json.RawMessage, rows.n)
	for i := range out {
		rows.write(&t.printer, i)
		out[i], t.b = t.b, nil
	}
	return out
}

// lookUp follows a path of field names; nil where it ends early.
func lookUp(row json.RawMessage, path string) json.RawMessage {
	for _, name := range strings.Split(path, ".") {
		var fields map[string]json.RawMessage
		if json.Unmarshal(row, &fields) != nil {
			return nil
		}
		row = fields[name]
	}
	return row
}

// rowsAt are the rows at a path: those of an array, or one object.
func rowsAt(row json.RawMessage, path string) []json.RawMessage {
	value := lookUp(row, path)
	var list []json.RawMessage
	if json.Unmarshal(value, &list) == nil {
		return list
	}
	if len(value) > 0 && value[0] == '{' {
		return []json.RawMessage{value}
	}
	return nil
}

// textOf is a text, or a number as it is written.
func textOf(value json.RawMessage) string { return string(trimQuotes(value)) }

// tellTranscripts tells the calls that can be found by the conversations that exist.
func (t *teller) tellTranscripts() error {
	if err := t.lacks("call_transcripts", v214); err != nil {
		return err
	}
	for _, x := range t.w.shelves["calls"].items {
		if t.w.conversations.get(x.parent) != nil {
			t.callTranscript(x)
			t.take(x.id, "", "")
		}
	}
	return nil
}

// tellMembers tells which admins are in which team.
func (t *teller) tellMembers() {
	for _, team := range t.w.teams {
		for _, n := range t.w.membersOf(team.ord) {
			id := strconv.Itoa(adminBase + n)
			t.obj("")
			t.str("team_id", team.id())
			t.str("admin_id", id)
			t.end()
			t.file([]string{team.id(), id}, nil, parent{}, 0)
		}
	}
}

// tellWorkspace tells the app that GET /me shows.
func (t *teller) tellWorkspace() {
	t.me()
	app := lookUp(t.b, "app")
	t.b = app
	t.file([]string{textOf(lookUp(app, "id_code"))}, nil, parent{}, 0)
}
