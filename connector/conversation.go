package connector

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// A conversation is what the derived streams know of one: the answer to the call for it alone. What several of them need is
// found once. Of what Intercom does not tell, times are 0, texts and ids "", numbers and flags nil.
type conversation struct {
	id       string
	answered int64 // by the server's clock
	source   message
	parts    []message // in the order of the thread
	missing  int64     // parts that Intercom counts and did not give

	title, priority             string
	channel, deliveredAs, url   string // of the source
	updatedAt                   int64
	waitingSince, snoozedUntil  int64
	givenState                  string
	open                        *bool
	adminAssignee, teamAssignee string
	agentTookPart               *bool
	tags, sla, agent            string // as JSON
	customAttributes            string // likewise
	rating                      rating
	statistics                  statistics
	company                     company
	contacts                    []contactReference // in the order of the API
	contactID                   string
	email                       string // the address that the contact of contactID writes from
	externalID                  string // of the same contact
	partCount                   *int64 // nil where Intercom does not count the parts, and may have given only the newest
}

// A contactReference is how a conversation tells of a contact.
type contactReference struct{ id, external string }

// conversation reads the answer once for all streams that are made of it.
func (t *thread) conversation() *conversation {
	if t.read == nil {
		t.truth = newConversation(t.id, t.answer.Members(), t.parts, t.missing, t.answer.At.Unix())
		t.read = t.truth
		if t.discretion != nil {
			t.read = t.discretion.of(t, t.truth)
		}
	}
	return t.read
}

func newConversation(id string, members iter.Seq2[string, string], parts []gjson.Result, missing, answered int64) *conversation {
	c := &conversation{id: id, answered: answered, missing: missing, parts: make([]message, len(parts))}
	for name, v := range members {
		c.read(name, v)
	}
	for i := range parts {
		c.parts[i].read(parts[i].Raw)
	}
	c.partCount = c.statistics.parts
	if c.partCount == nil && len(parts) < maxParts {
		c.partCount = known(int64(len(parts)))
	}
	c.identify()
	return c
}

// identify finds out who the conversation is with.
func (c *conversation) identify() {
	c.contactID = c.contact()
	c.email, c.externalID = c.contactEmail(), c.contactExternalID()
}

// read reads a member of the answer.
func (c *conversation) read(name, v string) {
	switch name {
	case "created_at":
		c.source.at = secondsIn(v)
	case "source":
		c.source.read(v)
		c.began(v)
	case "title":
		c.title = textIn(v)
	case "priority":
		c.priority = textIn(v)
	case "updated_at":
		c.updatedAt = secondsIn(v)
	case "waiting_since":
		c.waitingSince = secondsIn(v)
	case "snoozed_until":
		c.snoozedUntil = secondsIn(v)
	case "state":
		c.givenState = textIn(v)
	case "open":
		c.open = flagIn(v)
	case "admin_assignee_id":
		c.adminAssignee = idIn(v)
	case "team_assignee_id":
		c.teamAssignee = idIn(v)
	case "ai_agent_participated":
		c.agentTookPart = flagIn(v)
	case "tags":
		c.tags = v
	case "company":
		c.company = givenCompany(v)
	case "sla_applied":
		c.sla = v
	case "ai_agent":
		c.agent = v
	case "custom_attributes":
		c.customAttributes = v
	case "conversation_rating":
		c.rating = newRating(v)
	case "statistics":
		c.statistics = newStatistics(v)
	case "contacts":
		c.contacts = contactsIn(v)
	}
}

// began reads what else the source tells of the conversation.
func (c *conversation) began(source string) {
	for name, v := range protocol.Members(source) {
		switch name {
		case "type":
			c.channel = textIn(v)
		case "delivered_as":
			c.deliveredAs = textIn(v)
		case "url":
			c.url = textIn(v)
		}
	}
}

// contactsIn is the list of a conversation's contacts. Old versions have a bare one.
func contactsIn(value string) (contacts []contactReference) {
	list := gjson.Parse(value)
	if !list.IsArray() {
		list = list.Get("contacts")
	}
	list.ForEach(func(_, contact gjson.Result) bool {
		var c contactReference
		for name, v := range protocol.Members(contact.Raw) {
			switch name {
			case "id":
				c.id = idIn(v)
			case "external_id":
				c.external = textIn(v)
			}
		}
		if c.id != "" {
			contacts = append(contacts, c)
		}
		return true
	})
	return contacts
}

