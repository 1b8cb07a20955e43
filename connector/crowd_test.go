package connector

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
)

// crowded moves the last change of all contacts to one day.
func crowded(world *emulator.World) {
	for i, id := range world.IDs("contacts") {
		world.SetUpdatedAt("contacts", id, born.AddDate(0, 0, -9).Unix()+int64(i%400))
	}
}

// ends reads contacts, and cancels the run when it makes more calls than it may.
func ends(t *testing.T, w *world, calls int, edit func(r *http.Request, body string)) *run {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	w.hook = func(r *http.Request, body string) {
		if n++; n > calls {
			cancel()
		}
		if edit != nil {
			edit(r, body)
		}
	}
	out := w.read(t, reading{streams: []string{"contacts"}, config: pages(5), ctx: ctx})
	w.watch(nil)
	if n > calls {
		t.Errorf("more than %d calls", calls)
	}
	return out
}

// TestCrowdCreatedOnABound: a crowd that was created on the very day at which it would be cut first cannot be
// cut, and is read all the same.
func TestCrowdCreatedOnABound(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 6, Size: people(2), TimeZone: "UTC"})
	hi := born.Unix() + daysOpen
	day := time.Unix(founded+(hi-founded)*(scatterWays-1)/scatterWays, 0).UTC().Truncate(24 * time.Hour).Add(10 * time.Hour)
	w.seconds.Store(day.Unix())
	w.Edit(func(world *emulator.World) {
		for range 500 {
			world.NewContact()
		}
	})
	w.seconds.Store(born.Unix())
	w.Edit(crowded)
	ends(t, w, 400, nil)
	w.check(t, false, "contacts")
}

// TestCreationIsNoFilter: an API that takes no notice of created_at shows all rows for each piece.
func TestCreationIsNoFilter(t *testing.T) {
	byCreation := regexp.MustCompile(`"field":"created_at","operator":"[^"]*","value":\d+`)
	w := newWorld(t, "2.16", emulator.Options{Seed: 6, Size: people(600)})
	w.Edit(crowded)
	ends(t, w, 1000, func(r *http.Request, body string) {
		body = byCreation.ReplaceAllString(body, `"field":"created_at","operator":">","value":1`)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}).onlyOnce(t)
	w.check(t, false, "contacts")
}

// TestContactsWithoutCreatedAt: what lies beyond a fall of the count is cut by days of creation only if all rows
// have one.
func TestContactsWithoutCreatedAt(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 6, Size: people(40), OffsetCursor: true, TimeZone: "UTC"})
	w.Edit(crowded)
	calls := 0
	behind(t, w, func(r *http.Request, request, answer string) string {
		if r.URL.Path != "/contacts/search" {
			return answer
		}
		if calls++; calls >= 4 && calls < 14 { // again and again, until there is nothing but a day to cut
			w.pass(time.Second)
			w.Edit(func(world *emulator.World) { world.UpdateContact(world.IDs("contacts")[calls]) })
		}
		if strings.Contains(request, "created_at") {
			return `{"type":"list","data":[],"total_count":0,"pages":{"type":"pages","page":1,"per_page":5,"total_pages":0}}`
		}
		return answer
	})
	w.read(t, reading{streams: []string{"contacts"}, config: pages(5)})
	w.check(t, false, "contacts")
}
