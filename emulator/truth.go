package emulator

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// Truth returns what a full read of a stream must bring at this moment: each row as the given API version shows it, and
// the fields that a reader adds to it. Rows are keyed by id; those that belong to another object by "parent/id".
//
// The streams are activity_logs, admins, tags, teams, segments, companies, company_attributes, contact_attributes,
// company_segments, contacts, conversations, conversation_parts, tickets, workspace, team_members, call_transcripts, those
// of the tables collections and cuts, and "custom_objects_" with a type. One that the version lacks is an error.
// Those of exports are at tellExport.
//
// Attributes, archived ones included, are keyed "model/full_name". Rows of company_segments carry an added company_id and those of
// conversation_parts an added conversation_id. Parts are the newest 500 of each conversation. Rows without an id
// are keyed by what tells them apart, and by an added position among the rows that nothing else tells apart.
// Signatures of attachments differ from those served: compare after StripSignatures. Fields that exist
// only on request (monitor_evaluations, scorecards, count, translations, bodies of executions) are left out.
func (e *Emulator) Truth(stream, apiVersion string) (map[string]json.RawMessage, error) {
	v, ok := parseVersion(apiVersion)
	if !ok {
		return nil, fmt.Errorf("unknown API version %q", apiVersion)
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	t := &teller{printer: printer{w: e.world, v: v}, form: e.contentForm(v), rows: map[string]json.RawMessage{}}
	known, err := t.tellList(stream)
	if err == nil && !known && !t.tell(stream) {
		err = fmt.Errorf("unknown stream %q", stream)
	}
	if err != nil {
		return nil, err
	}
	return t.rows, nil
}

// teller collects rows one by one.
type teller struct {
	printer
	form exportForm
	rows map[string]json.RawMessage
}

// take files what was printed last; a parent id is added as the row's first field.
func (t *teller) take(key, parentField, parent string) {
	row := t.b
	t.b = nil
	if parentField != "" {
		key = parent + "/" + key
		row = append([]byte(`{"`+parentField+`":"`+parent+`",`), row[1:]...)
	}
	t.rows[key] = row
}

func each[T any](t *teller, rows []*T, id func(*T) string, write func(*T)) {
	for _, r := range rows {
		if r != nil {
			write(r)
			t.take(id(r), "", "")
		}
	}
}

func (t *teller) tell(stream string) bool {
	w := t.w
	switch stream {
	case "activity_logs":
		each(t, w.logs, (*activityLog).id, t.activity)
	case "admins":
		each(t, w.admins, (*admin).id, t.admin)
	case "tags":
		each(t, w.tags, (*tag).id, t.tag)
	case "teams":
		each(t, w.teams, (*team).id, t.team)
	case "segments":
		each(t, w.segments, (*segment).id, func(s *segment) { t.segment(s, false) })
	case "companies":
		each(t, w.visibleCompanies(), (*company).id, func(c *company) { t.company("", c) })
	case "company_attributes":
		each(t, w.attributesOf("company", true, t.v), attributeKey, t.attribute)
	case "contact_attributes":
		each(t, w.attributesOf("contact", true, t.v), attributeKey, t.attribute)
	case "company_segments":
		for _, c := range w.visibleCompanies() {
			for _, ord := range w.companySegments(c) {
				t.segment(w.segments[ord], false)
				t.take(w.segments[ord].id(), "company_id", c.id())
			}
		}
	case "contacts": // what lies behind has_more is there, too, and what was merged into them
		t.uncut, t.mergeHistory = true, t.v >= v216
		each(t, w.contacts.live, (*contact).id, func(c *contact) { t.contact("", c, false) })
	case "conversations":
		each(t, w.conversations.live, (*conversation).id, func(c *conversation) { t.conversation("", c, false) })
	case "conversation_parts":
		t.tellParts()
	case "tickets":
		each(t, w.tickets.live, (*ticket).id, func(x *ticket) { t.ticket("", x) })
	case "team_members":
		t.tellMembers()
	case "workspace":
		t.tellWorkspace()
	default:
		return t.tellExport(stream)
	}
	return true
}

func attributeKey(a *attribute) string { return a.model + "/" + a.fullName() }

func (t *teller) tellParts() {
	for _, c := range t.w.conversations.live {
		if c == nil {
			continue
		}
		for i := c.firstPart(); i < c.parts(); i++ {
			t.part("", c, i)
			t.take(partID(c, i), "conversation_id", c.id())
		}
	}
}

var signatures = regexp.MustCompile(`(https://downloads\.intercomcdn\.com/[^"?\\\s<>]*)\?(?:[^"\\\s<>]|\\u0026)*`)

// StripSignatures removes the query, which holds signature and expiry, from the addresses of attachments in JSON text, so that
// two answers of the same object compare equal.
func StripSignatures(text []byte) []byte { return signatures.ReplaceAll(text, []byte("$1")) }
