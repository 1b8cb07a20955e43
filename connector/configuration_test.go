package connector

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// within lists the rows of a stream whose cursor lies in a span; parts count by their conversation.
func (w *world) within(t *testing.T, stream string, sp span) []string {
	t.Helper()
	truth, err := w.Truth(stream, w.version)
	if err != nil {
		t.Fatal(err)
	}
	parents, err := w.Truth("conversations", w.version)
	if err != nil {
		t.Fatal(err)
	}
	var in []string
	for id, row := range truth {
		at := gjson.GetBytes(row, streamNamed(stream).Cursor).Int()
		if stream == "conversation_parts" {
			at = gjson.GetBytes(parents[gjson.GetBytes(row, "conversation_id").Str], "updated_at").Int()
		}
		if sp.contains(at) {
			in = append(in, id)
		}
	}
	slices.Sort(in)
	return in
}

// emitted fails unless the run emitted exactly the rows of a span.
func (w *world) emitted(t *testing.T, r *run, sp span, streams ...string) {
	t.Helper()
	for _, stream := range streams {
		got, want := ids(r.records[stream]), w.within(t, stream, sp)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d rows, want %d:\n got %q\nwant %q", stream, len(got), len(want), got, want)
		}
	}
}

func from(start time.Time) func(*Config) {
	return func(c *Config) { c.PageSize, c.StartDate = 3, start }
}

// TestEarlierStart: the range before the start that the state covers is a gap, and only that is read.
func TestEarlierStart(t *testing.T) {
	late, early := born.AddDate(0, -4, 0), born.AddDate(0, -9, 0)
	for _, version := range []string{"2.16", "2.17"} {
		t.Run(version, func(t *testing.T) {
			bubble(t, version, emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
				r := reading{streams: cursorStreams, config: from(late)}
				first := w.read(t, r)
				w.emitted(t, first, span{late.Unix(), forever}, cursorStreams...)
				time.Sleep(time.Hour)
				r.config, r.state = from(early), first.State
				second := w.read(t, r)
				second.onlyOnce(t)
				w.emitted(t, second, span{early.Unix(), late.Unix()}, cursorStreams...)
				time.Sleep(time.Hour)
				r.state = second.State
				if third := w.read(t, r); third.total() != 0 {
					t.Errorf("the third run emitted %v", third.counts)
				}
			})
		})
	}
}

// TestEarlierStartInterrupted: a gap that was half read is still a gap.
func TestEarlierStartInterrupted(t *testing.T) {
	s := &stopper{}
	o := emulator.Options{Size: snapshotWorld, Latency: 400 * time.Millisecond, Intercept: s.intercept}
	bubble(t, "2.16", o, func(t *testing.T, w *world) {
		late, early := born.AddDate(0, -2, 0), born.AddDate(-2, 0, 0)
		r := reading{streams: cursorStreams, config: from(late)}
		r.state = w.read(t, r).State
		r.config, r.failing = from(early), true
		for range 2 {
			time.Sleep(time.Hour)
			w.Edit(func(world *emulator.World) {
				world.Reply(world.IDs("conversations")[2])
				world.UpdateContact(world.IDs("contacts")[60])
			})
			r.ctx = s.after(t.Context(), 40)
			r.state = w.read(t, r).State
		}
		w.finishes(t, r)
	})
}

// TestLaterStart: what changes below a later start is not read, and the state does not claim it.
func TestLaterStart(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		r := reading{streams: cursorStreams, config: from(born.AddDate(-2, 0, 0))}
		r.state = w.read(t, r).State
		time.Sleep(24 * time.Hour)
		w.Edit(func(world *emulator.World) { world.UpdateTicket(world.IDs("tickets")[4]) })
		time.Sleep(24 * time.Hour)
		r.config = from(born.Add(36 * time.Hour))
		second := w.read(t, r)
		if second.total() != 0 {
			t.Errorf("emitted %v, all of which changed before the start", second.counts)
		}
		r.config, r.state = from(born.AddDate(-2, 0, 0)), second.State
		clear(w.union) // all comes again: the state claims nothing below the later start
		w.finishes(t, r)
	})
}

