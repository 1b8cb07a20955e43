package emulator

import (
	"math/rand/v2"
	"slices"
)

// must panics on an id that does not exist: edits come from tests and demos, where that is a mistake of theirs.
func must[R row](t *table[R], ord int32, id string) R {
	var none R
	r := t.get(ord)
	if r == none {
		panic("emulator: no such object: " + id)
	}
	return r
}

func (w *World) conversation(id string) *conversation {
	return must(w.conversations, fromNumericID(conversationBase, id), id)
}

func (w *World) contact(id string) *contact {
	return must(w.contacts, fromHexID(contactPrefix, id), id)
}

func (w *World) company(id string) *company {
	return must(w.companies, fromHexID(companyPrefix, id), id)
}

func (w *World) ticket(id string) *ticket {
	return must(w.tickets, fromNumericID(ticketBase, id), id)
}

// changeConversation replaces a conversation by an edited copy.
func (w *World) changeConversation(id string, f func(*conversation)) {
	c := *w.conversation(id)
	c.updated = max(c.created, w.unix())
	f(&c)
	w.conversations.put(c.ord, &c, w.now())
}

// addPart appends a part; the array may be shared with older versions, which end before it.
func (c *conversation) addPart(kind, body string, to int16) {
	c.extra = append(c.extra, part{kind: kind, at: c.updated, body: body, to: to})
}

// NewConversation starts a conversation with one comment in it and returns its id.
func (w *World) NewConversation() string {
	c := w.newConversation(len(w.conversations.live), max(w.size.Conversations, 1))
	c.created = w.unix()
	c.updated, c.settled, c.partCount, c.state = c.created, c.created, 0, stateOpen
	c.addPart("comment", "<p>A new question</p>", 0)
	w.conversations.put(c.ord, &c, w.now())
	return c.id()
}

// Reply adds a comment to a conversation and opens it.
func (w *World) Reply(id string) {
	w.changeConversation(id, func(c *conversation) {
		c.state, c.read = stateOpen, false
		c.addPart("comment", pick(c.s, 2000+len(c.extra), bodies), 0)
	})
}

// Close closes a conversation.
func (w *World) Close(id string) {
	w.changeConversation(id, func(c *conversation) {
		c.state = stateClosed
		c.addPart("close", "", 0)
	})
}

// Reopen opens a conversation.
func (w *World) Reopen(id string) {
	w.changeConversation(id, func(c *conversation) {
		c.state = stateOpen
		c.addPart("open", "", 0)
	})
}

// Assign gives a conversation to the next admin.
func (w *World) Assign(id string) {
	w.changeConversation(id, func(c *conversation) {
		c.admin = int16(int(c.admin)%w.size.Admins + 1)
		c.addPart("assignment", "", c.admin)
	})
}

// TagConversation adds a tag to a conversation, unless it has them all. It panics where the workspace has no tag.
func (w *World) TagConversation(id string) {
	w.changeConversation(id, func(c *conversation) {
		for i := range len(w.tags) {
			n := int32((int(c.ord) + len(c.tags) + 3 + i) % len(w.tags))
			if !slices.ContainsFunc(w.tagsOf(c), func(t tagging) bool { return t.ord == n }) {
				c.tags = append(c.tags, tagging{n, c.updated})
				return
			}
		}
	})
}

// DeleteConversation removes a conversation for good; only the feed of deleted conversations still names it.
func (w *World) DeleteConversation(id string) {
	c := w.conversation(id)
	w.conversations.put(c.ord, nil, w.now())
	w.deleted = append(w.deleted, deletion{c.ord, w.unix()})
}

// RedactPart blanks a part, which moves the conversation's updated_at.
func (w *World) RedactPart(conversationID, id string) {
	w.changeConversation(conversationID, func(c *conversation) {
		n := int(fromNumericID(partBase+int64(c.ord)*partsRoom, id))
		if n < 0 || n >= c.parts() {
			panic("emulator: no such part: " + id)
		}
		c.redacted = append(slices.Clone(c.redacted), int32(n))
	})
}

// BulkTag stamps the n oldest conversations with one second, as bulk actions in the inbox do, and returns their ids.
func (w *World) BulkTag(n int) []string {
	var ids []string
	now := w.unix()
	for _, c := range w.conversations.live {
		if len(ids) >= n {
			break
		}
		if c == nil {
			continue
		}
		ids = append(ids, c.id())
		w.changeConversation(c.id(), func(c *conversation) {
			c.updated = max(now, c.created)
			c.stamped++
		})
	}
	return ids
}

