package protocol

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// An Alteration changes the values of a field before anything else is done with them.
type Alteration struct {
	// Field is where the values are. "*" in it stands for any one name, and "**" before others for any number of them.
	Field FieldPath
	// Apply appends what a value becomes; nil: the field is left out. Of a list each item is changed by itself, and null
	// stays null.
	Apply func(dst []byte, raw string) []byte
	// Texts says that only texts are changed, those inside of objects too.
	Texts bool
	// Hashes says that texts come out, whatever went in. Otherwise what comes out must fit the field, or be null.
	Hashes bool

	body bool
}

// bodyKeyword marks the texts that are HTML: it is true there, or, at an open object, says where in it they are.
const bodyKeyword = "x-html"

// WithAlterations returns the stream with alterations of its records, and with a schema of what they leave. Of several
// for one field the first one counts. The cursor stays as it is, and so does the key, but for hashes of texts. body, if it
// is not nil, comes before all of them, and says what becomes of the texts that are HTML.
func (s Stream) WithAlterations(alterations []Alteration, body func(dst []byte, raw string) []byte) Stream {
	schema := gjson.ParseBytes(s.Schema)
	var root spot
	for i := range alterations {
		root.live = append(root.live, track{&alterations[i], alterations[i].Field})
	}
	if body != nil && bytes.Contains(s.Schema, []byte(bodyKeyword)) {
		root.live = appendBodies(root.live, schema, nil, &Alteration{Apply: body, Texts: true, body: true})
	}
	if len(root.live) > 0 {
		s.altered = &root
		root.survey(schema, func(name string, t track) bool {
			return !automatic(s, name) || t.of.Hashes && name != s.Cursor && s.IsText(name)
		})
		s.Schema = appendAltered(nil, schema, s.altered)
	}
	return s
}

// Alter is a record as the stream's alterations leave it.
func (s Stream) Alter(record string) string {
	if s.altered == nil {
		return record
	}
	return s.altered.record(record)
}

// IsText tells whether a top-level field is a text, by the schema.
func (s Stream) IsText(field string) bool {
	k, _ := typeOf(member(gjson.GetBytes(s.Schema, "properties"), field))
	return k == stringKind
}

// appendBodies adds a track to each text that the schema marks as HTML.
func appendBodies(live []track, schema gjson.Result, path FieldPath, body *Alteration) []track {
	for schema.Get("items").IsObject() {
		schema = schema.Get("items")
	}
	switch at := schema.Get(bodyKeyword); at.Type {
	case gjson.True:
		live = append(live, track{body, path})
	case gjson.String:
		live = append(live, track{body, append(path, strings.Split(at.Str, ".")...)})
	}
	schema.Get("properties").ForEach(func(name, property gjson.Result) bool {
		live = appendBodies(live, property, append(path[:len(path):len(path)], name.Str), body)
		return true
	})
	return live
}

// A track is an alteration that has come down to a spot of the record; rest is the way that is left.
type track struct {
	of   *Alteration
	rest FieldPath
}

// everything is the rest of what concerns all that is inside.
var everything = FieldPath{"**", "*"}

// A spot is a field in which something is changed, or may be.
type spot struct {
	body  *Alteration      // of the value, if it is HTML
	rule  *Alteration      // of the value, after that
	live  []track          // what may concern its members
	known map[string]*spot // the members that the schema lists; nil: nothing is changed there
	wrap  string           // the member that a value which is no object stands for
}

// member is the spot of a value's member; nil where nothing is changed.
func (p *spot) member(name string) *spot {
	if known, listed := p.known[name]; listed {
		return known
	}
	return spotOf(p.live, name)
}

func spotOf(live []track, name string) *spot {
	var q spot
	for _, t := range live {
		pass(t.rest, name, func(rest FieldPath) {
			switch {
			case len(rest) > 0:
				q.live = append(q.live, track{t.of, rest})
			case t.of.body:
				q.body = t.of
			case q.rule == nil:
				q.rule = t.of
			}
		})
	}
	inherits := slices.ContainsFunc(q.live, func(t track) bool { return t.of == q.rule && &t.rest[0] == &everything[0] })
	if q.rule != nil && q.rule.Texts && !inherits {
		q.live = append(q.live, track{q.rule, everything})
	}
	if q.body == nil && q.rule == nil && q.live == nil {
		return nil
	}
	return &q
}

// survey finds the places of the members that a schema lists. may tells whether a track may change a member.
func (p *spot) survey(schema gjson.Result, may func(name string, t track) bool) {
	for schema.Get("items").IsObject() {
		schema = schema.Get("items")
	}
	p.wrap = schema.Get("x-wrap").Str
	p.known = map[string]*spot{}
	schema.Get("properties").ForEach(func(name, property gjson.Result) bool {
		live := p.live
		if may != nil {
			live = slices.DeleteFunc(slices.Clone(live), func(t track) bool { return !may(name.Str, t) })
		}
		q := spotOf(live, name.Str)
		if q != nil {
			q.survey(property, nil)
		}
		p.known[name.Str] = q
		return true
	})
}

// leavesOut tells whether the field is not to come out at all.
func (p *spot) leavesOut() bool { return p.rule != nil && p.rule.Apply == nil }

// whole tells whether values are changed as a whole, and not what is in them.
func (p *spot) whole() bool { return p.rule != nil && !p.rule.Texts }
