package emulator

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is one request on its way through a route.
type call struct {
	e         *Emulator
	r         *http.Request
	now       time.Time
	query     url.Values
	body      []byte
	serial    uint64
	requestID string
	route     *route
	id        string  // from the path
	undo      func()  // takes back what the route did; nil: nothing to take back
	other     *answer // instead of the JSON that the printer holds
	printer
}

// route writes its answer with the call's printer, or returns an error. It runs under the world's read lock.
type route struct {
	pattern string
	scope   string
	serve   func(*call) *apiError
}

func routeTable() []route {
	return append(collectionRoutes(), []route{
		{"POST /calls/search", "read_calls", (*call).searchCalls},
		{"GET /calls/{id}/transcript", "read_calls", (*call).transcript},
		{"GET /calls/{id}/recording", "read_calls", (*call).recording},
		{"GET /me", "me", (*call).getMe},
		{"GET /admins", "read_admins", (*call).listAdmins},
		{"GET /admins/activity_logs", "read_admins", (*call).listActivityLogs},
		{"GET /admins/{id}", "read_admins", (*call).getAdmin},
		{"GET /teams", "read_admins", (*call).listTeams},
		{"GET /tags", "read_tags", (*call).listTags},
		{"GET /segments", "read_users_companies", (*call).listSegments},
		{"GET /segments/{id}", "read_users_companies", (*call).getSegment},
		{"GET /data_attributes", "read_users_companies", (*call).listAttributes},
		{"GET /companies/scroll", "read_users_companies", (*call).scrollCompanies},
		{"GET /companies", "read_users_companies", (*call).lookUpCompanies},
		{"POST /companies/list", "write_users_companies", (*call).listCompanies},
		{"GET /companies/{id}", "read_users_companies", (*call).getCompany},
		{"GET /companies/{id}/segments", "read_users_companies", (*call).listCompanySegments},
		{"POST /contacts/search", "read_users_companies", (*call).searchContacts},
		{"GET /contacts", "read_users_companies", (*call).listContacts},
		{"GET /contacts/{id}", "read_users_companies", (*call).getContact},
		{"POST /conversations/search", "read_conversations", (*call).searchConversations},
		{"GET /conversations", "read_conversations", (*call).listConversations},
		{"GET /conversations/{id}", "read_conversations", (*call).getConversation},
		{"POST /tickets/search", "read_tickets", (*call).searchTickets},
		{"GET /tickets/{id}", "read_tickets", (*call).getTicket},
		{"POST /export/content/data", "export_content_data", (*call).createContentExport},
		{"GET /export/content/data/{id}", "export_content_data", (*call).getContentExport},
		{"POST /export/cancel/{id}", "export_content_data", (*call).cancelContentExport},
		{"GET /download/content/data/{id}", "export_content_data", (*call).downloadContentExport},
		{"GET /export/reporting_data/get_datasets", "export_reporting_data", (*call).listDatasets},
		{"POST /export/reporting_data/enqueue", "export_reporting_data", (*call).createReport},
		{"GET /export/reporting_data/{id}", "export_reporting_data", (*call).getReport},
		{"GET /download/reporting_data/{id}", "export_reporting_data", (*call).downloadReport},
	}...)
}

// find returns the route of a request and the id in its path, or several with slashes between them; literal paths come before patterns in the table. A known path
// with another method is unknown too, as at Intercom.
func (e *Emulator) find(r *http.Request) (*route, string) {
	path := strings.Split(strings.TrimSuffix(r.URL.Path, "/"), "/")
	for i := range e.routes {
		if id, ok := e.routes[i].matches(r.Method, path); ok {
			return &e.routes[i], id
		}
	}
	return nil, ""
}

func (rt *route) matches(method string, path []string) (id string, ok bool) {
	verb, pattern, _ := strings.Cut(rt.pattern, " ")
	if verb != method || strings.Count(pattern, "/") != len(path)-1 {
		return "", false
	}
	for i, want := range strings.Split(pattern, "/") {
		switch {
		case want == "{id}":
			id = strings.TrimPrefix(id+"/"+path[i], "/")
		case want != path[i]:
			return "", false
		}
	}
	return id, true
}

