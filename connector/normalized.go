package connector

import "github.com/tidwall/gjson"

// normalizedRow writes the one row of a conversation. docs/conversations.md says how each column is made.
func normalizedRow(w *rowWriter, c *conversation, _ *Config) {
	ids := make([]string, len(c.contacts))
	for i := range c.contacts {
		ids[i] = c.contacts[i].id
	}
	company, external, source := c.company()
	w.text("conversation_id", c.id)
	w.time("updated_at", secondsOf(c.get("updated_at")))
	w.text("contact_id", c.contactID)
	w.texts("contact_ids", ids)
	w.text("contact_email", c.email)
	w.text("company_id", company)
	w.text("company_external_id", external)
	w.text("company_source", source)

	w.time("created_at", c.createdAt())
	w.time("closed_at", c.closedAt())
	w.time("first_closed_at", c.firstClosedAt())
	w.time("last_closed_at", c.lastClosedAt())
	w.number("reopen_count", c.reopenCount())
	w.text("state", c.state())
	w.time("waiting_since", secondsOf(c.get("waiting_since")))
	w.time("snoozed_until", secondsOf(c.get("snoozed_until")))

	tags, tagIDs := c.tags()
	w.texts("tags", tags)
	w.texts("tag_ids", tagIDs)

	c.normalizedFigures(w)

	w.text("first_message_body", c.firstMessageBody())
	w.text("title", c.get("title").String())
	w.text("channel", c.channel)
	w.text("delivered_as", c.delivered)
	w.text("url", c.url)
	w.text("priority", c.get("priority").String())
	w.text("admin_assignee_id", idIn(c.get("admin_assignee_id").Raw))
	w.text("team_assignee_id", idIn(c.get("team_assignee_id").Raw))
	sla := c.get("sla_applied")
	w.text("sla_name", sla.Get("sla_name").String())
	w.text("sla_status", sla.Get("sla_status").String())

	agent := c.get("ai_agent")
	w.flag("ai_agent_participated", flagOf(c.get("ai_agent_participated")))
	w.text("ai_resolution_state", agent.Get("resolution_state").String())
	w.text("ai_last_answer_type", agent.Get("last_answer_type").String())

	attributes := c.get("custom_attributes")
	if !attributes.IsObject() {
		attributes = gjson.Result{}
	}
	w.json("custom_attributes", attributes.Raw)
	w.texts("quality", c.quality())
	w.end()
}

// normalizedFigures are the columns of what customers say, and of how much was said, and how soon. What they say of the AI
// agent stands apart.
func (c *conversation) normalizedFigures(w *rowWriter) {
	rating, agent := c.rating(), c.get("ai_agent")
	w.number("rating", rating.stars)
	w.text("rating_remark", rating.remark)
	w.time("rating_requested_at", rating.requestedAt)
	w.time("rated_at", rating.at)
	w.text("rating_teammate_id", rating.teammate)
	stars, remark := numberOf(agent.Get("rating")), ""
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
