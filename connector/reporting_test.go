package connector

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"
	"source-intercom/schemas"

	"github.com/tidwall/gjson"
	"github.com/xeipuuv/gojsonschema"
)

// reports discovers the datasets of a world and puts their streams into the table.
func (w *world) reports(t *testing.T) (names []string) {
	t.Helper()
	found, err := datasets(t.Context(), w.client(t))
	if err != nil {
		t.Fatal(err)
	}
	return withExports(t, reportingStreams(found)...)
}

// withinRetention is a configuration that asks for nothing that Intercom has thrown away.
func withinRetention(c *Config) { c.StartDate = born.AddDate(-1, -1, 0) }

func TestReports(t *testing.T) {
	for _, version := range []string{"2.14", "2.16", "Preview"} {
		t.Run(version, func(t *testing.T) {
			bubble(t, version, emulator.Options{Seed: 4, ExportTime: time.Minute}, func(t *testing.T, w *world) {
				streams := w.reports(t)
				if want := []string{"reporting_conversation", "reporting_conversation_state", "reporting_tickets"}; !slices.Equal(streams, want) {
					t.Fatalf("streams %q", streams)
				}
				out := w.read(t, reading{streams: streams, mode: protocol.Incremental, config: withinRetention})
				out.onlyOnce(t)
				w.exported(t, streams...)
				if n := out.requests["POST /export/reporting_data/enqueue"]; n != 3*14 {
					t.Errorf("%d jobs", n)
				}
				again := w.read(t, reading{streams: streams, mode: protocol.Incremental, config: withinRetention, state: out.State})
				if again.total() > 0 {
					t.Errorf("a quiet run: %v", again.counts)
				}
				time.Sleep(3 * 24 * time.Hour)
				w.Edit(func(world *emulator.World) { world.NewTicket(); world.NewConversation() })
				time.Sleep(time.Hour)
				again = w.read(t, reading{streams: streams, mode: protocol.Incremental, config: withinRetention, state: again.State})
				w.exported(t, streams...)
				if again.counts["reporting_tickets"] != 1 || again.counts["reporting_conversation"] > 2 {
					t.Errorf("after two edits: %v", again.counts)
				}
			})
		})
	}
}

func TestReportingStreams(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Seed: 4}, func(t *testing.T, w *world) {
		w.reports(t)
		for name, want := range map[string]struct {
			key, cursor string
			columns     []string
		}{
			"reporting_conversation": {"conversation_id", "conversation_started_at", []string{"conversation_id", "conversation_started_at", "channel", "current_conversation_state",
				"subject", "currently_assigned_team_id", "first_response_time", "teammate_replies_count", "conversation_brand", "people_brand", "escalated_to_am", "gr_e"}},
			"reporting_conversation_state": {rowIDField, "conversation_state_started_at", []string{rowIDField, "conversation_id", "conversation_state_started_at", "conversation_state", "time_in_state"}},
			"reporting_tickets":            {"ticket_id", "ticket_created_at", []string{"ticket_id", "ticket_created_at", "current_ticket_state_category", "ticket_title"}},
		} {
			s := streamNamed(name)
			if !slices.Equal(s.Key, []string{want.key}) || s.Cursor != want.cursor || !s.Costly || s.Since != intercom.V2_14 {
				t.Errorf("%s: key %q, cursor %q", name, s.Key, s.Cursor)
			}
			described := s.Described()
			if _, err := schemas.Compile(described.Schema); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			var columns []string
			gjson.GetBytes(described.Schema, "properties").ForEach(func(column, property gjson.Result) bool {
				columns = append(columns, column.Str)
				kind := `["null","string"]`
				if column.Str == want.key {
					kind = `["string"]`
				}
				if property.Get("type").Raw != kind || property.Get("description").Str == "" {
					t.Errorf("%s: %s is %s", name, column.Str, property.Raw)
				}
				return true
			})
			if !slices.Equal(columns, want.columns) {
				t.Errorf("%s: columns %q", name, columns)
			}
		}
	})
}

// Singer gets records that fit what it was told of them.
func TestReportsInSinger(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Seed: 4}, func(t *testing.T, w *world) {
		streams := w.reports(t)
		out := w.read(t, reading{streams: streams, mode: protocol.Incremental, dialect: protocol.Singer{}, config: withinRetention})
		for _, s := range streams {
			compiled, err := schemas.Compile([]byte(gjson.Get(singerSchema(t, streamNamed(s)), "schema").Raw))
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range out.records[s] {
				result, err := compiled.Validate(gojsonschema.NewBytesLoader(row))
				if err != nil || !result.Valid() {
					t.Fatalf("%s: %v %v: %s", s, err, result.Errors(), row)
				}
			}
			if len(out.records[s]) == 0 {
				t.Errorf("%s: no records", s)
			}
		}
	})
}

