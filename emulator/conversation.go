package emulator

import (
	"slices"
	"strconv"
)

// conversation is one version of a conversation. What is not here is drawn from its seed.
type conversation struct {
	ord              int32
	s                seed
	created, updated int64
	settled          int64 // the last moment of its generated history
	partCount        int32 // generated parts
	extra            []part
	tags             []tagging
	redacted         []int32 // parts, by their place
	state            uint8
	read             bool
	priority         uint8
	admin, team      int16 // ordinal + 1; 0 is unassigned
	stamped          int32 // bulk actions that changed nothing but an attribute
}

type tagging struct {
	ord int32
	at  int64
}

const (
	stateOpen uint8 = iota
	stateClosed
	stateSnoozed
)

var stateNames = [...]string{"open", "closed", "snoozed"}

func (c *conversation) id() string  { return strconv.Itoa(conversationBase + int(c.ord)) }
func (c *conversation) key() rowKey { return rowKey{c.ord, c.created, c.updated} }
func (c *conversation) parts() int  { return int(c.partCount) + len(c.extra) }

func (w *World) newConversation(ord, of int) conversation {
	s := w.seed.at(ofConversation).at(ord)
	c := conversation{ord: int32(ord), s: s, created: w.birthTime(ord, of), read: s.chance(1, 70), priority: uint8(s.n(2, 5))}
	c.updated = w.lastTouch(s, c.created)
	c.settled = c.updated
	c.state = []uint8{stateClosed, stateClosed, stateOpen, stateSnoozed}[ord%4]
	if ord%3 != 1 {
		c.admin = int16(1 + s.n(3, w.size.Admins))
	}
	if ord%3 != 2 && w.size.Teams > 0 {
		c.team = int16(1 + s.n(4, w.size.Teams))
	}
	switch n := w.size.PartsPerConversation; {
	case w.size.isLong(ord, of):
		c.partCount = int32(501 + s.n(5, 300))
	case n > 0 && ord%13 != 3: // those have none
		c.partCount = int32(s.between(6, 1, int64(2*n-1)))
	}
	return c
}

// isLong spreads the long conversations evenly.
func (s Size) isLong(ord, of int) bool {
	step := max(of/(s.LongConversations+1), 1)
	return ord > 0 && ord%step == 0 && ord/step <= s.LongConversations
}

func (w *World) contactsOf(c *conversation) []int32 {
	if w.size.Contacts == 0 {
		return nil
	}
	out := []int32{int32(c.s.n(10, w.size.Contacts))}
	for i := range c.ord % 17 / 15 { // a few have two people in them
		out = append(out, (out[0]+i+1)%int32(w.size.Contacts))
	}
	return slices.Compact(out)
}

func (w *World) companyOf(c *conversation) (int32, bool) {
	if w.size.Companies == 0 || c.ord%3 == 2 {
		return 0, false
	}
	return int32(c.s.n(11, w.size.Companies)), true
}

func (w *World) tagsOf(c *conversation) []tagging {
	var out []tagging
	for i := range min(int(c.ord%4)*int(c.ord%2), w.size.Tags) {
		out = append(out, tagging{int32((int(c.ord) + i) % w.size.Tags), c.created + 60})
	}
	for _, t := range c.tags {
		if !slices.ContainsFunc(out, func(o tagging) bool { return o.ord == t.ord }) {
			out = append(out, t)
		}
	}
	return out
}

func (w *World) teammatesOf(c *conversation) []int {
	if c.ord%5 == 4 {
		return nil
	}
	return []int{c.s.n(3, w.size.Admins)}
}

func (c *conversation) sourceType() string { return sourceTypes[c.ord%int32(len(sourceTypes))] }

func (c *conversation) priorityName(v version) string {
	if v < v216 {
		return []string{"not_priority", "not_priority", "not_priority", "priority", "priority"}[c.priority]
	}
	return []string{"none", "low", "medium", "high", "urgent"}[c.priority]
}

func (p *printer) conversation(key string, c *conversation, withParts bool) {
	p.obj(key)
	p.str("type", "conversation")
	p.str("id", c.id())
	p.num("created_at", c.created)
	p.num("updated_at", c.updated)
	if c.state == stateOpen {
		p.num("waiting_since", c.settled)
	} else {
		p.null("waiting_since")
	}
	if c.state == stateSnoozed {
		p.num("snoozed_until", c.settled+86_400)
	} else {
		p.null("snoozed_until")
	}
	p.conversationSource(c)
	p.conversationPeople(c)
	p.assignees(c.admin, c.team)
	p.flag("open", c.state == stateOpen)
	p.str("state", stateNames[c.state])
	p.flag("read", c.read)
	p.str("priority", c.priorityName(p.v))
	p.conversationTags(c)
	if c.ord%6 == 5 {
		p.null("title")
	} else {
		p.text("title", pick(c.s, 12, subjects[1:]))
	}
	p.conversationMore(c)
	p.statistics(c)
	if withParts {
		p.conversationParts(c)
	}
	p.end()
}

// assignees writes those of conversations: numbers, where 0 (before 2.16: null) means nobody.
func (p *printer) assignees(admin, team int16) {
	one := func(key string, base int64, ord int16) {
		switch {
		case ord > 0:
			p.num(key, base+int64(ord)-1)
		case p.v >= v216:
			p.num(key, 0)
		default:
			p.null(key)
		}
	}
	one("admin_assignee_id", adminBase, admin)
	one("team_assignee_id", teamBase, team)
}

