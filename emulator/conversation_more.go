package emulator

import "strconv"

// conversationMore writes what only some conversations have: rating, SLA, AI agent, links, custom attributes.
func (p *printer) conversationMore(c *conversation) {
	p.customAttributes(c)
	p.obj("topics")
	if c.ord%5 == 1 {
		p.str("type", "topic.list")
		p.arr("topics")
		p.obj("")
		p.str("type", "topic")
		p.num("id", 12)
		p.str("name", "Billing")
		p.end()
		p.endArr()
		p.num("total_count", 1)
	}
	p.end()
	p.null("ticket")
	p.rating(c)
	if c.ord%4 == 2 {
		p.obj("sla_applied")
		p.str("type", "conversation_sla_summary")
		p.str("sla_name", "Gold")
		p.str("sla_status", []string{"hit", "missed", "cancelled", "active"}[c.ord/4%4])
		p.end()
	} else {
		p.null("sla_applied")
	}
	p.linkedObjects(c)
	if p.v >= v211 {
		p.aiAgent(c)
	}
	if p.v >= v215 {
		if company, ok := p.w.companyOf(c); ok {
			p.company("company", p.w.companyAtBirth(company))
		} else {
			p.null("company")
		}
	}
	if p.v >= v216 {
		p.salesAgent(c)
		p.evaluations(c)
	}
	if p.v >= preview && c.ord%4 == 0 {
		p.raw("ai_topics", `{"type":"ai_topics.list","topics":[{"type":"ai_topic","topic_name":"Access","subtopics":[{"type":"ai_subtopic","name":"Password","id":7}]}]}`)
	}
}

func (p *printer) customAttributes(c *conversation) {
	p.obj("custom_attributes")
	if c.ord%3 != 2 {
		p.str("tier", pick(c.s, 40, tiers))
		if c.ord%16 == 10 { // no number, as the attribute wants it
			p.str("seats", "many")
		} else {
			p.num("seats", int64(c.s.n(41, 500)))
		}
		p.raw("score", strconv.Itoa(c.s.n(47, 100))+".5")
		p.flag("beta", c.ord%2 == 0)
		p.day("renewal_at", c.created+8_640_000, c.ord%8 == 4)
	}
	if c.ord%9 == 4 { // archived since
		p.str("old_code", "X-"+strconv.Itoa(int(c.ord)))
	}
	if c.ord%10 == 7 {
		p.str("summary", pick(c.s, 48, nouns)+"\n"+pick(c.s, 49, nouns))
	}
	if c.ord%10 == 3 && p.v >= v213 {
		p.orders("orders", c.ord)
	}
	if c.ord%12 == 6 && p.v >= v216 {
		p.files("contract", c.s.at(60), c.ord%24 == 6)
	}
	if c.ord%8 == 1 {
		p.num("account_number", 9_007_199_254_740_993+int64(c.ord)) // beyond what a float64 can tell apart
	}
	if c.ord%16 == 6 {
		p.raw("CX Score rating", "4")
		p.str("CX Score explanation", "Resolved quickly")
	}
	if c.stamped > 0 {
		p.num("stamped", int64(c.stamped))
	}
	p.end()
}

func (p *printer) rating(c *conversation) {
	if c.ord%4 != 1 {
		p.null("conversation_rating")
		return
	}
	p.obj("conversation_rating")
	p.num("rating", int64(1+c.s.n(42, 5)))
	p.str("remark", pick(c.s, 43, []string{"", "Great 👍", "too slow"}))
	p.num("created_at", c.settled)
	if p.v >= v214 {
		p.num("updated_at", c.settled)
	}
	p.obj("contact")
	p.str("type", "contact")
	if contacts := p.w.contactsOf(c); len(contacts) > 0 {
		p.str("id", hexID(contactPrefix, contacts[0]))
		p.strOrNull("external_id", contactExternalID(contacts[0]))
	}
	p.end()
	if p.v >= v217 && c.ord%8 == 5 {
		p.reference("teammate", "workflow", "301")
	} else {
		p.reference("teammate", "admin", strconv.Itoa(adminBase+c.s.n(3, p.w.size.Admins)))
	}
	p.end()
}

func (p *printer) linkedObjects(c *conversation) {
	n := 0
	if p.w.size.Tickets > 1 && c.ord%6 == 2 {
		n = 2
	}
	p.obj("linked_objects")
	p.str("type", "list")
	p.num("total_count", int64(n))
	p.flag("has_more", false)
	p.arr("data")
	if n > 0 {
		t := c.s.n(44, p.w.size.Tickets)
		p.obj("")
		p.str("type", "ticket")
		p.str("id", strconv.Itoa(ticketBase+t))
		p.str("category", categories[t%len(categories)])
		p.end()
		p.obj("")
		p.str("type", "conversation")
		p.str("id", strconv.Itoa(conversationBase+int(c.ord)-1))
		p.null("category")
		p.end()
	}
	p.endArr()
	p.end()
}