func TestColumnNames(t *testing.T) {
	for column, want := range map[string]string{
		"conversation_id": "conversation_id", "Escalated to AM?": "escalated_to_am", "firstName": "first_name", "CSAT Score": "csat_score", "people.Brand": "people_brand",
		"# bookkeeping clients": "bookkeeping_clients", "Area to improve:": "area_to_improve", " x ": "x", "HTTPStatus2": "httpstatus2", "a__b": "a_b",
	} {
		if got := columnName(column); got != want {
			t.Errorf("%q: %q, want %q", column, got, want)
		}
	}
	odd := []string{"2nd reply", "カテゴリ", "", "?!", "Brand", "brand", "BRAND", "brand"}
	names := columnNames(odd)
	for i, name := range names {
		if !strings.HasPrefix(name, "column_") && !strings.HasPrefix(name, "brand") || slices.Index(names, name) != i {
			t.Errorf("%q: %q", odd[i], name)
		}
	}
	if again := columnNames(odd); !slices.Equal(names, again) {
		t.Error("names depend on chance")
	}
}

// What is older than Intercom keeps is left out, said, and not asked for again.
func TestReportsBeyondRetention(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Seed: 4}, func(t *testing.T, w *world) {
		streams := w.reports(t)[2:]
		config := func(c *Config) { c.StartDate = born.AddDate(-4, 0, 0) }
		out := w.read(t, reading{streams: streams, mode: protocol.Incremental, config: config})
		w.exported(t, streams...)
		if p := out.Streams[0]; p.Withheld != 1 {
			t.Errorf("withheld %d", p.Withheld)
		}
		out.isComplete(t, streams[0])
		if n := out.requests["POST /export/reporting_data/enqueue"]; n > 27 {
			t.Errorf("%d jobs", n)
		}
		again := w.read(t, reading{streams: streams, mode: protocol.Incremental, config: config, state: out.State})
		if n := again.requests["POST /export/reporting_data/enqueue"]; n != 1 || again.Streams[0].Withheld != 0 {
			t.Errorf("%d jobs in the next run, withheld %d", n, again.Streams[0].Withheld)
		}
	})
}

// Without a younger window that was served, a refusal is an error.
func TestRefusedReports(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Seed: 4}, func(t *testing.T, w *world) {
		streams := w.reports(t)[2:]
		out := w.read(t, reading{streams: streams, mode: protocol.Incremental, failing: true,
			config: func(c *Config) { c.StartDate, c.EndDate = born.AddDate(-4, 0, 0), born.AddDate(-3, 0, 0) }})
		out.isIncomplete(t, streams[0])
	})
}

// header answers downloads with a CSV of that header and those rows.
func header(rows ...string) emulator.Options {
	return spoiling(emulator.Options{Seed: 4}, func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if !strings.HasPrefix(r.URL.Path, "/download") {
			return false
		}
		w.Header().Set("Content-Type", "text/csv")
		fmt.Fprint(w, strings.Join(rows, "\r\n"))
		return true
	})
}

func TestReportHeaders(t *testing.T) {
	const row = "7,2026-03-01 10:00:00,waiting,Hello"
	want := map[string]string{"ticket_id": "7", "ticket_created_at": "2026-03-01 10:00:00", "current_ticket_state_category": "waiting", "ticket_title": "Hello"}
	for head, wrong := range map[string]string{
		"ticket_id,ticket_created_at,current_ticket_state_category,ticket_title":                                "",
		"ticket.ticket_id,timestamp.ticket_created_at,ticket.current_ticket_state_category,ticket.ticket_title": "",
		"Ticket ID,Ticket created at,Ticket state,Title":                                                        "",
		"\ufeffTICKET_ID, ticket_created_at ,current_ticket_state_category,ticket_title":                        "",
		"id,ticket_created_at,current_ticket_state_category,ticket_title":                                       "ticket_id",
		"ticket_id,created_at,current_ticket_state_category,ticket_title":                                       "ticket_created_at",
		"ticket_id,ticket_created_at,current_ticket_state_category":                                             "row 2",
	} {
		bubble(t, "2.16", header(head, row), func(t *testing.T, w *world) {
			streams := w.reports(t)[2:]
			out := w.read(t, reading{streams: streams, mode: protocol.Incremental, failing: wrong != "", config: recentOnly})
			if wrong != "" {
				if e := errorAs[*intercom.ShapeError](t, out); !strings.Contains(e.Error(), wrong) {
					t.Errorf("%s: error %v", head, e)
				}
				return
			}
			got := map[string]string{}
			gjson.ParseBytes(out.records[streams[0]]["7"]).ForEach(func(name, value gjson.Result) bool {
				got[name.Str] = value.String()
				return true
			})
			if !maps.Equal(got, want) {
				t.Errorf("%s: record %v", head, got)
			}
		})
	}
	// In another order, with a column more and one less.
	bubble(t, "2.16", header("Title,new column,ticket_id,ticket_created_at", "Hello,x,7,1772359200"), func(t *testing.T, w *world) {
		streams := w.reports(t)[2:]
		out := w.read(t, reading{streams: streams, mode: protocol.Incremental, config: recentOnly})
		if row := string(out.records[streams[0]]["7"]); !strings.Contains(row, `"ticket_title":"Hello"`) || !strings.Contains(row, `"new_column":"x"`) || !strings.Contains(row, `"1772359200"`) {
			t.Errorf("record %s", row)
		}
	})
}

