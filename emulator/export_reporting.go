package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dataset is one of those that reports are made of. Intercom documents none in full; these are made after what clients of the API
// ask for, two columns of the same simple name included.
type dataset struct {
	id, name, description string
	time                  string // id of its default time attribute
	columns               []dataColumn
	rows                  func(w *World, v version, row func(at int64, cell func(id string) string))
}

// dataColumn is an attribute of a dataset.
type dataColumn struct{ qualified, name string }

// id is the simple identifier, which "may be ambiguous".
func (d dataColumn) id() string {
	_, id, _ := strings.Cut(d.qualified, ".")
	return id
}

var datasets = []dataset{
	{"conversation", "Conversation", "Conversation-level details: status, channel, assignee.", "conversation_started_at", []dataColumn{
		{"standard.conversation_id", "Conversation ID"}, {"timestamp.conversation_started_at", "Conversation started at"},
		{"standard.channel", "Channel"}, {"standard.current_conversation_state", "Current conversation state"},
		{"standard.subject", "Subject"}, {"team.currently_assigned_team_id", "Team currently assigned"},
		{"duration.first_response_time", "First response time"}, {"standard.teammate_replies_count", "Teammate replies"},
		{"conversation.Brand", "Brand"}, {"people.Brand", "Brand"}, {"conversation.Escalated to AM?", "Escalated to AM?"},
		{"conversation.Größe", "Größe"},
	}, conversationData},
	{"conversation_state", "Conversation state", "How long conversations were in which state.", "conversation_state_started_at", []dataColumn{
		{"standard.conversation_id", "Conversation ID"}, {"timestamp.conversation_state_started_at", "State started at"},
		{"standard.conversation_state", "State"}, {"duration.time_in_state", "Time in state"},
	}, stateData},
	{"tickets", "Tickets", "Ticket-level details.", "ticket_created_at", []dataColumn{
		{"ticket.ticket_id", "Ticket ID"}, {"timestamp.ticket_created_at", "Ticket created at"},
		{"ticket.current_ticket_state_category", "Ticket state"}, {"ticket.ticket_title", "Title"},
	}, ticketData},
}

func datasetNamed(id string) *dataset {
	i := slices.IndexFunc(datasets, func(d dataset) bool { return d.id == id })
	if i < 0 {
		return nil
	}
	return &datasets[i]
}

// reportTime prints a time as reports were seen to: without a zone.
func reportTime(at int64) string { return time.Unix(at, 0).UTC().Format(time.DateTime) }

// conversationData leaves out, up to 2.15, the conversations to which no user has replied.
func conversationData(w *World, v version, row func(int64, func(string) string)) {
	for _, c := range w.conversations.live {
		if c == nil || v < v216 && c.ord%5 == 0 {
			continue
		}
		row(c.created, func(id string) string {
			switch id {
			case "standard.conversation_id":
				return c.id()
			case "timestamp.conversation_started_at":
				return reportTime(c.created)
			case "standard.channel":
				return c.sourceType()
			case "standard.current_conversation_state":
				return stateNames[c.state]
			case "standard.subject":
				return contentTitles[int(c.ord)%len(contentTitles)]
			case "duration.first_response_time":
				if c.ord%3 == 0 {
					return ""
				}
				return strconv.Itoa(30 + c.s.n(70, 90_000))
			case "standard.teammate_replies_count":
				return strconv.Itoa(c.parts())
			case "team.currently_assigned_team_id": // its name, as reports were seen to have it
				if c.team == 0 {
					return "Unassigned"
				}
				return w.teamName(int(c.team) - 1)
			case "conversation.Brand":
				return "Acme, Inc."
			case "people.Brand":
				return pick(c.s, 71, []string{"", "Ünder \"quotes\""})
			case "conversation.Größe":
				return pick(c.s, 72, []string{"groß", ""})
			}
			return ""
		})
	}
}

func stateData(w *World, _ version, row func(int64, func(string) string)) {
	for _, c := range w.conversations.live {
		if c == nil {
			continue
		}
		for i, state := range stateNames[:1+int(c.ord)%3] {
			at := c.created + int64(i*i)*900
			row(at, func(id string) string {
				switch id {
				case "standard.conversation_id":
					return c.id()
				case "timestamp.conversation_state_started_at":
					return reportTime(at)
				case "standard.conversation_state":
					return state
				}
				return strconv.Itoa((2*i + 1) * 900)
			})
		}
	}
}

