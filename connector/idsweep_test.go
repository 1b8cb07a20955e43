package connector

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

func sweptStreams(version string) []string {
	var names []string
	for _, s := range TableOf(&Config{APIVersion: version, IDSweep: []string{everyStream}}) {
		if s.Swept {
			names = append(names, s.Name)
		}
	}
	return names
}

// TestSweptStreamsHoldTheTruth reads random worlds whose ids are compared, some reads of which are cut short: all output
// together, with what tombstones take away, is the truth, in every version.
func TestSweptStreamsHoldTheTruth(t *testing.T) {
	n := uint64(16)
	if testing.Short() {
		n = 4
	}
	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			findsOutWhatIsGone(t, seed)
		})
	}
}

func findsOutWhatIsGone(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 12))
	pick := func(n int) int { return rng.IntN(n) }
	versions := []string{"2.10", "2.14", "2.16", "Preview"}
	n := 20 + pick(60)
	o := emulator.Options{
		Seed:         int64(seed),
		Size:         emulator.Size{Admins: 3, Teams: 2, Tags: 6, Segments: 5, Companies: 20 + pick(150), Contacts: n, Conversations: n, Tickets: n / 2, Calls: 30, Reference: 10, PartsPerConversation: 2},
		OffsetCursor: pick(2) == 0,
		IndexLag:     time.Duration(pick(2)*(300+pick(540))) * time.Second,
		Start:        born.AddDate(0, 0, -1-pick(60)),
	}
	e := &deleter{rng: rng, merged: map[string]string{}}
	edit := func(world *emulator.World) {
		switch pick(5) {
		case 0:
			kind := []string{"articles", "internal_articles", "news_items", "external_pages", "calls"}[pick(5)]
			if ids := world.IDs(kind); len(ids) < 3 || pick(3) == 0 {
				world.NewObject(kind)
			} else if pick(2) == 0 {
				world.UpdateObject(kind, ids[pick(len(ids))])
			} else {
				world.DeleteObject(kind, ids[pick(len(ids))])
			}
		case 1:
			kind := []string{"tickets", "companies", "articles", "contacts"}[pick(4)]
			ids := world.IDs(kind)
			if len(ids) < 8 {
				return
			}
			id := ids[pick(len(ids))]
			switch kind {
			case "tickets":
				world.DeleteTicket(id)
			case "companies":
				world.DeleteCompany(id)
			case "contacts":
				world.DeleteContact(id)
			default:
				world.DeleteObject(kind, id)
			}
		default:
			e.edit(world)
		}
	}
	m := newTurmoil(t, rng, versions[pick(len(versions))], o, edit)
	w := m.w
	pageSize := 1 + pick(40)
	stops := pick(2) == 0
	r := reading{streams: slices.DeleteFunc(sweptStreams(w.version), func(name string) bool {
		return name == "call_transcripts" || stops && name == "companies" // a run that was cut short may leave a scroll open
	}),
		dialect: []protocol.Dialect{protocol.Airbyte{}, protocol.Singer{}}[pick(2)], config: func(c *Config) {
			c.PageSize = pageSize
			c.StartDate = o.Start.AddDate(0, 0, -1)
			c.IDSweep = []string{everyStream}
		}}
	if pick(3) == 0 { // what was read before is learnt by the first sweep
		out := w.read(t, reading{streams: r.streams, dialect: r.dialect, config: func(c *Config) { c.StartDate = o.Start.AddDate(0, 0, -1) }})
		r.state = out.State
		if r.state = w.read(t, r).State; pick(2) == 0 {
			r.state = w.read(t, r).State
		}
	}
	r.either = true // so many edits may be too many for a run
	for range 4 {
		calls := -1
		if stops && len(r.state.Streams) > 0 && pick(2) == 0 {
			calls = 2 + pick(3*n)
		}
		m.round(t, &r, calls)
	}
	r.either = false
	out := m.calm(t, &r)
	w.checkAs(t, r.dialect, false, r.streams...)
	r.state = out.State
	again := w.read(t, r)
	if again.total() != 0 {
		t.Errorf("%d records of a world in which nothing has happened since: %v", again.total(), again.counts)
	}
	for route, n := range again.requests {
		if strings.HasSuffix(route, "s/{id}") && n > 0 {
			t.Errorf("%s: %d rows are asked for although none is missed", route, n)
		}
	}
}

