package connector

import (
	"slices"
	"strings"
)

// slowNormalized is a row of normalized_conversations, column by column, from the rules.
func slowNormalized(talk obj) obj {
	row := obj{"conversation_id": talk.text("id")}
	stats, source, hasStats := talk.obj("statistics"), talk.obj("source"), talk.has("statistics")
	parts := talk.parts()
	said := slices.DeleteFunc(slices.Clone(parts), func(p obj) bool { return !slowSays(p) })

	// What is known of the parts.
	count, counted := stats.number("count_conversation_parts"), hasStats || len(parts) < 500
	if !hasStats {
		count = int64(len(parts))
	}
	whole := counted && count <= int64(len(parts))
	row["part_count"], row["parts_truncated"] = nil, nil
	if counted {
		row["part_count"], row["parts_truncated"] = count, !whole
	}

	// Who.
	ids := []string{}
	for _, c := range talk.obj("contacts").list("contacts") {
		ids = append(ids, c.text("id"))
	}
	var contact any
	if author := source.obj("author"); slowAuthor(author) == "contact" && slices.Contains(ids, author.text("id")) {
		contact = author.text("id")
	} else if len(ids) > 0 {
		contact = ids[0]
	}
	row["contact_id"], row["contact_ids"], row["contact_email"] = contact, ids, nil
	for _, m := range append([]obj{source}, parts...) {
		author := m.obj("author")
		email := strings.ToLower(strings.TrimSpace(author.text("email")))
		if slowAuthor(author) == "contact" && author.text("id") == contact && email != "" && row["contact_email"] == nil {
			row["contact_email"] = email
		}
	}
	beside, _ := talk["beside"].(obj)
	if row["contact_email"] == nil && beside != nil {
		row["contact_email"] = nullOr(strings.ToLower(beside.text("email")))
	}
	row["company_id"], row["company_external_id"], row["company_source"] = slowCompany(beside)
	if company := talk.obj("company"); company != nil {
		row["company_id"], row["company_external_id"], row["company_source"] = company.text("id"), asText(company["company_id"]), "conversation"
	}

	// When.
	created, state := talk.number("created_at"), talk.text("state")
	var closes, opens []int64
	for _, p := range parts {
		switch p.text("part_type") {
		case "close":
			closes = append(closes, p.number("created_at"))
		case "open", "assign_and_reopen":
			opens = append(opens, p.number("created_at"))
		}
	}
	slices.Sort(closes)
	first, last := stats.number("first_close_at"), stats.number("last_close_at")
	if last == 0 && len(closes) > 0 {
		last = closes[len(closes)-1]
	}
	if first == 0 && len(closes) > 0 && whole {
		first = closes[0]
	}
	row["created_at"], row["updated_at"], row["state"] = created, talk.number("updated_at"), state
	row["first_closed_at"], row["last_closed_at"] = nullOr(first), nullOr(last)
	row["closed_at"], row["time_to_resolution_seconds"], row["time_to_resolution_office_hours_seconds"] = nil, nil, nil
	quality := []string{}
	switch {
	case state != "closed":
	case last == 0:
		quality = append(quality, "closed_at_unknown")
	default:
		row["closed_at"], row["time_to_resolution_seconds"] = last, max(last-created, 0)
		row["time_to_resolution_office_hours_seconds"] = stats["time_to_last_close"]
	}
	row["reopen_count"] = stats["count_reopens"]
	if !stats.has("count_reopens") {
		row["reopen_count"] = nil
		if whole {
			row["reopen_count"] = len(opens)
		}
	}
	row["waiting_since"], row["snoozed_until"] = talk["waiting_since"], talk["snoozed_until"]

	// Replies.
	early := func(by string, from int64) int64 {
		var best int64
		for _, p := range said {
			if at := p.number("created_at"); slowAuthor(p.obj("author")) == by && at >= from && (best == 0 || best > at) {
				best = at
			}
		}
		return best
	}
	base := created
	if slowAuthor(source.obj("author")) != "contact" {
		base = early("contact", 0)
		if !whole {
			base = stats.number("first_contact_reply_at")
		}
	}
	if source.obj("author") == nil { // nothing tells who began
		base = 0
	}
	reply, bot := early("admin", base), early("bot", base)
	if !whole {
		reply, bot = stats.number("first_admin_reply_at"), 0
	}
	row["time_to_first_reply_seconds"], row["time_to_first_bot_reply_seconds"] = nil, nil
	if base > 0 && reply > 0 {
		row["time_to_first_reply_seconds"] = max(reply-base, 0)
	}
	if base > 0 && bot > 0 {
		row["time_to_first_bot_reply_seconds"] = bot - base
	}
	if !whole {
		quality = append(quality, "parts_truncated")
		if base > 0 && reply > 0 {
			quality = append(quality, "first_reply_from_statistics")
		}
	}
	row["quality"] = quality
	row["time_to_first_reply_office_hours_seconds"], row["handling_time_seconds"] = stats["time_to_admin_reply"], stats["handling_time"]

	slowSaid(row, source, parts, said, whole)
	slowRest(row, talk)
	return row
}

