package connector

import (
	"net/http"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/protocol"
)

// activated are the rows that a target holds which drops those of other versions when it is told to.
func activated(held map[string]int64, out *run, stream string) (told bool) {
	for _, line := range out.lines {
		if line.Get("stream").Str != stream {
			continue
		}
		switch line.Get("type").Str {
		case "RECORD":
			held[rowID(stream, line.Get("record"))] = line.Get("version").Int()
		case "ACTIVATE_VERSION":
			told = true
			for id, version := range held {
				if version != line.Get("version").Int() {
					delete(held, id)
				}
			}
		}
	}
	return told
}

// A whole table takes the place of the one before once all of it has come, and not before.
func TestActivateVersion(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Seed: 3, Size: emulator.Size{Admins: 1, Tickets: 40, Tags: 5, Conversations: 10, Contacts: 5}})
	r := reading{streams: []string{"tickets", "tags", "conversations"}, dialect: protocol.Singer{}, modes: map[string]protocol.SyncMode{
		"tickets": protocol.FullRefresh, "tags": protocol.FullRefresh, "conversations": protocol.Incremental,
	}, config: func(c *Config) { c.ActivateVersion, c.PageSize = true, 10 }}
	held := map[string]int64{}
	first := w.read(t, r)
	if !activated(held, first, "tickets") || len(held) != 40 {
		t.Fatalf("%d tickets are held", len(held))
	}
	if activated(map[string]int64{}, first, "conversations") {
		t.Error("an incremental stream is activated")
	}
	if !activated(map[string]int64{}, first, "tags") {
		t.Error("tags, which are read in full, are not")
	}
	for i, line := range first.lines {
		if line.Get("type").Str == "ACTIVATE_VERSION" && first.lines[i+1].Get("type").Str != "STATE" {
			t.Errorf("a state must follow, for targets that print the last line alone: %s", first.lines[i+1].Raw)
		}
	}
	w.pass(time.Hour)
	gone := w.someID("tickets")
	w.Edit(func(world *emulator.World) { world.DeleteTicket(gone) })

	w.mu.Lock()
	w.intercepted = func(rw http.ResponseWriter, q *http.Request) bool {
		if q.URL.Path != "/tickets/search" {
			return false
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusForbidden)
		_, _ = rw.Write([]byte(`{"type":"error.list","errors":[{"code":"api_plan_restricted","message":"no"}]}`))
		return true
	}
	w.mu.Unlock()
	r.state, r.out, r.either = first.State, nil, true
	if activated(held, w.read(t, r), "tickets") || len(held) != 40 {
		t.Fatalf("a table that was not read is activated: %d tickets are held", len(held))
	}
	w.mu.Lock()
	w.intercepted, r.out, r.either = nil, nil, false
	w.mu.Unlock()
	if !activated(held, w.read(t, r), "tickets") || len(held) != 39 || held[gone] != 0 {
		t.Errorf("%d tickets are held", len(held))
	}
	r.dialect, r.out, r.state = protocol.Airbyte{}, nil, protocol.States{}
	for _, line := range w.read(t, r).lines {
		if line.Get("record.version").Exists() || line.Get("version").Exists() {
			t.Fatalf("Airbyte knows no versions: %s", line.Raw)
		}
	}
}
