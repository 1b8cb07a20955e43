package connector

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"

	"github.com/tidwall/gjson"
)

const (
	contactSearch  = "POST /contacts/search"
	contactAlone   = "GET /contacts/{id}"
	contactMembers = "GET /contacts/{id}/companies"
	companyAlone   = "GET /companies/{id}"
)

var enrichedStreams = []string{"normalized_conversations", "ticket_events"}

func enriching(c *Config) { c.Enrich = "api" }

// enrichedBubble is a world of so many conversations, whose derived streams are looked up for.
func enrichedBubble(t *testing.T, version string, conversations int, o emulator.Options, f func(t *testing.T, w *world)) {
	t.Helper()
	o.Seed = 41
	o.Size = talks(conversations)
	o.Size.Contacts, o.Size.Companies = conversations/2, 40
	bubble(t, version, o, func(t *testing.T, w *world) {
		w.settings = &Config{TranscriptFormat: "markdown", Enrich: "api"}
		f(t, w)
	})
}

// TestEnrichedIsWhatTheRulesSay compares what was looked up with what a second implementation makes of one contact after
// the other: some are merged, in chains, and some are gone.
func TestEnrichedIsWhatTheRulesSay(t *testing.T) {
	for _, version := range few(t, "2.10", "2.14", "2.16", "Preview") {
		t.Run(version, func(t *testing.T) {
			enrichedBubble(t, version, 200, emulator.Options{}, func(t *testing.T, w *world) {
				w.Edit(func(world *emulator.World) {
					people := world.IDs("contacts")
					for i := range 6 {
						world.MergeContacts(people[3*i], people[3*i+1])
						world.MergeContacts(people[3*i+1], people[3*i+2])
					}
					for _, id := range people[20:26] {
						world.DeleteContact(id)
					}
					world.DeleteCompany(world.IDs("companies")[4])
				})
				time.Sleep(time.Hour)
				r := reading{streams: enrichedStreams, config: enriching}
				first := w.read(t, r)
				w.check(t, false, r.streams...)
				had := map[string]int{}
				for _, row := range w.union["normalized_conversations"] {
					v := gjson.ParseBytes(row)
					had["company: "+v.Get("company_source").String()]++
					if v.Get("contact_message_count").Int() == 0 && v.Get("contact_email").Exists() {
						had["an address"]++
					}
				}
				for _, what := range []string{"company: sole", "company: most_recent", "company: none", "company: ", "an address"} {
					if had[what] == 0 {
						t.Errorf("the world has no example of %q: %v", what, had)
					}
				}
				time.Sleep(time.Hour)
				w.Edit(func(world *emulator.World) {
					for _, id := range world.IDs("conversations")[30:60] {
						world.Close(id)
					}
				})
				time.Sleep(time.Hour)
				r.state = first.State
				w.read(t, r)
				w.check(t, false, r.streams...)
			})
		})
	}
}

// TestLookupsAreFewAndCounted: fifty contacts cost one call, a company one, what has gone one; and the summary tells.
func TestLookupsAreFewAndCounted(t *testing.T) {
	o := emulator.Options{Latency: 300 * time.Millisecond}
	enrichedBubble(t, "2.14", 1000, o, func(t *testing.T, w *world) {
		w.Edit(func(world *emulator.World) {
			for _, id := range world.IDs("contacts")[:8] {
				world.DeleteContact(id)
			}
		})
		time.Sleep(time.Hour)
		out := w.read(t, reading{streams: slices.Concat(enrichedStreams, []string{"conversation_parts"}), config: enriching})
		asked := map[string]bool{}
		for _, row := range out.records["normalized_conversations"] {
			asked[gjson.GetBytes(row, "contact_id").Str] = true
		}
		all := out.requests[contactSearch] + out.requests[contactAlone] + out.requests[contactMembers] + out.requests[companyAlone]
		// Few wait with the first searches; how many join a later one is a matter of who comes when.
		if n, most := out.requests[contactSearch], 2*len(asked)/askedAtOnce+6; n > most {
			t.Errorf("%d searches for %d contacts, want %d at most", n, len(asked), most)
		}
		if n := out.requests[contactAlone]; n == 0 || n > 8 {
			t.Errorf("%d contacts were asked for alone, and 8 are gone", n)
		}
		if n := out.requests[companyAlone]; n == 0 || n > 40 {
			t.Errorf("%d companies were asked for, of 40", n)
		}
		if n := out.requests[oneConversation]; n != 1000 {
			t.Errorf("%d calls for 1000 conversations", n)
		}
		told := int64(0)
		for _, p := range out.Streams {
			told += p.Lookups
		}
		if told != int64(all) {
			t.Errorf("the summary tells of %d look-ups, and %d were made: %v", told, all, out.requests)
		}
		w.check(t, false, enrichedStreams...)
	})
}

// TestNoLookupsUnasked: without the setting, for streams that show nothing of it, and where nothing has changed, there are none.
func TestNoLookupsUnasked(t *testing.T) {
	enrichedBubble(t, "2.16", 60, emulator.Options{}, func(t *testing.T, w *world) {
		none := func(r reading) *run {
			t.Helper()
			out := w.read(t, r)
			if n := out.requests[contactSearch] + out.requests[contactAlone] + out.requests[contactMembers] + out.requests[companyAlone]; n > 0 {
				t.Errorf("%d look-ups: %v", n, out.requests)
			}
			return out
		}
		none(reading{streams: threadStreams()})
		none(reading{streams: []string{"conversation_parts", "transcripts"}, config: enriching})
		r := reading{streams: enrichedStreams, config: enriching}
		r.state = w.read(t, r).State
		time.Sleep(time.Hour)
		none(r)
	})
}