// dispatch checks what all routes demand and runs the one that was asked for.
func (e *Emulator) dispatch(c *call) *answer {
	err := e.prepare(c)
	if err == nil {
		e.catchUp(c.now)
		if used, ok := e.pages.Get().(*[]byte); ok {
			c.b = (*used)[:0]
		}
		e.mu.RLock()
		err = c.route.serve(c)
		e.mu.RUnlock()
	}
	if err != nil {
		return err.answer(c.requestID)
	}
	if c.other != nil {
		c.other.requestID = c.requestID
		return c.other
	}
	return &answer{status: http.StatusOK, kind: "application/json; charset=utf-8", body: c.b, requestID: c.requestID}
}

func (e *Emulator) prepare(c *call) *apiError {
	accept := c.r.Header.Get("Accept")
	if strings.HasPrefix(c.r.URL.Path, "/download/") && !acceptsFile(accept) {
		return fail(http.StatusNotAcceptable, "not_acceptable", "The Accept header should send a media type of application/octet-stream")
	}
	if !strings.HasPrefix(c.r.URL.Path, "/download/") && !acceptsJSON(accept) {
		return fail(http.StatusNotAcceptable, "not_acceptable", "The Accept header should send a media type of application/json")
	}
	c.v = e.version
	if name := c.r.Header.Get("Intercom-Version"); name != "" {
		v, ok := parseVersion(name)
		if !ok {
			return fail(http.StatusBadRequest, "intercom_version_invalid", "The requested version could not be found")
		}
		c.v = v
	}
	if c.route == nil {
		return notFound("not_found", "The requested resource was not found")
	}
	if slices.ContainsFunc(e.options.PlanRestricted, func(prefix string) bool { return strings.HasPrefix(c.r.URL.Path, prefix) }) {
		return fail(http.StatusForbidden, "api_plan_restricted", "Active subscription needed.")
	}
	if slices.Contains(e.options.DeniedScopes, c.route.scope) {
		status, code := http.StatusForbidden, "forbidden"
		if e.options.DenyWith401 {
			status, code = http.StatusUnauthorized, "unauthorized"
		}
		return fail(status, code, "You do not have the required scope ("+c.route.scope+")")
	}
	c.query = c.r.URL.Query()
	c.printer = printer{w: e.world, v: c.v, plaintext: c.query.Get("display_as") == "plaintext",
		mergeHistory: c.flagged("include_merge_history"), monitors: c.flagged("include_monitors"), scorecards: c.flagged("include_scorecards"),
		translations: c.flagged("include_translations"), nonce: uint64(seed(c.serial).at(3)), signed: c.now.Unix()}
	if c.r.Method == http.MethodPost {
		const most = 1 << 20
		body, err := io.ReadAll(io.LimitReader(c.r.Body, most))
		if err != nil {
			return badParameter("", "the request body could not be read")
		}
		c.body = body
	}
	return nil
}

// catchUp lets the lagging views show what is due.
func (e *Emulator) catchUp(now time.Time) {
	e.mu.RLock()
	due := e.world.due(now)
	e.mu.RUnlock()
	if due {
		e.mu.Lock()
		e.world.settle(now)
		e.mu.Unlock()
	}
}

func acceptsJSON(accept string) bool {
	for _, part := range strings.Split(accept, ",") {
		kind, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		if kind == "application/json" || kind == "application/*" || kind == "*/*" {
			return true
		}
	}
	return false
}

func (c *call) flagged(name string) bool { return c.query.Get(name) == "true" }

// count reads a positive number from the query.
func (c *call) count(name string, standard, most int) (int, *apiError) {
	text := c.query.Get(name)
	if text == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, badParameter(name, name+" must be a number between 1 and "+strconv.Itoa(most))
	}
	return n, nil
}

// nextURL is the address of another page of this list.
func (c *call) nextURL(page int) string { return c.urlWith("page", strconv.Itoa(page)) }

// urlWith is the address of this call with another value of a parameter.
func (c *call) urlWith(name, value string) string {
	q := c.r.URL.Query()
	q.Set(name, value)
	return c.origin() + c.r.URL.Path + "?" + q.Encode()
}

// numberedPages writes the pages object of lists by page number, where next is a URL.
func (c *call) numberedPages(page, perPage, pages int) {
	c.obj("pages")
	c.str("type", "pages")
	if page < pages {
		c.str("next", c.nextURL(page+1))
	} else {
		c.null("next")
	}
	c.num("page", int64(page))
	c.num("per_page", int64(perPage))
	c.num("total_pages", int64(pages))
	c.end()
}

// sliceOf returns the rows of a numbered page.
func sliceOf[T any](rows []T, page, perPage int) []T {
	from := min((page-1)*perPage, len(rows))
	return rows[from:min(from+perPage, len(rows))]
}
