package emulator

import (
	"fmt"
	"strconv"
)

type admin struct {
	ord  int
	s    seed
	away bool
}

type team struct {
	ord int
	s   seed
}

type tag struct {
	ord  int
	name string
}

type segment struct {
	ord              int
	s                seed
	created, updated int64
}

type attribute struct {
	ord                            int
	s                              seed
	model, name, dataType          string
	custom, archived               bool
	created, updated               int64
	description                    string
	options                        []string
	apiWritable, messengerWritable bool
}

func (a *admin) id() string   { return strconv.Itoa(adminBase + a.ord) }
func (t *team) id() string    { return strconv.Itoa(teamBase + t.ord) }
func (t *tag) id() string     { return strconv.Itoa(tagBase + t.ord) }
func (s *segment) id() string { return hexID(segmentPrefix, int32(s.ord)) }

// fullName is the attribute's path on its object, which is its key: standard attributes have no id.
func (a *attribute) fullName() string {
	if a.custom {
		return "custom_attributes." + a.name
	}
	return a.name
}

func (w *World) makeReference() {
	for i := range w.size.Admins {
		w.admins = append(w.admins, &admin{ord: i, s: w.seed.at(ofAdmin).at(i), away: i%3 == 1})
	}
	for i := range w.size.Teams {
		w.teams = append(w.teams, &team{ord: i, s: w.seed.at(ofTeam).at(i)})
	}
	for i := range w.size.Tags {
		w.tags = append(w.tags, &tag{ord: i, name: baseTagName(int32(i))})
	}
	for i := range w.size.Segments {
		s := w.seed.at(ofSegment).at(i)
		created := w.birthTime(i, w.size.Segments)
		w.segments = append(w.segments, &segment{ord: i, s: s, created: created, updated: w.lastTouch(s, created)})
	}
	w.makeAttributes()
}

func baseTagName(ord int32) string {
	name := tagNames[int(ord)%len(tagNames)]
	if n := int(ord) / len(tagNames); n > 0 {
		name += " " + strconv.Itoa(n)
	}
	return name
}

func (w *World) makeAttributes() {
	add := func(a attribute) {
		a.ord = len(w.attributes)
		a.s = w.seed.at(ofAttribute).at(a.ord)
		a.created = w.start + int64(a.ord)*600
		a.updated = w.lastTouch(a.s, a.created)
		w.attributes = append(w.attributes, &a)
	}
	standard := map[string][][2]string{
		"company": {{"name", "string"}, {"company_id", "string"}, {"monthly_spend", "float"}, {"session_count", "integer"},
			{"user_count", "integer"}, {"remote_created_at", "date"}, {"website", "string"}, {"industry", "string"}},
		"contact": {{"name", "string"}, {"email", "string"}, {"phone", "string"}, {"role", "string"}, {"owner_id", "integer"},
			{"created_at", "date"}, {"updated_at", "date"}, {"last_seen_at", "date"}, {"unsubscribed_from_emails", "boolean"}},
		"conversation": {{"title", "string"}, {"priority", "string"}},
	}
	for _, model := range []string{"company", "contact", "conversation"} {
		for _, f := range standard[model] {
			add(attribute{model: model, name: f[0], dataType: f[1], description: "Standard attribute " + f[0]})
		}
		w.customAttributeRows(model, add)
	}
}

func (w *World) adminName(ord int) string {
	s := w.seed.at(ofAdmin).at(ord)
	return firstNames[ord%len(firstNames)] + " " + pick(s, 1, lastNames)
}

func adminEmail(ord int) string { return fmt.Sprintf("admin%d@support.example.com", ord) }

func (w *World) teamName(ord int) string { return "Team " + nouns[ord%len(nouns)] }

func (p *printer) admin(a *admin) {
	p.obj("")
	p.adminFields(a)
	p.end()
}

func (p *printer) adminFields(a *admin) {
	p.adminCore(a)
	if p.v >= v214 {
		if a.away {
			p.num("away_status_reason_id", int64(awayReasonBase+a.ord%5))
		} else {
			p.null("away_status_reason_id")
		}
	}
	switch avatar := fmt.Sprintf("https://static.example.com/avatars/%d.png", a.ord); {
	case p.v == v211:
		p.obj("avatar")
		p.str("type", "avatar")
		p.str("image_url", avatar)
		p.end()
	case a.ord%4 == 3:
		p.null("avatar")
	default:
		p.str("avatar", avatar)
	}
	teams := p.adminTeams(a)
	first := min(1, len(teams))
	p.obj("team_priority_level")
	p.ids("primary_team_ids", teamBase, teams[:first])
	p.ids("secondary_team_ids", teamBase, teams[first:])
	p.end()
	if p.v >= v216 {
		p.adminRole(a)
	}
}

