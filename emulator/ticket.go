package emulator

import (
	"slices"
	"strconv"
)

// ticket is one version of a ticket.
type ticket struct {
	ord              int32
	s                seed
	created, updated int64
	settled          int64
	partCount        int32
	extra            []ticketPart
	redacted         []int32 // parts, by their place
	state            uint8   // place in ticketStates
	admin, team      int16   // ordinal + 1; 0 is unassigned
	revision         int32
}

type ticketPart struct {
	kind     string
	at       int64
	from, to uint8
	body     string
}

func (t *ticket) id() string       { return strconv.Itoa(ticketBase + int(t.ord)) }
func (t *ticket) key() rowKey      { return rowKey{t.ord, t.created, t.updated} }
func (t *ticket) kind() int        { return int(t.ord) % len(categories) }
func (t *ticket) category() string { return categories[t.kind()] }
func (t *ticket) open() bool       { return t.state != uint8(len(ticketStates)-1) }

func (w *World) newTicket(ord, of int) ticket {
	s := w.seed.at(ofTicket).at(ord)
	t := ticket{ord: int32(ord), s: s, created: w.birthTime(ord, of), state: uint8(s.n(1, 4)), partCount: int32(1 + s.n(2, 6))}
	t.updated = w.lastTouch(s, t.created)
	t.settled = t.updated
	if ord%3 != 1 {
		t.admin = int16(1 + s.n(3, w.size.Admins))
	}
	if ord%4 != 3 && w.size.Teams > 0 {
		t.team = int16(1 + s.n(4, w.size.Teams))
	}
	return t
}

func (w *World) ticketContacts(t *ticket) []int32 {
	if w.size.Contacts == 0 {
		return nil
	}
	return []int32{int32(t.s.n(5, w.size.Contacts))}
}

func (t *ticket) title() string { return pick(t.s, 6, subjects[1:]) }

func (p *printer) ticket(key string, t *ticket) {
	p.obj(key)
	p.str("type", "ticket")
	p.str("id", t.id())
	p.str("ticket_id", strconv.Itoa(int(t.ord)+1))
	p.str("category", t.category())
	p.ticketAttributes(t)
	if p.v < v212 {
		p.str("ticket_state", ticketStates[t.state])
		p.str("ticket_state_internal_label", stateLabels[t.state])
		p.str("ticket_state_external_label", stateLabels[t.state])
	} else {
		p.ticketState("ticket_state", int(t.state))
	}
	p.ticketTypeOf("ticket_type", t.kind(), p.v == v211 || t.kind() == 0, nil)
	p.obj("contacts")
	p.str("type", "contact.list")
	p.arr("contacts")
	for _, c := range p.w.ticketContacts(t) {
		p.contactReference(c)
	}
	p.endArr()
	p.end()
	p.ticketAssignee("admin_assignee_id", adminBase, t.admin)
	p.ticketAssignee("team_assignee_id", teamBase, t.team)
	p.num("created_at", t.created)
	p.num("updated_at", t.updated)
	p.flag("open", t.open())
	if t.ord%5 == 2 {
		p.num("snoozed_until", t.settled+86_400)
	}
	p.ticketLinks(t)
	p.ticketParts(t)
	p.flag("is_shared", t.ord%2 == 0)
	if p.v >= v216 {
		p.strOrNull("previous_ticket_state_id", []string{"", "8577"}[t.ord%2])
	}
	p.end()
}

// ticketAssignee writes the ids of tickets: text before 2.16, numbers since, "0" or 0 for nobody.
func (p *printer) ticketAssignee(key string, base int64, ord int16) {
	id := int64(0)
	if ord > 0 {
		id = base + int64(ord) - 1
	}
	if p.v >= v216 {
		p.num(key, id)
	} else {
		p.str(key, strconv.FormatInt(id, 10))
	}
}