// TestStateOfAnotherWorkspace is refused before anything is read, and says so.
func TestStateOfAnotherWorkspace(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld, Workspace: "ours1"}, func(t *testing.T, w *world) {
		r := reading{streams: []string{"tags", "tickets"}}
		r.state = w.read(t, r).State
		for _, refused := range []bool{false, true} { // /me
			intercept := func(rw http.ResponseWriter, rq *http.Request) bool {
				return refused && rq.URL.Path == "/me" && answer(rw, 403, `{"type":"error.list","errors":[{"code":"forbidden"}]}`)
			}
			other := bubbleWorld(t, "2.16", emulator.Options{Size: snapshotWorld, Workspace: "theirs", Intercept: intercept})
			r.failing = !refused
			out := other.read(t, r)
			if refused { // nobody can tell; but the state does not forget whose it is
				for _, stream := range r.streams {
					if got := out.stateValue(stream).Get("workspace").Str; got != "ours1" {
						t.Errorf("%s: the state's workspace is %q after a run without /me", stream, got)
					}
				}
				continue
			}
			if e := errorAs[*StateError](t, out); e.Field != "workspace" || e.Stream == "" {
				t.Errorf("error %v, want one about the workspace of a stream's state", e)
			}
			if out.total() != 0 || len(out.requests) != 1 {
				t.Errorf("%d records, requests %v", out.total(), out.requests)
			}
			if f := Classify(out.err); f.Kind != protocol.ConfigError {
				t.Errorf("failure %v, want a config_error", f)
			}
		}
	})
}

// TestEndDate: what changes above it is left out, and the bookmark says so.
func TestEndDate(t *testing.T) {
	t.Run("before now", func(t *testing.T) {
		bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
			end := born.AddDate(0, -3, 0)
			r := reading{streams: cursorStreams, config: func(c *Config) { c.PageSize, c.EndDate = 3, end }}
			first := w.read(t, r)
			w.emitted(t, first, span{0, end.Unix() + 1}, cursorStreams...)
			for _, stream := range cursorStreams {
				if got := first.stateValue(stream).Get(streamNamed(stream).Cursor).Int(); got != end.Unix() {
					t.Errorf("%s: bookmark %d, want the end %d", stream, got, end.Unix())
				}
			}
			r.config, r.state = smallPages, first.State
			second := w.finishes(t, r)
			w.emitted(t, second, span{end.Unix() + 1, forever}, cursorStreams...)
		})
	})
	t.Run("within the index lag", func(t *testing.T) {
		bubble(t, "2.16", emulator.Options{Size: snapshotWorld, IndexLag: 10 * time.Minute}, func(t *testing.T, w *world) {
			var late string
			w.Edit(func(world *emulator.World) { late = world.NewTicket() }) // not in the index yet
			time.Sleep(5 * time.Minute)
			r := reading{streams: cursorStreams, config: func(c *Config) { c.PageSize, c.EndDate = 3, born.Add(time.Minute) }}
			r.state = w.read(t, r).State
			time.Sleep(time.Hour)
			r.config = smallPages
			if second := w.finishes(t, r); second.records["tickets"][late] == nil {
				t.Error("the ticket came with neither run")
			}
		})
	})
	t.Run("after now", func(t *testing.T) {
		bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
			r := reading{streams: cursorStreams, config: func(c *Config) { c.PageSize, c.EndDate = 3, born.AddDate(0, 1, 0) }}
			r.state = w.read(t, r).State
			w.check(t, false, cursorStreams...)
			time.Sleep(time.Hour)
			w.Edit(func(world *emulator.World) { world.NewTicket() })
			if second := w.finishes(t, r); second.total() != 1 {
				t.Errorf("emitted %v, want the new ticket", second.counts)
			}
		})
	})
	t.Run("passes while the run reads", func(t *testing.T) {
		// The closed windows take so long that the clock is read again, beyond the end.
		o := emulator.Options{Size: snapshotWorld, Latency: 5 * time.Second}
		bubble(t, "2.17", o, func(t *testing.T, w *world) {
			end := born.Add(30 * time.Second)
			r := reading{streams: []string{"contacts"}, config: func(c *Config) { c.PageSize, c.EndDate, c.IndexLag = 1, end, 20*time.Second }}
			first := w.read(t, r)
			if got := first.stateValue("contacts").Get("updated_at").Int(); got > end.Unix() {
				t.Errorf("bookmark %d, want no later than the end %d", got, end.Unix())
			}
		})
	})
}

// TestLookbackWindow: changes that move no time stamp come with it, and nothing else comes twice.
func TestLookbackWindow(t *testing.T) {
	for _, lookback := range []time.Duration{0, 30 * 24 * time.Hour} {
		t.Run(lookback.String(), func(t *testing.T) {
			bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
				var lonely string
				w.Edit(func(world *emulator.World) {
					lonely = world.NewCompany()
					world.GiveUsers(lonely, 0)
				})
				time.Sleep(time.Hour)
				r := reading{streams: cursorStreams, config: func(c *Config) { c.PageSize, c.Lookback = 3, lookback }}
				first := w.read(t, r)
				if first.records["companies"][lonely] != nil {
					t.Fatal("the scroll showed a company without users")
				}
				w.Edit(func(world *emulator.World) { world.GiveUsers(lonely, 3) })
				time.Sleep(time.Hour)
				r.state = first.State
				second := w.read(t, r)
				if got := second.records["companies"][lonely] != nil; got != (lookback > 0) {
					t.Errorf("the company came: %v", got)
				}
				if n := second.total(); n > 1 {
					t.Errorf("emitted %v", second.counts)
				}
			})
		})
	}
}

