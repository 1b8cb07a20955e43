package emulator

import (
	"cmp"
	"math"
	"net/http"
	"slices"
)

func (c *call) getMe() *apiError {
	c.me()
	return nil
}

// listOf writes an object of the given type with one array in it.
func listOf[T any](c *call, kind, key string, rows []T, write func(T)) *apiError {
	c.obj("")
	c.str("type", kind)
	c.arr(key)
	for _, r := range rows {
		write(r)
	}
	c.endArr()
	c.end()
	return nil
}

func (c *call) listAdmins() *apiError {
	return listOf(c, "admin.list", "admins", c.w.admins, c.admin)
}

func (c *call) getAdmin() *apiError {
	i := slices.IndexFunc(c.w.admins, func(a *admin) bool { return a.id() == c.id })
	if i < 0 {
		return notFound("admin_not_found", "Admin not found")
	}
	c.admin(c.w.admins[i])
	return nil
}

func (c *call) listTeams() *apiError { return listOf(c, "team.list", "teams", c.w.teams, c.team) }
func (c *call) listTags() *apiError  { return listOf(c, "list", "data", c.w.tags, c.tag) }

func (c *call) listSegments() *apiError {
	count := c.flagged("include_count")
	return listOf(c, "segment.list", "segments", c.w.segments, func(s *segment) { c.segment(s, count) })
}

func (c *call) getSegment() *apiError {
	for _, s := range c.w.segments {
		if s.id() == c.id {
			c.segment(s, false)
			return nil
		}
	}
	return resourceNotFound()
}

func (c *call) listAttributes() *apiError {
	model := c.query.Get("model")
	if model != "" && model != "contact" && model != "company" && model != "conversation" {
		return badParameter("model", "model must be contact, company or conversation")
	}
	if model == "conversation" && c.v >= v216 {
		return &apiError{status: http.StatusUnprocessableEntity, code: "parameter_invalid", message: "conversation attributes are at /conversations/attributes", field: "model"}
	}
	return listOf(c, "list", "data", c.w.attributesOf(model, c.flagged("include_archived"), c.v), c.attribute)
}

// attributesOf lists the attributes of a model ("": of all that the version lists here).
func (w *World) attributesOf(model string, archived bool, v version) []*attribute {
	var out []*attribute
	for _, a := range w.attributes {
		wanted := a.model == model || model == "" && (a.model != "conversation" || v < v216)
		if wanted && (archived || !a.archived) {
			out = append(out, a)
		}
	}
	return out
}

// listActivityLogs serves a window of the audit trail, newest first; without a lower end, the last 30 days.
func (c *call) listActivityLogs() *apiError {
	perPage, err := c.count("per_page", 20, 250)
	if err != nil {
		return err
	}
	page, err := c.count("page", 1, math.MaxInt32)
	if err != nil {
		return err
	}
	after, before := c.now.AddDate(0, 0, -30).Unix(), int64(math.MaxInt64)
	for name, bound := range map[string]*int64{"created_at_after": &after, "created_at_before": &before} {
		if text := c.query.Get(name); text != "" {
			n, ok := parseNumber(text)
			if !ok {
				return badParameter(name, name+" must be a Unix timestamp")
			}
			*bound = n
		}
	}
	rows := c.w.logsWithin(after, before)
	c.obj("")
	c.str("type", "activity_log.list")
	c.numberedPages(page, perPage, totalPages(len(rows), perPage))
	c.arr("activity_logs")
	for _, l := range sliceOf(rows, page, perPage) {
		c.activity(l)
	}
	c.endArr()
	c.end()
	return nil
}

// logsWithin returns the entries of a window, both ends included, newest first.
func (w *World) logsWithin(after, before int64) []*activityLog {
	byTime := func(l *activityLog, t int64) int { return cmp.Compare(l.created, t) }
	from, _ := slices.BinarySearchFunc(w.logs, after, byTime)
	to := len(w.logs)
	if before < math.MaxInt64 {
		to, _ = slices.BinarySearchFunc(w.logs, before+1, byTime)
	}
	if from >= to {
		return nil
	}
	rows := slices.Clone(w.logs[from:to])
	slices.Reverse(rows)
	return rows
}

func (c *call) getCompany() *apiError {
	row, err := c.findCompany()
	if err == nil {
		c.company("", row)
	}
	return err
}

func (c *call) findCompany() (*company, *apiError) {
	row := at(c.w.companies.replica.rows, fromHexID(companyPrefix, c.id))
	if row == nil {
		return nil, notFound("company_not_found", "Company Not Found")
	}
	return row, nil
}

