package connector

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// A deletion is what is known of a row that is gone.
type deletion struct {
	id   string
	at   int64  // Unix seconds
	into string // the row that it was merged into; "": none is known
}

// deletionList reads what Intercom tells of the rows of a feed that were deleted at from or later.
type deletionList func(ctx context.Context, f *feedRun, from int64) ([]deletion, error)

// keyedByRow tells whether each record stands for one row of the feed, and has its id as the key: a deleted row is then a
// deleted record.
func (s *Stream) keyedByRow() bool {
	return len(s.Key) == 1 && s.Cut == nil && (s.Parent == "" && s.Key[0] == "id" || s.Key[0] == s.Parent+"_id")
}

// tellsDeletes tells whether Intercom says which records were deleted, in some API version.
func (s *Stream) tellsDeletes() bool { return s.Feed.Deletions != nil && s.keyedByRow() }

// withTombstones is the stream as it is when deletions are asked for.
func (s Stream) withTombstones(deletes []string, version intercom.Version) Stream {
	if s.tellsDeletes() && version.AtLeast(s.Feed.DeletionsSince) {
		s.Told = slices.Contains(deletes, s.Name) || slices.Contains(deletes, everyStream)
	}
	return s
}

// Tombstones tells whether records may stand for deletions.
func (s *Stream) Tombstones() bool { return s.Told || s.Swept }

// An epitaph is a column in which tombstones say more.
type epitaph struct {
	name string
	of   func(d deletion) string // its JSON
}

// deletedAt is the time of the deletion as such tables have their times.
var deletedAt = &epitaph{"deleted_at", func(d deletion) string { return strconv.FormatInt(d.at, 10) }}

// mergedInto is the contact that has taken over what belonged to one.
var mergedInto = &epitaph{"merged_into", func(d deletion) string {
	if d.into == "" {
		return "null"
	}
	return quoted(d.into)
}}

// everyStream stands for every stream that can do what the setting asks for.
const everyStream = "*"

// bury writes tombstones for what was deleted since the streams were read last. It comes after the walk: the index may show
// a row for a while after it was deleted, and what is told last of a row must be that it is gone. Therefore deletions of
// the index lag before the last time are told again, too. Fingerprints would not do to tell whether that is needed: such a
// row may have come in a run that ended before its next state.
func (f *feedRun) bury(ctx context.Context) error {
	var runs []*streamRun
	from := int64(forever)
	for _, run := range f.live() {
		if run.plan.tombstones {
			runs = append(runs, run)
			from = min(from, run.plan.deletes)
		}
	}
	if len(runs) == 0 {
		return nil
	}
	until := min(f.clock, f.client.Cautious().Unix()) // deletions during the walk are told again
	gone, err := f.feed.Deletions(ctx, f, from)
	slices.SortFunc(gone, func(a, b deletion) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) })
	for _, run := range runs {
		failed := err
		if failed == nil {
			failed = f.buryFor(ctx, run, gone, until)
		}
		if err := f.blame(ctx, run, namedAfter(failed, run.stream.Name)); err != nil {
			return err
		}
	}
	return nil
}

func (f *feedRun) buryFor(ctx context.Context, run *streamRun, gone []deletion, until int64) error {
	e := f.emitter(ctx, run)
	for _, d := range gone {
		if d.at < run.plan.deletes {
			continue
		}
		if err := e.tombstone(d); err != nil {
			return err
		}
	}
	return e.flush(func(p *progress) { p.deletes, p.touched = until, true })
}

// tombstone emits that a row is gone.
func (e *emitter) tombstone(d deletion) error {
	s := e.run.stream
	p := print{key: s.printKey(d.id)}
	p.at = max(d.at, e.run.prints.latest(p.key)) // by their cursor, the last version must not come after it
	fields := []protocol.Inject{
		{Name: s.Key[0], JSON: quoted(d.id)},
		{Name: s.Cursor, JSON: strconv.FormatInt(p.at, 10)},
		{Name: e.run.encoder.Deleted(), JSON: quoted(time.Unix(d.at, 0).UTC().Format(time.RFC3339))},
	}
	if s.Epitaph != nil {
		fields = append(fields, protocol.Inject{Name: s.Epitaph.name, JSON: s.Epitaph.of(d)})
	}
	_, at, err := e.encode(gjson.Result{Type: gjson.JSON, Raw: "{}"}, fields)
	if err != nil {
		return err
	}
	if e.run.prints.concerns(p.key, p.at) { // should it come back, it is not the same
		p.content = protocol.Fingerprint(e.buf[at.Start:at.End])
		e.remember(p)
		if s.Derived() { // then it is fetched anew
			p.key = keyHash(d.id)
			e.remember(p)
		}
	}
	e.changes = append(e.changes, change{id: d.id, gone: true})
	e.run.deleted.Add(1)
	return e.took()
}

