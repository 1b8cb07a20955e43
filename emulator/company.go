package emulator

import (
	"slices"
	"strconv"
)

// company is one version of a company.
type company struct {
	ord              int32
	s                seed
	created, updated int64
	users            int32
	revision         int32   // times it was edited
	segments         []int32 // joined by an edit
}

func (c *company) id() string  { return hexID(companyPrefix, c.ord) }
func (c *company) key() rowKey { return rowKey{c.ord, c.created, c.updated} }

func (w *World) newCompany(ord, of int) company {
	s := w.seed.at(ofCompany).at(ord)
	c := company{ord: int32(ord), s: s, created: w.birthTime(ord, of), users: int32(1 + s.n(1, 40))}
	if ord%11 == 7 {
		c.users = 0
	}
	c.updated = w.lastTouch(s, c.created)
	return c
}

// companyAtBirth is what conversations embed. They keep showing it after the company was edited, because such an edit
// does not move their updated_at.
func (w *World) companyAtBirth(ord int32) *company {
	c := w.newCompany(int(ord), w.size.Companies)
	return &c
}

func (c *company) name() string {
	name := pick(c.s, 2, nouns) + " " + pick(c.s, 3, trades) + " " + strconv.Itoa(int(c.ord))
	if c.revision > 0 {
		name += " (rev " + strconv.Itoa(int(c.revision)) + ")"
	}
	return name
}

func (w *World) companySegments(c *company) []int32 {
	var out []int32
	if n := w.size.Segments; n > 0 {
		for i := range min(c.ord%4, int32(n)) {
			out = append(out, (c.ord+i)%int32(n))
		}
	}
	for _, s := range c.segments {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// remoteID is the id that the customer gave the company.
func (c *company) remoteID() string { return "remote-" + strconv.Itoa(int(c.ord)) }

func (p *printer) company(key string, c *company) {
	p.obj(key)
	p.str("type", "company")
	p.str("company_id", c.remoteID())
	p.str("id", c.id())
	p.str("app_id", p.w.workspace)
	p.str("name", c.name())
	p.num("remote_created_at", c.created-86_400)
	p.num("created_at", c.created)
	p.num("updated_at", c.updated)
	p.num("last_request_at", c.created+c.s.between(4, 0, 600))
	p.num("monthly_spend", int64(c.s.n(5, 9000))+int64(c.revision))
	p.num("session_count", int64(c.s.n(6, 500)))
	p.num("user_count", int64(c.users))
	p.num("size", int64(c.s.n(7, 5000)))
	p.str("website", "https://company"+strconv.Itoa(int(c.ord))+".example.com")
	p.str("industry", pick(c.s, 8, industries))
	p.obj("tags")
	p.str("type", "tag.list")
	p.arr("tags")
	for i := range min(int(c.ord%3), p.w.size.Tags) {
		p.obj("")
		p.str("type", "tag")
		p.str("id", strconv.Itoa(tagBase+i))
		p.str("name", baseTagName(int32(i)))
		p.end()
	}
	p.endArr()
	p.end()
	p.obj("segments")
	p.str("type", "segment.list")
	p.arr("segments")
	for _, s := range p.w.companySegments(c) {
		p.segment(p.w.segments[s], false)
	}
	p.endArr()
	p.end()
	p.obj("plan")
	if c.ord%4 != 1 {
		n := c.s.n(9, len(plans))
		p.str("type", "plan")
		p.str("id", strconv.Itoa(1_500+n))
		p.str("name", plans[n])
	}
	p.end()
	p.companyAttributes(c)
	if p.v >= v216 {
		p.companyNotes(c)
	}
	p.end()
}

func (p *printer) companyAttributes(c *company) {
	p.obj("custom_attributes")
	if c.ord%5 != 4 {
		p.str("tier", pick(c.s, 10, tiers))
		p.str("contract", "C-"+strconv.Itoa(c.s.n(11, 1_000_000)))
		if c.ord%13 == 6 { // no number, as the attribute wants it
			p.str("seats", "unlimited")
		} else {
			p.num("seats", int64(c.s.n(14, 500)))
		}
		p.raw("score", strconv.Itoa(c.s.n(15, 100))+".25")
		p.flag("beta", c.ord%2 == 0)
		p.num("renewal_at", c.created+8_640_000)
	}
	if c.ord%9 == 4 { // archived since
		p.str("old_code", "X-"+strconv.Itoa(int(c.ord)))
	}
	if c.revision > 0 {
		p.str("revision", strconv.Itoa(int(c.revision)))
	}
	p.end()
}

func (p *printer) companyNotes(c *company) {
	p.obj("notes")
	p.str("type", "note.list")
	p.arr("notes")
	for place := c.notes() - 1; place >= 0; place-- { // newest first
		p.companyNote(c, place)
	}
	p.endArr()
	p.end()
}

// notes is the number of a company's notes.
func (c *company) notes() int {
	switch {
	case c.ord%100 == 30:
		return 60
	case c.ord%20 == 10:
		return 3
	}
	return btoi(c.ord%4 == 2)
}

func (c *company) noteID(place int) string {
	return strconv.Itoa(companyNoteBase + int(c.ord)*notesRoom + place)
}

const companyNoteBase = 4 * noteBase

func (p *printer) companyNote(c *company, place int) {
	p.note(c.noteID(place), c.created+int64(place)*60, pick(c.s, 700+place, bodies), "company", c.id(), p.w.admins[c.s.n(800+place, p.w.size.Admins)])
}
