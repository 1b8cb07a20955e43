package emulator

import (
	"slices"
	"strconv"
	"strings"
)

// contact is one version of a contact.
type contact struct {
	ord              int32
	s                seed
	created, updated int64
	settled          int64 // the last moment of its generated history
	revision         int32 // times it was edited
	lead             bool
	owner            int16        // admin ordinal + 1
	merges           []merge      // by edits
	more             *contactMore // nil for nearly all
}

type merge struct {
	source int32
	lead   bool
	at     int64
}

func (c *contact) id() string  { return hexID(contactPrefix, c.ord) }
func (c *contact) key() rowKey { return rowKey{c.ord, c.created, c.updated} }

func (w *World) newContact(ord, of int) contact {
	s := w.seed.at(ofContact).at(ord)
	c := contact{ord: int32(ord), s: s, created: w.birthTime(ord, of), lead: ord%4 == 3}
	c.updated = w.lastTouch(s, c.created)
	c.settled = c.updated
	if ord%3 == 0 {
		c.owner = int16(1 + s.n(1, w.size.Admins))
	}
	return c
}

func (c *contact) role() string {
	if c.lead {
		return "lead"
	}
	return "user"
}

func contactEmail(ord int32) string { return "person" + strconv.Itoa(int(ord)) + "@mail.example.com" }

func contactExternalID(ord int32) string {
	if ord%4 == 3 { // leads have none here
		return ""
	}
	return "ext-" + strconv.Itoa(70+int(ord))
}

func contactName(s seed, ord int32) string {
	if ord%13 == 12 {
		return ""
	}
	return pick(s, 2, firstNames) + " " + pick(s, 3, lastNames)
}

func (c *contact) name() string {
	name := contactName(c.s, c.ord)
	if c.revision > 0 {
		name += " (rev " + strconv.Itoa(int(c.revision)) + ")"
	}
	return name
}

func (c *contact) phone() string {
	if c.ord%3 == 1 {
		return "+3535550" + strconv.Itoa(10_000+int(c.ord)%90_000)
	}
	return ""
}

// seenAt draws one of the contact's activity times; 0 for contacts that never did that.
func (c *contact) seenAt(k int) int64 {
	if (int(c.ord)+k)%4 == 3 {
		return 0
	}
	return c.s.between(100+k, c.created, c.settled)
}

const (
	signedUp = iota
	lastSeen
	lastReplied
	lastContacted
	lastOpened
	lastClicked
	androidSeen
	iosSeen
)

func (w *World) contactTags(c *contact) []int32 {
	n := int(c.ord % 3)
	if c.ord%20 == 9 {
		n = 14
	}
	return firstOrds(min(n, w.size.Tags), int(c.ord), w.size.Tags)
}

// companiesOf lists a contact's companies that have users; one contact in twenty belongs to more than ten.
func (w *World) companiesOf(c *contact) []int32 {
	n := int(c.ord % 3)
	switch {
	case c.ord%20 == 5:
		n = 12
	case c.ord%12 == 3:
		n = 1
	}
	out := firstOrds(min(n, w.size.Companies), int(c.ord), w.size.Companies)
	return slices.DeleteFunc(out, func(ord int32) bool { return ord%11 == 7 }) // those were born without users
}

func firstOrds(n, from, of int) []int32 {
	out := make([]int32, 0, n)
	for i := range n {
		out = append(out, int32((from+i)%of))
	}
	return out
}

func (w *World) segmentsOf(c *contact) []int32 {
	return firstOrds(min(int(c.ord%2)+1, w.size.Segments), int(c.ord), w.size.Segments)
}

// contact writes a contact; a single read shows one field more than lists do.
func (p *printer) contact(key string, c *contact, single bool) {
	p.obj(key)
	p.str("type", "contact")
	p.str("id", c.id())
	p.str("workspace_id", p.w.workspace)
	p.strOrNull("external_id", contactExternalID(c.ord))
	p.str("role", c.role())
	p.str("email", contactEmail(c.ord))
	p.str("email_domain", "mail.example.com")
	p.strOrNull("phone", c.phone())
	if p.v == v211 || p.v == preview {
		p.strOrNull("formatted_phone", c.phone())
	}
	p.strOrNull("name", c.name())
	if c.ord%2 == 0 {
		p.obj("avatar")
		p.str("type", "avatar")
		p.str("image_url", "https://static.example.com/people/"+strconv.Itoa(int(c.ord))+".jpg")
		p.end()
	} else {
		p.null("avatar")
	}
	switch {
	case c.owner == 0:
		p.null("owner_id")
	case p.v >= v216:
		p.str("owner_id", strconv.Itoa(adminBase+int(c.owner)-1))
	default:
		p.num("owner_id", adminBase+int64(c.owner)-1)
	}
	p.obj("social_profiles")
	p.str("type", "list")
	p.arr("data")
	if c.ord%4 == 0 {
		p.obj("")
		p.str("type", "social_profile")
		p.str("name", "Mastodon")
		p.str("url", "https://social.example.com/@p"+strconv.Itoa(int(c.ord)))
		p.end()
	}
	p.endArr()
	p.end()
	p.flag("has_hard_bounced", c.ord%29 == 28)
	p.flag("marked_email_as_spam", c.ord%37 == 36)
	p.flag("unsubscribed_from_emails", c.ord%5 == 4)
	p.contactTimes(c)
	p.contactDevice(c)
	p.contactCustom(c)
	p.contactLists(c)
	for _, k := range []string{"utm_campaign", "utm_content", "utm_medium", "utm_source", "utm_term", "referrer"} {
		if c.ord%6 == 0 {
			p.str(k, "spring "+k)
		} else {
			p.null(k)
		}
	}
	if single && p.v >= v212 {
		p.flag("enabled_push_messaging", c.ord%2 == 0)
	}
	if p.mergeHistory && p.v >= v216 && !c.lead { // "Only available for contacts with a user role"
		p.arr("merge_history")
		for _, m := range p.w.mergesOf(c) {
			p.merge(m)
		}
		p.endArr()
	}
	p.end()
}

