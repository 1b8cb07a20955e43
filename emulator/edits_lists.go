package emulator

import (
	"math/rand/v2"
	"slices"
	"strconv"
)

// shelf panics on a kind that does not exist.
func (w *World) shelf(kind string) *shelf {
	sh := w.shelves[kind]
	if sh == nil {
		panic("emulator: no such kind of object: " + kind)
	}
	return sh
}

func (sh *shelf) must(id string) *item {
	x := sh.find(id)
	if x == nil {
		panic("emulator: no such object: " + id)
	}
	return x
}

// NewObject adds an object that comes from a plain list, and returns its id. The kinds are called like the streams: articles,
// internal_articles, collections, help_centers, help_center_redirects, content_snippets, audiences, macros, external_pages,
// content_import_sources, news_items, newsfeeds, brands, emails, office_hours_schedules, office_hours_exceptions, calls,
// data_connectors, data_connector_executions, custom_objects_order, custom_objects_device, conversation_attributes,
// subscription_types, away_status_reasons, ticket_types and ticket_states. Those that belong to an object get one that exists
// by the time, in turn. NewObject panics on another kind.
func (w *World) NewObject(kind string) string {
	sh := w.shelf(kind)
	x := new(item)
	w.addItem(sh, x, max(len(sh.items), 1))
	x.created = w.unix()
	x.updated, x.settled = x.created, x.created
	return x.id()
}

// UpdateObject changes a text of an object that NewObject could have made. It panics on one that does not exist.
func (w *World) UpdateObject(kind, id string) {
	x := w.shelf(kind).must(id)
	x.updated = max(x.created, w.unix())
	x.edits = append(x.edits, x.updated)
}

// DeleteObject removes such an object, and nothing that belongs to it or refers to it.
func (w *World) DeleteObject(kind, id string) {
	sh := w.shelf(kind)
	x := sh.must(id)
	sh.items = slices.DeleteFunc(sh.items, func(y *item) bool { return y == x })
}

// NewCall adds a phone call to a conversation and returns its id. The conversation's updated_at moves.
func (w *World) NewCall(conversationID string) string {
	id := w.NewObject("calls")
	w.changeConversation(conversationID, func(c *conversation) {
		w.shelf("calls").must(id).parent = c.ord
		c.addPart("call_summary", "", 0)
	})
	return id
}

// changeMore changes what edits keep of a contact, whose updated_at moves.
func (w *World) changeMore(contactID string, f func(c *contact, more *contactMore)) {
	w.changeContact(contactID, func(c *contact) {
		var more contactMore
		if c.more != nil {
			more = contactMore{slices.Clone(c.more.notes), slices.Clone(c.more.changed), slices.Clone(c.more.gone), slices.Clone(c.more.events)}
		}
		f(c, &more)
		c.more = &more
	})
}

// AddNote writes a note about a contact and returns its id.
func (w *World) AddNote(contactID string) (id string) {
	w.changeMore(contactID, func(c *contact, more *contactMore) {
		id = c.noteID(int32(c.bornNotes() + len(more.notes)))
		more.notes = append(more.notes, c.updated)
	})
	return id
}

// EditNote changes the text of a note.
func (w *World) EditNote(contactID, id string) {
	w.changeMore(contactID, func(c *contact, more *contactMore) { more.changed = append(more.changed, c.mustNote(id)) })
}

// DeleteNote removes a note.
func (w *World) DeleteNote(contactID, id string) {
	w.changeMore(contactID, func(c *contact, more *contactMore) { more.gone = append(more.gone, c.mustNote(id)) })
}

func (c *contact) mustNote(id string) int32 {
	for _, place := range c.notes() {
		if c.noteID(place) == id {
			return place
		}
	}
	panic("emulator: no such note: " + id)
}

// AddEvent lets a contact do something now. The contact's updated_at moves.
func (w *World) AddEvent(contactID, name string) {
	w.changeMore(contactID, func(c *contact, more *contactMore) { more.events = append(more.events, addedEvent{name, c.updated}) })
}

// AddTicketPart adds a comment to a ticket and returns its id.
func (w *World) AddTicketPart(ticketID string) (id string) {
	w.changeTicket(ticketID, func(t *ticket) {
		id = t.partID(t.parts())
		t.extra = append(t.extra, ticketPart{kind: "comment", at: t.updated, from: t.state, to: t.state, body: pick(t.s, 2000+len(t.extra), bodies)})
	})
	return id
}

// RedactTicketPart blanks a part, as Intercom does for those that are deleted. The ticket's updated_at moves.
func (w *World) RedactTicketPart(ticketID, id string) {
	w.changeTicket(ticketID, func(t *ticket) {
		for i := range t.parts() {
			if t.partID(i) == id {
				t.redacted = append(slices.Clone(t.redacted), int32(i))
				return
			}
		}
		panic("emulator: no such part: " + id)
	})
}

// RandomReferenceEdit makes one random edit of what comes from lists, of a contact's notes and events or of a ticket's parts,
// and names it. It keeps to objects that exist, and types and states of tickets stay as they are.
func (w *World) RandomReferenceEdit(rng *rand.Rand) string {
	person := randomID(rng, w.contacts, (*contact).id)
	job := randomID(rng, w.tickets, (*ticket).id)
	talk := randomID(rng, w.conversations, (*conversation).id)
	one := rng.IntN(1 << 16)
	switch n := rng.IntN(12); {
	case n == 0 && person != "":
		w.AddNote(person)
		return "add note"
	case n == 1 && person != "" && len(w.contact(person).notes()) > 0:
		c := w.contact(person)
		note := c.noteID(c.notes()[one%len(c.notes())])
		if one%2 == 0 {
			w.EditNote(person, note)
			return "edit note"
		}
		w.DeleteNote(person, note)
		return "delete note"
	case n == 2 && person != "":
		w.AddEvent(person, eventNames[one%len(eventNames)])
		return "add event"
	case n == 3 && job != "":
		w.AddTicketPart(job)
		return "add ticket part"
	case n == 4 && job != "" && w.ticket(job).parts() > 0:
		t := w.ticket(job)
		w.RedactTicketPart(job, t.partID(one%t.parts()))
		return "redact ticket part"
	case n == 5 && talk != "":
		w.NewCall(talk)
		return "new call"
	}
	kind := kinds[one%len(kinds)].name
	for kind == "ticket_types" || kind == "ticket_states" {
		one++
		kind = kinds[one%len(kinds)].name
	}
	sh := w.shelf(kind)
	switch n := rng.IntN(4); {
	case n == 0 || len(sh.items) == 0:
		w.NewObject(kind)
		return "new " + kind
	case n == 1 && len(sh.items) > 2: // something is to be left
		w.DeleteObject(kind, sh.items[1+one%(len(sh.items)-1)].id())
		return "delete " + kind
	default:
		w.UpdateObject(kind, sh.items[one%len(sh.items)].id())
		return "update " + kind
	}
}

func (t *ticket) parts() int { return int(t.partCount) + len(t.extra) }

func (t *ticket) partID(i int) string {
	return strconv.Itoa(ticketPartBase + int(t.ord)*partsRoom + i)
}
