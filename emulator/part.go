package emulator

import (
	"slices"
	"strconv"
)

// part is a part that an edit added; generated parts are drawn from the conversation's seed.
type part struct {
	kind string
	at   int64
	body string
	to   int16 // admin assigned to, ordinal + 1
}

// partKind is the type of a conversation's generated part: a third comments of each side, the rest notes and events.
func (c *conversation) partKind(i int) string {
	switch i % 3 {
	case 0, 1:
		if i%9 == 4 {
			return "note"
		}
		return "comment"
	}
	return partTypes[(int(c.ord)*5+i/3)%len(partTypes)]
}

func partID(c *conversation, i int) string {
	return strconv.Itoa(partBase + int(c.ord)*partsRoom + i)
}

func (p *printer) part(key string, c *conversation, i int) {
	s := c.s.at(1000 + i)
	kind, body, to := c.partKind(i), "", int16(0)
	at := c.created + (c.settled-c.created)*int64(i+1)/int64(c.partCount+1)
	if i >= int(c.partCount) {
		x := c.extra[i-int(c.partCount)]
		kind, at, body, to = x.kind, x.at, x.body, x.to
	} else {
		switch kind {
		case "comment", "note", "quick_reply":
			body = p.body(s, i == 4)
		case "assignment", "assign_and_reopen", "away_mode_assignment":
			to = int16(1 + s.n(1, p.w.size.Admins))
		}
	}
	redacted := slices.Contains(c.redacted, int32(i)) || i < int(c.partCount) && kind == "comment" && s.n(2, 60) == 0
	p.obj(key)
	p.str("type", "conversation_part")
	p.str("id", partID(c, i))
	p.str("part_type", kind)
	switch {
	case redacted:
		p.str("body", "<p><i>This message was deleted</i></p>")
	case body == "":
		p.null("body")
	default:
		p.text("body", body)
	}
	p.num("created_at", at)
	p.num("updated_at", at)
	p.num("notified_at", at)
	if to > 0 {
		p.reference("assigned_to", "admin", strconv.Itoa(adminBase+int(to)-1))
	} else {
		p.null("assigned_to")
	}
	p.partAuthor(c, s, kind, i)
	files := 0
	if kind == "comment" && !redacted && s.n(3, 6) == 0 {
		files = 1 + s.n(4, 2)
	}
	p.attachments("attachments", s, files)
	if i%5 == 0 {
		p.str("external_id", "ext-"+strconv.Itoa(int(c.ord))+"-"+strconv.Itoa(i))
	} else {
		p.null("external_id")
	}
	p.flag("redacted", redacted)
	if p.v >= v213 {
		p.partExtras(c, s, kind, i)
	}
	p.end()
}

func (p *printer) partAuthor(c *conversation, s seed, kind string, i int) {
	contacts := p.w.contactsOf(c)
	p.obj("author")
	switch {
	case (kind == "comment" && i%3 == 0 || kind == "quick_reply") && len(contacts) > 0:
		p.str("id", hexID(contactPrefix, contacts[0]))
		p.str("type", "user")
		p.str("name", contactName(p.w.seed.at(ofContact).at(int(contacts[0])), contacts[0]))
		p.str("email", contactEmail(contacts[0]))
	case s.n(10, 4) == 0:
		p.str("id", "278")
		p.str("type", "bot")
		p.str("name", "Fin")
		p.str("email", "operator+emu@intercom.example.com")
	default:
		n := s.n(11, p.w.size.Admins)
		p.str("id", strconv.Itoa(adminBase+n))
		p.str("type", "admin")
		p.str("name", p.w.adminName(n))
		p.str("email", adminEmail(n))
	}
	if p.v >= v214 {
		p.flag("from_ai_agent", s.n(10, 4) == 0)
		p.flag("is_ai_answer", s.n(10, 4) == 0 && kind == "comment")
	}
	p.end()
}

// partExtras writes the fields that parts have since 2.13.
func (p *printer) partExtras(c *conversation, s seed, kind string, i int) {
	if kind == "comment" && c.sourceType() == "email" {
		p.emailMetadata(s, false)
	} else {
		p.null("email_message_metadata")
	}
	p.str("state", stateNames[s.n(12, 3)])
	p.arr("tags")
	if i%7 == 3 && p.w.size.Tags > 0 {
		p.obj("")
		p.str("type", "tag")
		p.str("id", strconv.Itoa(tagBase))
		p.str("name", baseTagName(0))
		p.end()
	}
	p.endArr()
	if details := p.eventDetails(kind); details != "" {
		p.raw("event_details", details)
	} else {
		p.null("event_details")
	}
	if kind == "custom_action_started" || kind == "custom_action_finished" {
		p.str("app_package_code", "test-integration")
	} else {
		p.null("app_package_code")
	}
	if p.v >= v214 {
		p.partMetadata(kind)
	}
	if p.v >= preview && p.translations && kind == "comment" {
		p.raw("translations", `{"original":"en","de":"<p>Hallo</p>"}`)
	}
}

func (p *printer) eventDetails(kind string) string {
	switch kind {
	case "conversation_attribute_updated_by_workflow":
		return `{"workflow":{"name":"Triage"},"attribute":{"name":"tier"},"value":{"name":"gold"}}`
	case "conversation_attribute_updated_by_admin":
		if p.v >= v215 {
			return `{"attribute":{"name":"tier"},"value":{"name":"silver","previous":"gold"}}`
		}
		return `{"attribute":{"name":"tier"},"value":{"name":"silver"}}`
	case "custom_action_started":
		return `{"action":{"name":"Create issue"}}`
	case "custom_action_finished":
		return `{"action":{"name":"Create issue","result":"success"}}`
	case "operator_workflow_event":
		return `{"workflow":{"name":"Triage"},"event":{"type":"ended","result":"finished"}}`
	}
	if p.v < preview {
		return ""
	}
	switch kind {
	case "conversation_tags_updated":
		return `{"tags_added":["vip"],"tags_removed":["bug"]}`
	case "snoozed":
		return `{"until":"custom","custom_until_time":"2026-01-02T03:04:05Z"}`
	case "priority_changed":
		return `{"current_priority":"high","previous_priority":"none"}`
	case "conversation_sla_applied_by_workflow":
		return `{"sla_name":"Gold","sla_definition":{"first_reply_time":300,"next_reply_time":600,"resolution_time":86400,"time_to_close":90000}}`
	case "conversation_sla_target_missed":
		return `{"sla_name":"Gold","sla_target_type":"first_reply_time","current_sla_status":"missed","sla_states":{"first_reply_time":{"status":"missed"}}}`
	case "call_summary":
		return `{"call_id":"501"}`
	}
	return ""
}

func (p *printer) partMetadata(kind string) {
	switch kind {
	case "quick_reply":
		p.raw("metadata", `{"quick_reply_uuid":"0b4c4d7a-5f5e-4e5c-9a57-3a1c0f5b7a11"}`)
	case "operator_workflow_event":
		p.raw("metadata", `{"quick_reply_options":[{"text":"Yes 👍","uuid":"0b4c4d7a-5f5e-4e5c-9a57-3a1c0f5b7a11"},{"text":"No","uuid":"1b4c4d7a-5f5e-4e5c-9a57-3a1c0f5b7a12","translations":{"de":"Nein"}}]}`)
	default:
		p.raw("metadata", "{}")
	}
}
