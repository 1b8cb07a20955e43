package protocol

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// Attribute is a field that one workspace has, beside those that all have.
type Attribute struct {
	Name        string
	Type        AttributeType
	Description string // may be ""
}

// AttributeType is what an attribute's values are.
type AttributeType string

const (
	TextAttribute    AttributeType = "text"
	IntegerAttribute AttributeType = "integer"
	NumberAttribute  AttributeType = "number"
	BooleanAttribute AttributeType = "boolean"
	TimeAttribute    AttributeType = "time" // Unix seconds or ISO 8601
	ObjectAttribute  AttributeType = "object"
	ObjectsAttribute AttributeType = "objects"
)

// attributeSchemas are the attributes' types in the profile of package schemas.
var attributeSchemas = map[AttributeType]string{
	TextAttribute:    `{"type":["null","string"]`,
	IntegerAttribute: `{"type":["null","integer"]`,
	NumberAttribute:  `{"type":["null","number"]`,
	BooleanAttribute: `{"type":["null","boolean"]`,
	TimeAttribute:    `{"type":["null","integer"],"x-unix":true`,
	ObjectAttribute:  `{"type":["null","object"],"additionalProperties":true`,
	ObjectsAttribute: `{"type":["null","array"],"items":{"type":["null","object"],"additionalProperties":true}`,
}

// attributesKeyword marks the objects that hold a workspace's own attributes; its value names whose they are.
const attributesKeyword = "x-attributes"

// WithAttributes returns the stream with a schema that lists the attributes of each marked object. Where of
// returns none, the object stays open as it is.
func (s Stream) WithAttributes(of func(model string, path FieldPath) []Attribute) Stream {
	if bytes.Contains(s.Schema, []byte(attributesKeyword)) {
		s.Schema = appendFilled(nil, gjson.ParseBytes(s.Schema), nil, of)
	}
	return s
}

func appendFilled(dst []byte, schema gjson.Result, path FieldPath, of func(string, FieldPath) []Attribute) []byte {
	w := schemaWriter{dst: append(dst, '{')}
	first := true
	schema.ForEach(func(keyword, value gjson.Result) bool {
		w.name(&first, keyword)
		switch {
		case keyword.Str == "properties" && value.IsObject():
			w.dst = append(w.dst, '{')
			first := true
			value.ForEach(func(name, property gjson.Result) bool {
				w.name(&first, name)
				w.dst = appendFilled(w.dst, property, append(path[:len(path):len(path)], name.Str), of)
				return true
			})
			w.dst = append(w.dst, '}')
		case keyword.Str == "items" && value.IsObject():
			w.dst = appendFilled(w.dst, value, path, of)
		default:
			w.dst = append(w.dst, value.Raw...)
		}
		return true
	})
	if model := schema.Get(attributesKeyword).Str; model != "" {
		w.dst = appendAttributes(w.dst, of(model, path))
	}
	return append(w.dst, '}')
}

func appendAttributes(dst []byte, attributes []Attribute) []byte {
	attributes = slices.DeleteFunc(slices.Clone(attributes), func(a Attribute) bool { return !isAttributeName(a.Name) })
	if len(attributes) == 0 || len(attributes) > maxAttributes {
		return dst // the catalog shows no more than will be taken from it
	}
	dst = append(dst, `,"properties":`...)
	separator := byte('{')
	for _, a := range attributes {
		dst = append(dst, separator)
		separator = ','
		dst = gjson.AppendJSONString(dst, a.Name)
		dst = append(dst, ':')
		dst = append(dst, attributeSchemas[a.Type]...)
		if a.Description != "" {
			dst = append(dst, `,"description":`...)
			dst = gjson.AppendJSONString(dst, a.Description)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// Bounds of what is taken over from a catalog, which may be anybody's. Intercom allows 250 attributes in use.
const (
	maxAttributes           = 10_000
	maxAttributeName        = 1000
	maxAttributeDescription = 500
	maxAttributeType        = 100
)

// Attributes returns what the catalog says of the attributes in the object at path, by name. Only what discovery
// itself prints is taken over: of an object with too much in it nothing, and no property of another form.
func (s Selected) Attributes(path FieldPath) []Attribute {
	object := gjson.Parse(s.Schema)
	for _, name := range path {
		object = member(object.Get("properties"), name)
	}
	var attributes []Attribute
	known := map[string]bool{}
	count := 0
	object.Get("properties").ForEach(func(name, property gjson.Result) bool {
		if a, ok := attributeOf(name.Str, property); ok && !known[a.Name] {
			known[a.Name] = true
			attributes = append(attributes, a)
		}
		count++
		return count <= maxAttributes
	})
	if count > maxAttributes {
		return nil
	}
	slices.SortFunc(attributes, func(a, b Attribute) int { return cmp.Compare(a.Name, b.Name) })
	return attributes
}

// member returns an object's member of that very name, whatever its characters would mean in a path.
func member(object gjson.Result, name string) (found gjson.Result) {
	object.ForEach(func(key, value gjson.Result) bool {
		if key.Str == name {
			found = value
		}
		return key.Str != name
	})
	return found
}

// isAttributeName refuses what would not come through: a NUL leaves Singer's records.
func isAttributeName(name string) bool {
	return name != "" && len(name) <= maxAttributeName && strings.IndexByte(name, 0) < 0
}

// attributeOf reads a property as either dialect publishes it: Singer's date-times are times.
func attributeOf(name string, property gjson.Result) (a Attribute, ok bool) {
	if !isAttributeName(name) || !property.IsObject() {
		return a, false
	}
	a.Name, ok = name, true
	var format string
	var items gjson.Result
	property.ForEach(func(keyword, value gjson.Result) bool {
		switch keyword.Str {
		case "type", "selected", "inclusion": // of which the last two are read elsewhere
		case "format":
			format = value.String()
		case "items":
			items = value
		case "additionalProperties":
			ok = ok && value.Raw == "true"
		case "description":
			if value.Type == gjson.String && len(value.Str) <= maxAttributeDescription {
				a.Description = value.Str
			}
		default:
			ok = false
		}
		return ok
	})
	k := attributeKind(property)
	switch {
	case !ok || items.Exists() != (k == arrayKind) || format != "" && (k != stringKind || format != "date-time"):
		return a, false
	case format != "":
		a.Type = TimeAttribute
	case k == arrayKind:
		a.Type = ObjectsAttribute
		return a, isOpenObject(items)
	default:
		a.Type = attributeTypes[k]
	}
	return a, a.Type != ""
}

// attributeKind is the one type that a schema has beside null, or anyKind.
func attributeKind(schema gjson.Result) kind {
	if len(schema.Get("type").Raw) > maxAttributeType {
		return anyKind
	}
	k, _ := typeOf(schema)
	return k
}

// isOpenObject reports whether a schema is that of any object.
func isOpenObject(schema gjson.Result) bool {
	return attributeKind(schema) == objectKind && !schema.Get("properties").Exists()
}

var attributeTypes = map[kind]AttributeType{
	stringKind: TextAttribute, integerKind: IntegerAttribute, numberKind: NumberAttribute, booleanKind: BooleanAttribute, objectKind: ObjectAttribute,
}