// sweptWorld is read once, and then made to miss what skip says.
func sweptWorld(t *testing.T, streams ...string) (*world, reading) {
	t.Helper()
	w := newWorld(t, "2.16", emulator.Options{Seed: 4, Size: emulator.Size{Admins: 1, Tags: 2, Companies: 30, Contacts: 30, Tickets: 30, Conversations: 10}})
	r := reading{streams: streams, config: func(c *Config) { c.IDSweep = []string{everyStream} }}
	r.state = w.read(t, r).State
	w.pass(time.Hour)
	return w, r
}

func replyWith(rw http.ResponseWriter, status int, body string) bool {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_, _ = rw.Write([]byte(body))
	return true
}

func (w *world) answering(f func(http.ResponseWriter, *http.Request) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.intercepted = f
}

// Nothing but Intercom's own word that a row is not there makes a tombstone.
func TestNoFalseTombstones(t *testing.T) {
	const empty = `{"type":"ticket.list","tickets":[],"total_count":0,"pages":{"type":"pages","page":1,"per_page":150,"total_pages":0}}`
	notFound := `{"type":"error.list","errors":[{"code":"not_found","message":"Resource Not Found"}]}`
	noPermission := `{"type":"error.list","errors":[{"code":"forbidden","message":"no"}]}`
	for name, c := range map[string]struct {
		search, one func(rw http.ResponseWriter, r *http.Request) bool
		failing     bool
	}{
		"a search that shows nothing": {search: func(rw http.ResponseWriter, _ *http.Request) bool { return replyWith(rw, 200, empty) }},
		"a search that shows nothing, and rows that are not found": {
			search: func(rw http.ResponseWriter, _ *http.Request) bool { return replyWith(rw, 200, empty) },
			one:    func(rw http.ResponseWriter, _ *http.Request) bool { return replyWith(rw, 404, notFound) }},
		"rows that are found by nobody": {
			one: func(rw http.ResponseWriter, _ *http.Request) bool { return replyWith(rw, 404, notFound) }},
		"rows that may not be asked for": {failing: true,
			one: func(rw http.ResponseWriter, _ *http.Request) bool { return replyWith(rw, 403, noPermission) }},
		"a proxy's 404": {
			one: func(rw http.ResponseWriter, r *http.Request) bool {
				rw.Header().Set("Content-Type", "text/html")
				rw.WriteHeader(http.StatusNotFound)
				_, _ = rw.Write([]byte("<html>not found</html>"))
				return true
			}},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := sweptWorld(t, "tickets")
			gone := w.someID("tickets")
			w.Edit(func(world *emulator.World) { world.DeleteTicket(gone) })
			w.answering(func(rw http.ResponseWriter, q *http.Request) bool {
				if q.URL.Path == "/tickets/search" {
					return c.search != nil && c.search(rw, q)
				}
				return c.one != nil && strings.HasPrefix(q.URL.Path, "/tickets/") && c.one(rw, q)
			})
			r.either = c.failing
			out := w.read(t, r)
			for id, row := range out.records["tickets"] {
				if isTombstone(row) && (id != gone || c.one != nil) {
					t.Errorf("%s is told to be gone", id)
				}
			}
			if (out.err != nil) != c.failing {
				t.Errorf("error %v", out.err)
			}
			w.answering(nil)
			w.pass(time.Hour)
			r.state, r.either, r.out = out.State, false, nil
			w.read(t, r)
			w.check(t, false, "tickets")
		})
	}
}