func (w *World) changeContact(id string, f func(*contact)) {
	c := *w.contact(id)
	c.updated = max(c.created, w.unix())
	f(&c)
	w.contacts.put(c.ord, &c, w.now())
}

// NewContact adds a contact and returns its id.
func (w *World) NewContact() string {
	c := w.newContact(len(w.contacts.live), max(w.size.Contacts, 1))
	c.created = w.unix()
	c.updated, c.settled = c.created, c.created
	w.contacts.put(c.ord, &c, w.now())
	w.happened(contactCreated, c.ord, 0)
	return c.id()
}

// UpdateContact changes a contact's name and one of its custom attributes.
func (w *World) UpdateContact(id string) { w.changeContact(id, func(c *contact) { c.revision++ }) }

// DeleteContact removes a contact. Conversations and tickets keep naming it.
func (w *World) DeleteContact(id string) {
	c := w.contact(id)
	w.contacts.put(c.ord, nil, w.now())
	w.happened(contactDeleted, c.ord, 0)
}

// MergeContacts removes the first contact in favour of the second, whose updated_at moves. Conversations keep naming the
// first.
func (w *World) MergeContacts(from, into string) {
	source := w.contact(from)
	if from == into {
		panic("emulator: a contact cannot be merged into itself")
	}
	w.changeContact(into, func(c *contact) {
		c.merges = append(c.merges, merge{source.ord, source.lead, c.updated})
		w.merged[source.ord] = c.ord
		w.happened(contactMerged, c.ord, source.ord)
	})
	w.contacts.put(source.ord, nil, w.now())
}

func (w *World) changeCompany(id string, f func(*company)) {
	c := *w.company(id)
	c.updated = max(c.created, w.unix())
	f(&c)
	w.companies.put(c.ord, &c, w.now())
}

// NewCompany adds a company that has users and returns its id.
func (w *World) NewCompany() string {
	c := w.newCompany(len(w.companies.live), max(w.size.Companies, 1))
	c.created = w.unix()
	c.updated, c.users = c.created, max(c.users, 1)
	w.companies.put(c.ord, &c, w.now())
	return c.id()
}

// UpdateCompany changes a company's name, spend and one of its custom attributes.
func (w *World) UpdateCompany(id string) { w.changeCompany(id, func(c *company) { c.revision++ }) }

// DeleteCompany removes a company.
func (w *World) DeleteCompany(id string) { w.companies.put(w.company(id).ord, nil, w.now()) }

// AddCompanySegment lets a company join a segment. It panics on a segment that does not exist.
func (w *World) AddCompanySegment(id, segmentID string) {
	n := slices.IndexFunc(w.segments, func(s *segment) bool { return s.id() == segmentID })
	if n < 0 {
		panic("emulator: no such segment: " + segmentID)
	}
	w.changeCompany(id, func(c *company) { c.segments = append(slices.Clone(c.segments), int32(n)) })
}

// GiveUsers sets a company's number of users, without moving its updated_at: that is how a company which nobody belonged
// to comes to light at Intercom.
func (w *World) GiveUsers(id string, users int) {
	c := *w.company(id)
	c.users = int32(users)
	w.companies.put(c.ord, &c, w.now())
}

func (w *World) changeTicket(id string, f func(*ticket)) {
	t := *w.ticket(id)
	t.updated = max(t.created, w.unix())
	f(&t)
	w.tickets.put(t.ord, &t, w.now())
}

// NewTicket adds a ticket and returns its id.
func (w *World) NewTicket() string {
	t := w.newTicket(len(w.tickets.live), max(w.size.Tickets, 1))
	t.created = w.unix()
	t.updated, t.settled, t.state = t.created, t.created, 0
	w.tickets.put(t.ord, &t, w.now())
	return t.id()
}

// UpdateTicket moves a ticket to its next state, which adds a part, and changes an attribute.
func (w *World) UpdateTicket(id string) {
	w.changeTicket(id, func(t *ticket) {
		next := (t.state + 1) % uint8(len(ticketStates))
		t.extra = append(t.extra, ticketPart{kind: "ticket_state_updated_by_admin", at: t.updated, from: t.state, to: next})
		t.state = next
		t.revision++
	})
}

