package connector

import (
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"

	"github.com/tidwall/gjson"
)

// eventsOf are the events of a conversation: "kind at who" for each.
func eventsOf(t *testing.T, text string) (short, ids string) {
	t.Helper()
	var all, marks []string
	for _, row := range derivedOf(t, streamNamed("ticket_events"), text) {
		all = append(all, strings.TrimPrefix(row.Get("event").Str, "support_ticket_")+" "+row.Get("timestamp").Raw+" "+row.Get("actor_type").Str)
		marks = append(marks, row.Get("event_id").Str)
	}
	return strings.Join(all, ", "), strings.Join(marks, " ")
}

func TestTicketEvents(t *testing.T) {
	for name, test := range map[string]struct{ talk, events, ids string }{
		"a life": {talk(byContact("ada")+`,"conversation_rating":{"rating":5,"created_at":1500,"updated_at":1510}`,
			said("fin", 1010, "x"), said("eve", 1060, "y"), partOf("close", "fin", 1100, ""), partOf("open", "ada", 1200, "z"), partOf("close", "eve", 1300, ""), partOf("assign_and_reopen", "eve", 1400, ""), partOf("close", "eve", 1500, "")),
			"opened 1000 contact, first_reply 1060 admin, closed 1100 bot, closed 1300 admin, closed 1500 admin, reopened 1200 contact, reopened 1400 admin, rated 1510 contact",
			"1:opened 1:first_reply 1:closed:1100 1:closed:1300 1:closed:1500 1:reopened:1200 1:reopened:1400 1:rated:1500"},
		"two closes in a second":    {talk(`"created_at":5,"source":null`, partOf("close", "eve", 9, ""), partOf("close", "fin", 9, "")), "opened 5 unknown, closed 9 admin", "1:opened 1:closed:9"},
		"by the statistics alone":   {talk(byContact("ada")+counting(9)+`,"first_admin_reply_at":1040,"last_close_at":1500,"last_closed_by_id":7}`, said("eve", 1600, "x")), "opened 1000 contact, first_reply 1040 , closed 1500 ", "1:opened 1:first_reply 1:closed:1500"},
		"a rating without its time": {talk(`"created_at":5,"source":null,"conversation_rating":{"rating":5}`), "opened 5 unknown", "1:opened"},
		"asked for, before 2.14":    {talk(`"created_at":5,"source":null,"conversation_rating":{"rating":5,"created_at":8}`), "opened 5 unknown, rated 8 contact", "1:opened 1:rated:8"},
		"only asked for":            {talk(`"created_at":5,"source":null,"conversation_rating":{"rating":null,"created_at":8}`), "opened 5 unknown", "1:opened"},
		"nothing is known":          {`{"id":"1"}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if events, ids := eventsOf(t, test.talk); events != test.events || ids != test.ids {
				t.Errorf("%s\n%s\nwant %s\n%s", events, ids, test.events, test.ids)
			}
		})
	}
}

// TestTicketEventsKeepTheirIDs: what has happened is told again by the same ids, and closing and reopening add to it.
func TestTicketEventsKeepTheirIDs(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Seed: 14, Size: talks(20)}, func(t *testing.T, w *world) {
		r := reading{streams: []string{"ticket_events"}}
		first := w.read(t, r)
		id := w.someID("conversations")
		for _, edit := range []func(*emulator.World){func(world *emulator.World) { world.Reply(id) }, func(world *emulator.World) { world.Close(id) },
			func(world *emulator.World) { world.Reopen(id) }, func(world *emulator.World) { world.Close(id) }} {
			time.Sleep(time.Hour)
			w.Edit(edit)
			time.Sleep(time.Hour)
			r.state = first.State
			next := w.read(t, r)
			for key, row := range first.records["ticket_events"] {
				again, ok := next.records["ticket_events"][key]
				had := gjson.ParseBytes(row)
				if had.Get("conversation_id").Str != id || had.Get("actor_type").Type == gjson.Null { // the statistics tell of the last close alone
					continue
				}
				if !ok || gjson.GetBytes(again, "timestamp").Raw != had.Get("timestamp").Raw {
					t.Errorf("%s became %s", row, again)
				}
			}
			first = next
		}
		closes := 0
		for key := range first.records["ticket_events"] {
			if strings.HasPrefix(key, id+"/") && strings.Contains(key, ":closed:") {
				closes++
			}
		}
		if closes < 2 {
			t.Errorf("%d closes", closes)
		}
		w.check(t, true, "ticket_events")
	})
}
