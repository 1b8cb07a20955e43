package emulator

import (
	"math"
	"slices"
	"strconv"
)

var httpMethods = []string{"get", "post", "put", "delete", "patch"}

func (p *printer) dataConnector(x *item) {
	p.obj("")
	p.str("type", "data_connector")
	p.str("id", x.id())
	p.str("name", x.revised(pick(x.s, 1, nouns)+" service"))
	p.strOrNull("description", []string{"", "Looks up the state of an order"}[x.ord%2])
	p.str("state", []string{"live", "draft"}[btoi(x.ord%4 == 3)])
	p.str("http_method", x.method())
	p.flag("direct_fin_usage", x.ord%3 == 0)
	p.str("created_by_admin_id", strconv.FormatInt(p.adminOf(x.s, 3), 10))
	p.str("updated_by_admin_id", strconv.FormatInt(p.adminOf(x.s, 4+len(x.edits)), 10))
	p.str("created_at", isoTime(x.created, isoSeconds))
	p.str("updated_at", isoTime(x.updated, isoSeconds))
	p.str("execution_results_url", "/data_connectors/"+x.id()+"/execution_results")
	p.end()
}

func (x *item) method() string { return httpMethods[int(x.ord)%len(httpMethods)] }

// executionTime spreads the executions of a new world over its last days, the newest of them within its last hour.
func executionTime(w *World, s seed, ord, of int) int64 {
	const every = 45 * 60
	return max(w.start, w.born-60-int64(of-1-ord)*every-s.between(0, 0, every/2))
}

// executionError is the type of an execution's error; "" for those that succeeded.
func (x *item) executionError() string {
	if x.ord%3 != 2 {
		return ""
	}
	return []string{"3rd_party_error", "faraday_error", "request_configuration_error", "token_refresh_error"}[x.ord/3%4]
}

func (p *printer) execution(x *item) {
	kind := x.executionError()
	failed := kind != ""
	p.obj("")
	p.str("type", "data_connector.execution")
	p.str("id", x.id())
	p.str("data_connector_id", strconv.FormatInt(p.w.idOf("data_connectors", x.parent), 10))
	p.flag("success", !failed)
	if failed && x.ord%2 == 0 {
		p.null("http_status")
	} else {
		p.num("http_status", []int64{200, 502}[btoi(failed)])
	}
	p.str("http_method", (&item{ord: x.parent}).method())
	p.strOrNull("error_type", kind)
	p.strOrNull("error_message", []string{"", "Connection refused: \"api\""}[btoi(failed)])
	p.numOrNull("execution_time_ms", int64(x.s.n(1, 900))*int64(btoi(!failed)))
	sources := []string{"workflow", "inbox", "fin", "custom_bot", ""}
	source := sources[int(x.ord)%len(sources)]
	p.strOrNull("source_type", source)
	p.strOrNull("source_id", []string{"", "5001"}[btoi(source == "workflow")])
	if n := p.w.size.Conversations; n > 0 && x.ord%4 != 3 {
		p.str("conversation_id", strconv.Itoa(conversationBase+x.s.n(2, n)))
	} else {
		p.null("conversation_id")
	}
	p.str("created_at", isoTime(x.created, isoSeconds))
	p.strOrNull("request_url", []string{"https://api.example.com/orders", ""}[btoi(x.ord%5 == 4)])
	if p.bodies || p.single {
		p.strOrNull("request_body", []string{"{\"message\": \"hello\"}", ""}[btoi(x.ord%5 == 4)])
		p.strOrNull("response_body", []string{"{\"status\": \"ok\"}", ""}[btoi(failed)])
		p.strOrNull("raw_response_body", []string{"{\"status\": \"ok\", \"n\": 1}", ""}[btoi(failed)])
	}
	p.end()
}

// executions lists a window of a connector's results, newest first: "results from the last hour are returned by default".
func executions(c *call) (rowSet, *apiError) {
	list, err := c.children("data_connector_executions")
	if err != nil {
		return rowSet{}, err
	}
	from, to := c.now.Unix()-3600, int64(math.MaxInt64)
	for name, bound := range map[string]*int64{"start_ts": &from, "end_ts": &to} {
		if text := c.query.Get(name); text != "" {
			n, ok := parseNumber(text)
			if !ok {
				return rowSet{}, badParameter(name, name+" must be a Unix timestamp")
			}
			*bound = n
		}
	}
	success, kind := c.query.Get("success"), c.query.Get("error_type")
	for name, value := range map[string]string{"success": success, "include_bodies": c.query.Get("include_bodies")} {
		if !slices.Contains([]string{"", "true", "false"}, value) {
			return rowSet{}, badParameter(name, name+" must be true or false")
		}
	}
	c.bodies = c.flagged("include_bodies")
	list = newest(filtered(list, func(x *item) bool {
		failed := x.executionError()
		return x.created >= from && x.created <= to && (kind == "" || failed == kind) && (success == "" || (failed == "") == (success == "true"))
	}))
	rows := c.itemRows("data_connector_executions", list)
	rows.at = func(i int) int64 { return list[i].created }
	return rows, nil
}
