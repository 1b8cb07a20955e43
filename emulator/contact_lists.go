package emulator

import (
	"cmp"
	"slices"
	"strconv"
)

// contactMore is what only few contacts have: notes and events that edits added, and notes that were changed.
type contactMore struct {
	notes         []int64 // when each was written
	changed, gone []int32 // notes, by their place
	events        []addedEvent
}

// contactRow is the contact in the path, as single reads see it.
func (c *call) contactRow() (*contact, *apiError) {
	if c.e != nil {
		return c.findContact()
	}
	if row := c.w.contacts.get(fromHexID(contactPrefix, c.id)); row != nil { // Truth knows no lag
		return row, nil
	}
	return nil, resourceNotFound()
}

// contactRows makes the rows of a list that belongs to a contact.
func contactRows(list func(c *call, x *contact) rowSet) func(*call) (rowSet, *apiError) {
	return func(c *call) (rowSet, *apiError) {
		x, err := c.contactRow()
		if err != nil {
			return rowSet{}, err
		}
		return list(c, x), nil
	}
}

func contactTagRows(c *call, x *contact) rowSet {
	return rowsOf(c.w.contactTags(x), func(ord int32) string { return strconv.Itoa(tagBase + int(ord)) }, func(p *printer, ord int32) {
		p.obj("")
		p.str("type", "tag")
		p.str("id", strconv.Itoa(tagBase+int(ord)))
		p.str("name", p.w.tags[ord].name)
		p.num("applied_at", x.created)
		p.reference("applied_by", "admin", strconv.Itoa(adminBase))
		p.end()
	})
}

// contactCompanyRows are whole companies. One that was deleted is shown as it was at first: the contact's own list keeps
// naming it, too, because a deletion does not move the contact's updated_at.
func contactCompanyRows(c *call, x *contact) rowSet {
	return rowsOf(c.w.companiesOf(x), func(ord int32) string { return hexID(companyPrefix, ord) }, func(p *printer, ord int32) {
		p.company("", cmp.Or(p.w.companies.get(ord), p.w.companyAtBirth(ord)))
	})
}

// bornNotes is the number of notes that a contact has without any edit.
func (c *contact) bornNotes() int {
	switch {
	case c.ord%100 == 55:
		return 60
	case c.ord%20 == 15:
		return 12
	}
	return int(c.ord % 2)
}

// notes lists the places of a contact's notes, newest first.
func (c *contact) notes() []int32 {
	n := c.bornNotes()
	if c.more != nil {
		n += len(c.more.notes)
	}
	out := make([]int32, 0, n)
	for i := int32(n) - 1; i >= 0; i-- {
		if c.more == nil || !slices.Contains(c.more.gone, i) {
			out = append(out, i)
		}
	}
	return out
}

const contactNoteBase, notesRoom = noteBase + 10_000_000, 1000

func (c *contact) noteID(place int32) string {
	return strconv.Itoa(contactNoteBase + int(c.ord)*notesRoom + int(place))
}

func contactNoteRows(_ *call, x *contact) rowSet {
	return rowsOf(x.notes(), x.noteID, func(p *printer, place int32) { p.contactNote(x, place) })
}

func (p *printer) contactNote(c *contact, place int32) {
	born := c.bornNotes()
	at := c.created + (c.settled-c.created)*int64(place+1)/int64(born+1)
	body := pick(c.s, 700+int(place), bodies)
	if c.more != nil {
		if i := int(place) - born; i >= 0 {
			at = c.more.notes[i]
		}
		for _, changed := range c.more.changed {
			if changed == place {
				body += "<p>edited</p>"
			}
		}
	}
	p.note(c.noteID(place), at, body, "contact", c.id(), p.w.admins[c.s.n(800+int(place), p.w.size.Admins)])
}

func (p *printer) note(id string, at int64, body, about, whose string, author *admin) {
	p.obj("")
	p.str("type", "note")
	p.str("id", id)
	p.num("created_at", at)
	p.reference(about, about, whose)
	p.key("author")
	p.admin(author)
	p.str("body", body)
	p.end()
}

func contactSegmentRows(c *call, x *contact) rowSet {
	return rowsOf(c.w.segmentsOf(x), func(ord int32) string { return hexID(segmentPrefix, ord) }, func(p *printer, ord int32) {
		p.segment(p.w.segments[ord], false)
	})
}

// subscriptionsOf lists the types for which a contact made a choice of its own.
func (w *World) subscriptionsOf(x *contact) []*item {
	n := int32(w.shelves["subscription_types"].count(w.size))
	return filtered(w.shelves["subscription_types"].items, func(t *item) bool {
		return t.ord < n && x.ord%3 != 0 && (x.ord+t.ord)%4 == 1
	})
}