func (p *printer) aiAgent(c *conversation) {
	taken := c.ord%4 == 3 || c.ord%4 == 0
	p.flag("ai_agent_participated", taken)
	if !taken {
		p.null("ai_agent")
		return
	}
	resolutions := []string{"assumed_resolution", "confirmed_resolution", "escalated", "negative_feedback", "procedure_handoff"}
	if p.v < v215 {
		resolutions = []string{"assumed_resolution", "confirmed_resolution", "routed_to_team", "abandoned", "abandoned"}
	}
	p.obj("ai_agent")
	p.str("source_type", pick(c.s, 45, []string{"essentials_plan_setup", "profile", "workflow", "workflow_preview", "fin_preview"}))
	p.str("source_title", "Fin for support")
	p.str("last_answer_type", pick(c.s, 46, []string{"ai_answer", "custom_answer"}))
	p.str("resolution_state", resolutions[c.s.n(47, 5)])
	if c.ord%8 == 3 {
		p.null("rating")
		p.null("rating_remark")
	} else {
		p.num("rating", int64(1+c.s.n(48, 5)))
		p.str("rating_remark", "Very helpful")
	}
	if p.v >= v214 {
		p.num("created_at", c.created)
		p.num("updated_at", c.settled)
	}
	n := c.s.n(49, 4)
	p.obj("content_sources")
	p.str("type", "content_source.list")
	p.num("total_count", int64(n))
	p.arr("content_sources")
	for i := range n {
		p.obj("")
		p.str("content_type", []string{"article", "content_snippet", "external_content"}[i])
		p.str("url", "https://docs.example.com/articles/"+strconv.Itoa(7+i))
		p.str("title", "How to sign in")
		p.str("locale", []string{"en", "pt-BR"}[i%2])
		p.end()
	}
	p.endArr()
	p.end()
	p.end()
}

func (p *printer) salesAgent(c *conversation) {
	sales := c.ord%8 == 4
	p.flag("sales_agent_participated", sales)
	if sales {
		p.obj("sales_agent")
		p.str("outcome", "qualified")
		p.str("routing_outcome", "meeting_booked")
		p.obj("collected_data")
		p.str("company_size", "11-50")
		p.end()
		p.end()
	} else {
		p.null("sales_agent")
	}
	p.obj("channel")
	p.str("initial", c.sourceType())
	p.strOrNull("current", []string{c.sourceType(), ""}[c.ord%2])
	p.end()
	p.arr("external_references")
	if c.ord%9 == 4 {
		p.reference("", "salesforce_case", "5003t00001"+strconv.Itoa(int(c.ord)))
	}
	p.endArr()
}

// evaluations writes what searches and single reads add when asked to.
func (p *printer) evaluations(c *conversation) {
	if p.monitors {
		p.arr("monitor_evaluations")
		p.obj("")
		p.str("monitor_id", "31")
		p.str("monitor_name", "Tone")
		p.str("monitor_type", "quality")
		p.str("result", "pass")
		p.str("explanation", "Polite throughout")
		p.num("evaluated_at", c.settled)
		p.end()
		p.endArr()
	}
	if p.scorecards {
		p.raw("scorecards", `[{"scorecard_id":"8","scorecard_version_id":"9","name":"QA","scorecard_type":"manual","passed":true,"score":87.5,"ai_score":90,"evaluated_at":`+
			strconv.FormatInt(c.settled, 10)+`,"reviewed_teammate":{"type":"admin","admin_id":"`+strconv.Itoa(adminBase)+
			`"},"evaluators":[{"evaluator_id":"3","result":{"value":"yes","source":"ai","reasoning":"clear","reason_ids":["1"],"other_text":"none"}}]}]`)
	}
}

func (p *printer) statistics(c *conversation) {
	if c.ord%9 == 8 {
		p.null("statistics")
		return
	}
	p.obj("statistics")
	p.str("type", "conversation_statistics")
	for i, key := range []string{"time_to_assignment", "time_to_admin_reply", "time_to_first_close", "time_to_last_close", "median_time_to_reply"} {
		p.num(key, int64(c.s.n(50+i, 100_000)))
	}
	for i, key := range []string{"first_contact_reply_at", "first_assignment_at", "first_admin_reply_at", "first_close_at", "last_assignment_at",
		"last_assignment_admin_reply_at", "last_contact_reply_at", "last_admin_reply_at", "last_close_at"} {
		p.num(key, c.s.between(60+i, c.created, c.settled))
	}
	p.str("last_closed_by_id", strconv.Itoa(adminBase+c.s.n(3, p.w.size.Admins)))
	p.num("count_reopens", int64(c.s.n(70, 4)))
	p.num("count_assignments", int64(c.s.n(71, 4)))
	p.num("count_conversation_parts", int64(c.parts()))
	if p.v >= v212 {
		p.responseTime("assigned_team_first_response_time", c)
	}
	if p.v >= v213 {
		p.responseTime("assigned_team_first_response_time_in_office_hours", c)
		p.num("handling_time", int64(c.s.n(72, 5000)))
		if c.ord%2 == 0 {
			p.num("adjusted_handling_time", int64(c.s.n(73, 5000)))
		} else {
			p.null("adjusted_handling_time")
		}
	}
	p.end()
}

func (p *printer) responseTime(key string, c *conversation) {
	p.arr(key)
	if p.w.size.Teams > 0 && c.ord%2 == 0 {
		p.obj("")
		p.num("team_id", teamBase)
		p.str("team_name", p.w.teamName(0))
		p.num("response_time", int64(c.s.n(74, 3000)))
		p.end()
	}
	p.endArr()
}
