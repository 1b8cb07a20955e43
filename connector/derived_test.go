package connector

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

const oneConversation = "GET /conversations/{id}"

// threadStreams are those that are made of whole conversations.
func threadStreams() []string {
	var names []string
	for _, s := range Streams {
		if s.Thread != nil {
			names = append(names, s.Name)
		}
	}
	return names
}

func derivedStreams() []string {
	return slices.DeleteFunc(threadStreams(), func(name string) bool { return !streamNamed(name).Derived() })
}

// TestDerivedIsWhatTheRulesSay compares the rows of every API version with those of a second implementation, in full and
// after edits: conversations that are longer than Intercom shows, without statistics, by bots, reopened, redacted.
func TestDerivedIsWhatTheRulesSay(t *testing.T) {
	versions := emulator.Versions()
	slices.Reverse(versions)
	for _, version := range few(t, versions...) {
		t.Run(version, func(t *testing.T) {
			size := talks(60)
			size.LongConversations, size.PartsPerConversation = 2, 9
			bubble(t, version, emulator.Options{Seed: 20, Size: size}, func(t *testing.T, w *world) {
				r := reading{streams: derivedStreams()}
				rng := rand.New(rand.NewPCG(5, 6))
				for range 3 {
					out := w.read(t, r)
					out.onlyOnce(t)
					w.check(t, true, r.streams...)
					w.isVaried(t)
					r.state = out.State
					time.Sleep(time.Hour)
					w.Edit(func(world *emulator.World) {
						all := world.IDs("conversations")
						for _, id := range all[:8] {
							world.Close(id)
						}
						for _, id := range all[4:8] {
							world.Reopen(id)
						}
						for range 30 {
							world.RandomEdit(rng)
						}
					})
					time.Sleep(time.Hour)
				}
			})
		})
	}
}

// TestTranscriptSettings compares transcripts with those of a second implementation, in both forms, with notes and without,
// and cut at several lengths.
func TestTranscriptSettings(t *testing.T) {
	for _, form := range []string{"markdown", "messages"} {
		for _, notes := range []bool{false, true} {
			for _, most := range []int{0, 1000, 1500, 5000} {
				t.Run(fmt.Sprint(form, notes, most), func(t *testing.T) {
					size := talks(30)
					size.LongConversations, size.PartsPerConversation = 1, 9
					bubble(t, "2.16", emulator.Options{Seed: 31, Size: size}, func(t *testing.T, w *world) {
						settings := func(c *Config) { c.TranscriptFormat, c.TranscriptNotes, c.TranscriptLength = form, notes, most }
						w.settings = w.config()
						settings(w.settings)
						out := w.read(t, reading{streams: []string{"transcripts"}, config: settings})
						w.check(t, false, "transcripts")
						cut, whole := 0, 0
						for _, row := range out.records["transcripts"] {
							v := gjson.ParseBytes(row)
							length := utf8.RuneCountInString(v.Get("markdown").Str)
							for _, m := range v.Get("messages").Array() {
								length += utf8.RuneCountInString(m.Get("text").Str)
							}
							if length > most && most > 0 {
								t.Errorf("%d characters: %s", length, v.Raw)
							}
							if v.Get("left_out_count").Int() > 0 {
								cut++
							} else {
								whole++
							}
							if strings.Contains(v.Raw, "signature=") {
								t.Errorf("a signature is left: %s", v.Raw)
							}
						}
						if (cut > 0) != (most > 0) || whole == 0 {
							t.Errorf("%d are cut, %d are whole", cut, whole)
						}
					})
				})
			}
		}
	}
}

// isVaried fails when a world has no example of what the rules are about.
func (w *world) isVaried(t *testing.T) {
	t.Helper()
	had := map[string]bool{}
	for _, row := range w.union["normalized_conversations"] {
		v := gjson.ParseBytes(row)
		had["truncated"] = had["truncated"] || v.Get("parts_truncated").Bool()
		had["by statistics"] = had["by statistics"] || strings.Contains(v.Get("quality").Raw, "first_reply")
		had["without statistics"] = had["without statistics"] || v.Get("part_count").Exists() && v.Get("time_to_first_reply_office_hours_seconds").Type == gjson.Null
		had["a reply"] = had["a reply"] || v.Get("time_to_first_reply_seconds").Int() > 0
		had["no reply"] = had["no reply"] || v.Get("time_to_first_reply_seconds").Type == gjson.Null
		had["a bot"] = had["a bot"] || v.Get("time_to_first_bot_reply_seconds").Int() > 0
		had["closed"] = had["closed"] || v.Get("time_to_resolution_seconds").Int() > 0
		had["reopened"] = had["reopened"] || v.Get("closed_at").Type == gjson.Null && v.Get("last_closed_at").Int() > 0
		had["a note"] = had["a note"] || v.Get("note_count").Int() > 0
		had["a redacted source"] = had["a redacted source"] || v.Get("first_message_body").Type == gjson.Null
	}
	for what, has := range had {
		if !has {
			t.Errorf("the world has no example of %s", what)
		}
	}
}

