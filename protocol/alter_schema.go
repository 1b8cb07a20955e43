package protocol

import (
	"strings"

	"github.com/tidwall/gjson"
)

// appendAltered appends the schema of a field as the alterations leave its values.
func appendAltered(dst []byte, schema gjson.Result, p *spot) []byte {
	switch k, _ := typeOf(schema); {
	case p == nil || !schema.IsObject():
		return append(dst, schema.Raw...)
	case p.whole() && k != arrayKind:
		return appendChanged(dst, schema, p.rule)
	}
	w := schemaWriter{dst: append(dst, '{')}
	first := true
	schema.ForEach(func(keyword, value gjson.Result) bool {
		w.name(&first, keyword)
		switch {
		case keyword.Str == "properties" && value.IsObject():
			w.altered(value, p)
		case keyword.Str == "items":
			w.dst = appendAltered(w.dst, value, p)
		default:
			w.dst = append(w.dst, value.Raw...)
		}
		return true
	})
	return append(w.dst, '}')
}

func (w *schemaWriter) altered(properties gjson.Result, p *spot) {
	w.dst = append(w.dst, '{')
	first := true
	properties.ForEach(func(name, property gjson.Result) bool {
		q := p.known[name.Str]
		if q != nil && q.leavesOut() {
			return true
		}
		w.name(&first, name)
		w.dst = appendAltered(w.dst, property, q)
		return true
	})
	w.dst = append(w.dst, '}')
}

// appendChanged appends the schema of values that are changed as a whole: of what they were inside, nothing is left.
func appendChanged(dst []byte, schema gjson.Result, rule *Alteration) []byte {
	w := schemaWriter{dst: append(dst, '{')}
	first := true
	schema.ForEach(func(keyword, value gjson.Result) bool {
		switch name := keyword.Str; {
		case name == "properties", name == "items", name == "x-wrap", name == attributesKeyword, name == bodyKeyword,
			rule.Hashes && (name == "additionalProperties" || name == "x-unix"):
			return true
		}
		w.name(&first, keyword)
		if keyword.Str == "type" {
			value.Raw = changedType(schema, rule)
		}
		w.dst = append(w.dst, value.Raw...)
		return true
	})
	return append(w.dst, '}')
}

func changedType(schema gjson.Result, rule *Alteration) string {
	k, nullable := typeOf(schema)
	switch raw := schema.Get("type").Raw; {
	case rule.Hashes && nullable:
		return `["null","string"]`
	case rule.Hashes:
		return `["string"]`
	case nullable, k == stringKind:
		return raw
	default:
		return `["null",` + strings.Trim(raw, "[]") + `]`
	}
}