// Rows without an id are known by their content, and those that are all alike stay apart.
func TestRowsThatAreAlike(t *testing.T) {
	o := header("conversation_id,conversation_state_started_at,conversation_state,time_in_state",
		"1,2026-03-01 10:00:00,open,5", "1,2026-03-01 10:00:00,open,5", "1,2026-03-01 10:00:00,open,6", "1,2026-03-01 10:00:00,open,5")
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		streams := w.reports(t)[1:2]
		out := w.read(t, reading{streams: streams, mode: protocol.Incremental, config: recentOnly})
		out.onlyOnce(t)
		if len(out.records[streams[0]]) != 4 {
			t.Errorf("%d records", len(out.records[streams[0]]))
		}
		again := w.read(t, reading{streams: streams, mode: protocol.Incremental, config: recentOnly, state: out.State})
		if again.total() != 4 { // they lie before what is remembered: the same ids again, and so no more rows
			t.Errorf("%d records", again.total())
		}
		if n := len(w.union[streams[0]]); n != 4 {
			t.Errorf("%d rows in all", n)
		}
	})
}

// Other programs' jobs are waited for; one dataset that fails stops no other.
func TestReportsBesideOthers(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Seed: 4, ExportTime: 10 * time.Minute}, func(t *testing.T, w *world) {
		streams := w.reports(t)
		c := w.client(t)
		for range 5 {
			body := fmt.Appendf(nil, `{"dataset_id":"tickets","attribute_ids":["ticket.ticket_id"],"start_time":%d,"end_time":%d}`, born.Unix()-1, born.Unix())
			a, err := c.Do(t.Context(), intercom.Request{Method: http.MethodPost, Path: reporting.Path, Body: body})
			if err != nil {
				t.Fatal(err)
			}
			a.Release()
		}
		began := time.Now()
		out := w.read(t, reading{streams: streams, mode: protocol.Incremental, config: recentOnly})
		if took := time.Since(began); took < 15*time.Minute || took > 30*time.Minute {
			t.Errorf("it took %s", took)
		}
		out.isComplete(t, streams[0])
	})
	o := spoiling(emulator.Options{Seed: 4}, func(w http.ResponseWriter, r *http.Request, n int) bool {
		return r.Method == "POST" && n == 1 && answer(w, 400, `{"type":"error.list","errors":[{"code":"bad_request","message":"attribute_ids invalid for some dataset: x"}]}`)
	})
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		streams := w.reports(t)
		out := w.read(t, reading{streams: streams, mode: protocol.Incremental, config: withinRetention, failing: true})
		failed := 0
		for _, p := range out.Streams {
			if p.Err != nil {
				failed++
			} else if p.Records == 0 {
				t.Errorf("%s: no records", p.Name)
			}
		}
		if failed != 1 {
			t.Errorf("%d streams failed: %v", failed, out.err)
		}
	})
}

func TestDatasetsOfAnotherShape(t *testing.T) {
	for body, wrong := range map[string]bool{
		`{"type":"list"}`: true, `{"data":[{"id":"x"}]}`: true, `{"data":[{"attributes":[]}]}`: true, `{"data":[]}`: false,
		`{"data":[{"id":"x","attributes":[]}]}`: false, `{"data":[{"id":"x","attributes":[{"id":"x_id"},{"id":"x_id"},{}]}]}`: false,
	} {
		w := &world{version: "2.16", url: serve(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { answer(rw, 200, body) }))}
		found, err := datasets(t.Context(), w.client(t))
		if (err != nil) != wrong {
			t.Errorf("%s: error %v", body, err)
		}
		for _, s := range reportingStreams(found) {
			if s.Name != "reporting_x" || !slices.Equal(s.Key, []string{"x_id"}) || s.Cursor != "" || len(s.Dataset.columns) != 1 {
				t.Errorf("%s: stream %+v", body, s)
			}
		}
	}
}
