package connector

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"source-intercom/intercom"

	"github.com/tidwall/gjson"
)

// Filters are what a conversation must be like to be read. Of a list one must hold; what is empty asks for nothing.
type Filters struct {
	CreatedAfter  time.Time `json:"created_after,omitzero"` // itself included
	CreatedBefore time.Time `json:"created_before,omitzero"`
	UpdatedAfter  time.Time `json:"updated_after,omitzero"` // itself included
	UpdatedBefore time.Time `json:"updated_before,omitzero"`
	States        []string  `json:"states,omitempty"`
	ContactIDs    []string  `json:"contact_ids,omitempty"`
	TagIDs        []string  `json:"tag_ids,omitempty"`
	TeammateIDs   []string  `json:"teammate_ids,omitempty"` // who took part
	TeamIDs       []string  `json:"team_ids,omitempty"`     // to which it is assigned
	Channels      []string  `json:"channels,omitempty"`     // the source's type
}

// filterOf is what rows of a feed must be like; nil: anything.
func filterOf(f *Feed, cfg *Config) *Filters {
	if f != conversations || cfg.Filters.mark() == "" {
		return nil
	}
	return &cfg.Filters
}

// filters decodes the setting.
func (l *loader) filters() (f Filters) {
	l.into("conversation_filters", &f)
	return f
}

func (l *loader) checkFilters() {
	const name = "conversation_filters"
	f := l.filters()
	for _, bounds := range []struct {
		field         string
		after, before time.Time
	}{{"created_before", f.CreatedAfter, f.CreatedBefore}, {"updated_before", f.UpdatedAfter, f.UpdatedBefore}} {
		if !bounds.before.IsZero() && !bounds.before.After(bounds.after) {
			l.addAt(name, name+"."+bounds.field, bounds.before.Format(time.RFC3339), "a date after "+bounds.after.Format(time.RFC3339))
		}
	}
}

// mark is by what a state knows the filters that it was made under; "": none.
func (f *Filters) mark() string {
	if f == nil {
		return ""
	}
	text, _ := json.Marshal(f) // dates and texts always marshal
	if string(text) == "{}" {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// match judges a row. Who is in its lists is judged only if Intercom was not asked for it: the search knows more of them than
// a row must show.
func (f *Filters) match(row gjson.Result, asked bool) bool {
	return f == nil || within(row.Get("created_at"), f.CreatedAfter, f.CreatedBefore) &&
		within(row.Get("updated_at"), f.UpdatedAfter, f.UpdatedBefore) &&
		isOneOf(f.States, row.Get("state")) && isOneOf(f.Channels, row.Get("source.type")) &&
		(asked || isOneOf(f.TeamIDs, row.Get("team_assignee_id")) && isOneOf(f.TagIDs, row.Get("tags.tags.#.id")) &&
			isOneOf(f.ContactIDs, row.Get("contacts.contacts.#.id"), row.Get("contacts.#.id")) &&
			isOneOf(f.TeammateIDs, row.Get("teammates.teammates.#.id"), row.Get("teammates.admins.#.id")))
}

func within(v gjson.Result, from, to time.Time) bool {
	at, ok := seconds(v)
	return !ok || (from.IsZero() || at >= from.Unix()) && (to.IsZero() || at < to.Unix())
}

// isOneOf tells whether a row's value, or one of its list, is wanted; of several places the first that is there counts.
func isOneOf(wanted []string, places ...gjson.Result) bool {
	if len(wanted) == 0 {
		return true
	}
	for _, v := range places {
		switch {
		case v.IsArray():
			return slices.ContainsFunc(v.Array(), func(id gjson.Result) bool { return slices.Contains(wanted, id.String()) })
		case v.Exists():
			return slices.Contains(wanted, v.String())
		}
	}
	return false
}

// clauses are what Intercom is asked for.
func (f *Filters) clauses() []string {
	var all []string
	bounds := func(field string, from, to time.Time) {
		if !from.IsZero() {
			all = append(all, orEqual(field, ">", from.Unix()))
		}
		if !to.IsZero() {
			all = append(all, filter(field, "<", to.Unix()))
		}
	}
	bounds("created_at", f.CreatedAfter, f.CreatedBefore)
	bounds("updated_at", f.UpdatedAfter, f.UpdatedBefore)
	for _, list := range []struct {
		field  string
		wanted []string
	}{{"state", f.States}, {"contact_ids", f.ContactIDs}, {"tag_ids", f.TagIDs}, {"teammate_ids", f.TeammateIDs}, {"team_assignee_id", f.TeamIDs}, {"source.type", f.Channels}} {
		if len(list.wanted) > 0 {
			values, _ := json.Marshal(list.wanted)
			all = append(all, `{"field":"`+list.field+`","operator":"IN","value":`+string(values)+`}`)
		}
	}
	return all
}

// ask makes the search ask for the filters alone, if Intercom understands them: else all rows are asked for, and judged here.
func (s *searchRun) ask(ctx context.Context) error {
	if s.filter == nil {
		return nil
	}
	clauses := s.filter.clauses()
	request := s.request(`{"operator":"AND","value":[`+strings.Join(clauses, ",")+`]}`, "descending", "", 1)
	request.Hasty = true
	page, err := s.client.Search(ctx, request)
	switch {
	case intercom.KindOf(err) == intercom.BadRequest:
		s.Log.Warn().Err(err).Str("feed", s.feed.Name).Msg("Intercom does not understand the filters: all is asked for, and what they leave out is dropped here")
		return nil
	case intercom.Heavy(err): // understood; perhaps it is only the first row that cannot be served
	case err != nil:
		return err
	default:
		page.Release()
	}
	s.clauses, s.asked = clauses, true
	return nil
}
