package connector

import (
	"strings"

	"source-intercom/markup"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// A message is the source of a conversation or one of its parts, whether or not it says anything.
type message struct {
	kind     string // its part_type; "" of the source
	author   author
	role     role
	at       int64 // Unix seconds; 0: not told
	redacted bool
	spoken   bool   // the body has a text
	body     string // as JSON
	filed    bool   // there are attachments
	files    string // the list of them, as JSON

	parsed *markup.Message // the body, once it was needed
}

// An author is who wrote a message; what is not told is "".
type author struct {
	told            bool
	kind            string // its type
	id, name, email string
	automatic       bool // by a flag
}

// A role is what a message's author is in the conversation.
type role int

const (
	otherRole role = iota // a team, an app, nobody
	contactRole
	adminRole // a human
	botRole
	roles
)

// read reads a message as the API has it.
func (m *message) read(object string) {
	for name, v := range protocol.Members(object) {
		switch name {
		case "part_type":
			m.kind = textIn(v)
		case "author":
			m.author = newAuthor(v)
		case "created_at":
			m.at = secondsIn(v)
		case "redacted":
			m.redacted = flagged(v)
		case "body":
			m.body = v
		case "attachments":
			m.files, m.filed = v, v != "[]" && v[0] == '[' && len(gjson.Parse(v).Array()) > 0
		}
	}
	m.role = m.author.role()
	if m.redacted { // a notice stands in the body's place
		m.body, m.filed = "", false
	}
	m.spoken = spoken(m.body)
}

func newAuthor(object string) (a author) {
	a.told = strings.HasPrefix(object, "{")
	for name, v := range protocol.Members(object) {
		switch name {
		case "type":
			a.kind = textIn(v)
		case "id":
			a.id = idIn(v)
		case "name":
			a.name = textIn(v)
		case "email":
			a.email = textIn(v)
		case "from_ai_agent", "is_ai_answer":
			a.automatic = a.automatic || flagged(v)
		}
	}
	return a
}

// role tells bots from humans: Intercom's Operator appears as an admin in examples of its own documentation. A contact
// stays one, whatever flags the message has.
func (a *author) role() role {
	switch a.kind {
	case "user", "lead", "contact", "visitor":
		return contactRole
	case "bot":
		return botRole
	}
	email := strings.ToLower(a.email)
	switch {
	case a.automatic, strings.HasPrefix(email, "operator+") && strings.HasSuffix(email, "@intercom.io"):
		return botRole
	case a.kind == "admin":
		return adminRole
	}
	return otherRole
}

// begins are how bodies begin, as JSON has it.
var begins = []string{"<p>", `<p class=\"no-margin\">`, `\u003cp\u003e`, `\u003cp class=\"no-margin\"\u003e`}

// spoken tells whether a body, given as JSON, has a text. Most show it by their first character, before they are unescaped.
func spoken(body string) bool {
	if body == "" || body == "null" {
		return false
	}
	first, quoted := strings.CutPrefix(body, `"`)
	for _, begin := range begins {
		first = strings.TrimPrefix(first, begin)
	}
	if quoted && first != "" && (first[0]|0x20 >= 'a' && first[0]|0x20 <= 'z' || first[0] >= '0' && first[0] <= '9') {
		return true
	}
	return markup.Says(textIn(body))
}

// parse parses the body once.
func (m *message) parse() *markup.Message {
	if m.parsed == nil {
		m.parsed = markup.Parse(textIn(m.body))
	}
	return m.parsed
}

func (m *message) text() string { return m.parse().Text(protocol.Unsigned) }

// attachments are the message's files.
func (m *message) attachments() []gjson.Result {
	if !m.filed {
		return nil
	}
	return gjson.Parse(m.files).Array()
}

// note tells whether only teammates see the message.
func (m *message) note() bool { return m.kind == "note" }

// says tells whether the message says something, be it by a file. Any type of part may: admins also reply while they
// assign, close or reopen a conversation.
func (m *message) says() bool { return !m.note() && !m.redacted && (m.spoken || m.filed) }