func (p *printer) ticketAttributes(t *ticket) {
	p.obj("ticket_attributes")
	p.text("_default_title_", t.title())
	if t.ord%3 == 2 {
		p.null("_default_description_")
	} else {
		p.text("_default_description_", p.body(t.s.at(50), t.ord%41 == 7))
	}
	if severity := 1 + t.s.n(7, 4); t.kind() == 2 {
		p.str("Severity", "S"+strconv.Itoa(severity))
	} else {
		p.num("Severity", int64(severity))
	}
	p.flag("Urgent?", t.ord%2 == 0)
	p.strs("Areas", pick(t.s, 8, nouns), pick(t.s, 9, nouns))
	p.day("Due date", t.created+86_400, t.ord%4 == 2)
	if t.kind() == 0 {
		p.files("Screenshots", t.s.at(60), t.ord%2 == 0)
		p.raw("Effort", []string{"2.5", `"n/a"`}[btoi(t.ord%9 == 6)])
	}
	if t.ord%16 == 4 {
		p.num("Big number", 9_007_199_254_740_993+int64(t.ord))
	}
	if t.revision > 0 {
		p.num("Revision", int64(t.revision))
	}
	p.end()
}

func (p *printer) ticketState(key string, i int) {
	p.obj(key)
	p.str("type", "ticket_state")
	p.str("id", strconv.Itoa(ticketStateBase+i))
	p.str("category", ticketStates[i])
	p.str("internal_label", stateLabels[i])
	p.str("external_label", stateLabels[i])
	p.end()
}

// ticketTypeOf writes a type of tickets. Its attributes come in the schema's form, or in that of the examples, which 2.11
// forbids. Tickets show the type as it was at first: an edit of it does not move their updated_at.
func (p *printer) ticketTypeOf(key string, k int, schemaForm bool, row *item) {
	category := categories[k%len(categories)]
	description, updated := "For "+category+" work", p.w.start
	if row != nil {
		description, updated = row.revised(description), row.updated
	}
	p.obj(key)
	p.str("type", "ticket_type")
	p.str("id", strconv.Itoa(ticketTypeBase+k))
	p.str("category", category)
	p.str("name", category+" ticket")
	p.str("description", description)
	p.str("icon", []string{"🦁", "🎟️", "🔧", "🗄️"}[k%4])
	p.str("workspace_id", p.w.workspace)
	p.obj("ticket_type_attributes")
	if schemaForm {
		p.str("type", "ticket_type_attributes.list")
		p.arr("ticket_type_attributes")
	} else {
		p.str("type", "list")
		p.arr("data")
	}
	for i, a := range ticketAttributesOf(k) {
		p.ticketTypeAttribute(k, i, a)
	}
	p.endArr()
	p.end()
	if p.v >= v212 {
		p.obj("ticket_states")
		p.str("type", "list")
		p.arr("data")
		for i := range ticketStates {
			p.ticketState("", i)
		}
		p.endArr()
		p.end()
	}
	p.flag("archived", k == archivedType)
	p.flag("is_internal", false)
	p.num("created_at", p.w.start)
	p.num("updated_at", updated)
	p.end()
}

func (p *printer) ticketTypeAttribute(kind, i int, a ownAttribute) {
	p.obj("")
	p.str("type", "ticket_type_attribute")
	p.str("id", strconv.Itoa(220+kind*10+i))
	p.str("workspace_id", p.w.workspace)
	p.str("name", a.name)
	p.str("description", "Attribute "+a.name)
	p.str("data_type", a.dataType)
	p.obj("input_options")
	p.flag("multiline", i == 1)
	p.end()
	p.num("order", int64(i))
	p.flag("required_to_create", i == 0)
	p.flag("required_to_create_for_contacts", false)
	p.flag("visible_on_create", true)
	p.flag("visible_to_contacts", i == 0)
	p.flag("default", i < 2)
	p.num("ticket_type_id", int64(100+kind))
	p.flag("archived", a.archived)
	p.num("created_at", p.w.start)
	p.num("updated_at", p.w.start+60)
	p.end()
}