// What an earlier start date had read stays known, and a row that comes back is emitted whatever its time.
func TestSweepOverOtherStartDates(t *testing.T) {
	w, r := sweptWorld(t, "tickets", "companies")
	r.config = func(c *Config) {
		c.IDSweep = []string{everyStream}
		c.StartDate = born
	}
	gone := w.someID("tickets")
	w.Edit(func(world *emulator.World) { world.DeleteTicket(gone) })
	out := w.read(t, r)
	if len(out.records["tickets"]) != 1 || !isTombstone(out.records["tickets"][gone]) {
		t.Errorf("%d tickets came, want the tombstone of %s", len(out.records["tickets"]), gone)
	}
	w.check(t, false, "tickets", "companies")
}

func TestCompanyThatComesBack(t *testing.T) {
	w, r := sweptWorld(t, "companies")
	id := w.someID("companies")
	w.Edit(func(world *emulator.World) { world.GiveUsers(id, 0) }) // nobody shows it any more, and it is there
	out := w.read(t, r)
	if n := out.counts["companies"]; n != 0 {
		t.Errorf("%d records, want none: a company without users still exists", n)
	}
	w.answering(func(rw http.ResponseWriter, q *http.Request) bool {
		return q.URL.Path == "/companies/"+id && replyWith(rw, 404, `{"type":"error.list","errors":[{"code":"company_not_found","message":"Company Not Found"}]}`)
	})
	r.state = out.State
	out = w.read(t, r)
	if !isTombstone(out.records["companies"][id]) {
		t.Fatal("no tombstone")
	}
	w.answering(nil)
	w.Edit(func(world *emulator.World) { world.GiveUsers(id, 3) }) // without a new time of change
	r.state = out.State
	out = w.read(t, r)
	if row, came := out.records["companies"][id]; !came || isTombstone(row) || out.total() != 1 {
		t.Errorf("%d records, want the company that is back", out.total())
	}
	w.check(t, false, "companies")
}

// A merged contact is told with who it was merged into, though its survivor's history does not come.
func TestSweepTellsMerges(t *testing.T) {
	w, r := sweptWorld(t, "contacts")
	var from, into string
	w.Edit(func(world *emulator.World) {
		people := world.IDs("contacts")
		from, into = people[0], people[3]
		world.MergeContacts(from, into)
	})
	out := w.read(t, r)
	if got := gjson.GetBytes(out.records["contacts"][from], "merged_into").Str; got != into {
		t.Errorf("merged into %q, want %s", got, into)
	}
}

// The register of a state comes back as it was.
func TestRegister(t *testing.T) {
	id := rapid.OneOf(rapid.StringMatching(`[0-9a-f]{24}`), rapid.StringMatching(`[0-9]{1,20}`), rapid.StringMatching(`[0-9A-Fa-f]{24}`), rapid.StringN(1, 10, -1))
	rapid.Check(t, func(t *rapid.T) {
		r := register{ids: map[string]struct{}{}, whole: rapid.Bool().Draw(t, "whole"), from: rapid.Int64Range(0, lastSecond).Draw(t, "from")}
		for _, id := range rapid.SliceOf(id).Draw(t, "ids") {
			r.apply([]change{{id: strings.ToValidUTF8(id, "?")}})
		}
		text := string(r.append(nil))
		if !gjson.Valid(text) {
			t.Fatal(text)
		}
		back, ok := parseRegister(gjson.Parse(text))
		if !ok || len(back.ids) != len(r.ids) || back.whole != r.whole || back.from != r.from {
			t.Fatalf("%v of %d ids came back as %d: %s", ok, len(r.ids), len(back.ids), text)
		}
		for id := range r.ids {
			if _, there := back.ids[id]; !there {
				t.Fatalf("%q has not come back", id)
			}
		}
	})
}

// Beyond its bound a register holds nothing any more, and says so.
func TestRegisterIsBounded(t *testing.T) {
	r := &register{ids: map[string]struct{}{}, whole: true}
	for i := range maxKnown + 1 {
		r.apply([]change{{id: fmt.Sprint(i)}})
	}
	back, ok := parseRegister(gjson.ParseBytes(r.append(nil)))
	if !ok || !back.tooMany || back.whole || len(back.ids) > 0 {
		t.Errorf("%+v, %v", back, ok)
	}
}
