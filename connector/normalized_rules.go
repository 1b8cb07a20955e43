package connector

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// contactIDs are the conversation's contacts, in the order of the API.
func (c *conversation) contactIDs() []string {
	ids := []string{}
	for _, contact := range c.contacts {
		if id := idOf(contact.Get("id")); id != nil {
			ids = append(ids, *id)
		}
	}
	return ids
}

// contactID is who began the conversation, if that is one of its contacts, else the first of them.
func (c *conversation) contactID() *string {
	ids := c.contactIDs()
	if author := c.source.author.Get("id").String(); c.source.role == contactRole && slices.Contains(ids, author) {
		return &author
	}
	if len(ids) == 0 {
		return nil
	}
	return &ids[0]
}

// contactEmail is the address that the contact of contactID writes from, by the source or any part. Nobody else's.
func (c *conversation) contactEmail() *string {
	id := c.contactID()
	if id == nil {
		return nil
	}
	of := func(m *message) string {
		if m.role != contactRole || m.author.Get("id").String() != *id {
			return ""
		}
		return strings.ToLower(strings.TrimSpace(m.author.Get("email").String()))
	}
	if email := of(&c.source); email != "" {
		return &email
	}
	for i := range c.parts {
		if email := of(&c.parts[i]); email != "" {
			return &email
		}
	}
	return nil
}

// company is the one that Intercom gives the conversation, since 2.15. The companies of its contacts are in
// contact_companies, and may be others by now.
func (c *conversation) company() (id, external, source *string) {
	if id = idOf(c.get("company.id")); id == nil {
		return nil, nil, nil
	}
	return id, textOf(c.get("company.company_id")), known("conversation")
}

func (c *conversation) createdAt() *int64 { return orNone(secondsOf(c.get("created_at"))) }

// closedAt is when a conversation that is closed now was closed last.
func (c *conversation) closedAt() *int64 {
	if state := c.state(); state == nil || *state != "closed" {
		return nil
	}
	return c.lastClosedAt()
}

// lastClosedAt is Intercom's own time, else that of the youngest part that closed the conversation.
func (c *conversation) lastClosedAt() *int64 {
	if at := secondsOf(c.statistics.Get("last_close_at")); at > 0 {
		return &at
	}
	if closes := c.closes(); len(closes) > 0 {
		return known(slices.Max(closes))
	}
	return nil
}

// firstClosedAt is the same of the first close; the part that tells of it is among the oldest.
func (c *conversation) firstClosedAt() *int64 {
	if at := secondsOf(c.statistics.Get("first_close_at")); at > 0 {
		return &at
	}
	if closes := c.closes(); len(closes) > 0 && c.complete() {
		return known(slices.Min(closes))
	}
	return nil
}

func (c *conversation) reopenCount() *int64 {
	if n := numberOf(c.statistics.Get("count_reopens")); n != nil {
		return n
	}
	if !c.complete() {
		return nil
	}
	return known(int64(len(c.reopenings())))
}

// state is as given; versions that had none said whether the conversation is open.
func (c *conversation) state() *string {
	if state := textOf(c.get("state")); state != nil {
		return state
	}
	open := flagOf(c.get("open"))
	switch {
	case open == nil:
		return nil
	case *open:
		return known("open")
	case secondsOf(c.get("snoozed_until")) > c.answered:
		return known("snoozed")
	}
	return known("closed")
}

// tags are the conversation's own, in the order in which they were applied.
func (c *conversation) tags() (names, ids []string) {
	names, ids = []string{}, []string{}
	list := c.get("tags.tags").Array()
	slices.SortStableFunc(list, func(a, b gjson.Result) int {
		return cmp.Compare(secondsOf(a.Get("applied_at")), secondsOf(b.Get("applied_at")))
	})
	for _, tag := range list {
		if name := textOf(tag.Get("name")); name != nil && !slices.Contains(names, *name) {
			names = append(names, *name)
		}
		if id := idOf(tag.Get("id")); id != nil && !slices.Contains(ids, *id) {
			ids = append(ids, *id)
		}
	}
	return names, ids
}

