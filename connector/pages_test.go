package connector

import (
	"errors"
	"net/http"
	"testing"

	"source-intercom/emulator"
)

// TestPages holds that it does not matter whether Intercom's cursor is a position in the list or the
// last row's sort value.
func TestPages(t *testing.T) {
	for _, offset := range []bool{true, false} {
		name := map[bool]string{true: "offset", false: "search-after"}[offset]
		t.Run("rows vanish while they are read, "+name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "2.16", emulator.Options{Seed: 8, Size: talks(300), OffsetCursor: offset})
			n := 0
			w.hook = func(_ *http.Request, body string) {
				if _, _, order := query(body); order == "" {
					return
				}
				if n++; n%4 == 0 {
					w.Edit(func(world *emulator.World) { world.DeleteConversation(world.IDs("conversations")[0]) })
				}
			}
			out := w.read(t, reading{streams: []string{"conversations"}, config: pages(10)})
			out.onlyOnce(t)
			w.check(t, true, "conversations")
		})
		t.Run("rows vanish from the open window, "+name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "2.16", emulator.Options{Seed: 8, Size: talks(25), OffsetCursor: offset})
			n := 0
			w.hook = func(_ *http.Request, body string) {
				if _, _, order := query(body); order == "descending" {
					if n++; n == 2 || n == 5 {
						w.Edit(func(world *emulator.World) {
							all := world.IDs("conversations")
							world.DeleteConversation(all[len(all)-1])
						})
					}
				}
			}
			out := w.read(t, reading{streams: []string{"conversations"}, config: pages(10)})
			out.onlyOnce(t)
			w.check(t, true, "conversations")
		})
	}
	t.Run("a second that never stands still", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 8, Size: talks(400), OffsetCursor: true})
		tied := born.Unix() - 100_000
		w.Edit(func(world *emulator.World) {
			for i, id := range world.IDs("conversations") {
				at := tied
				if i < 20 {
					at -= int64(1000 - i)
				}
				world.SetUpdatedAt("conversations", id, at)
			}
		})
		walks := 0
		w.hook = func(_ *http.Request, body string) {
			if lo, hi, _ := query(body); lo == tied && hi == tied+1 {
				walks++
			}
			if body != "" {
				w.Edit(func(world *emulator.World) {
					all := world.IDs("conversations")
					world.DeleteConversation(all[len(all)-1])
				})
			}
		}
		out := w.read(t, reading{streams: []string{"conversations"}, config: pages(10), failing: true})
		var moving *MovingError
		if !errors.As(out.err, &moving) || moving.Window.lo != tied {
			t.Errorf("error %v, want the second %d that kept changing", out.err, tied)
		}
		if got := out.stateValue("conversations").Get("updated_at").Int(); got > tied {
			t.Errorf("watermark %d is beyond the second %d", got, tied)
		}
		if walks < 2 || walks > 4*rewalks {
			t.Errorf("%d searches of that second", walks)
		}
		if got := out.statuses["conversations"]; got[len(got)-1] != "INCOMPLETE" {
			t.Errorf("statuses %v", got)
		}
		w.watch(nil)
		w.read(t, reading{streams: []string{"conversations"}, config: pages(10), state: out.State})
		w.check(t, true, "conversations")
	})
	t.Run("more rows share the newest second than fit on a page", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 8, Size: talks(400)})
		first := w.read(t, reading{streams: []string{"conversations"}})
		w.Edit(func(world *emulator.World) { world.BulkTag(350) })
		second := w.read(t, reading{streams: []string{"conversations"}, state: first.State, config: pages(10)})
		second.onlyOnce(t)
		if got := second.counts["conversations"]; got != 350 {
			t.Errorf("%d rows, want 350", got)
		}
		w.check(t, false, "conversations")
	})
}
