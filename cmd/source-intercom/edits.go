package main

import (
	"fmt"
	"strings"

	"source-intercom/emulator"
)

// demoEdit is something that happens in the demo's workspace, so many times.
type demoEdit struct {
	kind  string // of object
	times int
	what  string
	do    func(w *emulator.World, id string) // each time to another object
}

// adds makes an edit of what needs no object to work on.
func adds(add func(*emulator.World) string) func(*emulator.World, string) {
	return func(w *emulator.World, _ string) { add(w) }
}

var demoEdits = []demoEdit{
	{"conversations", 3, "started", adds((*emulator.World).NewConversation)},
	{"conversations", 4, "replied to", (*emulator.World).Reply},
	{"conversations", 2, "closed", (*emulator.World).Close},
	{"conversations", 1, "tagged", (*emulator.World).TagConversation},
	{"conversations", 2, "deleted", (*emulator.World).DeleteConversation},
	{"contacts", 2, "added", adds((*emulator.World).NewContact)},
	{"contacts", 3, "changed", (*emulator.World).UpdateContact},
	{"contacts", 1, "deleted", (*emulator.World).DeleteContact},
	{"companies", 1, "added", adds((*emulator.World).NewCompany)},
	{"companies", 2, "changed", (*emulator.World).UpdateCompany},
	{"tickets", 1, "opened", adds((*emulator.World).NewTicket)},
	{"tickets", 2, "changed", (*emulator.World).UpdateTicket},
	{"activity_logs", 2, "written", adds((*emulator.World).NewActivityLog)},
	{"tags", 1, "added", adds((*emulator.World).NewTag)},
}

// edit changes the workspace and says what it did, in a line for each kind of object.
func (d *demo) edit() string {
	var said strings.Builder
	d.world.Edit(func(w *emulator.World) {
		kind := ""
		var ids []string
		for _, e := range demoEdits {
			if e.kind == kind {
				fmt.Fprintf(&said, ", %d %s", e.times, e.what)
			} else {
				kind, ids = e.kind, w.IDs(e.kind)
				fmt.Fprintf(&said, "\n  %-15s%d %s", e.kind, e.times, e.what)
			}
			for range e.times {
				e.do(w, ids[0])
				ids = ids[1:]
			}
		}
	})
	return strings.TrimPrefix(said.String(), "\n")
}