// rate fills in what customers say: of teammates, and apart from that of the AI agent. A rating that was asked for and not
// given is none, though it has a time: that of the request.
func (c *conversation) rate(n *normalizedConversation) {
	rating := c.get("conversation_rating")
	n.RatingRequestedAt = orNone(secondsOf(rating.Get("created_at")))
	if n.Rating = numberOf(rating.Get("rating")); n.Rating != nil {
		n.RatingRemark = textOf(rating.Get("remark"))
		n.RatedAt = orNone(secondsOf(rating.Get("updated_at")))
	}
	if rating.Get("teammate.type").Str != "workflow" {
		n.RatingTeammateID = idOf(rating.Get("teammate.id"))
	}
	if agent := c.get("ai_agent"); numberOf(agent.Get("rating")) != nil {
		n.AIRating, n.AIRatingRemark = numberOf(agent.Get("rating")), textOf(agent.Get("rating_remark"))
	}
}

// count counts what was said, the source included, by whom, and the notes.
func (c *conversation) count(n *normalizedConversation) {
	said := slices.Clone(c.said)
	if c.source.says() {
		said = append(said, &c.source)
	}
	for _, m := range said {
		n.MessageCount++
		switch m.role {
		case contactRole:
			n.ContactMessageCount++
		case adminRole:
			n.AdminMessageCount++
		case botRole:
			n.BotMessageCount++
		}
	}
	for i := range c.parts {
		if c.parts[i].note() {
			n.NoteCount++
		}
	}
}

// asked is when a contact first wanted an answer: at the beginning, or, in a conversation that we began, with the first
// message of a contact. 0: nobody knows.
func (c *conversation) asked() int64 {
	switch {
	case c.source.role == contactRole:
		return c.source.at
	case !c.source.author.IsObject():
		return 0
	case !c.complete():
		return secondsOf(c.statistics.Get("first_contact_reply_at"))
	}
	return c.earliest(contactRole, 0)
}

// firstReplyAt is when a human answered first. Where parts are missing, the oldest are: then only Intercom knows.
func (c *conversation) firstReplyAt() int64 {
	if !c.complete() {
		return secondsOf(c.statistics.Get("first_admin_reply_at"))
	}
	return c.earliest(adminRole, c.asked())
}

// timeToFirstReply is by the clock on the wall, nights and week-ends included.
func (c *conversation) timeToFirstReply() *int64 { return between(c.asked(), c.firstReplyAt()) }

func (c *conversation) timeToFirstBotReply() *int64 {
	if !c.complete() {
		return nil
	}
	return between(c.asked(), c.earliest(botRole, c.asked()))
}

// between is how many seconds lie between two times, of which 0 stands for unknown.
func between(from, to int64) *int64 {
	if from == 0 || to == 0 {
		return nil
	}
	return known(max(0, to-from))
}

// timeToResolution is by the clock on the wall, from the beginning to the close that holds.
func (c *conversation) timeToResolution() *int64 {
	created, closed := c.createdAt(), c.closedAt()
	if created == nil || closed == nil {
		return nil
	}
	return between(*created, *closed)
}

// timeToResolutionInOfficeHours is Intercom's figure for the same.
func (c *conversation) timeToResolutionInOfficeHours() *int64 {
	if c.closedAt() == nil {
		return nil
	}
	return numberOf(c.statistics.Get("time_to_last_close"))
}

// firstMessageBody is the text of the source; of one without text, that of the first message of a contact.
func (c *conversation) firstMessageBody() *string {
	if c.source.redacted || c.source.spoken {
		return orNone(c.source.text())
	}
	if !c.complete() {
		return nil
	}
	for _, m := range c.said {
		if m.role == contactRole {
			return orNone(m.text())
		}
	}
	return nil
}

// quality names what the row's figures suffer from.
func (c *conversation) quality() []string {
	flags := []string{}
	if state := c.state(); state != nil && *state == "closed" && c.closedAt() == nil {
		flags = append(flags, "closed_at_unknown")
	}
	if !c.complete() {
		flags = append(flags, "parts_truncated")
		if c.timeToFirstReply() != nil {
			flags = append(flags, "first_reply_from_statistics")
		}
	}
	return flags
}
