package protocol

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/tidwall/gjson"
)

// appendSchema renders a stream's schema for consumers: on one line, without our x- keywords and the
// fields in drop, and with timestamps as the dialect has them.
func appendSchema(dst []byte, s Stream, drop []FieldPath, times kind) ([]byte, error) {
	plan, err := compile(s, drop, times)
	if err != nil {
		return dst, err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, s.Schema); err != nil {
		return dst, err
	}
	w := schemaWriter{dst: dst, singer: times == dateTimeKind}
	w.schema(gjson.ParseBytes(line.Bytes()), plan)
	return w.dst, nil
}

type schemaWriter struct {
	dst    []byte
	singer bool
}

func (w *schemaWriter) schema(schema gjson.Result, n *node) {
	w.dst = append(w.dst, '{')
	first := true
	schema.ForEach(func(keyword, value gjson.Result) bool {
		// Singer's own libraries know no $schema, and targets validate by a draft of their choice.
		if strings.HasPrefix(keyword.Str, "x-") || w.singer && keyword.Str == "$schema" {
			return true
		}
		w.name(&first, keyword)
		switch {
		case keyword.Str == "properties" && value.IsObject():
			w.properties(value, n)
		case keyword.Str == "items" && value.IsObject():
			w.schema(value, n.items)
		case keyword.Str == "type" && n.kind == dateTimeKind:
			w.dst = append(w.dst, strings.Replace(value.Raw, `"integer"`, `"string"`, 1)...)
			w.dst = append(w.dst, `,"format":"date-time"`...)
		default:
			w.dst = append(w.dst, value.Raw...)
		}
		return true
	})
	w.dst = append(w.dst, '}')
}

func (w *schemaWriter) properties(properties gjson.Result, n *node) {
	w.dst = append(w.dst, '{')
	first := true
	properties.ForEach(func(name, property gjson.Result) bool {
		child := n.props[name.Str]
		if child.drop {
			return true
		}
		w.name(&first, name)
		if property.IsObject() {
			w.schema(property, child)
		} else {
			w.dst = append(w.dst, property.Raw...) // true: anything goes
		}
		return true
	})
	w.dst = append(w.dst, '}')
}

func (w *schemaWriter) name(first *bool, name gjson.Result) {
	if !*first {
		w.dst = append(w.dst, ',')
	}
	*first = false
	w.dst = append(w.dst, name.Raw...)
	w.dst = append(w.dst, ':')
}
