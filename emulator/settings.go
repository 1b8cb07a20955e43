package emulator

import (
	"strconv"
	"time"
)

func (p *printer) awayStatusReason(x *item) {
	p.obj("")
	p.str("type", "away_status_reason")
	p.str("id", x.id())
	p.str("label", x.revised([]string{"Lunch", "On a break", "In a meeting", "Focus", "Done for today"}[int(x.ord)%5]))
	p.str("emoji", []string{"🍜", "☕", "📅", "🎧", "👋"}[int(x.ord)%5])
	p.num("order", int64(x.ord)+1)
	p.flag("deleted", x.ord == 4)
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.end()
}

// ticketTypeRow writes a ticket type as the list of all has it. There the attributes are in data, as in every example; the
// files' schemas call them ticket_type_attributes.
func (p *printer) ticketTypeRow(x *item) { p.ticketTypeOf("", int(x.ord), false, x) }

// archivedType is the ticket type that no ticket has any more; archivedState is the same among the states.
const archivedType, archivedState = 3, 4

func (p *printer) ticketStateRow(x *item) {
	i := int(x.ord)
	p.obj("")
	p.str("type", "ticket_state")
	p.str("id", x.id())
	if i >= archivedState {
		p.str("category", ticketStates[3])
		p.str("internal_label", x.revised("Done (old)"))
		p.str("external_label", "Done")
	} else {
		p.str("category", ticketStates[i])
		p.str("internal_label", x.revised(stateLabels[i]))
		p.str("external_label", stateLabels[i])
	}
	p.flag("archived", i == archivedState)
	p.obj("ticket_types")
	p.str("type", "list")
	p.arr("data")
	for k := range archivedType {
		if i != archivedState {
			p.ticketTypeOf("", k, p.v == v211 || k == 0, nil)
		}
	}
	p.endArr()
	p.end()
	p.end()
}

func (p *printer) subscriptionType(x *item) {
	name := x.revised(pick(x.s, 1, nouns) + " news")
	p.obj("")
	p.str("type", "subscription")
	p.str("id", x.id())
	p.str("state", []string{"live", "live", "draft", "archived"}[x.ord%4])
	p.str("consent_type", x.consent())
	p.translation("default_translation", name, "en")
	p.arr("translations")
	p.translation("", name, "en")
	if x.ord%2 == 0 {
		p.translation("", name+" auf Deutsch – täglich", "de")
	}
	p.endArr()
	p.strs("content_types", []string{"email", "sms_message"}[:1+x.ord%2]...)
	p.end()
}

func (x *item) consent() string { return []string{"opt_out", "opt_in"}[x.ord%2] }

func (p *printer) translation(key, name, locale string) {
	p.obj(key)
	p.str("name", name)
	p.str("description", "About "+name)
	p.str("locale", locale)
	p.end()
}

func (p *printer) conversationAttribute(x *item) {
	t := ownAttributes["conversation"][int(x.ord)%len(ownAttributes["conversation"])]
	p.obj("")
	p.str("type", "conversation_attribute")
	p.raw("id", x.id())
	p.str("name", t.name)
	p.str("description", x.revised([]string{"", "Chosen by sales"}[x.ord%2]))
	p.str("data_type", t.dataType)
	p.flag("required", x.ord%4 == 0)
	p.arr("visible_to_team_ids")
	if x.ord%3 == 0 && p.w.size.Teams > 0 {
		p.str("", strconv.Itoa(teamBase))
	}
	p.endArr()
	p.flag("archived", x.archived())
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.str("admin_id", strconv.FormatInt(p.adminOf(x.s, 3), 10))
	switch t.dataType {
	case "string":
		p.flag("multiline", t.name == "summary")
	case "list":
		p.arr("options")
		for i, label := range t.options {
			p.obj("")
			p.str("id", "a1b2c3d4-e5f6-4890-abcd-ef123456789"+strconv.Itoa(i))
			p.str("label", label)
			p.flag("archived", i == 2)
			p.end()
		}
		p.endArr()
	case "relationship":
		p.obj("reference")
		p.str("type", "many")
		p.str("object_type_id", "order")
		p.end()
	}
	p.end()
}

func (x *item) archived() bool { return x.ord == 5 }

// conversationAttributes leaves out the archived ones unless they are asked for.
func conversationAttributes(c *call) (rowSet, *apiError) {
	list := c.w.shelves["conversation_attributes"].items
	if !c.flagged("include_archived") {
		list = filtered(list, func(x *item) bool { return !x.archived() })
	}
	return c.itemRows("conversation_attributes", list), nil
}

func (p *printer) brand(x *item) {
	p.obj("")
	p.str("type", "brand")
	p.str("id", x.id())
	p.str("name", x.revised([]string{"Default Brand", "Premium", "Größer & besser"}[x.ord%3]))
	p.flag("is_default", x.ord == 0)
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.str("help_center_id", strconv.FormatInt(p.w.idOf("help_centers", x.ord), 10))
	p.str("default_address_settings_id", strconv.FormatInt(p.w.idOf("emails", x.ord), 10))
	p.end()
}

func (p *printer) email(x *item) {
	domain := []string{"support.example.com", "help.example.org"}[x.ord%2]
	p.obj("")
	p.str("type", "email_setting")
	p.str("id", x.id())
	p.str("email", x.revised("sender"+x.id())+"@"+domain)
	p.flag("verified", x.ord%3 != 2)
	p.str("domain", domain)
	p.str("brand_id", p.w.workspace)
	p.flag("forwarding_enabled", x.ord%2 == 0)
	p.numOrNull("forwarded_email_last_received_at", []int64{x.settled, 0}[x.ord%2])
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.end()
}

const week = 7

func (p *printer) officeHours(x *item) {
	p.obj("")
	p.str("type", "office_hours_schedule")
	p.str("id", x.id())
	p.str("name", x.revised("Hours "+pick(x.s, 1, nouns)))
	p.str("time_zone_name", []string{"America/New_York", "Europe/Dublin", "Asia/Kathmandu"}[x.ord%3])
	p.arr("time_intervals")
	for day := range week * btoi(x.ord != 2) { // nobody has set up the third
		p.interval(day*1440+540, day*1440+1020, day)
	}
	p.endArr()
	p.flag("twenty_four_seven", x.ord%4 == 3)
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.end()
}

func (p *printer) interval(from, to, day int) {
	p.obj("")
	p.num("start_minute", int64(from))
	p.num("end_minute", int64(to))
	p.num("day_of_week", int64(day))
	p.end()
}

func (p *printer) officeHoursException(x *item) {
	day := time.Unix(x.created, 0).UTC()
	p.obj("")
	p.str("type", "office_hours_exception")
	p.str("id", x.id())
	p.str("office_hours_schedule_id", strconv.FormatInt(p.w.idOf("office_hours_schedules", x.parent), 10))
	p.str("exception_date", day.Format(time.DateOnly))
	p.str("exception_type", []string{"closed", "custom_hours"}[x.ord%2])
	p.strOrNull("name", []string{x.revised("Holiday"), x.revised("Short day"), ""}[x.ord%3])
	if x.ord%2 == 0 {
		p.null("time_intervals")
	} else {
		p.arr("time_intervals")
		p.interval(540, 780, (int(day.Weekday())+week-1)%week)
		p.endArr()
	}
	p.flag("recurring_annually", x.ord%2 == 0)
	p.num("created_at", x.created)
	p.num("updated_at", x.updated)
	p.end()
}
