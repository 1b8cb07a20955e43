package protocol

import (
	"strings"

	"github.com/tidwall/gjson"
)

// Behind is what is left of a path behind a way of names: its ends, since "**" may be any number of names. covers says
// that the path ends on the way.
func (p FieldPath) Behind(names ...string) (rests []FieldPath, covers bool) {
	rests = []FieldPath{p}
	for _, name := range names {
		var next []FieldPath
		for _, rest := range rests {
			pass(rest, name, func(rest FieldPath) {
				if len(rest) == 0 {
					covers = true
				} else {
					next = append(next, rest)
				}
			})
		}
		rests = next
	}
	return rests, covers
}

// Reaches tells whether the path means a field that the stream's schema lists, or one that may come in an open object.
func (s Stream) Reaches(path FieldPath) bool {
	return reaches(gjson.ParseBytes(s.Schema), []FieldPath{path})
}

func reaches(schema gjson.Result, ways []FieldPath) (found bool) {
	for schema.Get("items").IsObject() {
		schema = schema.Get("items")
	}
	properties := schema.Get("properties")
	if !properties.Exists() {
		k, _ := typeOf(schema)
		return k == objectKind || k == anyKind
	}
	properties.ForEach(func(name, property gjson.Result) bool {
		var rests []FieldPath
		for _, way := range ways {
			rest, covers := way.Behind(name.Str)
			rests, found = append(rests, rest...), found || covers
		}
		found = found || len(rests) > 0 && reaches(property, rests)
		return !found
	})
	return found
}

// pass calls f with what is left of a way behind a name. A name with dots may be what the way has as several.
func pass(way FieldPath, name string, f func(rest FieldPath)) {
	if way[0] == "**" {
		f(way)
		for more := true; more; _, name, more = strings.Cut(name, ".") {
			pass(way[1:], name, f)
		}
		return
	}
	if way[0] == "*" || way[0] == name {
		f(way[1:])
	}
	for i := 0; len(way) > 1 && i < len(name); i++ {
		if name[i] == '.' && (way[0] == "*" || way[0] == name[:i]) {
			pass(way[1:], name[i+1:], f)
		}
	}
}