func contactSubscriptionRows(c *call, x *contact) rowSet {
	return c.itemRows("subscription_types", c.w.subscriptionsOf(x))
}

// mergeRows lists who was merged into a contact, the last one first unless asked otherwise.
func mergeRows(c *call) (rowSet, *apiError) {
	x, err := c.contactRow()
	if err != nil {
		return rowSet{}, err
	}
	if x.lead {
		return rowSet{}, notFound("not_found", "User Not Found") // "Only available for contacts with a user role"
	}
	merges := slices.Clone(x.merges)
	switch c.query.Get("order") {
	case "", "desc":
		slices.Reverse(merges)
	case "asc":
	default:
		return rowSet{}, badParameter("order", "order must be asc or desc")
	}
	return rowsOf(merges, func(m merge) string { return hexID(contactPrefix, m.source) }, (*printer).merge), nil
}

func (p *printer) merge(m merge) {
	p.obj("")
	p.str("type", "merge_history")
	p.str("source_contact_id", hexID(contactPrefix, m.source))
	p.str("source_contact_role", (&contact{lead: m.lead}).role())
	p.num("merged_at", m.at)
	p.end()
}

// Contacts that were merged before the world began have ordinals of their own.
const mergedBefore = 1 << 28

// bornMerges lists the merges of a contact's generated history: a lead, and for some a user after it.
func (c *contact) bornMerges() []merge {
	if c.ord%12 != 2 {
		return nil
	}
	first := mergedBefore + c.ord*2
	all := []merge{{first, true, c.created + (c.settled-c.created)/3}, {first + 1, false, c.created + (c.settled-c.created)/2}}
	return all[:1+c.ord/12%2]
}

// mergedInto tells which contact took another one in.
func (w *World) mergedInto(ord int32) (int32, bool) {
	if into, ok := w.merged[ord]; ok {
		return into, true
	}
	into := (ord - mergedBefore) / 2
	if ord < mergedBefore || int(into) >= w.size.Contacts {
		return 0, false
	}
	return into, slices.ContainsFunc((&contact{ord: into}).bornMerges(), func(m merge) bool { return m.source == ord })
}

// companyContactRows lists the contacts of a company, by id.
func companyContactRows(c *call) (rowSet, *apiError) {
	x, err := c.companyRow()
	if err != nil {
		return rowSet{}, err
	}
	return rowsOf(c.w.contactsIn(x), (*contact).id, func(p *printer, row *contact) { p.contact("", row, false) }), nil
}

func (c *call) companyRow() (*company, *apiError) {
	if c.e != nil {
		return c.findCompany()
	}
	return c.w.companies.get(fromHexID(companyPrefix, c.id)), nil
}

// contactsIn lists a company's contacts. A contact's companies follow one another, so that only every n-th contact of a few
// sequences can be one.
func (w *World) contactsIn(x *company) []*contact {
	const longest = 12 // companies of a contact
	of := w.size.Companies
	var out []*contact
	for back := range min(longest, of) {
		for ord := ((int(x.ord)-back)%of + of) % of; ord < len(w.contacts.live); ord += of {
			if row := w.contacts.live[ord]; row != nil && slices.Contains(w.companiesOf(row), x.ord) {
				out = append(out, row)
			}
		}
	}
	slices.SortFunc(out, func(a, b *contact) int { return cmp.Compare(a.ord, b.ord) })
	return out
}

func companyNoteRows(c *call) (rowSet, *apiError) {
	x, err := c.companyRow()
	if err != nil {
		return rowSet{}, err
	}
	places := make([]int, x.notes())
	for i := range places {
		places[i] = len(places) - 1 - i // newest first
	}
	return rowsOf(places, x.noteID, func(p *printer, place int) { p.companyNote(x, place) }), nil
}

// deletedRows is the feed of deleted conversations, newest first unless asked otherwise.
func deletedRows(c *call) (rowSet, *apiError) {
	list := slices.Clone(c.w.deleted)
	switch c.query.Get("order") {
	case "", "desc":
		slices.Reverse(list)
	case "asc":
	default:
		return rowSet{}, badParameter("order", "order must be asc or desc")
	}
	return rowsOf(list, deletion.id, func(p *printer, d deletion) {
		p.obj("")
		p.str("type", "conversation")
		p.str("id", d.id())
		p.flag("metrics_retained", d.ord%2 == 0)
		p.num("deleted_at", d.at)
		p.end()
	}), nil
}

func (d deletion) id() string { return (&conversation{ord: d.ord}).id() }
