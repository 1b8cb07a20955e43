package connector

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"source-intercom/emulator"
)

// TestReadsOnAfterEdits reads a world, edits it in every way, reads on from the state, and compares
// the union with the truth, field by field.
func TestReadsOnAfterEdits(t *testing.T) {
	for _, version := range []string{"2.11", "2.14", "2.16"} {
		for _, zone := range []string{"America/Los_Angeles", "Asia/Tokyo"} {
			for _, inclusive := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %s, > is inclusive %v", version, zone, inclusive), func(t *testing.T) {
					t.Parallel()
					bulk := 100
					if inclusive && zone == "Asia/Tokyo" {
						bulk = 1000 // once for each version
					}
					if testing.Short() { // the race detector needs no more
						bulk = 100
					}
					size := talks(bulk + 50)
					size.Contacts, size.Companies, size.Tickets, size.PartsPerConversation = 200, 120, 60, 1
					w := newWorld(t, version, emulator.Options{Seed: 12, Size: size, TimeZone: zone, InclusiveGreater: inclusive})
					first := w.read(t, reading{})
					first.onlyOnce(t)
					w.check(t, false)
					w.pass(time.Minute)
					w.Edit(func(world *emulator.World) { everyKindOfEdit(world, bulk) })
					w.pass(20 * time.Minute)
					second := w.read(t, reading{state: first.State, config: pages(60)})
					second.onlyOnce(t)
					w.check(t, true)
					if n := second.counts["conversations"]; n < bulk || n > bulk+10 {
						t.Errorf("%d conversations were emitted again, want those that were edited", n)
					}
				})
			}
		}
	}
}

func everyKindOfEdit(w *emulator.World, bulk int) {
	now := born.Add(time.Minute).Unix()
	talks, people, firms, jobs := w.IDs("conversations"), w.IDs("contacts"), w.IDs("companies"), w.IDs("tickets")
	w.BulkTag(bulk) // in one second
	for i := range 5 {
		w.NewConversation()
		w.NewContact()
		w.NewCompany()
		w.NewTicket()
		w.NewActivityLog()
		w.Reply(talks[i])
		w.Close(talks[10+i])
		w.UpdateContact(people[i])
		w.UpdateCompany(firms[i])
		w.UpdateTicket(jobs[i])
		w.SetUpdatedAt("contacts", people[20+i], now) // a tie
		w.DeleteConversation(talks[20+i])
		w.DeleteContact(people[30+i])
		w.DeleteCompany(firms[30+i])
		w.DeleteTicket(jobs[30+i])
	}
	w.MergeContacts(people[50], people[51])
	w.NewTag()
}

// TestClockIsTheServers holds that windows and bookmarks follow the server's clock, however far this
// machine's is off.
func TestClockIsTheServers(t *testing.T) {
	for _, off := range []time.Duration{-5 * 365 * 24 * time.Hour, -3 * time.Hour, 3 * time.Hour, 5 * 365 * 24 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			now := time.Now().Add(off)
			w := newWorldAt(t, "2.16", emulator.Options{Seed: 13}, now)
			r := reading{config: func(c *Config) { c.StartDate = now.AddDate(-2, 0, 0) }}
			first := w.read(t, r)
			for _, stream := range []string{"conversations", "contacts", "companies", "activity_logs"} {
				if got := first.stateValue(stream).Get(streamNamed(stream).Cursor).Int(); got != now.Unix() {
					t.Errorf("%s: bookmark %d, want the server's %d", stream, got, now.Unix())
				}
			}
			w.pass(time.Hour)
			w.Edit(func(world *emulator.World) { world.Reply(world.IDs("conversations")[0]) })
			r.state = first.State
			if second := w.read(t, r); second.counts["conversations"] != 1 {
				t.Errorf("the next run emitted %d conversations, want the one that changed", second.counts["conversations"])
			}
		})
	}
}

// TestDatesThatDisagree: answers whose Date is hours ahead of the others' put no bookmark into the future.
func TestDatesThatDisagree(t *testing.T) {
	for _, first := range []int{0, 1} { // of two answers, the one that is ahead
		w := newWorldAt(t, "2.16", emulator.Options{Seed: 4, Size: emulator.Size{Admins: 2, Contacts: 40, Conversations: 90, Tickets: 30, ActivityLogs: 40}}, time.Now())
		var answers atomic.Int64
		w.url = serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			w.ServeHTTP(rec, r)
			maps.Copy(rw.Header(), rec.Header())
			at := w.now()
			if answers.Add(1)%2 == int64(first) {
				at = at.Add(5 * time.Hour)
			}
			rw.Header().Set("Date", at.Format(http.TimeFormat))
			rw.WriteHeader(rec.Code)
			_, _ = rw.Write(rec.Body.Bytes())
		}))
		r := reading{streams: []string{"conversations", "conversation_parts", "tickets", "contacts", "activity_logs"}, config: pages(10)}
		for range 3 {
			r.state = w.read(t, r).State
			w.pass(20 * time.Minute)
			w.Edit(func(world *emulator.World) {
				for _, id := range world.IDs("conversations")[:10] {
					world.Reply(id)
				}
				world.UpdateTicket(world.IDs("tickets")[3])
				world.UpdateContact(world.IDs("contacts")[3])
				world.NewActivityLog()
			})
			w.pass(20 * time.Minute)
		}
		w.read(t, r)
		w.check(t, false, r.streams...)
	}
}
