package connector

import (
	"cmp"
	"slices"
	"strconv"
)

// A ticketEvent is something that happened in the life of a conversation. The columns that all its events share are the
// conversation's.
type ticketEvent struct {
	what, mark string // of which its id is made; what happens once has no mark
	at         int64
	actorType  string
	actorID    string
	firstReply *int64  // how long it took
	rating     *rating // nil: it is about another thing
}

// eventRows writes the events of a conversation, in the order of their kinds.
func eventRows(w *rowWriter, c *conversation, _ *Config) {
	for _, e := range c.events() {
		w.text("event_id", c.id+":"+e.what+e.mark)
		w.text("conversation_id", c.id)
		w.time("conversation_updated_at", c.updatedAt)
		w.text("event", "support_ticket_"+e.what)
		w.count("timestamp", e.at)
		w.text("contact_id", c.contactID)
		w.text("contact_external_id", c.externalID)
		w.text("contact_email", c.email)
		w.text("company_id", c.company.id)
		w.text("channel", c.channel)
		w.text("actor_type", e.actorType)
		w.text("actor_id", e.actorID)
		w.number("seconds_since_opened", between(c.source.at, e.at))
		w.number("time_to_first_reply_seconds", e.firstReply)
		r := cmp.Or(e.rating, &rating{})
		w.number("rating", r.stars)
		w.text("rating_remark", r.remark)
		w.end()
	}
}

func (c *conversation) events() []ticketEvent {
	all := make([]ticketEvent, 0, 8)
	if created := c.createdAt(); created != 0 {
		all = append(all, c.source.event("opened", "", created))
	}
	if wait := c.timeToFirstReply(); wait != nil {
		e := c.firstReply().event("first_reply", "", c.firstReplyAt())
		e.firstReply = wait
		all = append(all, e)
	}
	closes := c.distinct(closing)
	for _, m := range closes {
		all = append(all, m.event("closed", stamp(m.at), m.at))
	}
	if at := c.statistics.lastCloseAt; at > 0 && len(closes) == 0 {
		all = append(all, ticketEvent{what: "closed", mark: stamp(at), at: at, actorID: c.statistics.lastClosedBy})
	}
	for _, m := range c.distinct(reopening) {
		all = append(all, m.event("reopened", stamp(m.at), m.at))
	}
	if r := &c.rating; r.stars != nil && (r.at != 0 || r.requestedAt != 0) {
		e := ticketEvent{what: "rated", at: r.at, actorType: "contact", actorID: r.by, rating: r}
		if e.at == 0 {
			e.at = r.requestedAt
		}
		if r.requestedAt != 0 { // a rating that is changed is still the same
			e.mark = stamp(r.requestedAt)
		}
		all = append(all, e)
	}
	return all
}

func stamp(at int64) string { return ":" + strconv.FormatInt(at, 10) }

// event is what the message's author did; the message may be nil.
func (m *message) event(what, mark string, at int64) ticketEvent {
	e := ticketEvent{what: what, mark: mark, at: at}
	if m != nil {
		e.actorType, e.actorID = m.kindOfAuthor(), m.author.id
	}
	return e
}

func (c *conversation) contactExternalID() string {
	external := ""
	for i := range c.contacts {
		if c.contacts[i].id == c.contactID {
			external = c.contacts[i].external
		}
	}
	return external
}

// firstReply is the message of firstReplyAt, nil where only Intercom's statistics tell of it.
func (c *conversation) firstReply() *message {
	if !c.complete() {
		return nil
	}
	at := c.firstReplyAt()
	for m := range c.said() {
		if m.role == adminRole && m.at == at {
			return m
		}
	}
	return nil
}

// distinct are the dated parts of these types, the first one of each second, in the order of the thread.
func (c *conversation) distinct(kinds []string) []*message {
	var all []*message
	for i := range c.parts {
		m := &c.parts[i]
		if m.at > 0 && slices.Contains(kinds, m.kind) && !slices.ContainsFunc(all, func(other *message) bool { return other.at == m.at }) {
			all = append(all, m)
		}
	}
	return all
}
