package emulator

import (
	"strconv"
	"time"
)

// World is the data of one workspace. Its methods change it and are called from inside Emulator.Edit only.
type World struct {
	seed      seed
	size      Size // at birth; what was generated refers only to objects of that time
	start     int64
	born      int64
	workspace string
	zoneName  string
	region    string
	now       func() time.Time

	admins     []*admin
	teams      []*team
	tags       []*tag
	segments   []*segment
	attributes []*attribute

	companies     *table[*company]
	contacts      *table[*contact]
	conversations *table[*conversation]
	tickets       *table[*ticket]

	merged  map[int32]int32 // contact ordinal -> the contact it was merged into
	logs    []*activityLog  // ascending by time
	deleted []deletion      // conversations, oldest first

	shelves map[string]*shelf // by kind: all that comes from plain lists
	feed    activityFeed      // of contacts
	outbox  outbox            // what exports tell of
}

type deletion struct {
	ord int32
	at  int64
}

// Places in the world's seed under which each kind of object draws its properties.
const (
	ofAdmin = iota + 1
	ofTeam
	ofTag
	ofSegment
	ofAttribute
	ofCompany
	ofContact
	ofConversation
	ofTicket
	ofLog
	ofItem
)

func newWorld(o Options) *World {
	w := &World{
		seed: seed(o.Seed).at(0), size: o.Size.derived(), start: o.Start.Unix(), born: o.Now().Unix(),
		workspace: o.Workspace, zoneName: o.TimeZone, region: o.Region, now: o.Now, merged: map[int32]int32{},
	}
	w.start = min(w.start, w.born-3600)
	w.makeReference()
	w.makeItems()
	w.companies = newTable(fill(o.Size.Companies, w.newCompany), 0, o.ReplicaLag)
	w.contacts = newTable(fill(o.Size.Contacts, w.newContact), o.IndexLag, o.ReplicaLag)
	w.conversations = newTable(fill(o.Size.Conversations, w.newConversation), o.IndexLag, o.ReplicaLag)
	w.tickets = newTable(fill(o.Size.Tickets, w.newTicket), o.IndexLag, o.ReplicaLag)
	for i := range o.Size.ActivityLogs {
		w.logs = append(w.logs, &activityLog{ord: int32(i), s: w.seed.at(ofLog).at(i), created: w.birthTime(i, o.Size.ActivityLogs)})
	}
	return w
}

// fill makes n rows in one block of memory.
func fill[T any](n int, f func(ord, of int) T) []*T {
	block := make([]T, n)
	rows := make([]*T, n)
	for i := range block {
		block[i] = f(i, n)
		rows[i] = &block[i]
	}
	return rows
}

// birthTime spreads creation times over the world's life, ascending with the ordinal.
func (w *World) birthTime(ord, of int) int64 {
	span := w.born - 120 - w.start
	step := span / int64(max(of, 1))
	return w.start + span*int64(ord)/int64(max(of, 1)) + w.seed.at(ord).between(0, 0, step/2)
}

// lastTouch draws when a generated object was updated last: mostly soon after its creation, now and then much later,
// and for some in one of a few bulk actions that stamped many objects with the same second.
func (w *World) lastTouch(s seed, created int64) int64 {
	latest := w.born - 60
	if s.chance(900, 3) {
		quarter := (latest - w.start) / 4
		if quarter > 0 {
			bulk := w.start + ((created-w.start)/quarter+1)*quarter
			return min(max(bulk, created), latest)
		}
	}
	reach := []int64{0, 1800, 86_400, 7 * 86_400, 90 * 86_400}[s.n(901, 5)]
	return max(created, min(created+s.between(902, 0, reach), latest))
}

func (w *World) unix() int64 { return w.now().Unix() }

// settle lets the lagging views catch up.
func (w *World) settle(now time.Time) {
	w.companies.settle(now)
	w.contacts.settle(now)
	w.conversations.settle(now)
	w.tickets.settle(now)
}

func (w *World) due(now time.Time) bool {
	return w.companies.due(now) || w.contacts.due(now) || w.conversations.due(now) || w.tickets.due(now)
}

// Ids carry their object's ordinal, so that looking one up needs no map. Those of one kind are equally long: their
// order as text and as numbers is the order of creation.
const (
	adminBase        = 991_267_000
	teamBase         = 5_017_000
	tagBase          = 7_520_000
	conversationBase = 215_468_000_000_000
	ticketBase       = 315_470_000_000_000
	partBase         = 21_000_000_000_000
	ticketPartBase   = 41_000_000_000_000
	noteBase         = 29_000_000_000
	partsRoom        = 1 << 20 // ids reserved for the parts of one conversation or ticket

	contactPrefix = "6762f0a6"
	companyPrefix = "6762f0a0"
	segmentPrefix = "6762e000"
)

func hexID(prefix string, ord int32) string {
	const digits = "0123456789abcdef"
	id := append(make([]byte, 0, 24), prefix...)
	n := uint64(uint32(ord))<<32 | uint64(uint32(seed(ord).at(7)))
	for shift := 60; shift >= 0; shift -= 4 {
		id = append(id, digits[n>>shift&15])
	}
	return string(id)
}

func fromHexID(prefix, id string) int32 {
	if len(id) != 24 {
		return -1
	}
	n, err := strconv.ParseInt(id[8:16], 16, 32)
	if err != nil || hexID(prefix, int32(n)) != id {
		return -1
	}
	return int32(n)
}

func fromNumericID(base int64, id string) int32 {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < base || n-base > 1<<30 || strconv.FormatInt(n, 10) != id {
		return -1
	}
	return int32(n - base)
}

// IDs lists the ids that exist now, oldest object first. The kinds are "admins", "teams", "tags", "segments",
// "companies", "contacts", "conversations", "tickets", "activity_logs" and those that NewObject knows; another kind
// has none.
func (w *World) IDs(kind string) []string {
	switch kind {
	case "admins":
		return collect(w.admins, (*admin).id)
	case "teams":
		return collect(w.teams, (*team).id)
	case "tags":
		return collect(w.tags, (*tag).id)
	case "segments":
		return collect(w.segments, (*segment).id)
	case "companies":
		return collect(w.companies.live, (*company).id)
	case "contacts":
		return collect(w.contacts.live, (*contact).id)
	case "conversations":
		return collect(w.conversations.live, (*conversation).id)
	case "tickets":
		return collect(w.tickets.live, (*ticket).id)
	case "activity_logs":
		return collect(w.logs, (*activityLog).id)
	}
	if sh := w.shelves[kind]; sh != nil {
		return collect(sh.items, (*item).id)
	}
	return nil
}

func collect[T any](rows []*T, id func(*T) string) []string {
	out := make([]string, 0, len(rows))
	for _, r := range rows {
		if r != nil {
			out = append(out, id(r))
		}
	}
	return out
}