// adminCore writes the fields that /me and the admin object share.
func (p *printer) adminCore(a *admin) {
	p.str("type", "admin")
	p.str("id", a.id())
	p.str("name", p.w.adminName(a.ord))
	p.str("email", adminEmail(a.ord))
	p.str("job_title", pick(a.s, 2, []string{"Support lead", "Agent", "Engineer"}))
	p.flag("away_mode_enabled", a.away)
	p.flag("away_mode_reassign", a.away && a.ord%2 == 1)
	p.flag("has_inbox_seat", a.ord%5 != 4)
	p.ids("team_ids", teamBase, p.adminTeams(a))
}

func (p *printer) adminRole(a *admin) {
	if a.ord%4 == 2 {
		p.null("role")
		return
	}
	p.obj("role")
	p.str("type", "role")
	p.str("id", strconv.Itoa(880+a.ord%3))
	p.str("name", []string{"Owner", "Manager", "Agent"}[a.ord%3])
	p.end()
}

func (p *printer) adminTeams(a *admin) []int {
	var teams []int
	for i := range p.w.size.Teams {
		if (a.ord+i)%2 == 0 {
			teams = append(teams, i)
		}
	}
	return teams
}

// ids writes numeric ids, as Intercom does for references between admins and teams.
func (p *printer) ids(key string, base int64, ords []int) {
	p.arr(key)
	for _, o := range ords {
		p.num("", base+int64(o))
	}
	p.endArr()
}

func (p *printer) me() {
	a := p.w.admins[0]
	p.obj("")
	p.adminCore(a)
	p.obj("avatar")
	p.str("type", "avatar")
	p.str("image_url", "https://static.example.com/avatars/0.png")
	p.end()
	p.flag("email_verified", true)
	p.obj("app")
	p.str("type", "app")
	p.str("id_code", p.w.workspace)
	p.str("name", "Emulated workspace")
	p.num("created_at", p.w.start)
	p.flag("secure", false)
	p.flag("identity_verification", false)
	p.str("timezone", p.w.zoneName)
	p.str("region", p.w.region)
	p.end()
	if p.v >= preview {
		p.adminRole(a)
	}
	p.end()
}

// membersOf lists the admins of a team.
func (w *World) membersOf(team int) []int {
	members := []int{}
	for i := range w.size.Admins {
		if (i+team)%2 == 0 {
			members = append(members, i)
		}
	}
	return members
}

func (p *printer) team(t *team) {
	members := p.w.membersOf(t.ord)
	p.obj("")
	p.str("type", "team")
	p.str("id", t.id())
	p.str("name", p.w.teamName(t.ord))
	p.ids("admin_ids", adminBase, members)
	p.obj("admin_priority_level")
	p.ids("primary_admin_ids", adminBase, members[:min(1, len(members))])
	p.ids("secondary_admin_ids", adminBase, members[min(1, len(members)):])
	p.end()
	if p.v >= v214 {
		if t.ord%2 == 0 {
			p.num("assignment_limit", 20)
			p.str("distribution_method", "round_robin")
		} else {
			p.null("assignment_limit")
			p.null("distribution_method")
		}
	}
	p.end()
}

// tag writes a tag as the list of all tags shows it: the application is empty there but for a few.
func (p *printer) tag(t *tag) {
	p.obj("")
	p.str("type", "tag")
	p.str("id", t.id())
	p.str("name", t.name)
	if t.ord%4 == 1 {
		p.num("applied_at", p.w.start+int64(t.ord))
		p.reference("applied_by", "admin", strconv.Itoa(adminBase))
	} else {
		p.null("applied_at")
		p.null("applied_by")
	}
	p.end()
}

func (p *printer) reference(key, kind, id string) {
	p.obj(key)
	p.str("type", kind)
	p.strOrNull("id", id)
	p.end()
}

func (p *printer) segment(s *segment, withCount bool) {
	p.obj("")
	p.str("type", "segment")
	p.str("id", s.id())
	p.str("name", pick(s.s, 1, nouns)+" segment "+strconv.Itoa(s.ord))
	p.num("created_at", s.created)
	p.num("updated_at", s.updated)
	p.str("person_type", []string{"contact", "user"}[s.ord%2])
	if withCount {
		p.num("count", int64(s.s.n(2, max(p.w.size.Contacts, 1))))
	}
	p.end()
}

func (p *printer) attribute(a *attribute) {
	p.obj("")
	p.str("type", "data_attribute")
	if a.custom {
		p.num("id", int64(12_878+a.ord))
	}
	p.str("model", a.model)
	p.str("name", a.name)
	p.str("full_name", a.fullName())
	p.str("label", "Label of "+a.name)
	p.str("description", a.description)
	dataType := a.dataType
	if dataType == "date" && p.v >= v217 {
		dataType = "datetime"
	}
	p.str("data_type", dataType)
	if a.options != nil {
		p.strs("options", a.options...)
	}
	p.flag("api_writable", a.apiWritable)
	p.flag("messenger_writable", a.messengerWritable)
	p.flag("ui_writable", a.custom)
	p.flag("custom", a.custom)
	p.flag("archived", a.archived)
	if a.custom {
		p.num("created_at", a.created)
		p.num("updated_at", a.updated)
		p.str("admin_id", strconv.Itoa(adminBase))
	}
	p.end()
}
