package connector

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
)

// people is a world of contacts and little else.
func people(n int) emulator.Size {
	return emulator.Size{Admins: 2, Teams: 1, Tags: 4, Segments: 2, Companies: 3, Contacts: n, Conversations: 3, Tickets: 3, ActivityLogs: 3, PartsPerConversation: 1}
}

var zones = []string{"Pacific/Pago_Pago", "America/Chicago", "UTC", "Asia/Kathmandu", "Pacific/Kiritimati"}

// TestContacts holds the rules for a search that compares whole days.
func TestContacts(t *testing.T) {
	for _, zone := range zones {
		for _, version := range []string{"2.11", "2.16", "2.17"} {
			t.Run("every hour of a day, "+zone+", "+version, func(t *testing.T) {
				t.Parallel()
				everyHour(t, zone, version)
			})
		}
		t.Run("a backfill over many midnights, "+zone, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "2.16", emulator.Options{Seed: 6, Size: people(700), TimeZone: zone, OffsetCursor: true})
			w.Edit(func(world *emulator.World) { // some on the midnights themselves
				for i, id := range world.IDs("contacts")[:60] {
					world.SetUpdatedAt("contacts", id, born.Add(-time.Duration(i)*12*time.Hour).Truncate(12*time.Hour).Unix()-int64(i%3)+1)
				}
			})
			out := w.read(t, reading{streams: []string{"contacts"}, config: pages(5)})
			out.onlyOnce(t)
			w.check(t, false, "contacts")
		})
	}
	t.Run("a day crowded with contacts is cut by their creation", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 6, Size: people(600)})
		w.Edit(func(world *emulator.World) {
			for i, id := range world.IDs("contacts") {
				world.SetUpdatedAt("contacts", id, born.AddDate(0, 0, -9).Unix()+int64(i%400))
			}
		})
		cut := 0
		w.hook = func(_ *http.Request, body string) { cut += strings.Count(body, "created_at") }
		out := w.read(t, reading{streams: []string{"contacts"}, config: pages(5)})
		out.onlyOnce(t)
		w.check(t, false, "contacts")
		if cut == 0 {
			t.Error("the day was read as one chain")
		}
	})
	t.Run("a bulk import on one day stays one chain", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 6, Size: people(2)})
		w.pass(-9 * 24 * time.Hour)
		w.Edit(func(world *emulator.World) {
			for range 500 {
				world.NewContact()
			}
		})
		w.pass(9 * 24 * time.Hour)
		out := w.read(t, reading{streams: []string{"contacts"}, config: pages(5)})
		out.onlyOnce(t)
		w.check(t, false, "contacts")
		if n := out.requests["POST /contacts/search"]; n > 250 {
			t.Errorf("%d searches for 100 pages", n)
		}
	})
}

// everyHour edits and reads through more than a day: an hourly run must bring each edit, whenever the
// workspace's midnight is, and must not read the day again for it.
func everyHour(t *testing.T, zone, version string) {
	w := newWorld(t, version, emulator.Options{Seed: 6, Size: people(60), TimeZone: zone})
	r := reading{streams: []string{"contacts"}}
	r.state = w.read(t, r).State
	for hour := range 26 {
		w.pass(25 * time.Minute)
		var changed, added string
		w.Edit(func(world *emulator.World) {
			all := world.IDs("contacts")
			changed = all[hour%len(all)]
			world.UpdateContact(changed)
			added = world.NewContact()
		})
		w.pass(35 * time.Minute)
		out := w.read(t, r)
		r.state = out.State
		for _, id := range []string{changed, added} {
			if _, ok := out.records["contacts"][id]; !ok {
				t.Fatalf("hour %d: contact %s is missing", hour, id)
			}
		}
		if got := fmt.Sprint(out.counts); got != "map[contacts:2]" {
			t.Errorf("hour %d: emitted %s, want the two that changed", hour, got)
		}
		if n := out.requests["POST /contacts/search"]; n != 1 {
			t.Errorf("hour %d: %d searches, want 1", hour, n)
		}
	}
	w.check(t, false, "contacts")
}
