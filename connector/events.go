package connector

import (
	"slices"
	"strconv"
)

// A ticketEvent is a row of ticket_events: something that happened in the life of a conversation.
type ticketEvent struct {
	EventID               string  `json:"event_id"`
	ConversationID        string  `json:"conversation_id"`
	ConversationUpdatedAt *int64  `json:"conversation_updated_at"`
	Event                 string  `json:"event"`
	Timestamp             int64   `json:"timestamp"`
	ContactID             *string `json:"contact_id"`
	ContactExternalID     *string `json:"contact_external_id"`
	ContactEmail          *string `json:"contact_email"`
	CompanyID             *string `json:"company_id"`
	Channel               *string `json:"channel"`
	ActorType             *string `json:"actor_type"`
	ActorID               *string `json:"actor_id"`
	SecondsSinceOpened    *int64  `json:"seconds_since_opened"`
	TimeToFirstReply      *int64  `json:"time_to_first_reply_seconds"`
	Rating                *int64  `json:"rating"`
	RatingRemark          *string `json:"rating_remark"`
}

// eventRows are the events of a conversation, in the order of their kinds. What happens once has an id without a time.
func eventRows(c *conversation, _ *Config) []any {
	var rows []any
	every := c.event()
	add := func(what, mark string, at int64, by *message) *ticketEvent {
		e := known(every)
		e.EventID, e.Event, e.Timestamp = c.id+":"+what+mark, "support_ticket_"+what, at
		e.SecondsSinceOpened = between(c.source.at, at)
		if by != nil {
			e.ActorType, e.ActorID = known(by.kindOfAuthor()), idOf(by.author.Get("id"))
		}
		rows = append(rows, e)
		return e
	}
	if created := c.createdAt(); created != nil {
		add("opened", "", *created, &c.source)
	}
	if wait := c.timeToFirstReply(); wait != nil {
		add("first_reply", "", c.firstReplyAt(), c.firstReply()).TimeToFirstReply = wait
	}
	closes := c.distinct("close")
	for _, m := range closes {
		add("closed", stamp(m.at), m.at, m)
	}
	if at := secondsOf(c.statistics.Get("last_close_at")); at > 0 && len(closes) == 0 {
		e := add("closed", stamp(at), at, nil)
		e.ActorID = idOf(c.statistics.Get("last_closed_by_id"))
	}
	for _, m := range c.distinct("open", "assign_and_reopen") {
		add("reopened", stamp(m.at), m.at, m)
	}
	n := &normalizedConversation{}
	if c.rate(n); n.Rating != nil {
		if at := firstOf(n.RatedAt, n.RatingRequestedAt); at != nil {
			mark := ""
			if n.RatingRequestedAt != nil { // a rating that is changed is still the same
				mark = stamp(*n.RatingRequestedAt)
			}
			e := add("rated", mark, *at, nil)
			e.Rating, e.RatingRemark = n.Rating, n.RatingRemark
			e.ActorType, e.ActorID = known("contact"), idOf(c.get("conversation_rating.contact.id"))
		}
	}
	return rows
}

func stamp(at int64) string { return ":" + strconv.FormatInt(at, 10) }

func firstOf(times ...*int64) *int64 {
	for _, at := range times {
		if at != nil {
			return at
		}
	}
	return nil
}

// event is what all events of the conversation have.
func (c *conversation) event() ticketEvent {
	e := ticketEvent{ConversationID: c.id, ConversationUpdatedAt: orNone(secondsOf(c.get("updated_at"))),
		ContactID: c.contactID(), ContactEmail: c.contactEmail(), Channel: textOf(c.get("source.type"))}
	e.CompanyID, _, _ = c.company()
	if e.ContactID != nil {
		for _, contact := range c.contacts {
			if id := idOf(contact.Get("id")); id != nil && *id == *e.ContactID {
				e.ContactExternalID = textOf(contact.Get("external_id"))
			}
		}
	}
	return e
}

// firstReply is the message of firstReplyAt, nil where only Intercom's statistics tell of it.
func (c *conversation) firstReply() *message {
	if !c.complete() {
		return nil
	}
	at := c.firstReplyAt()
	for _, m := range c.said {
		if m.role == adminRole && m.at == at {
			return m
		}
	}
	return nil
}

// distinct are the dated parts of these types, the first one of each second, in the order of the thread.
func (c *conversation) distinct(kinds ...string) []*message {
	var all []*message
	met := map[int64]bool{}
	for i := range c.parts {
		m := &c.parts[i]
		if m.at > 0 && slices.Contains(kinds, m.kind) && !met[m.at] {
			met[m.at] = true
			all = append(all, m)
		}
	}
	return all
}