// TestNoIndexLag reads a world in which time stands still between edits and runs: what changes in the
// very second that a run ended in comes with the next.
func TestNoIndexLag(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		r := reading{streams: cursorStreams, config: func(c *Config) { c.PageSize, c.IndexLag = 3, 0 }}
		r.state = w.read(t, r).State
		for range 4 {
			w.Edit(func(world *emulator.World) {
				world.NewTicket()
				world.UpdateTicket(world.IDs("tickets")[0])
				world.Reply(world.IDs("conversations")[1])
				world.UpdateContact(world.IDs("contacts")[1])
				world.UpdateCompany(world.IDs("companies")[1])
				world.NewActivityLog()
			})
			r.state = w.finishes(t, r).State
		}
	})
}

// TestPageSizes: no row depends on how many come at a time, nor on that staying so.
func TestPageSizes(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld, OffsetCursor: true}, func(t *testing.T, w *world) {
		r := reading{streams: cursorStreams}
		for i, size := range []int{1, 2, 7, 150, 1} {
			r.config = func(c *Config) { c.PageSize = size }
			if i%2 == 0 {
				r.state.Streams = nil
			}
			r.state = w.finishes(t, r).State
			time.Sleep(time.Hour)
			w.Edit(func(world *emulator.World) {
				world.BulkTag(12)
				world.NewContact()
				world.UpdateTicket(world.IDs("tickets")[i])
			})
		}
	})
}

// TestAPIVersionChangesBetweenRuns: the contacts' days and seconds fit together.
func TestAPIVersionChangesBetweenRuns(t *testing.T) {
	for _, zone := range []string{"Pacific/Kiritimati", "Pacific/Pago_Pago"} {
		t.Run(zone, func(t *testing.T) {
			bubble(t, "2.10", emulator.Options{Size: snapshotWorld, TimeZone: zone}, func(t *testing.T, w *world) {
				r := reading{streams: cursorStreams, config: smallPages}
				r.state = w.read(t, r).State
				for i, version := range []string{"2.16", "2.17", "2.14", "Preview", "2.11"} {
					time.Sleep(time.Duration(7*i+1) * time.Hour)
					var changed []string
					w.Edit(func(world *emulator.World) {
						for n := range 3 {
							id := world.IDs("contacts")[5*i+n]
							world.UpdateContact(id)
							changed = append(changed, id)
						}
						changed = append(changed, world.NewContact())
					})
					w.version = version
					out := w.read(t, r)
					r.state = out.State
					for _, id := range changed {
						if out.records["contacts"][id] == nil {
							t.Errorf("%s: contact %s is missing", version, id)
						}
					}
				}
			})
		})
	}
}

// TestStateFromTheFuture: nobody knows what a bookmark beyond the server's clock has passed over, which was made
// while that clock was wrong. All is read anew, and the state is true again.
func TestStateFromTheFuture(t *testing.T) {
	bubble(t, "2.16", emulator.Options{Size: snapshotWorld}, func(t *testing.T, w *world) {
		first := w.read(t, reading{streams: cursorStreams})
		var future []string
		for _, stream := range cursorStreams {
			future = append(future, fmt.Sprintf(`{"version":1,"workspace":"emu0x1","sync_mode":"incremental","sync_id":null,"unfinished":false,%q:%d,"start":0,"done":[],"fingerprints":""}`,
				streamNamed(stream).Cursor, born.AddDate(10, 0, 0).Unix()))
		}
		for i := range first.State.Streams {
			first.State.Streams[i].Value = json.RawMessage(future[slices.Index(cursorStreams, first.State.Streams[i].Stream)])
		}
		out := w.read(t, reading{streams: cursorStreams, state: first.State})
		for _, stream := range cursorStreams {
			if out.counts[stream] != first.counts[stream] || first.counts[stream] == 0 {
				t.Errorf("%s: %d records after a bookmark in the future, %d without", stream, out.counts[stream], first.counts[stream])
			}
		}
		if again := w.read(t, reading{streams: cursorStreams, state: out.State}); again.total() != 0 {
			t.Errorf("then emitted %v", again.counts)
		}
	})
}