// statistics are Intercom's own figures, of which it may have none. Times are in Unix seconds, 0 if they are not told.
type statistics struct {
	parts, reopens, adminReply, lastClose, handling         *int64
	firstCloseAt, lastCloseAt, adminReplyAt, contactReplyAt int64
	lastClosedBy                                            string
}

func newStatistics(object string) (s statistics) {
	for name, v := range protocol.Members(object) {
		switch name {
		case "count_conversation_parts":
			s.parts = numberIn(v)
		case "count_reopens":
			s.reopens = numberIn(v)
		case "time_to_admin_reply":
			s.adminReply = numberIn(v)
		case "time_to_last_close":
			s.lastClose = numberIn(v)
		case "handling_time":
			s.handling = numberIn(v)
		case "first_close_at":
			s.firstCloseAt = secondsIn(v)
		case "last_close_at":
			s.lastCloseAt = secondsIn(v)
		case "first_admin_reply_at":
			s.adminReplyAt = secondsIn(v)
		case "first_contact_reply_at":
			s.contactReplyAt = secondsIn(v)
		case "last_closed_by_id":
			s.lastClosedBy = idIn(v)
		}
	}
	return s
}

// said are the parts that say something.
func (c *conversation) said() iter.Seq[*message] {
	return func(yield func(*message) bool) {
		for i := range c.parts {
			if m := &c.parts[i]; m.says() && !yield(m) {
				return
			}
		}
	}
}

// earliest is the time of the first message by that role, from a time on; 0: there is none.
func (c *conversation) earliest(by role, from int64) int64 {
	var first int64
	for m := range c.said() {
		if m.role == by && m.at > 0 && m.at >= from && (first == 0 || m.at < first) {
			first = m.at
		}
	}
	return first
}

// closing and reopening are the types of the parts that close a conversation, and open it again.
var closing, reopening = []string{"close"}, []string{"open", "assign_and_reopen"}

// times are those of the parts of these types, as they came.
func (c *conversation) times(kinds []string) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for i := range c.parts {
			if m := &c.parts[i]; m.at > 0 && slices.Contains(kinds, m.kind) && !yield(m.at) {
				return
			}
		}
	}
}

// truncated tells whether parts are missing, the oldest ones first; nil where nobody knows.
func (c *conversation) truncated() *bool {
	if c.partCount == nil {
		return nil
	}
	return known(c.missing > 0)
}

// complete tells whether all parts are known to be there.
func (c *conversation) complete() bool { return c.partCount != nil && c.missing == 0 }

func known[T any](v T) *T { return &v }

// The functions that follow read one value, which is given as JSON; "" is one that is not there.

// secondsIn is a time in Unix seconds.
func secondsIn(value string) int64 {
	if value == "" || value == "null" {
		return 0
	}
	if at, err := strconv.ParseInt(value, 10, 64); err == nil && at >= 0 && at <= lastSecond {
		return at
	}
	at, _ := seconds(gjson.Parse(value))
	return at
}

func textIn(value string) string {
	switch {
	case value == "" || value == "null":
		return ""
	case value[0] == '"' && strings.IndexByte(value, '\\') < 0:
		return value[1 : len(value)-1]
	}
	return gjson.Parse(value).String()
}

// idIn is the id that a value is, of which 0 stands for nobody.
func idIn(value string) string {
	if value == "" || value[0] != '"' && value[0] != '-' && (value[0] < '0' || value[0] > '9') {
		return ""
	}
	id := textIn(value)
	if id == "0" {
		return ""
	}
	return id
}

func numberIn(value string) *int64 {
	if value == "" || value == "null" {
		return nil
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return &n
	}
	if v := gjson.Parse(value); v.Type == gjson.Number {
		return known(v.Int())
	}
	return nil
}

func flagIn(value string) *bool {
	switch value {
	case "true":
		return known(true)
	case "false":
		return known(false)
	}
	return nil
}

// flagged tells whether a flag is set.
func flagged(value string) bool { return value != "false" && gjson.Parse(value).Bool() }
