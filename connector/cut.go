package connector

import (
	"strconv"
	"strings"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// A cut takes records out of a list inside a row, or out of the object there.
type cut struct {
	at    []string // where it lies; the first one that is there, for versions call it differently
	entry string   // of a list of plain values: the field that a record has one of them in
}

// list is what a row has in the cut's place: nothing where it is missing or null.
func (c *cut) list(row gjson.Result) gjson.Result {
	for _, path := range c.at {
		if v := row.Get(path); v.Exists() && v.Type != gjson.Null {
			return v
		}
	}
	return gjson.Result{}
}

// records calls f with each record. What is neither a list nor an object is an unexpected shape.
func (c *cut) records(s *Stream, row gjson.Result, f func(record gjson.Result) error) error {
	list := c.list(row)
	switch {
	case !list.Exists():
		return nil
	case list.IsObject():
		return f(list)
	case !list.IsArray():
		return &intercom.ShapeError{Stream: s.Name, Path: s.Feed.Rows + ".#." + c.at[0], Want: "a list", Found: found(list)}
	}
	var err error
	list.ForEach(func(_, v gjson.Result) bool {
		if c.entry != "" && !v.IsObject() {
			v = entryRow(c.entry, v)
		}
		if !v.IsObject() {
			err = &intercom.ShapeError{Stream: s.Name, Path: s.Feed.Rows + ".#." + c.at[0] + ".#", Want: "an object", Found: found(v)}
			return false
		}
		err = f(v)
		return err == nil
	})
	return err
}

// entryRow is a row that has a plain value in its one field.
func entryRow(field string, v gjson.Result) gjson.Result {
	return gjson.Result{Type: gjson.JSON, Raw: `{"` + field + `":` + v.Raw + `}`}
}

// injected are the fields that a record of Cut or Child gets from us: whose it is, and which of several.
func (s *Stream) injected(p parent, row gjson.Result, met places) []protocol.Inject {
	var fields []protocol.Inject
	if s.Parent != "" {
		fields = append(fields, protocol.Inject{Name: s.Parent + "_id", JSON: quoted(p.id)})
	}
	if s.Cursor != "" && s.Cursor == s.Parent+"_updated_at" {
		at := "null"
		if p.dated {
			at = strconv.FormatInt(p.updated, 10)
		}
		fields = append(fields, protocol.Inject{Name: s.Cursor, JSON: at})
	}
	if s.Placed {
		fields = append(fields, protocol.Inject{Name: "position", JSON: strconv.Itoa(met.next(s, row))})
	}
	return fields
}

// places count the records of one parent that share the rest of their key.
type places map[string]int

func (m places) next(s *Stream, row gjson.Result) int {
	var rest strings.Builder
	for _, name := range s.Key {
		rest.WriteString(row.Get(name).Raw)
		rest.WriteByte(0)
	}
	place := m[rest.String()]
	m[rest.String()]++
	return place
}

// cut emits the records inside a row.
func (e *emitter) cut(row gjson.Result) error {
	s := e.run.stream
	id := row.Get("id")
	if !isID(id) {
		return e.f.noID(e.run, "id", id)
	}
	p := parent{id: id.String()}
	p.updated, p.dated = e.f.cursor(row)
	met := places{}
	return e.family(p, func(emit emitFunc) error {
		return s.Cut.records(s, row, func(record gjson.Result) error { return emit(record, s.injected(p, record, met)) })
	})
}

// familyKey is by what the fingerprints know all records of a parent.
func familyKey(id string) uint64 { return keyHash(id, "records") }

type emitFunc func(row gjson.Result, inject []protocol.Inject) error

// family emits all records of one parent, which all hands to emit. They are remembered as a whole, by their parent: where
// they are the very same as those that were emitted last, they are left out. A record that has gone from them shows in
// the others, which all carry the time of their parent's change.
func (e *emitter) family(p parent, all func(emit emitFunc) error) error {
	before, flushed := len(e.buf), e.flushed
	n, content := int64(0), uint64(0)
	key := familyKey(p.id)
	remembered := e.run.stream.Cursor != "" && p.dated && e.run.prints.concerns(key, p.updated)
	err := all(func(row gjson.Result, inject []protocol.Inject) error {
		_, at, err := e.encode(row, inject)
		if err != nil {
			return err
		}
		n++
		if remembered {
			content = content*31 + protocol.Fingerprint(e.buf[at.Start:at.End])
		}
		return e.took()
	})
	if err != nil || n == 0 || !remembered {
		return err
	}
	version := print{key: key, content: content, at: p.updated}
	if e.run.prints.known(version) && e.flushed == flushed {
		e.buf, e.n = e.buf[:before], e.n-n
		e.run.unchanged.Add(n)
		return nil
	}
	e.prints = append(e.prints, version)
	return nil
}