// TestLookupsThatFail end the streams that show them, and leave the others alone.
func TestLookupsThatFail(t *testing.T) {
	for _, path := range []string{"/contacts/search", "/contacts/*/companies", "/companies/*"} {
		t.Run(path, func(t *testing.T) {
			o := emulator.Options{Faults: []emulator.Fault{{Path: path, Every: 1, Kind: "500"}}}
			enrichedBubble(t, "2.14", 60, o, func(t *testing.T, w *world) {
				out := w.read(t, reading{streams: threadStreams(), config: enriching, failing: true})
				for _, name := range enrichedStreams {
					out.isIncomplete(t, name)
					if f := out.traceErrors()[name].Get("message").Str; !strings.Contains(f, name+": ") || !strings.Contains(f, "compan") && !strings.Contains(f, "contacts") {
						t.Errorf("%s: failure %s", name, f)
					}
				}
				for _, name := range []string{"conversation_parts", "transcripts"} {
					out.isComplete(t, name)
				}
				w.check(t, false, "conversation_parts", "transcripts")
			})
		})
	}
}

// TestLookupsThatAreNotAllowed leave null what conversations do not tell, which is told once.
func TestLookupsThatAreNotAllowed(t *testing.T) {
	calls := 0
	o := emulator.Options{Intercept: func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/contacts") {
			return false
		}
		calls++
		return answer(rw, 403, `{"type":"error.list","errors":[{"code":"forbidden","message":"no"}]}`)
	}}
	enrichedBubble(t, "2.14", 200, o, func(t *testing.T, w *world) {
		w.settings.Enrich = "none" // for what the truth is now
		var log bytes.Buffer
		out := w.read(t, reading{streams: enrichedStreams, config: enriching, log: &log})
		w.check(t, false, enrichedStreams...)
		if calls > 5 || strings.Count(log.String(), "may not be looked up") != 1 {
			t.Errorf("%d calls that were refused; the log:\n%s", calls, log.String())
		}
		for _, name := range enrichedStreams {
			out.isComplete(t, name)
		}
	})
}

// TestConversationOfAnotherContact: where the conversation itself names another contact than its row did, that one is looked
// up, before the conversation is asked for again.
func TestConversationOfAnotherContact(t *testing.T) {
	var id, other string
	var order []string
	o := emulator.Options{Intercept: func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/contacts/search" || strings.HasPrefix(r.URL.Path, "/conversations/"+id) && id != "" {
			order = append(order, r.Method)
		}
		return id != "" && r.URL.Path == "/conversations/"+id && answer(rw, 200, `{"type":"conversation","id":"`+id+`","created_at":1700000000,"updated_at":1700000001,`+
			`"source":{"author":{"type":"admin","id":"1"}},"contacts":{"contacts":[{"id":"`+other+`","external_id":null}]},"conversation_parts":{"conversation_parts":[]}}`)
	}}
	enrichedBubble(t, "2.14", 60, o, func(t *testing.T, w *world) {
		w.Edit(func(world *emulator.World) {
			people := world.IDs("contacts")
			other = people[len(people)-1]
		})
		id = w.someID("conversations")
		out := w.read(t, reading{streams: enrichedStreams, config: enriching, maxHeld: 1})
		row := gjson.ParseBytes(out.records["normalized_conversations"][id])
		contact, _ := w.truthOf("contacts", other)
		if row.Get("contact_id").Str != other || row.Get("contact_email").Str != contact.Get("email").Str || contact.Get("email").Str == "" {
			t.Errorf("%s of %s", row.Raw, contact.Raw)
		}
		if gets := len(slices.DeleteFunc(order, func(m string) bool { return m != "GET" })); gets != 2 {
			t.Errorf("%d calls for the conversation", gets)
		}
	})
}

// TestLookupsHoldNoAnswer: with memory for one answer at a time whoever looked up while holding one would stop the run.
func TestLookupsHoldNoAnswer(t *testing.T) {
	o := emulator.Options{Faults: []emulator.Fault{{Path: "contacts", Every: 11, Kind: "truncated"}, {Path: "companies", Every: 7, Kind: "503"}}}
	enrichedBubble(t, "2.14", 200, o, func(t *testing.T, w *world) {
		r := reading{streams: append(threadStreams(), "conversations", "contacts"), config: enriching, maxHeld: 1}
		w.read(t, r)
		w.check(t, false, r.streams...)
	})
}

// TestLookupsAreDiscreet: what must not be told of conversations is not told by a look-up either.
func TestLookupsAreDiscreet(t *testing.T) {
	enrichedBubble(t, "2.14", 100, emulator.Options{}, func(t *testing.T, w *world) {
		addresses := func(rules ...PrivacyRule) (n int) {
			out := w.read(t, reading{streams: enrichedStreams, config: func(c *Config) { enriching(c); c.PrivacyRules = rules }})
			if out.requests[contactSearch] == 0 {
				t.Error("nothing was looked up")
			}
			for _, stream := range enrichedStreams {
				for _, row := range out.records[stream] {
					if gjson.GetBytes(row, "contact_email").Type != gjson.Null {
						n++
					}
				}
			}
			return n
		}
		all := addresses()
		if n := addresses(PrivacyRule{"conversations", "source.author.email", "drop"}, PrivacyRule{"conversation_parts", "author.email", "drop"}); n != 0 || all == 0 {
			t.Errorf("%d of %d addresses are told", n, all)
		}
		if n := addresses(PrivacyRule{"contacts", "email", "drop"}); n != 0 {
			t.Errorf("%d of %d addresses of contacts are told", n, all)
		}
	})
}
