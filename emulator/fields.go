package emulator

import "strconv"

func idsAsText(base int64, ords []int32) []string {
	out := make([]string, len(ords))
	for i, o := range ords {
		out[i] = strconv.FormatInt(base+int64(o), 10)
	}
	return out
}

func hexIDs(prefix string, ords []int32) []string {
	out := make([]string, len(ords))
	for i, o := range ords {
		out[i] = hexID(prefix, o)
	}
	return out
}

func date[R row](get func(R) int64) field[R] {
	return field[R]{kind: dateField, number: func(r R) (int64, bool) { n := get(r); return n, n != 0 }}
}

func number[R row](get func(R) int64) field[R] {
	return field[R]{kind: numberField, number: func(r R) (int64, bool) { return get(r), true }}
}

func truth[R row](get func(R) bool) field[R] {
	return field[R]{kind: boolField, number: func(r R) (int64, bool) { return int64(btoi(get(r))), true }}
}

func text[R row](get func(R) string) field[R] { return field[R]{kind: textField, text: get} }

func ident[R row](get func(R) string) field[R] { return field[R]{kind: idField, text: get} }

func list[R row](get func(R) []string) field[R] { return field[R]{kind: listField, list: get} }

// assignee is a reference that may be empty: null and 0 both find the unassigned.
func assignee[R row](base int64, get func(R) int16) field[R] {
	return field[R]{kind: numberField, zeroIsNull: true, number: func(r R) (int64, bool) {
		if ord := get(r); ord > 0 {
			return base + int64(ord) - 1, true
		}
		return 0, false
	}}
}

func (w *World) conversationFields() map[string]field[*conversation] {
	type c = *conversation
	contactIDs := func(x c) []string { return hexIDs(contactPrefix, w.contactsOf(x)) }
	return map[string]field[c]{
		"id":                ident(c.id),
		"created_at":        date(func(x c) int64 { return x.created }),
		"updated_at":        date(func(x c) int64 { return x.updated }),
		"open":              truth(func(x c) bool { return x.state == stateOpen }),
		"read":              truth(func(x c) bool { return x.read }),
		"state":             text(func(x c) string { return stateNames[x.state] }),
		"priority":          list(func(x c) []string { return []string{x.priorityName(v215), x.priorityName(v216)} }),
		"admin_assignee_id": assignee(adminBase, func(x c) int16 { return x.admin }),
		"team_assignee_id":  assignee(teamBase, func(x c) int16 { return x.team }),
		"contact_ids":       list(contactIDs),
		"source.author.id": text(func(x c) string {
			if ids := contactIDs(x); x.ord%4 == 0 && len(ids) > 0 {
				return ids[0]
			}
			return strconv.Itoa(adminBase + x.s.at(20).n(2, w.size.Admins))
		}),
		"teammate_ids": list(func(x c) []string {
			var out []string
			for _, t := range w.teammatesOf(x) {
				out = append(out, strconv.Itoa(adminBase+t))
			}
			return out
		}),
		"tag_ids": list(func(x c) []string {
			var out []string
			for _, t := range w.tagsOf(x) {
				out = append(out, strconv.Itoa(tagBase+int(t.ord)))
			}
			return out
		}),
		"source.type":                         text(c.sourceType),
		"source.id":                           text(func(x c) string { return strconv.Itoa(403_918_000 + int(x.ord)) }),
		"statistics.count_conversation_parts": number(func(x c) int64 { return int64(x.parts()) }),
		"ai_agent_participated":               truth(func(x c) bool { return x.ord%4 == 3 || x.ord%4 == 0 }),
	}
}

func (w *World) contactFields() map[string]field[*contact] {
	type c = *contact
	seen := func(k int) field[c] { return date(func(x c) int64 { return x.seenAt(k) }) }
	tags := list(func(x c) []string { return idsAsText(tagBase, w.contactTags(x)) })
	tags.equalOnly = true
	segments := list(func(x c) []string { return hexIDs(segmentPrefix, w.segmentsOf(x)) })
	segments.equalOnly = true
	return map[string]field[c]{
		"id":                       ident(c.id),
		"created_at":               date(func(x c) int64 { return x.created }),
		"updated_at":               date(func(x c) int64 { return x.updated }),
		"signed_up_at":             seen(signedUp),
		"last_seen_at":             seen(lastSeen),
		"last_replied_at":          seen(lastReplied),
		"last_contacted_at":        seen(lastContacted),
		"last_email_opened_at":     seen(lastOpened),
		"last_email_clicked_at":    seen(lastClicked),
		"role":                     text(c.role),
		"name":                     text(c.name),
		"email":                    text(func(x c) string { return contactEmail(x.ord) }),
		"email_domain":             text(func(c) string { return "mail.example.com" }),
		"phone":                    text(c.phone),
		"external_id":              text(func(x c) string { return contactExternalID(x.ord) }),
		"owner_id":                 assignee(adminBase, func(x c) int16 { return x.owner }),
		"tag_id":                   tags,
		"segment_id":               segments,
		"unsubscribed_from_emails": truth(func(x c) bool { return x.ord%5 == 4 }),
		"has_hard_bounced":         truth(func(x c) bool { return x.ord%29 == 28 }),
		"marked_email_as_spam":     truth(func(x c) bool { return x.ord%37 == 36 }),
		"custom_attributes.tier": text(func(x c) string {
			if x.ord%3 == 1 {
				return ""
			}
			return x.tier()
		}),
		"custom_attributes.seats": {kind: numberField, number: func(x c) (int64, bool) { return x.seats(), x.ord%3 != 1 }},
	}
}

func (w *World) ticketFields() map[string]field[*ticket] {
	type t = *ticket
	return map[string]field[t]{
		"id":                ident(t.id),
		"created_at":        date(func(x t) int64 { return x.created }),
		"updated_at":        date(func(x t) int64 { return x.updated }),
		"title":             text(t.title),
		"open":              truth(t.open),
		"state":             text(func(x t) string { return ticketStates[x.state] }),
		"category":          text(func(x t) string { return []string{"request", "task", "tracker"}[x.kind()] }),
		"ticket_type_id":    number(func(x t) int64 { return int64(100 + x.kind()) }),
		"admin_assignee_id": assignee(adminBase, func(x t) int16 { return x.admin }),
		"team_assignee_id":  assignee(teamBase, func(x t) int16 { return x.team }),
		"contact_ids":       list(func(x t) []string { return hexIDs(contactPrefix, w.ticketContacts(x)) }),
	}
}