// DeleteTicket removes a ticket.
func (w *World) DeleteTicket(id string) { w.tickets.put(w.ticket(id).ord, nil, w.now()) }

// NewActivityLog adds an entry to the admins' audit trail and returns its id.
func (w *World) NewActivityLog() string {
	n := len(w.logs)
	l := &activityLog{ord: int32(n), s: w.seed.at(ofLog).at(n), created: w.unix()}
	for n > 0 && w.logs[n-1].created > l.created { // only when the clock was set back
		n--
	}
	w.logs = slices.Insert(w.logs, n, l)
	return l.id()
}

// NewTag adds a tag that nothing carries yet and returns its id.
func (w *World) NewTag() string {
	t := &tag{ord: len(w.tags), name: baseTagName(int32(len(w.tags)))}
	w.tags = append(w.tags, t)
	return t.id()
}

// SetUpdatedAt sets updated_at and changes nothing else. The kinds are "companies", "contacts", "conversations", "tickets" and
// those that NewObject knows; it panics on another one.
func (w *World) SetUpdatedAt(kind, id string, unixSeconds int64) {
	switch kind {
	case "companies":
		w.changeCompany(id, func(c *company) { c.updated = unixSeconds })
	case "contacts":
		w.changeContact(id, func(c *contact) { c.updated = unixSeconds })
	case "conversations":
		w.changeConversation(id, func(c *conversation) { c.updated = unixSeconds })
	case "tickets":
		w.changeTicket(id, func(t *ticket) { t.updated = unixSeconds })
	default:
		w.shelf(kind).must(id).updated = unixSeconds
	}
}

// RandomEdit makes one random edit of any kind that moves updated_at or adds or removes an object, and names it. An
// edit that finds no object to change adds one instead.
func (w *World) RandomEdit(rng *rand.Rand) string {
	talk := randomID(rng, w.conversations, (*conversation).id)
	person, other := randomID(rng, w.contacts, (*contact).id), randomID(rng, w.contacts, (*contact).id)
	firm := randomID(rng, w.companies, (*company).id)
	job := randomID(rng, w.tickets, (*ticket).id)
	edits := []struct {
		name string
		can  bool
		run  func()
	}{
		{"new conversation", true, func() { w.NewConversation() }},
		{"reply", talk != "", func() { w.Reply(talk) }},
		{"close", talk != "", func() { w.Close(talk) }},
		{"reopen", talk != "", func() { w.Reopen(talk) }},
		{"assign", talk != "", func() { w.Assign(talk) }},
		{"tag conversation", talk != "" && len(w.tags) > 0, func() { w.TagConversation(talk) }},
		{"delete conversation", talk != "", func() { w.DeleteConversation(talk) }},
		{"redact part", talk != "" && w.conversation(talk).parts() > 0, func() {
			c := w.conversation(talk)
			w.RedactPart(talk, partID(c, c.parts()-1))
		}},
		{"bulk tag", true, func() { w.BulkTag(1 + rng.IntN(20)) }},
		{"new contact", true, func() { w.NewContact() }},
		{"update contact", person != "", func() { w.UpdateContact(person) }},
		{"delete contact", person != "", func() { w.DeleteContact(person) }},
		{"merge contacts", person != "" && other != "" && person != other, func() { w.MergeContacts(person, other) }},
		{"new company", true, func() { w.NewCompany() }},
		{"update company", firm != "", func() { w.UpdateCompany(firm) }},
		{"delete company", firm != "", func() { w.DeleteCompany(firm) }},
		{"add company segment", firm != "" && len(w.segments) > 0, func() {
			w.AddCompanySegment(firm, w.segments[rng.IntN(len(w.segments))].id())
		}},
		{"new ticket", true, func() { w.NewTicket() }},
		{"update ticket", job != "", func() { w.UpdateTicket(job) }},
		{"delete ticket", job != "", func() { w.DeleteTicket(job) }},
		{"new activity log", true, func() { w.NewActivityLog() }},
		{"new tag", true, func() { w.NewTag() }},
	}
	for {
		if e := edits[rng.IntN(len(edits))]; e.can {
			e.run()
			return e.name
		}
	}
}

// randomID picks a live row, or "" when a few draws find none.
func randomID[R row](rng *rand.Rand, t *table[R], id func(R) string) string {
	var none R
	for range 20 {
		if n := len(t.live); n > 0 {
			if r := t.live[rng.IntN(n)]; r != none {
				return id(r)
			}
		}
	}
	return ""
}
