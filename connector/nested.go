package connector

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// Lists inside a contact hold ten references at most; has_more tells that there are others.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts

// nestedWhole tells whether a row's nested lists of these names have no more entries than it shows.
func nestedWhole(names ...string) func(gjson.Result) bool {
	return func(row gjson.Result) bool {
		for _, name := range names {
			if row.Get(name + ".has_more").Bool() {
				return false
			}
		}
		return true
	}
}

// hasNone tells whether a row's nested list is known to be empty.
func hasNone(name string) func(gjson.Result) bool {
	return func(row gjson.Result) bool {
		total := row.Get(name + ".total_count")
		return total.Type == gjson.Number && total.Int() == 0
	}
}

// contactLists are the nested lists of a contact, and where their entries are all found.
var contactLists = []struct{ name, path, rows string }{
	{"tags", "/contacts/{id}/tags", "data"},
	{"notes", "/contacts/{id}/notes?per_page=50", "data"},
	{"companies", "/contacts/{id}/companies?per_page=50", "data|companies"},
}

// completeContact emits a contact with nested lists that are whole.
func completeContact(ctx context.Context, f *feedRun, e *emitter, p parent) error {
	row := gjson.Parse(p.row)
	if err := e.takenOver(row); err != nil || e.unchanged(p) {
		return err
	}
	var lists []protocol.Inject
	for _, l := range contactLists {
		nested := row.Get(l.name)
		if !nested.Get("has_more").Bool() {
			continue
		}
		var rest []gjson.Result
		list := numberedList{method: "GET", path: strings.Replace(l.path, "{id}", url.PathEscape(p.id), 1), rows: l.rows, stream: e.run.stream.Name, serial: true}
		_, err := f.numbered(ctx, list, func(page []gjson.Result, _ func()) error {
			for _, entry := range page {
				entry.Raw = reference(l.name, entry)
				rest = append(rest, entry)
			}
			return nil
		})
		if e.gone(p, err) {
			continue // what the row shows is true, and says that there is more
		}
		if err != nil {
			return err
		}
		lists = append(lists, protocol.Inject{Name: l.name, JSON: completed(nested, rest)})
	}
	if err := e.record(row, lists); err != nil {
		return err
	}
	e.fetched(p, e.asked, false)
	return nil
}

// reference is how a nested list refers to an object. It does not keep the page in memory.
func reference(kind string, object gjson.Result) string {
	return strings.TrimSuffix(only(object, "type", "id"), "}") + `,"url":` + quoted("/"+kind+"/"+object.Get("id").String()) + "}"
}

// completed is a nested list with the entries that it lacks.
func completed(nested gjson.Result, all []gjson.Result) string {
	var entries []string
	known := map[string]bool{}
	nested.Get("data").ForEach(func(_, entry gjson.Result) bool {
		known[entry.Get("id").String()] = true
		entries = append(entries, entry.Raw)
		return true
	})
	for _, entry := range all {
		if id := entry.Get("id").String(); !known[id] {
			known[id] = true
			entries = append(entries, entry.Raw)
		}
	}
	return `{"type":"list","data":[` + strings.Join(entries, ",") + `],"url":` + orNull(nested.Get("url")) +
		`,"total_count":` + strconv.Itoa(len(entries)) + `,"has_more":false}`
}

func orNull(v gjson.Result) string {
	if !v.Exists() {
		return "null"
	}
	return v.Raw
}

// only is a row with no other fields than these. It does not keep the page in memory.
func only(row gjson.Result, fields ...string) string {
	b := []byte{'{'}
	for _, name := range fields {
		v := row.Get(name)
		if !v.Exists() {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = gjson.AppendJSONString(b, name)
		b = append(b, ':')
		b = append(b, v.Raw...)
	}
	return string(append(b, '}'))
}
