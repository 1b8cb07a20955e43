package emulator

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"sync"
)

// contactActivity is an entry of the feed of what happened to contacts.
type contactActivity struct {
	millis int64
	ord    int32
	other  int32 // the contact that was merged away
	kind   activityKind
}

type activityKind uint8

const (
	contactCreated activityKind = iota
	roleUpdated
	contactDeleted
	contactMerged
	mergeFailed
)

var contactActivityNames = [...]string{"contact.created", "contact.role_updated", "contact.deleted", "contact.merged", "contact.merge_failed"}

// activityFeed holds what edits added; what was before them follows from the contacts, and is made when it is first read.
type activityFeed struct {
	once  sync.Once
	born  []contactActivity
	added []contactActivity
}

// activities lists the whole feed, oldest first.
func (w *World) activities() (born, added []contactActivity) {
	f := &w.feed
	f.once.Do(func() {
		for ord := range w.size.Contacts {
			c := w.newContact(ord, w.size.Contacts)
			add := func(at int64, kind activityKind, other int32) {
				f.born = append(f.born, contactActivity{at*1000 + int64(kind), c.ord, other, kind})
			}
			add(c.created, contactCreated, 0)
			if ord%10 == 4 {
				add(c.created+(c.settled-c.created)/4, roleUpdated, 0)
			}
			for _, m := range c.merges {
				add(m.at, contactMerged, m.source)
			}
			if ord%20 == 6 {
				add(c.settled, mergeFailed, mergedBefore+c.ord*2)
			}
		}
		slices.SortFunc(f.born, func(a, b contactActivity) int {
			return cmp.Or(cmp.Compare(a.millis, b.millis), cmp.Compare(a.ord, b.ord))
		})
	})
	return f.born, f.added
}

// happened adds an entry to the feed. Its thousandths keep entries of one second apart.
func (w *World) happened(kind activityKind, ord, other int32) {
	f := &w.feed
	a := contactActivity{w.unix() * 1000, ord, other, kind}
	if n := len(f.added); n > 0 {
		a.millis = max(a.millis, f.added[n-1].millis+1)
	}
	f.added = append(f.added, a)
}

func (a contactActivity) id() string { return fmt.Sprintf("%d.%06x", a.millis, uint32(a.ord)&0xffffff) }

// activityRows is the feed, oldest first. Its cursor is the id of the last row.
func activityRows(c *call) (rowSet, *apiError) {
	born, added := c.w.activities()
	nth := func(i int) contactActivity {
		if i < len(born) {
			return born[i]
		}
		return added[i-len(born)]
	}
	return rowSet{n: len(born) + len(added), id: func(i int) string { return nth(i).id() }, write: func(p *printer, i int) { p.contactActivity(nth(i)) }}, nil
}

func (p *printer) contactActivity(a contactActivity) {
	lead := a.ord%4 == 3
	p.obj("")
	p.str("type", "contact_activity")
	p.str("id", a.id())
	p.str("event_type", contactActivityNames[a.kind])
	p.str("contact_id", hexID(contactPrefix, a.ord))
	p.strOrNull("external_id", contactExternalID(a.ord))
	p.strOrNull("role", when(a.kind != mergeFailed, (&contact{lead: lead}).role()))
	merged := a.kind == contactMerged || a.kind == mergeFailed
	p.strOrNull("merge_source_id", when(merged, hexID(contactPrefix, a.other)))
	p.strOrNull("merge_target_id", when(merged, hexID(contactPrefix, a.ord)))
	p.strOrNull("failure_reason", when(a.kind == mergeFailed, "Merge source "+strconv.Itoa(int(a.other))+" has another role"))
	p.num("created_at", a.millis/1000)
	p.end()
}
