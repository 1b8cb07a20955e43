package connector

import (
	"cmp"
	"slices"
	"strings"

	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// contact is who began the conversation, if that is one of its contacts, else the first of them.
func (c *conversation) contact() string {
	author := c.source.author.id
	if c.source.role == contactRole && slices.ContainsFunc(c.contacts, func(r contactReference) bool { return r.id == author }) {
		return author
	}
	if len(c.contacts) == 0 {
		return ""
	}
	return c.contacts[0].id
}

// contactEmail is the address that the contact of contactID writes from, by the source or any part. Nobody else's.
func (c *conversation) contactEmail() string {
	if c.contactID == "" {
		return ""
	}
	of := func(m *message) string {
		if m.role != contactRole || m.author.id != c.contactID {
			return ""
		}
		return strings.ToLower(strings.TrimSpace(m.author.email))
	}
	email := of(&c.source)
	for i := range c.parts {
		if email != "" {
			break
		}
		email = of(&c.parts[i])
	}
	return email
}

// givenCompany is the one that Intercom gives the conversation, since 2.15. The companies of its contacts are in
// contact_companies, and may be others by now.
func givenCompany(object string) company {
	c := company{source: "conversation"}
	for name, v := range protocol.Members(object) {
		switch name {
		case "id":
			c.id = idIn(v)
		case "company_id":
			c.external = textIn(v)
		}
	}
	if c.id == "" {
		return company{}
	}
	return c
}

// lack is what the conversation does not tell of its contact.
func (c *conversation) lack() lack {
	l := lack{contact: c.contactID, email: c.email == "", company: c.company.id == ""}
	if l.contact == "" || !l.email && !l.company {
		return lack{}
	}
	return l
}

func (c *conversation) createdAt() int64 { return c.source.at }

// closedAt is when a conversation that is closed now was closed last.
func (c *conversation) closedAt() int64 {
	if c.state() != "closed" {
		return 0
	}
	return c.lastClosedAt()
}

// lastClosedAt is Intercom's own time, else that of the youngest part that closed the conversation.
func (c *conversation) lastClosedAt() int64 {
	last := c.statistics.lastCloseAt
	if last == 0 {
		for at := range c.times(closing) {
			last = max(last, at)
		}
	}
	return last
}

// firstClosedAt is the same of the first close; the part that tells of it is among the oldest.
func (c *conversation) firstClosedAt() int64 {
	first := c.statistics.firstCloseAt
	if first == 0 && c.complete() {
		for at := range c.times(closing) {
			if first == 0 || at < first {
				first = at
			}
		}
	}
	return first
}

func (c *conversation) reopenCount() *int64 {
	if n := c.statistics.reopens; n != nil || !c.complete() {
		return n
	}
	n := int64(0)
	for range c.times(reopening) {
		n++
	}
	return &n
}

// state is as given; versions that had none said whether the conversation is open.
func (c *conversation) state() string {
	switch {
	case c.givenState != "":
		return c.givenState
	case c.open == nil:
		return ""
	case *c.open:
		return "open"
	case c.snoozedUntil > c.answered:
		return "snoozed"
	}
	return "closed"
}

// tagColumns are the conversation's own, in the order in which they were applied.
func (c *conversation) tagColumns() (names, ids []string) {
	type tag struct {
		name, id string
		applied  int64
	}
	var list []tag
	for _, object := range gjson.Get(c.tags, "tags").Array() {
		var t tag
		for name, v := range protocol.Members(object.Raw) {
			switch name {
			case "name":
				t.name = textIn(v)
			case "id":
				t.id = idIn(v)
			case "applied_at":
				t.applied = secondsIn(v)
			}
		}
		list = append(list, t)
	}
	slices.SortStableFunc(list, func(a, b tag) int { return cmp.Compare(a.applied, b.applied) })
	for _, t := range list {
		if t.name != "" && !slices.Contains(names, t.name) {
			names = append(names, t.name)
		}
		if t.id != "" && !slices.Contains(ids, t.id) {
			ids = append(ids, t.id)
		}
	}
	return names, ids
}

// A rating is what a customer says of teammates. One that was asked for and not given is none, though it has a time: that
// of the request.
type rating struct {
	stars                *int64
	remark, teammate, by string
	requestedAt, at      int64
}

func newRating(object string) rating {
	var r rating
	workflow := false
	for name, v := range protocol.Members(object) {
		switch name {
		case "rating":
			r.stars = numberIn(v)
		case "remark":
			r.remark = textIn(v)
		case "created_at":
			r.requestedAt = secondsIn(v)
		case "updated_at":
			r.at = secondsIn(v)
		case "contact":
			r.by = idIn(gjson.Get(v, "id").Raw)
		case "teammate":
			r.teammate, workflow = idIn(gjson.Get(v, "id").Raw), gjson.Get(v, "type").Str == "workflow"
		}
	}
	if workflow {
		r.teammate = ""
	}
	if r.stars == nil {
		r.remark, r.by, r.at = "", "", 0
	}
	return r
}

// count counts what was said, the source included, in all and by whom, and the notes.
func (c *conversation) count() (messages, notes int64, by [roles]int64) {
	if c.source.says() {
		by[c.source.role]++
		messages++
	}
	for i := range c.parts {
		switch m := &c.parts[i]; {
		case m.says():
			by[m.role]++
			messages++
		case m.note():
			notes++
		}
	}
	return messages, notes, by
}

// asked is when a contact first wanted an answer: at the beginning, or, in a conversation that we began, with the first
// message of a contact. 0: nobody knows.
func (c *conversation) asked() int64 {
	switch {
	case c.source.role == contactRole:
		return c.source.at
	case !c.source.author.told:
		return 0
	case !c.complete():
		return c.statistics.contactReplyAt
	}
	return c.earliest(contactRole, 0)
}

// firstReplyAt is when a human answered first. Where parts are missing, the oldest are: then only Intercom knows.
func (c *conversation) firstReplyAt() int64 {
	if !c.complete() {
		return c.statistics.adminReplyAt
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
func (c *conversation) timeToResolution() *int64 { return between(c.createdAt(), c.closedAt()) }

// timeToResolutionInOfficeHours is Intercom's figure for the same.
func (c *conversation) timeToResolutionInOfficeHours() *int64 {
	if c.closedAt() == 0 {
		return nil
	}
	return c.statistics.lastClose
}

// firstMessageBody is the text of the source; of one without text, that of the first message of a contact.
func (c *conversation) firstMessageBody() string {
	if c.source.redacted || c.source.spoken {
		return c.source.text()
	}
	if !c.complete() {
		return ""
	}
	for m := range c.said() {
		if m.role == contactRole {
			return m.text()
		}
	}
	return ""
}

// quality names what the row's figures suffer from.
func (c *conversation) quality() []string {
	var flags []string
	if c.state() == "closed" && c.closedAt() == 0 {
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