// takenOver emits tombstones of the rows that were merged into a row, if it says so: those that the last run has not
// told for sure. They come with the row, whose time of change has moved by the merge, and share its state.
func (e *emitter) takenOver(row gjson.Result) error {
	if !e.run.plan.tombstones || e.f.feed.TakenOver == nil {
		return nil
	}
	for _, d := range e.f.feed.TakenOver(e.f, row) {
		if d.at < e.run.plan.deletes {
			continue
		}
		if err := e.tombstone(d); err != nil {
			return err
		}
	}
	return nil
}

// printKey is by what the fingerprints know the record of a row.
func (s *Stream) printKey(id string) uint64 {
	if s.Derived() {
		return familyKey(id)
	}
	return keyHash(id)
}

// listDeletedConversations reads the list of deleted conversations from its newest row down.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/listdeletedconversations
func listDeletedConversations(ctx context.Context, f *feedRun, from int64) ([]deletion, error) {
	feed := deletedConversations
	gone := map[string]deletion{}
	list := numberedList{method: "GET", path: feed.Path, rows: feed.Rows, stream: feed.Name, serial: true}
	list.enough = func(rows []gjson.Result) bool { return allBefore(rows, feed.Cursor, from) }
	_, err := f.numbered(ctx, list, func(rows []gjson.Result, _ func()) error {
		for _, row := range rows {
			id := row.Get("id")
			if !isID(id) {
				return &intercom.ShapeError{Stream: feed.Name, Path: feed.Rows + ".#.id", Want: "an id", Found: found(id)}
			}
			at, dated := seconds(row.Get(feed.Cursor))
			if !dated {
				at = f.clock
			}
			if at >= from {
				name := strings.Clone(id.String()) // else it would keep the page in memory
				gone[name] = deletion{id: name, at: at}
			}
		}
		return nil
	})
	return slices.Collect(maps.Values(gone)), err
}

// mergedContacts are the contacts that were merged into one. With Preview the list of activities tells of them.
func mergedContacts(f *feedRun, row gjson.Result) (gone []deletion) {
	if tellsActivities(f) {
		return nil
	}
	row.Get("merge_history").ForEach(func(_, merge gjson.Result) bool {
		at, dated := seconds(merge.Get("merged_at"))
		if !dated {
			at = f.clock
		}
		if id := merge.Get("source_contact_id"); isID(id) {
			gone = append(gone, deletion{id: id.String(), at: at, into: row.Get("id").String()})
		}
		return true
	})
	return gone
}

func tellsActivities(f *feedRun) bool {
	return intercom.Version(f.Config.APIVersion).AtLeast(intercom.Preview)
}

// listContactActivities reads the list of what has happened to contacts, where there is one. It is oldest first, so that all of it
// has to be read.
// https://developers.intercom.com/docs/references/preview/rest-api/api.intercom.io/contacts/listcontactactivities
func listContactActivities(ctx context.Context, f *feedRun, from int64) (gone []deletion, err error) {
	if !tellsActivities(f) {
		return nil, nil
	}
	feed := contactActivities
	met := newSeen()
	_, err = f.numbered(ctx, numberedList{method: "GET", path: feed.Path, rows: feed.Rows, stream: feed.Name, serial: true}, func(rows []gjson.Result, _ func()) error {
		for _, row := range rows {
			d, tells := contactDeletion(row)
			if tells && d.id == "" {
				return &intercom.ShapeError{Stream: feed.Name, Path: feed.Rows + ".#", Want: "the id of a contact", Found: found(row)}
			}
			if d.at == 0 {
				d.at = f.clock
			}
			if tells && d.at >= from && !met.again(rowKey(row), 0) {
				gone = append(gone, d)
			}
		}
		return nil
	})
	return gone, err
}

// contactDeletion is the end of a contact of which an activity tells, if it does.
func contactDeletion(activity gjson.Result) (d deletion, tells bool) {
	d.at, _ = seconds(activity.Get("created_at"))
	switch activity.Get("event_type").String() {
	case "contact.deleted":
		d.id = strings.Clone(activity.Get("contact_id").String())
	case "contact.merged":
		d.id, d.into = strings.Clone(activity.Get("merge_source_id").String()), strings.Clone(activity.Get("merge_target_id").String())
	default:
		return d, false
	}
	return d, true
}

// deletesTold is up to when deletions have been told, by the state that came. Where it does not say so, all from its start on
// may be missing, and without a state too: the state of what a table holds may have been lost, or removed.
func (p *progress) deletesTold(state json.RawMessage, start int64) int64 {
	told, said := seconds(gjson.GetBytes(state, "deletes_until"))
	switch {
	case len(state) > 0 && said && isOwn(state) && told <= p.now+tooFarAhead:
		return told
	case !p.stream.Told:
		return 0
	}
	if own, ok := seconds(gjson.GetBytes(state, "start")); ok && len(state) > 0 && isOwn(state) {
		start = min(start, own)
	}
	return max(start, 1)
}