func ticketData(w *World, _ version, row func(int64, func(string) string)) {
	for _, t := range w.tickets.live {
		if t == nil {
			continue
		}
		row(t.created, func(id string) string {
			switch id {
			case "ticket.ticket_id":
				return t.id()
			case "timestamp.ticket_created_at":
				return reportTime(t.created)
			case "ticket.current_ticket_state_category":
				return ticketStates[t.state]
			}
			return t.title()
		})
	}
}

func (c *call) listDatasets() *apiError {
	if c.v < v214 {
		return notFound("not_found", "Resource Not Found")
	}
	return listOf(c, "list", "data", datasets, func(d dataset) {
		c.obj("")
		c.str("id", d.id)
		c.str("name", d.name)
		c.str("description", d.description)
		c.str("default_time_attribute_id", d.time)
		c.arr("attributes")
		for _, column := range d.columns {
			c.obj("")
			c.str("id", column.id())
			if c.v >= v216 {
				c.str("qualified_id", column.qualified)
			}
			c.str("name", column.name)
			c.end()
		}
		c.endArr()
		c.end()
	})
}

func (c *call) createReport() *apiError {
	if c.v < v214 {
		return notFound("not_found", "Resource Not Found")
	}
	var ask struct {
		Dataset    *string          `json:"dataset_id"`
		Attributes *json.RawMessage `json:"attribute_ids"`
		Start      *int64           `json:"start_time"`
		End        *int64           `json:"end_time"`
	}
	if err := json.Unmarshal(c.body, &ask); err != nil {
		return badParameter("", "the request body is no JSON of the expected form")
	}
	bad := func(message string) *apiError { return fail(http.StatusBadRequest, "bad_request", message) }
	if ask.Dataset == nil {
		return bad("'dataset_id' is a required parameter")
	}
	d := datasetNamed(*ask.Dataset)
	if d == nil {
		return bad(*ask.Dataset + " is not a valid dataset_id")
	}
	columns, err := d.chosen(ask.Attributes, c.v)
	switch {
	case err != "":
		return bad(err)
	case ask.Start == nil:
		return bad("'start_time' is a required parameter")
	case ask.End == nil:
		return bad("'end_time' is a required parameter")
	case *ask.Start < c.now.AddDate(-2, 0, 0).Unix(): // the documented retention of workspaces that did not buy more
		return bad("start_time must be within the data retention period")
	}
	shown := c.now.Add(-c.e.options.IndexLag).Unix()
	file := c.report(d, columns, *ask.Start, min(*ask.End, shown))
	return c.exportJob(&exportJob{kind: "application/octet-stream", file: file}, mostReportedJobs, "reporting dataset export")
}

// chosen finds the columns that were asked for. Since they have qualified ids, those are demanded.
func (d *dataset) chosen(asked *json.RawMessage, v version) (columns []dataColumn, problem string) {
	var ids []string
	switch {
	case asked == nil:
		return nil, "'attribute_ids' is a required parameter"
	case json.Unmarshal(*asked, &ids) != nil:
		return nil, "'attribute_ids' not an array must be of type Array"
	case len(ids) == 0:
		return nil, "attribute_ids must contain at least one attribute_id"
	}
	var unknown []string
	for _, id := range ids {
		i := slices.IndexFunc(d.columns, func(column dataColumn) bool {
			return column.qualified == id || v < v216 && column.id() == id
		})
		if i < 0 {
			unknown = append(unknown, id)
			continue
		}
		columns = append(columns, d.columns[i])
	}
	if len(unknown) > 0 {
		return nil, fmt.Sprintf("attribute_ids invalid for %s dataset: %s", d.id, strings.Join(unknown, ", "))
	}
	return columns, ""
}

// report makes the CSV, whose header has the simple ids.
func (c *call) report(d *dataset, columns []dataColumn, start, end int64) []byte {
	header := make([]string, len(columns))
	for i, column := range columns {
		header[i] = column.id()
	}
	return csvTable("", header, func(write func([]string)) {
		d.rows(c.w, c.v, func(at int64, cell func(string) string) {
			if at < start || at > end {
				return
			}
			row := make([]string, len(columns))
			for i, column := range columns {
				row[i] = cell(column.qualified)
			}
			write(row)
		})
	}).marked(c.e.options.Mark).text
}

// getReport answers for the job of the path; the query's app_id, client_id and job_identifier, which the documents demand and
// clients leave out, are not looked at.
func (c *call) getReport() *apiError {
	j := c.job(false)
	if j == nil {
		return notFound("not_found", "Export job not found for identifier: "+c.id)
	}
	c.showJob(j)
	return nil
}

func (c *call) downloadReport() *apiError {
	return c.download(false, "Export job not found for identifier: "+c.id)
}