func (p *printer) ticketLinks(t *ticket) {
	conversation, tracker := t.ord%4 == 1 && p.w.size.Conversations > 0, t.ord%4 == 3
	p.obj("linked_objects")
	p.str("type", "list")
	p.num("total_count", int64(btoi(conversation)+btoi(tracker)))
	p.flag("has_more", false)
	p.arr("data")
	if tracker {
		before := &ticket{ord: t.ord - 1}
		p.obj("")
		p.str("type", "ticket")
		p.str("id", before.id())
		p.str("category", before.category())
		p.end()
	}
	if conversation {
		p.obj("")
		p.str("type", "conversation")
		p.str("id", strconv.Itoa(conversationBase+t.s.n(10, p.w.size.Conversations)))
		p.null("category")
		p.end()
	}
	p.endArr()
	p.end()
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ticketParts writes the newest 500 parts, which searches include too.
func (p *printer) ticketParts(t *ticket) {
	const most = 500
	n := t.parts()
	from := max(0, n-most)
	p.obj("ticket_parts")
	p.str("type", "ticket_part.list")
	p.arr("ticket_parts")
	for i := from; i < n; i++ {
		p.ticketPart(t, i)
	}
	p.endArr()
	p.num("total_count", int64(n-from))
	p.end()
}

func (p *printer) ticketPart(t *ticket, i int) {
	s := t.s.at(1000 + i)
	x := ticketPart{at: t.created + (t.settled-t.created)*int64(i+1)/int64(t.partCount+1)}
	if i >= int(t.partCount) {
		x = t.extra[i-int(t.partCount)]
	} else {
		x.kind = []string{"ticket_state_updated_by_admin", "comment", "note", "ticket_attribute_updated_by_admin", "assignment"}[(int(t.ord)+i)%5]
		x.to, x.from = t.state, uint8(s.n(1, len(ticketStates)))
		if x.kind == "comment" || x.kind == "note" {
			x.body = p.body(s, false)
		}
	}
	p.obj("")
	p.str("type", "ticket_part")
	p.str("id", t.partID(i))
	p.str("part_type", x.kind)
	gone := slices.Contains(t.redacted, int32(i))
	switch {
	case gone:
		p.str("body", "<p><i>This message was deleted</i></p>")
	case x.body == "":
		p.null("body")
	default:
		p.text("body", x.body)
	}
	if x.kind == "ticket_state_updated_by_admin" {
		p.str("previous_ticket_state", ticketStates[x.from])
	}
	p.str("ticket_state", ticketStates[x.to])
	p.num("created_at", x.at)
	p.num("updated_at", x.at)
	if x.kind == "assignment" {
		p.reference("assigned_to", "admin", strconv.Itoa(adminBase))
	} else {
		p.null("assigned_to")
	}
	n := s.n(3, p.w.size.Admins)
	p.obj("author")
	p.str("type", "admin")
	p.str("id", strconv.Itoa(adminBase+n))
	p.str("name", p.w.adminName(n))
	p.str("email", adminEmail(n))
	p.end()
	p.attachments("attachments", s, btoi(x.kind == "comment" && i%2 == 1 && !gone))
	if i%3 == 0 {
		p.str("external_id", "tp-"+strconv.Itoa(i))
	} else {
		p.null("external_id")
	}
	p.flag("redacted", gone || s.n(4, 40) == 0)
	if p.v >= v213 && i%4 == 2 {
		p.str("app_package_code", "test-integration")
	}
	if p.v >= v214 {
		p.attributeUpdate(t, x.kind)
	}
	if p.v >= preview && p.translations && x.kind == "comment" {
		p.raw("translations", `{"original":"en","de":"<p>Hallo</p>"}`)
	}
	p.end()
}

func (p *printer) attributeUpdate(t *ticket, kind string) {
	if kind != "ticket_attribute_updated_by_admin" {
		p.null("updated_attribute_data")
		return
	}
	value := `{"type":"value","id":"123","label":"Severe"}`
	if t.ord%2 == 1 {
		value = `{"type":"value","id":[1,2],"label":["one","two"]}`
	}
	p.raw("updated_attribute_data", `{"attribute":{"type":"attribute","id":"222","label":"Severity"},"value":`+value+`}`)
}
