package connector

import (
	"net/http"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// TestPartsOfAChangedConversation holds that all parts of a changed conversation are emitted, and
// that what Intercom does not give is counted and marked.
func TestPartsOfAChangedConversation(t *testing.T) {
	only := func(w *world) reading { return reading{streams: []string{"conversation_parts"}} }
	t.Run("all of them, without the parent stream", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 10})
		r := only(w)
		r.state = w.read(t, r).State
		w.check(t, false, "conversation_parts")
		id := w.someID("conversations")
		w.Edit(func(world *emulator.World) { world.Reply(id) })
		w.pass(time.Hour)
		out := w.read(t, r)
		truth, _ := w.truthOf("conversations", id)
		if got, want := int64(out.counts["conversation_parts"]), truth.Get("statistics.count_conversation_parts").Int(); got != want && want != 0 {
			t.Errorf("%d parts, want all %d", got, want)
		}
		w.check(t, false, "conversation_parts")
	})
	t.Run("a redacted part", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 10})
		r := only(w)
		out := w.read(t, r)
		key := ids(out.records["conversation_parts"])[0]
		part := gjson.ParseBytes(out.records["conversation_parts"][key])
		w.Edit(func(world *emulator.World) { world.RedactPart(part.Get("conversation_id").Str, part.Get("id").Str) })
		w.pass(time.Minute)
		r.state = out.State
		w.read(t, r)
		w.check(t, false, "conversation_parts")
	})
	t.Run("more than Intercom gives", func(t *testing.T) {
		size := talks(5)
		size.LongConversations = 2
		w := newWorld(t, "2.16", emulator.Options{Seed: 10, Size: size})
		out := w.read(t, only(w))
		marked, missing := map[string]bool{}, int64(0)
		for _, row := range out.records["conversation_parts"] {
			part := gjson.ParseBytes(row)
			if n := part.Get("_parts_missing").Int(); n > 0 && !marked[part.Get("conversation_id").Str] {
				marked[part.Get("conversation_id").Str] = true
				missing += n
			}
		}
		if len(marked) != 2 || missing != out.Streams[0].Withheld || missing == 0 {
			t.Errorf("%d conversations are marked with %d parts missing, the summary counts %d", len(marked), missing, out.Streams[0].Withheld)
		}
		w.read(t, reading{streams: []string{"conversation_parts"}, strict: true, failing: true})
	})
	t.Run("deleted meanwhile", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 10})
		victim := w.someID("conversations")
		deleted := false
		w.hook = func(r *http.Request, _ string) {
			if r.URL.Path == "/conversations/"+victim && !deleted {
				deleted = true
				w.Edit(func(world *emulator.World) { world.DeleteConversation(victim) })
			}
		}
		out := w.read(t, only(w))
		if got := out.Streams[0].Skipped; got != 1 || !deleted {
			t.Errorf("%d skipped, want 1", got)
		}
		w.check(t, true, "conversation_parts")
	})
	t.Run("a replica that answers with the version before", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 10, ReplicaLag: 4 * time.Minute})
		r := reading{streams: []string{"conversations", "conversation_parts"}}
		r.state = w.read(t, r).State
		w.pass(time.Hour)
		w.Edit(func(world *emulator.World) { world.Reply(world.IDs("conversations")[0]) })
		for range 4 {
			w.pass(2 * time.Minute)
			r.state = w.read(t, r).State
		}
		w.check(t, false, "conversations", "conversation_parts")
		w.pass(time.Hour)
		r.state = w.read(t, r).State
		if out := w.read(t, r); out.requests["GET /conversations/{id}"] != 0 {
			t.Errorf("settled conversations are asked for still: %v", out.requests)
		}
	})
	t.Run("a conversation that is gone is not asked for ever", func(t *testing.T) {
		gone := false
		w := newWorld(t, "2.16", emulator.Options{Seed: 10, Size: talks(3)})
		id := w.someID("conversations")
		w.Edit(func(world *emulator.World) { world.Reply(id) })
		w.intercepted = func(rw http.ResponseWriter, r *http.Request) bool {
			if !gone || r.URL.Path != "/conversations/"+id {
				return false
			}
			rw.Header().Set("Content-Type", "text/html")
			rw.WriteHeader(http.StatusNotFound)
			_, _ = rw.Write([]byte("<html><body>404 Not Found</body></html>"))
			return true
		}
		gone = true
		r := only(w)
		asked := []int{}
		for range 3 {
			out := w.read(t, r)
			r.state = out.State
			asked = append(asked, out.requests["GET /conversations/{id}"])
			w.pass(14 * time.Minute)
		}
		if asked[1] != 1 || asked[2] != 1 {
			t.Errorf("asked %v times: a young 404 must be asked again", asked)
		}
		for range 2 {
			w.pass(10 * time.Minute)
			out := w.read(t, r)
			r.state = out.State
			asked = append(asked, out.requests["GET /conversations/{id}"])
		}
		if asked[4] != 0 {
			t.Errorf("asked %v times: an old 404 stands", asked)
		}
	})
	t.Run("progress is the stream's own", func(t *testing.T) {
		w := newWorld(t, "2.16", emulator.Options{Seed: 10})
		first := w.read(t, reading{streams: []string{"conversations"}})
		w.pass(24 * time.Hour)
		both := []string{"conversations", "conversation_parts"}
		second := w.read(t, reading{streams: both, state: first.State})
		if second.counts["conversations"] != 0 {
			t.Errorf("the older stream was read again: %v", second.counts)
		}
		w.check(t, false, both...)
		third := w.read(t, reading{streams: both, modes: map[string]protocol.SyncMode{"conversations": protocol.FullRefresh}, state: second.State})
		if len(third.records["conversations"]) != 40 || third.counts["conversation_parts"] != 0 {
			t.Errorf("a full refresh beside an incremental read: %v", third.counts)
		}
	})
}