func (c *call) listCompanySegments() *apiError {
	row, err := c.findCompany()
	if err != nil {
		return err
	}
	segments := c.w.companySegments(row)
	c.obj("")
	c.str("type", "list")
	c.arr("data")
	for _, ord := range segments {
		c.segment(c.w.segments[ord], false)
	}
	c.endArr()
	if c.v == v211 { // which alone demands it
		c.num("total_count", int64(len(segments)))
	}
	c.end()
	return nil
}

// visibleCompanies are those with users: Intercom lists no others.
func (w *World) visibleCompanies() []*company {
	var out []*company
	for _, x := range w.companies.live {
		if x != nil && x.users > 0 {
			out = append(out, x)
		}
	}
	return out
}

// lookUpCompanies answers one company by the customer's own id or by name, and otherwise lists all.
func (c *call) lookUpCompanies() *apiError {
	remote, name := c.query.Get("company_id"), c.query.Get("name")
	if remote == "" && name == "" {
		return c.listCompanies()
	}
	for _, x := range c.w.visibleCompanies() {
		if (remote == "" || x.remoteID() == remote) && (name == "" || x.name() == name) {
			c.company("", x)
			return nil
		}
	}
	return notFound("company_not_found", "Company Not Found")
}

// listCompanies pages by number over live data, newest first, and refuses what lies behind 10,000 rows.
func (c *call) listCompanies() *apiError {
	perPage, err := c.count("per_page", 15, 60)
	if err != nil {
		return err
	}
	page, err := c.count("page", 1, math.MaxInt32)
	if err != nil {
		return err
	}
	const most = 10_000
	if page*perPage > most {
		return fail(http.StatusBadRequest, "bad_request", "page limit reached, please use scroll API")
	}
	rows := c.w.visibleCompanies()
	switch c.query.Get("order") {
	case "", "desc":
		slices.Reverse(rows)
	case "asc":
	default:
		return badParameter("order", "order must be asc or desc")
	}
	c.companies(rows, page, perPage)
	return nil
}

// companies writes a page of a numbered list of companies.
func (c *call) companies(rows []*company, page, perPage int) {
	c.obj("")
	c.str("type", "list")
	c.arr("data")
	for _, x := range sliceOf(rows, page, perPage) {
		c.company("", x)
	}
	c.endArr()
	c.numberedPages(page, perPage, totalPages(len(rows), perPage))
	c.num("total_count", int64(len(rows)))
	c.end()
}

func (c *call) getConversation() *apiError {
	row := at(c.w.conversations.replica.rows, fromNumericID(conversationBase, c.id))
	if row == nil {
		return notFound("not_found", "Resource Not Found")
	}
	c.conversation("", row, true)
	return nil
}

func (c *call) getTicket() *apiError {
	row := at(c.w.tickets.replica.rows, fromNumericID(ticketBase, c.id))
	if row == nil {
		return notFound("ticket_not_found", "Ticket not found")
	}
	c.ticket("", row)
	return nil
}

func (c *call) getContact() *apiError {
	row, err := c.findContact()
	if err == nil {
		c.contact("", row, true)
	}
	return err
}

// findContact also knows merged contacts: since 2.16 they answer 410 and name the contact that took them in.
func (c *call) findContact() (*contact, *apiError) {
	ord := fromHexID(contactPrefix, c.id)
	if row := at(c.w.contacts.replica.rows, ord); row != nil {
		return row, nil
	}
	into, merged := c.w.mergedInto(ord)
	const hops = 3
	for range hops - 1 {
		if next, again := c.w.mergedInto(into); again {
			into = next
		}
	}
	if !merged || c.v < v216 {
		return nil, notFound("not_found", "User Not Found")
	}
	err := fail(http.StatusGone, "contact_merged", "This contact has been merged. See the 'Link' header for the canonical contact.")
	err.link = "</contacts/" + hexID(contactPrefix, into) + `>; rel="canonical"`
	return nil, err
}

func (c *call) searchContacts() *apiError {
	return search(c, c.e.contacts, "list", "data", 50, func(x *contact) { c.contact("", x, false) })
}

func (c *call) searchConversations() *apiError {
	return search(c, c.e.conversations, "conversation.list", "conversations", 20, func(x *conversation) { c.conversation("", x, false) })
}

func (c *call) searchTickets() *apiError {
	return search(c, c.e.tickets, "ticket.list", "tickets", 20, func(x *ticket) { c.ticket("", x) })
}

func (c *call) listContacts() *apiError {
	return listByCursor(c, c.e.contacts, "list", "data", 10, func(x *contact) { c.contact("", x, false) })
}

func (c *call) listConversations() *apiError {
	return listByCursor(c, c.e.conversations, "conversation.list", "conversations", 20, func(x *conversation) { c.conversation("", x, false) })
}
