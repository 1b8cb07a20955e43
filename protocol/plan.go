package protocol

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/tidwall/gjson"
)

// kind is what a schema wants a value to be.
type kind uint8

const (
	anyKind kind = iota // whatever comes: no type, or more than one
	objectKind
	arrayKind
	stringKind
	integerKind
	numberKind
	booleanKind
	unixKind     // Unix seconds that stay an integer
	dateTimeKind // Unix seconds that become a date-time string
	wholeKind    // an attribute's integer: in Airbyte's catalogs it may be a time, which may come as text
)

// node is one place of a schema, made ready for walking records. After compile only nulled, first and
// next change, and the last two decide nothing but what is tried first.
type node struct {
	name     string
	label    string // how the name, with quotes and colon, is nearly always written; see labelOf
	path     string // dotted; items share the path of their array
	kind     kind
	nullable bool
	drop     bool // deselected
	declared bool // the schema lists properties, so a member that it lacks is drift
	unknown  bool // not in the schema, only on the way to something deselected
	own      bool // one of the workspace's own attributes, or a part of one
	wrap     string
	props    map[string]*node
	items    *node
	nulled   atomic.Int64
	first    atomic.Pointer[node] // the member that records begin with here, as far as known
	next     atomic.Pointer[node] // the member that follows this one
}

// compile reads a stream's schema. The key and the cursor are never dropped: without them nothing
// downstream can tell one record from another.
func compile(s Stream, drop []FieldPath, times kind) (*node, error) {
	root := gjson.ParseBytes(s.Schema)
	if !json.Valid(s.Schema) || !root.IsObject() {
		return nil, fmt.Errorf("stream %s: the schema is not a JSON object", s.Name)
	}
	n := compileNode(root, "", times)
	if n.kind != objectKind {
		return nil, fmt.Errorf("stream %s: the schema's type is not object", s.Name)
	}
	for _, path := range drop {
		if len(path) == 0 || len(path) == 1 && automatic(s, path[0]) {
			continue
		}
		n.prune(path)
	}
	return n, nil
}

// automatic reports whether a top-level field belongs to every record of s.
func automatic(s Stream, field string) bool {
	return field == s.Cursor || field != "" && field == s.always || slices.Contains(s.Key, field)
}

func compileNode(schema gjson.Result, path string, times kind) *node {
	n := &node{path: path}
	n.kind, n.nullable = typeOf(schema)
	if n.kind == integerKind && schema.Get("x-unix").Bool() {
		n.kind = times
	}
	n.wrap = schema.Get("x-wrap").Str
	if properties := schema.Get("properties"); properties.IsObject() {
		n.declared = true
		n.props = make(map[string]*node)
		properties.ForEach(func(name, property gjson.Result) bool {
			child := compileNode(property, join(path, name.Str), times)
			child.name, child.label = name.Str, labelOf(name.Str)
			n.props[name.Str] = child
			return true
		})
	}
	if items := schema.Get("items"); items.IsObject() {
		n.items = compileNode(items, path, times)
	}
	if schema.Get(attributesKeyword).Exists() {
		for _, attribute := range n.props {
			attribute.each((*node).claim)
		}
	}
	return n
}

// claim marks what is the workspace's own: its type is only what the catalog has heard of it.
func (n *node) claim() {
	n.own = true
	if n.kind == integerKind {
		n.kind = wholeKind
	}
}

func typeOf(schema gjson.Result) (k kind, nullable bool) {
	types := schema.Get("type")
	if !types.Exists() {
		return anyKind, true
	}
	k = anyKind
	other := 0
	for _, t := range types.Array() {
		if t.Str == "null" {
			nullable = true
			continue
		}
		k = kindNames[t.Str]
		other++
	}
	if other != 1 {
		k = anyKind
	}
	return k, nullable
}

var kindNames = map[string]kind{
	"object":  objectKind,
	"array":   arrayKind,
	"string":  stringKind,
	"integer": integerKind,
	"number":  numberKind,
	"boolean": booleanKind,
}

// prune marks a field as deselected. A field that the schema does not know is marked too: it may
// come all the same, and what a user has deselected must not get out.
func (n *node) prune(path FieldPath) {
	for n.items != nil {
		n = n.items
	}
	n.own = false // text of it would let out what is deselected in it
	child := n.props[path[0]]
	if child == nil {
		child = &node{name: path[0], label: labelOf(path[0]), path: join(n.path, path[0]), nullable: true, unknown: true}
		if n.props == nil {
			n.props = make(map[string]*node)
		}
		n.props[path[0]] = child
	}
	if len(path) == 1 {
		child.drop = true
		return
	}
	child.prune(path[1:])
}

// labelOf returns the bytes that begin a member of this name, if finding them proves the name. A
// name that needs escapes has none: behind the backslash of such a name a quote may go on.
func labelOf(name string) string {
	if strings.ContainsAny(name, "\"\\") {
		return ""
	}
	return `"` + name + `":`
}

// opaque reports whether values here are copied without a look at them.
func (n *node) opaque() bool {
	return n.kind == anyKind && n.props == nil && n.items == nil
}

// each calls f for n and every node below it.
func (n *node) each(f func(*node)) {
	f(n)
	for _, child := range n.props {
		child.each(f)
	}
	if n.items != nil {
		n.items.each(f)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