func (p *printer) contactTimes(c *contact) {
	p.num("created_at", c.created)
	p.num("updated_at", c.updated)
	for k, name := range []string{"signed_up_at", "last_seen_at", "last_replied_at", "last_contacted_at", "last_email_opened_at", "last_email_clicked_at"} {
		p.numOrNull(name, c.seenAt(k))
	}
}

func (p *printer) contactDevice(c *contact) {
	known := func(key, value string, yes bool) {
		if !yes {
			value = ""
		}
		p.strOrNull(key, value)
	}
	web, android, ios := c.ord%2 == 0, c.ord%6 == 1, c.ord%6 == 3
	known("language_override", "pt-BR", c.ord%5 == 0)
	known("browser", "firefox", web)
	known("browser_version", "128.0", web)
	known("browser_language", "nb", web)
	known("os", "Linux", web)
	p.obj("location")
	p.str("type", "location")
	place := pick(c.s, 4, countries)
	known("country", place[0], c.ord%7 != 6)
	known("region", place[1], c.ord%7 != 6)
	known("city", place[2], c.ord%7 != 6)
	known("country_code", place[3], c.ord%7 != 6)
	p.null("continent_code")
	p.end()
	for _, device := range []struct {
		name string
		yes  bool
		seen int
	}{{"android", android, androidSeen}, {"ios", ios, iosSeen}} {
		known(device.name+"_app_name", "Emu app", device.yes)
		known(device.name+"_app_version", "3.1.4", device.yes)
		known(device.name+"_device", "Pocket 9", device.yes)
		known(device.name+"_os_version", "17.2", device.yes)
		known(device.name+"_sdk_version", "12.4", device.yes)
		if seen := c.seenAt(device.seen); device.yes {
			p.numOrNull(device.name+"_last_seen_at", seen)
		} else {
			p.null(device.name + "_last_seen_at")
		}
	}
}

func (p *printer) contactCustom(c *contact) {
	p.obj("custom_attributes")
	if c.ord%3 != 1 {
		p.str("tier", c.tier())
		p.num("seats", c.seats())
		p.raw("score", c.score())
		p.flag("beta", c.ord%2 == 0)
		p.num("renewal_at", c.created+8_640_000)
	}
	if c.ord%5 == 3 {
		p.day("Trial ends", c.created+86_400, c.ord%2 == 0)
	}
	if c.ord%9 == 4 { // archived since
		p.str("old_code", "X-"+strconv.Itoa(int(c.ord)))
	}
	if c.ord%10 == 7 && p.v >= v213 {
		p.orders("order", c.ord)
	}
	if c.ord%8 == 2 {
		p.num("account_number", 9_007_199_254_740_993+int64(c.ord)) // beyond what a float64 can tell apart
		p.str("Nöte to self", "tab\there, \"quotes\" and \\")
	}
	if c.revision > 0 {
		p.num("revision", int64(c.revision))
	}
	p.end()
}

func (c *contact) tier() string { return pick(c.s, 5, tiers) }
func (c *contact) seats() int64 { return int64(c.s.n(6, 500)) }

// score is a number, for some contacts in a text, and for one in sixteen no number at all.
func (c *contact) score() string {
	score := strconv.FormatFloat(float64(c.s.n(7, 1000))/8, 'f', -1, 64)
	switch c.ord % 16 {
	case 6:
		return `"n/a"`
	case 14:
		return `"` + score + `"`
	}
	return score
}

// contactLists writes the nested lists, which hold ten entries at most and tell where the rest is.
func (p *printer) contactLists(c *contact) {
	path := "/contacts/" + c.id()
	tags, notes, companies := p.w.contactTags(c), c.notes(), p.w.companiesOf(c)
	p.nested("tags", path+"/tags", len(tags), func(i int) (string, string, string) {
		id := strconv.Itoa(tagBase + int(tags[i]))
		return "tag", id, "/tags/" + id
	})
	p.nested("notes", path+"/notes", len(notes), func(i int) (string, string, string) {
		id := c.noteID(notes[i])
		return "note", id, "/notes/" + id
	})
	p.nested("companies", path+"/companies", len(companies), func(i int) (string, string, string) {
		id := hexID(companyPrefix, companies[i])
		return "company", id, "/companies/" + id
	})
	chosen := p.w.subscriptionsOf(c)
	for _, consent := range []string{"opt_out", "opt_in"} {
		some := filtered(chosen, func(t *item) bool { return t.consent() == consent })
		p.nested("opted"+strings.TrimPrefix(consent, "opt")+"_subscription_types", path+"/subscriptions", len(some), func(i int) (string, string, string) {
			return "subscription", some[i].id(), "/subscription_types/" + some[i].id()
		})
	}
}

func (p *printer) nested(key, url string, n int, entry func(i int) (kind, id, url string)) {
	const most = 10
	p.obj(key)
	p.str("type", "list")
	p.arr("data")
	shown := min(n, most)
	if p.uncut {
		shown = n
	}
	for i := range shown {
		kind, id, link := entry(i)
		p.obj("")
		p.str("type", kind)
		p.str("id", id)
		p.str("url", link)
		p.end()
	}
	p.endArr()
	p.str("url", url)
	p.num("total_count", int64(n))
	p.flag("has_more", n > shown)
	p.end()
}