func (p *printer) conversationSource(c *conversation) {
	s := c.s.at(20)
	email := c.sourceType() == "email"
	p.obj("source")
	p.str("type", c.sourceType())
	p.str("id", strconv.Itoa(403_918_000+int(c.ord)))
	p.str("delivered_as", []string{"customer_initiated", "admin_initiated", "automated", "operator_initiated"}[c.ord%4])
	p.text("subject", pick(s, 1, subjects))
	p.text("body", p.body(s, c.ord%97 == 11))
	p.obj("author")
	if contacts := p.w.contactsOf(c); c.ord%4 == 0 && len(contacts) > 0 {
		p.str("type", "user")
		p.str("id", hexID(contactPrefix, contacts[0]))
		p.str("name", contactName(p.w.seed.at(ofContact).at(int(contacts[0])), contacts[0]))
		p.str("email", contactEmail(contacts[0]))
	} else {
		n := s.n(2, p.w.size.Admins)
		p.str("type", "admin")
		p.str("id", strconv.Itoa(adminBase+n))
		p.str("name", p.w.adminName(n))
		p.str("email", adminEmail(n))
	}
	if p.v >= v214 && p.v < v216 {
		p.flag("from_ai_agent", c.ord%4 == 2)
		p.flag("is_ai_answer", c.ord%8 == 2)
	}
	p.end()
	p.attachments("attachments", s, int(c.ord%9/7))
	if c.ord%3 == 0 {
		p.str("url", "https://app.example.com/page?n="+strconv.Itoa(int(c.ord)))
	} else {
		p.null("url")
	}
	p.flag("redacted", c.ord%31 == 30)
	if p.v >= v216 && email {
		p.emailSource(c)
	}
	p.end()
}

func (p *printer) emailSource(c *conversation) {
	p.arr("recipients")
	p.obj("")
	p.str("type", "to")
	p.str("email", "help@support.example.com")
	p.null("drop_reason")
	p.end()
	p.obj("")
	p.str("type", "cc")
	p.str("email", "nobody@unreachable.example.com")
	p.str("drop_reason", "unsubscribed")
	p.end()
	p.endArr()
	p.arr("reply_to")
	p.obj("")
	p.str("email", "reply"+strconv.Itoa(int(c.ord))+"@mail.example.org")
	p.str("name", "Replies")
	p.end()
	p.endArr()
	p.emailMetadata(c.s, true)
}

func (p *printer) emailMetadata(s seed, history bool) {
	p.obj("email_message_metadata")
	if p.v >= v215 {
		p.str("message_id", "<"+strconv.Itoa(s.n(30, 1<<30))+"@mail.example.org>")
	}
	p.text("subject", pick(s, 31, subjects[1:]))
	p.arr("email_address_headers")
	p.obj("")
	p.str("type", "from")
	p.str("email_address", "sender@mail.example.org")
	p.str("name", pick(s, 32, firstNames))
	p.end()
	p.endArr()
	if history {
		p.text("history", "<blockquote>earlier mail</blockquote>")
	}
	p.end()
}

func (p *printer) conversationPeople(c *conversation) {
	p.obj("contacts")
	p.str("type", "contact.list")
	p.arr("contacts")
	for _, ord := range p.w.contactsOf(c) {
		p.contactReference(ord)
	}
	p.endArr()
	p.end()
	if teammates := p.w.teammatesOf(c); teammates == nil {
		p.null("teammates")
	} else {
		p.obj("teammates")
		p.str("type", "admin.list")
		p.arr("teammates")
		for _, t := range teammates {
			p.reference("", "admin", strconv.Itoa(adminBase+t))
		}
		p.endArr()
		p.end()
	}
	if c.ord%7 == 6 {
		p.null("first_contact_reply")
		return
	}
	p.obj("first_contact_reply")
	p.num("created_at", c.created+30)
	p.str("type", "conversation")
	p.str("url", "https://app.example.com/")
	p.end()
}

func (p *printer) contactReference(ord int32) {
	p.obj("")
	p.str("type", "contact")
	p.str("id", hexID(contactPrefix, ord))
	p.strOrNull("external_id", contactExternalID(ord))
	p.end()
}

func (p *printer) conversationTags(c *conversation) {
	p.obj("tags")
	p.str("type", "tag.list")
	p.arr("tags")
	for _, t := range p.w.tagsOf(c) {
		p.obj("")
		p.str("type", "tag")
		p.str("id", strconv.Itoa(tagBase+int(t.ord)))
		p.str("name", p.w.tags[t.ord].name)
		p.num("applied_at", t.at)
		p.reference("applied_by", "admin", strconv.Itoa(adminBase))
		p.end()
	}
	p.endArr()
	p.end()
}

// firstPart is the oldest part that the API still shows: it stops at 500.
func (c *conversation) firstPart() int {
	const most = 500
	return max(0, c.parts()-most)
}

// conversationParts writes the newest 500 parts; total_count counts those.
func (p *printer) conversationParts(c *conversation) {
	from := c.firstPart()
	p.obj("conversation_parts")
	p.str("type", "conversation_part.list")
	p.arr("conversation_parts")
	for i := from; i < c.parts(); i++ {
		p.part("", c, i)
	}
	p.endArr()
	p.num("total_count", int64(c.parts()-from))
	p.end()
}
