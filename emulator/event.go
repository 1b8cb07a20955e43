package emulator

import (
	"slices"
	"strconv"
	"strings"
)

// event is something that a contact did. Events of one second are told apart by their thousandths, which only the addresses
// of further pages show.
type event struct {
	name   string
	millis int64
	n      int // its number among the contact's
}

type addedEvent struct {
	name string
	at   int64
}

func (e event) at() int64 { return e.millis / 1000 }

var eventNames = []string{"placed-order", "invited-friend", "updated-plan", "größe geändert"}

// eventsOf lists all events of a contact, newest first.
func (w *World) eventsOf(c *contact) []event {
	n := []int{0, 2, 0, 5}[c.ord%4]
	if c.ord%9 == 4 {
		n = 40
	}
	var out []event
	if c.more != nil {
		for i, e := range c.more.events {
			out = append(out, event{e.name, e.at*1000 + int64(i), n + i})
		}
		slices.Reverse(out)
	}
	const apart, ago = 5 * 86_400_000, 3_600_000 // far enough apart that some of forty are too old to be listed
	for i := range n {
		s := c.s.at(2000 + i)
		millis := w.born*1000 - ago - int64(i)*apart - s.between(1, 0, apart-10_000)
		e := event{pick(s, 2, eventNames), max(millis, (c.created+int64(n-i))*1000), n - 1 - i}
		if i == 1 && c.ord%8 == 3 { // twice the same thing in one second
			e.name, e.millis = out[len(out)-1].name, out[len(out)-1].at()*1000
		}
		out = append(out, e)
	}
	return out
}

// eventRows lists the events that an API call can still see, by name and second: an event has no id.
func eventRows(c *call) (rowSet, *apiError) {
	x, err := c.eventContact()
	if err != nil {
		return rowSet{}, err
	}
	oldest, newest := (c.now.Unix()-90*86_400)*1000, int64(1)<<62
	if text := c.query.Get("before"); text != "" {
		n, ok := parseNumber(text)
		if !ok {
			return rowSet{}, badParameter("before", "before must be a timestamp")
		}
		newest = millis(n) - 1
	}
	if text := c.query.Get("since"); text != "" && c.v >= v217 { // "only events after"; a parameter since 2.17
		n, ok := parseNumber(text)
		if !ok {
			return rowSet{}, badParameter("since", "since must be a Unix timestamp")
		}
		oldest = max(oldest, millis(n)+1)
	}
	list := filtered(c.w.eventsOf(x), func(e event) bool { return e.millis >= oldest && e.millis <= newest })
	rows := rowsOf(list, func(e event) string { return e.name + "/" + strconv.FormatInt(e.at(), 10) }, func(p *printer, e event) { p.event(x, e) })
	rows.at = func(i int) int64 { return list[i].millis }
	return rows, nil
}

// millis reads a time in seconds or, as in the addresses of further pages, in thousandths.
func millis(n int64) int64 {
	if n > 1e11 {
		return n
	}
	return n * 1000
}

// eventContact finds whose events are asked for: by intercom_user_id, user_id or email.
func (c *call) eventContact() (*contact, *apiError) {
	if c.e == nil {
		return c.contactRow()
	}
	if kind := c.query.Get("type"); kind != "user" && (kind != "lead" || c.v < v217) {
		return nil, badParameter("type", "type must be user")
	}
	given := filtered([]string{"intercom_user_id", "user_id", "email"}, func(name string) bool { return c.query.Get(name) != "" })
	if len(given) != 1 {
		return nil, badParameter("", "one of user_id, email or intercom_user_id is needed")
	}
	value := c.query.Get(given[0])
	c.id = value
	if given[0] != "intercom_user_id" {
		ord, known := contactByName(value)
		if !known {
			return nil, notFound("not_found", "User Not Found")
		}
		c.id = hexID(contactPrefix, ord)
	}
	return c.findContact()
}

// contactByName reads the ordinal in an external id or an email address.
func contactByName(name string) (int32, bool) {
	digits := strings.TrimFunc(name, func(r rune) bool { return r < '0' || r > '9' })
	n, err := strconv.ParseInt(digits, 10, 32)
	for _, ord := range []int32{int32(n), int32(n) - 70} {
		if err == nil && ord >= 0 && (contactEmail(ord) == name || contactExternalID(ord) == name) {
			return ord, true
		}
	}
	return 0, false
}

func (p *printer) event(c *contact, e event) {
	p.obj("")
	p.str("type", "event")
	p.str("event_name", e.name)
	p.num("created_at", e.at())
	p.person(c)
	if id := contactExternalID(c.ord); id != "" {
		p.str("id", id) // "Your identifier for a lead or a user"
	}
	if e.n%3 != 2 {
		p.obj("metadata")
		p.str("invite_code", "CODE"+strconv.Itoa(e.n))
		p.str("plan", pick(c.s, 2100+e.n, plans))
		p.end()
	}
	p.end()
}

// person writes the names of whose events these are. Leads have no user id.
func (p *printer) person(c *contact) {
	if id := contactExternalID(c.ord); id != "" {
		p.str("user_id", id)
	}
	p.str("intercom_user_id", c.id())
	p.str("email", contactEmail(c.ord))
}

// eventPages answers a page of events, whose next one is a URL, or their summary.
func eventPages(c *call, l *collection, rows rowSet) *apiError {
	if c.flagged("summary") {
		return c.eventSummary()
	}
	perPage, _ := limits{15, maxPerPage, false}.of(c)
	to := min(perPage, rows.n)
	c.array(l, rows, 0, to)
	c.obj("pages")
	if to < rows.n {
		c.str("next", c.urlWith("before", strconv.FormatInt(rows.at(to-1), 10)))
	}
	if rows.n > 0 && c.v >= v217 {
		c.str("since", c.urlWith("since", strconv.FormatInt(rows.at(0), 10)))
	}
	c.end()
	c.end()
	return nil
}

// eventSummary counts by name, those that are too old to be listed included.
func (c *call) eventSummary() *apiError {
	x, err := c.eventContact()
	if err != nil {
		return err
	}
	all := c.w.eventsOf(x)
	c.obj("")
	c.str("type", "event.summary")
	c.person(x)
	c.arr("events")
	for _, name := range eventNames {
		same := filtered(all, func(e event) bool { return e.name == name })
		if len(same) == 0 {
			continue
		}
		c.obj("")
		c.str("name", name)
		c.str("first", isoTime(same[len(same)-1].at(), eventTime))
		c.str("last", isoTime(same[0].at(), eventTime))
		c.num("count", int64(len(same)))
		c.str("description", "Somebody "+name)
		c.end()
	}
	c.endArr()
	c.end()
	return nil
}

const eventTime = "2006-01-02T15:04:05.000+00:00"