// TestOneCallForAThread: however many streams are made of whole conversations, each costs one call.
func TestOneCallForAThread(t *testing.T) {
	sets := [][]string{{"conversation_parts"}, {"normalized_conversations"}, {"conversation_parts", "normalized_conversations"}, threadStreams(), append([]string{"conversations"}, derivedStreams()...)}
	for _, streams := range sets {
		t.Run(strings.Join(streams, "+"), func(t *testing.T) {
			bubble(t, "2.16", emulator.Options{Seed: 10, Size: talks(40)}, func(t *testing.T, w *world) {
				r := reading{streams: streams}
				first := w.read(t, r)
				w.check(t, false, streams...)
				if n := first.requests[oneConversation]; n != 40 {
					t.Errorf("%d calls for 40 conversations", n)
				}
				w.Edit(func(world *emulator.World) {
					for _, id := range world.IDs("conversations")[:3] {
						world.Reply(id)
					}
				})
				time.Sleep(time.Hour)
				r.state = first.State
				second := w.read(t, r)
				w.check(t, false, streams...)
				if n := second.requests[oneConversation]; n != 3 {
					t.Errorf("%d calls for 3 changed conversations", n)
				}
				time.Sleep(time.Hour)
				r.state = second.State
				if third := w.read(t, r); third.requests[oneConversation] != 0 || third.total() != 0 {
					t.Errorf("a quiet run: %v, %v", third.requests, third.counts)
				}
			})
		})
	}
}

// TestThreadStreamSelectedLater: each has its own progress, and only the one that lacks conversations emits them.
func TestThreadStreamSelectedLater(t *testing.T) {
	for _, early := range []string{"conversation_parts", "normalized_conversations"} {
		t.Run(early, func(t *testing.T) {
			bubble(t, "2.16", emulator.Options{Seed: 10, Size: talks(40)}, func(t *testing.T, w *world) {
				first := w.read(t, reading{streams: []string{early}})
				time.Sleep(24 * time.Hour)
				second := w.read(t, reading{streams: threadStreams(), state: first.State})
				w.check(t, false, threadStreams()...)
				if second.counts[early] != 0 || second.requests[oneConversation] != 40 {
					t.Errorf("%s was emitted again: %v, %v", early, second.counts, second.requests)
				}
				time.Sleep(time.Hour)
				id := w.someID("conversations")
				w.Edit(func(world *emulator.World) { world.Reply(id) })
				time.Sleep(time.Hour)
				third := w.read(t, reading{streams: threadStreams(), state: second.State})
				w.check(t, false, threadStreams()...)
				if third.requests[oneConversation] != 1 {
					t.Errorf("%v for one change", third.requests)
				}
				w.Edit(func(world *emulator.World) { world.Reply(id) })
				time.Sleep(time.Hour)
				modes := map[string]protocol.SyncMode{early: protocol.FullRefresh}
				last := w.read(t, reading{streams: threadStreams(), state: third.State, modes: modes})
				w.check(t, false, threadStreams()...)
				if last.requests[oneConversation] != 40 || last.counts["normalized_conversations"] != 1 && early != "normalized_conversations" {
					t.Errorf("a full refresh beside: %v, %v", last.requests, last.counts)
				}
			})
		})
	}
}

// TestOneThreadStreamFails: what one stream cannot make of an answer ends that stream alone, in its own name.
func TestOneThreadStreamFails(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Seed: 10, Size: talks(12)}, func(t *testing.T, w *world) {
		id := w.someID("conversations")
		intercept := w.options
		intercept.Intercept = func(rw http.ResponseWriter, r *http.Request) bool {
			return r.URL.Path == "/conversations/"+id && answer(rw, 200, `{"type":"conversation","id":"`+id+`","created_at":1700000000,"updated_at":`+fmt.Sprint(born.Unix())+
				`,"conversation_parts":{"conversation_parts":[{"part_type":"comment","body":"<p>no id</p>","author":{"type":"user","id":"x"}}]}}`)
		}
		sick := bubbleWorld(t, "2.16", intercept)
		out := sick.read(t, reading{streams: threadStreams(), failing: true})
		out.isIncomplete(t, "conversation_parts")
		if f := out.traceErrors()["conversation_parts"].Get("message").Str; !strings.Contains(f, "conversation_parts: ") {
			t.Errorf("failure %s", f)
		}
		for _, name := range derivedStreams() {
			out.isComplete(t, name)
			if name != "ticket_events" && out.counts[name] != 12 {
				t.Errorf("%s: %d records", name, out.counts[name])
			}
		}
		if out.requests[oneConversation] != 12 {
			t.Errorf("%v", out.requests)
		}
	})
}

// TestThreadThatCannotBeHad: a refused call ends each stream in its own name, and one that fails is counted by each.
func TestThreadThatCannotBeHad(t *testing.T) {
	id := ""
	status := 403
	o := emulator.Options{Seed: 10, Size: talks(12), Intercept: func(rw http.ResponseWriter, r *http.Request) bool {
		return r.URL.Path == "/conversations/"+id && answer(rw, status, `{"type":"error.list","errors":[{"code":"x","message":"no"}]}`)
	}}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		id = w.someID("conversations")
		out := w.read(t, reading{streams: threadStreams(), failing: true})
		for _, name := range threadStreams() {
			out.isIncomplete(t, name)
			if f := out.traceErrors()[name].Get("message").Str; !strings.Contains(f, name+": GET") {
				t.Errorf("%s: failure %s", name, f)
			}
		}
		if intercom.KindOf(out.err) != intercom.MissingScope {
			t.Errorf("error %v", out.err)
		}
		status = 500
		out = w.read(t, reading{streams: threadStreams(), config: func(c *Config) { c.MaxUnreadable = 1 }})
		for _, p := range out.Streams {
			if p.Unreadable != 1 {
				t.Errorf("%s: %d unreadable", p.Name, p.Unreadable)
			}
		}
		status = 404
		out = w.read(t, reading{streams: threadStreams()})
		for _, p := range out.Streams {
			if p.Skipped != 1 {
				t.Errorf("%s: %d skipped", p.Name, p.Skipped)
			}
		}
	})
}