// slowSaid fills in what the messages say.
func slowSaid(row, source obj, parts, said []obj, whole bool) {
	by := map[string]int{}
	all := said
	if slowSays(source) {
		all = append([]obj{source}, said...)
	}
	for _, m := range all {
		by[slowAuthor(m.obj("author"))]++
	}
	row["message_count"], row["contact_message_count"], row["admin_message_count"], row["bot_message_count"] = len(all), by["contact"], by["admin"], by["bot"]
	notes := 0
	for _, p := range parts {
		if p.text("part_type") == "note" {
			notes++
		}
	}
	row["note_count"], row["first_message_body"] = notes, nil
	switch text := slowText(source.text("body")); {
	case source.is("redacted"):
	case text != "":
		row["first_message_body"] = text
	case whole:
		if i := slices.IndexFunc(said, func(p obj) bool { return slowAuthor(p.obj("author")) == "contact" }); i >= 0 {
			row["first_message_body"] = nullOr(slowText(said[i].text("body")))
		}
	}
}

// slowRest fills in what is copied.
func slowRest(row, talk obj) {
	tags := talk.obj("tags").list("tags")
	slices.SortStableFunc(tags, func(a, b obj) int { return int(a.number("applied_at") - b.number("applied_at")) })
	names, ids := []string{}, []string{}
	for _, tag := range tags {
		if !slices.Contains(names, tag.text("name")) {
			names = append(names, tag.text("name"))
		}
		ids = append(ids, tag.text("id"))
	}
	row["tags"], row["tag_ids"], row["custom_attributes"] = names, ids, talk["custom_attributes"]

	rating := talk.obj("conversation_rating")
	row["rating"], row["rating_remark"], row["rated_at"] = rating["rating"], nullOr(rating.text("remark")), rating["updated_at"]
	if !rating.has("rating") {
		row["rating_remark"], row["rated_at"] = nil, nil
	}
	row["rating_requested_at"], row["rating_teammate_id"] = rating["created_at"], nil
	if teammate := rating.obj("teammate"); teammate.text("type") == "admin" {
		row["rating_teammate_id"] = teammate.text("id")
	}
	agent := talk.obj("ai_agent")
	row["ai_rating"], row["ai_rating_remark"] = agent["rating"], agent["rating_remark"]
	row["ai_agent_participated"], row["ai_resolution_state"], row["ai_last_answer_type"] = talk["ai_agent_participated"], agent["resolution_state"], agent["last_answer_type"]

	source, sla := talk.obj("source"), talk.obj("sla_applied")
	row["title"], row["channel"], row["delivered_as"], row["url"] = nullOr(talk["title"]), source["type"], source["delivered_as"], source["url"]
	row["priority"], row["admin_assignee_id"], row["team_assignee_id"] = talk["priority"], asText(talk["admin_assignee_id"]), asText(talk["team_assignee_id"])
	row["sla_name"], row["sla_status"] = sla["sla_name"], sla["sla_status"]
}
