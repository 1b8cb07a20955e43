package connector

import (
	"strings"

	"github.com/tidwall/gjson"
)

// normalizedRow writes the one row of a conversation. docs/conversations.md says how each column is made.
func normalizedRow(w *rowWriter, c *conversation, _ *Config) {
	ids := make([]string, len(c.contacts))
	for i := range c.contacts {
		ids[i] = c.contacts[i].id
	}
	w.text("conversation_id", c.id)
	w.time("updated_at", c.updatedAt)
	w.text("contact_id", c.contactID)
	w.texts("contact_ids", ids)
	w.text("contact_email", c.email)
	w.text("company_id", c.company.id)
	w.text("company_external_id", c.company.external)
	w.text("company_source", c.company.source)

	w.time("created_at", c.createdAt())
	w.time("closed_at", c.closedAt())
	w.time("first_closed_at", c.firstClosedAt())
	w.time("last_closed_at", c.lastClosedAt())
	w.number("reopen_count", c.reopenCount())
	w.text("state", c.state())
	w.time("waiting_since", c.waitingSince)
	w.time("snoozed_until", c.snoozedUntil)

	tags, tagIDs := c.tagColumns()
	w.texts("tags", tags)
	w.texts("tag_ids", tagIDs)

	c.normalizedFigures(w)

	w.text("first_message_body", c.firstMessageBody())
	w.text("title", c.title)
	w.text("channel", c.channel)
	w.text("delivered_as", c.deliveredAs)
	w.text("url", c.url)
	w.text("priority", c.priority)
	w.text("admin_assignee_id", c.adminAssignee)
	w.text("team_assignee_id", c.teamAssignee)
	sla := gjson.Parse(c.sla)
	w.text("sla_name", sla.Get("sla_name").String())
	w.text("sla_status", sla.Get("sla_status").String())

	agent := gjson.Parse(c.agent)
	w.flag("ai_agent_participated", c.agentTookPart)
	w.text("ai_resolution_state", agent.Get("resolution_state").String())
	w.text("ai_last_answer_type", agent.Get("last_answer_type").String())

	attributes := c.customAttributes
	if !strings.HasPrefix(attributes, "{") {
		attributes = ""
	}
	w.json("custom_attributes", attributes)
	w.texts("quality", c.quality())
	w.end()
}

// normalizedFigures are the columns of what customers say, and of how much was said, and how soon. What they say of the AI
// agent stands apart.
func (c *conversation) normalizedFigures(w *rowWriter) {
	w.number("rating", c.rating.stars)
	w.text("rating_remark", c.rating.remark)
	w.time("rating_requested_at", c.rating.requestedAt)
	w.time("rated_at", c.rating.at)
	w.text("rating_teammate_id", c.rating.teammate)
	agent := gjson.Parse(c.agent)
	stars, remark := numberIn(agent.Get("rating").Raw), ""
	if stars != nil {
		remark = agent.Get("rating_remark").String()
	}
	w.number("ai_rating", stars)
	w.text("ai_rating_remark", remark)

	messages, notes, by := c.count()
	w.count("message_count", messages)
	w.count("contact_message_count", by[contactRole])
	w.count("admin_message_count", by[adminRole])
	w.count("bot_message_count", by[botRole])
	w.count("note_count", notes)
	w.number("part_count", c.partCount)
	w.flag("parts_truncated", c.truncated())

	w.number("time_to_first_reply_seconds", c.timeToFirstReply())
	w.number("time_to_first_bot_reply_seconds", c.timeToFirstBotReply())
	w.number("time_to_first_reply_office_hours_seconds", c.statistics.adminReply)
	w.number("time_to_resolution_seconds", c.timeToResolution())
	w.number("time_to_resolution_office_hours_seconds", c.timeToResolutionInOfficeHours())
	w.number("handling_time_seconds", c.statistics.handling)
}
