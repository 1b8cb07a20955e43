package connector

import (
	"strings"

	"source-intercom/markup"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// A conversation is what the derived streams know of one: the answer to the call for it alone.
type conversation struct {
	id       string
	get      func(path string) gjson.Result
	answered int64 // by the server's clock
	source   message
	parts    []message // in the order of the thread
	missing  int64     // parts that Intercom counts and did not give

	statistics gjson.Result
	contacts   []gjson.Result // references to them
	said       []*message     // the parts that say something
	partCount  *int64         // nil where Intercom does not count the parts, and may have given only the newest
}

// A message is the source of a conversation or one of its parts, whether or not it says anything.
type message struct {
	kind        string // its part_type; "" of the source
	author      gjson.Result
	role        role
	at          int64 // Unix seconds; 0: not told
	body        gjson.Result
	attachments []gjson.Result
	redacted    bool
	spoken      bool // the body has a text

	parsed *markup.Message
}

// A role is what a message's author is in the conversation.
type role int

const (
	otherRole role = iota // a team, an app, nobody
	contactRole
	adminRole // a human
	botRole
)

// conversation reads the answer once for all streams that are made of it.
func (t *thread) conversation() *conversation {
	if t.read == nil {
		t.read = newConversation(t.id, t.answer.Get, t.parts, t.missing, t.answer.At.Unix())
	}
	return t.read
}

func newConversation(id string, get func(string) gjson.Result, parts []gjson.Result, missing, answered int64) *conversation {
	c := &conversation{id: id, get: get, answered: answered, missing: missing, parts: make([]message, len(parts))}
	c.source = newMessage(get("source"))
	c.source.at = secondsOf(get("created_at"))
	for i, part := range parts {
		c.parts[i] = newMessage(part)
		if m := &c.parts[i]; m.says() {
			c.said = append(c.said, m)
		}
	}
	c.statistics = get("statistics")
	c.contacts = contactsIn(get("contacts"))
	c.partCount = numberOf(c.statistics.Get("count_conversation_parts"))
	if c.partCount == nil && len(parts) < maxParts {
		c.partCount = known(int64(len(parts)))
	}
	return c
}

// contactsIn is the list of a conversation's contacts. Old versions have a bare one.
func contactsIn(v gjson.Result) []gjson.Result {
	if !v.IsArray() {
		v = v.Get("contacts")
	}
	return v.Array()
}

func newMessage(row gjson.Result) message {
	var m message
	row.ForEach(func(name, v gjson.Result) bool {
		switch name.Str {
		case "part_type":
			m.kind = v.String()
		case "author":
			m.author = v
		case "created_at":
			m.at = secondsOf(v)
		case "redacted":
			m.redacted = v.Bool()
		case "body":
			m.body = v
		case "attachments":
			m.attachments = nil
			if v.IsArray() {
				m.attachments = v.Array()
			}
		}
		return true
	})
	m.role = roleOf(m.author)
	if m.redacted { // a notice stands in the body's place
		m.body, m.attachments = gjson.Result{}, nil
	}
	m.spoken = spoken(m.body)
	return m
}

// begins are how bodies begin, as JSON has it.
var begins = []string{"<p>", `<p class=\"no-margin\">`, `\u003cp\u003e`, `\u003cp class=\"no-margin\"\u003e`}

// spoken tells whether a body has a text. Most show it by their first character, before they are unescaped.
func spoken(body gjson.Result) bool {
	first := strings.TrimPrefix(body.Raw, `"`)
	for _, begin := range begins {
		first = strings.TrimPrefix(first, begin)
	}
	if body.Type == gjson.String && first != "" && (first[0]|0x20 >= 'a' && first[0]|0x20 <= 'z' || first[0] >= '0' && first[0] <= '9') {
		return true
	}
	return markup.Says(body.String())
}

// parse parses the body once.
func (m *message) parse() *markup.Message {
	if m.parsed == nil {
		m.parsed = markup.Parse(m.body.String())
	}
	return m.parsed
}

func (m *message) text() string     { return m.parse().Text(protocol.Unsigned) }
func (m *message) markdown() string { return m.parse().Markdown(protocol.Unsigned) }

// secondsOf is a time in Unix seconds, 0 where there is none.
func secondsOf(v gjson.Result) int64 {
	at, _ := seconds(v)
	return at
}

// roleOf tells bots from humans: Intercom's Operator appears as an admin in examples of its own documentation. A contact
// stays one, whatever flags the message has.
func roleOf(author gjson.Result) role {
	var kind, email string
	bot := false
	author.ForEach(func(name, v gjson.Result) bool {
		switch name.Str {
		case "type":
			kind = v.Str
		case "email":
			email = v.Str
		case "from_ai_agent", "is_ai_answer":
			bot = bot || v.Bool()
		}
		return true
	})
	switch kind {
	case "user", "lead", "contact", "visitor":
		return contactRole
	case "bot":
		return botRole
	}
	email = strings.ToLower(email)
	switch {
	case bot, strings.HasPrefix(email, "operator+") && strings.HasSuffix(email, "@intercom.io"):
		return botRole
	case kind == "admin":
		return adminRole
	}
	return otherRole
}

// note tells whether only teammates see the message.
func (m *message) note() bool { return m.kind == "note" }

// says tells whether the message says something, be it by a file. Any type of part may: admins also reply while they
// assign, close or reopen a conversation.
func (m *message) says() bool {
	return !m.note() && !m.redacted && (m.spoken || len(m.attachments) > 0)
}

// earliest is the time of the first message by that role, from a time on; 0: there is none.
func (c *conversation) earliest(by role, from int64) int64 {
	var first int64
	for _, m := range c.said {
		if m.role == by && m.at > 0 && m.at >= from && (first == 0 || m.at < first) {
			first = m.at
		}
	}
	return first
}

// closes and reopenings are the times of the parts that closed the conversation, and opened it again, as they came.
func (c *conversation) closes() []int64     { return c.times("close") }
func (c *conversation) reopenings() []int64 { return c.times("open", "assign_and_reopen") }

func (c *conversation) times(kinds ...string) []int64 {
	var all []int64
	for i := range c.parts {
		for _, kind := range kinds {
			if c.parts[i].kind == kind && c.parts[i].at > 0 {
				all = append(all, c.parts[i].at)
			}
		}
	}
	return all
}

// truncated tells whether parts are missing, the oldest ones first; nil where nobody knows.
func (c *conversation) truncated() *bool {
	if c.partCount == nil {
		return nil
	}
	short := c.missing > 0
	return &short
}

// complete tells whether all parts are known to be there.
func (c *conversation) complete() bool { return c.partCount != nil && c.missing == 0 }

func known[T any](v T) *T { return &v }

// orNone is a value that 0 or "" stands for none of.
func orNone[T int64 | string](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

// textOf is a text or an id, nil where there is none.
func textOf(v gjson.Result) *string {
	if v.Type == gjson.Null {
		return nil
	}
	return orNone(v.String())
}

// idOf is an id, of which 0 stands for nobody.
func idOf(v gjson.Result) *string {
	if v.String() == "0" || !isID(v) {
		return nil
	}
	return textOf(v)
}

// numberOf is a whole number, nil where there is none.
func numberOf(v gjson.Result) *int64 {
	if v.Type != gjson.Number {
		return nil
	}
	return known(v.Int())
}

// flagOf is true or false, nil where Intercom does not say.
func flagOf(v gjson.Result) *bool {
	if !v.IsBool() {
		return nil
	}
	return known(v.Bool())
}
