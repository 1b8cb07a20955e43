package connector

import (
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// A discretion is what derived streams must not know of conversations and their parts.
type discretion struct{ conversations, parts protocol.Stream }

// discretion is that of a feed; nil where nothing is derived, or there are no rules.
func (c *Config) discretion(f *Feed) *discretion {
	if !c.private() || f != conversations {
		return nil
	}
	told := func(stream string) protocol.Stream {
		return Streams.Named(stream).Described().WithAlterations(c.alterations(stream), nil)
	}
	return &discretion{told("conversations"), told("conversation_parts")}
}

// of is a conversation as the rules leave it. Who spoke when, in which role, and whether anything was said, stays the truth,
// and so do the counts and times that are made of it.
func (d *discretion) of(t *thread, truth *conversation) *conversation {
	head := []byte{'{'}
	for name, v := range t.answer.Members() {
		if name == "conversation_parts" {
			continue
		}
		if len(head) > 1 {
			head = append(head, ',')
		}
		head = append(append(gjson.AppendJSONString(head, name), ':'), v...)
	}
	parts := make([]gjson.Result, len(t.parts))
	for i, part := range t.parts {
		parts[i] = gjson.Result{Type: gjson.JSON, Raw: d.parts.Alter(part.Raw)}
	}
	c := newConversation(t.id, protocol.Members(d.conversations.Alter(string(append(head, '}')))), parts, t.missing, truth.answered)
	c.partCount = truth.partCount
	c.source.keep(&truth.source)
	for i := range c.parts {
		c.parts[i].keep(&truth.parts[i])
	}
	c.identify()
	return c
}

// lookup is what was found out beside, as the rules would leave it if the conversation told of it itself.
func (d *discretion) lookup(found *lookup) *lookup {
	text := `{"source":{"author":{"type":"user","id":` + quoted(found.contact) + `,"email":` + quoted(found.email) + `}},` +
		`"contacts":{"type":"contact.list","contacts":[{"type":"contact","id":` + quoted(found.contact) + `,"external_id":` + quoted(found.external) + `}]},` +
		`"company":{"type":"company","id":` + quoted(found.company.id) + `,"company_id":` + quoted(found.company.external) + `}}`
	told := newConversation("", protocol.Members(d.conversations.Alter(text)), nil, 0, 0)
	left := &lookup{lack: found.lack, email: told.source.author.email, company: told.company}
	for _, r := range told.contacts {
		left.external = r.external
	}
	if found.company.source == "none" || told.company.id != "" {
		left.company.source = found.company.source
	}
	return left
}

// keep takes over what counts and times are made of.
func (m *message) keep(truth *message) {
	m.kind, m.role, m.at, m.redacted, m.spoken, m.filed = truth.kind, truth.role, truth.at, truth.redacted, truth.spoken, truth.filed
	if m.redacted {
		m.body = ""
	}
}
