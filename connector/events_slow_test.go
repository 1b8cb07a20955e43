package connector

import "fmt"

// slowEvents are the rows of ticket_events, from the rules.
func slowEvents(talk obj) map[string]obj {
	normal, rows := slowNormalized(talk), map[string]obj{}
	id, created := talk.text("id"), talk.number("created_at")
	add := func(what string, at int64, mark any, by obj) obj {
		event := obj{"event_id": fmt.Sprint(id, ":", what), "conversation_id": id, "conversation_updated_at": talk["updated_at"], "event": "support_ticket_" + what, "timestamp": at,
			"contact_id": normal["contact_id"], "contact_external_id": nil, "contact_email": normal["contact_email"], "company_id": normal["company_id"], "channel": normal["channel"],
			"actor_type": nil, "actor_id": nil, "seconds_since_opened": max(at-created, 0), "time_to_first_reply_seconds": nil, "rating": nil, "rating_remark": nil}
		if mark != nil {
			event["event_id"] = fmt.Sprint(id, ":", what, ":", mark)
		}
		for _, c := range talk.obj("contacts").list("contacts") {
			if c.text("id") == normal["contact_id"] {
				event["contact_external_id"] = c["external_id"]
				if beside, _ := talk["beside"].(obj); event["contact_external_id"] == nil {
					event["contact_external_id"] = beside["external_id"]
				}
			}
		}
		if by != nil {
			event["actor_type"], event["actor_id"] = slowKind(by.obj("author")), nullOr(by.obj("author").text("id"))
		}
		key := id + "/" + fmt.Sprint(event["event_id"])
		if rows[key] == nil {
			rows[key] = event
		}
		return rows[key]
	}
	source := talk.obj("source").obj("author")
	add("opened", created, nil, obj{"author": map[string]any(source)})
	if wait := normal["time_to_first_reply_seconds"]; wait != nil {
		if normal["parts_truncated"] == false {
			base, asked := created, slowAuthor(source) == "contact"
			var first obj
			for _, p := range talk.parts() { // they are in the order of their times
				if !asked && slowAuthor(p.obj("author")) == "contact" && slowSays(p) {
					base, asked = p.number("created_at"), true
				}
			}
			for _, p := range talk.parts() {
				if first == nil && slowAuthor(p.obj("author")) == "admin" && slowSays(p) && p.number("created_at") >= base {
					first = p
				}
			}
			add("first_reply", first.number("created_at"), nil, first)["time_to_first_reply_seconds"] = wait
		} else {
			add("first_reply", talk.obj("statistics").number("first_admin_reply_at"), nil, nil)["time_to_first_reply_seconds"] = wait
		}
	}
	closes := 0
	for _, p := range talk.parts() {
		at := p.number("created_at")
		switch p.text("part_type") {
		case "close":
			add("closed", at, at, p)
			closes++
		case "open", "assign_and_reopen":
			add("reopened", at, at, p)
		}
	}
	if last := talk.obj("statistics").number("last_close_at"); closes == 0 && last > 0 {
		add("closed", last, last, nil)["actor_id"] = talk.obj("statistics").text("last_closed_by_id")
	}
	if rating := talk.obj("conversation_rating"); rating.has("rating") {
		at := rating.number("updated_at")
		if at == 0 {
			at = rating.number("created_at")
		}
		event := add("rated", at, rating["created_at"], nil)
		event["rating"], event["rating_remark"], event["actor_type"], event["actor_id"] = rating["rating"], nullOr(rating.text("remark")), "contact", nullOr(rating.obj("contact").text("id"))
	}
	return rows
}
