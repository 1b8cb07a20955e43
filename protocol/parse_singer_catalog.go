package protocol

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// choice is what a Singer catalog says about a stream or a field.
type choice struct {
	selected  *bool // nil: nobody said
	byDefault *bool
	inclusion string
	path      FieldPath // of a field
}

// anySelected reports whether anything in the catalog was selected or deselected by somebody.
func anySelected(entries []gjson.Result) bool {
	for _, entry := range entries {
		if entry.Get("selected").Exists() || legacySelected(entry.Get("schema"), maxSchemaDepth) {
			return true
		}
		for _, m := range entry.Get("metadata").Array() {
			if m.Get("metadata.selected").Exists() {
				return true
			}
		}
	}
	return false
}

// maxSchemaDepth bounds how deep a catalog's schema may nest. No schema comes near, and each level costs a
// walk over all that lies below it.
const maxSchemaDepth = 32

// legacySelected looks for the selected keywords that taps kept inside the schema before there was
// metadata, down to so many levels.
func legacySelected(schema gjson.Result, levels int) bool {
	if schema.Get("selected").Exists() {
		return true
	}
	if levels--; levels < 0 {
		return false // legacyFields tells that it is too deep
	}
	said := false
	schema.Get("properties").ForEach(func(_, property gjson.Result) bool {
		said = legacySelected(property, levels)
		return !said
	})
	items := schema.Get("items")
	return said || items.IsObject() && legacySelected(items, levels)
}

func (p *catalogParser) singer(entry gjson.Result, at string) (s Selected, selected bool, err error) {
	name, nameAt := entry.Get("tap_stream_id"), at+".tap_stream_id"
	if !name.Exists() {
		name, nameAt = entry.Get("stream"), at+".stream"
	}
	if s.Stream, err = p.name(name, nameAt); err != nil {
		return s, false, err
	}
	c, err := singerChoices(entry, at)
	if err != nil {
		return s, false, err
	}
	switch {
	case c.root.inclusion == "unsupported":
	case c.root.selected != nil:
		selected = *c.root.selected
	case !p.chosen:
		selected = c.root.byDefault == nil || *c.root.byDefault
	}
	if !selected {
		return s, false, nil // what else it says does not matter
	}
	s.Drop, s.Schema = c.fields.dropped(), entry.Get("schema").Raw
	if s.Mode, err = singerMode(entry, c.metadata, at); err != nil {
		return s, false, err
	}
	s.Key, err = stringList(entry.Get("key_properties"), at+".key_properties")
	if err == nil && s.Key == nil {
		s.Key, err = stringList(c.metadata.Get("table-key-properties"), at+".metadata.table-key-properties")
	}
	return s, true, err
}

// choices is what a Singer catalog says about one stream.
type choices struct {
	root     choice
	fields   fieldChoices
	metadata gjson.Result // of the stream itself
}

// singerChoices reads what the metadata says and, where that is silent, the older places.
func singerChoices(entry gjson.Result, at string) (c choices, err error) {
	if c.root.selected, err = truth(entry.Get("selected"), at+".selected"); err != nil {
		return c, err
	}
	schema := entry.Get("schema")
	if c.root.selected == nil {
		if c.root.selected, err = truth(schema.Get("selected"), at+".schema.selected"); err != nil {
			return c, err
		}
	}
	if err = c.fields.legacy(schema, nil, at+".schema", maxSchemaDepth); err != nil {
		return c, err
	}
	list := entry.Get("metadata")
	if list.Exists() && list.Type != gjson.Null && !list.IsArray() {
		return c, catalogError(at+".metadata", found(list), "a list")
	}
	for i, m := range list.Array() {
		said, err := metadataChoice(m, fmt.Sprintf("%s.metadata[%d]", at, i))
		if err != nil {
			return c, err
		}
		if len(said.path) > 0 {
			c.fields.overlay(said)
			continue
		}
		c.metadata = m.Get("metadata")
		c.root = c.root.overlaid(said)
	}
	return c, nil
}

func metadataChoice(m gjson.Result, at string) (c choice, err error) {
	values := m.Get("metadata")
	if !values.IsObject() {
		return c, catalogError(at+".metadata", found(values), "an object")
	}
	crumbs := m.Get("breadcrumb")
	if !crumbs.IsArray() {
		return c, catalogError(at+".breadcrumb", found(crumbs), "a list")
	}
	names, err := stringList(crumbs, at+".breadcrumb")
	if err != nil {
		return c, err
	}
	if len(names) > 2*maxSchemaDepth {
		return c, catalogError(at+".breadcrumb", fmt.Sprintf("a path of %d names", len(names)), "the path of a field")
	}
	if c.path, err = fieldPath(names); err != nil {
		return c, catalogError(at+".breadcrumb", crumbs.Raw, `pairs of "properties" and a field's name`)
	}
	if c.selected, err = truth(values.Get("selected"), at+".metadata.selected"); err != nil {
		return c, err
	}
	c.byDefault, err = truth(values.Get("selected-by-default"), at+".metadata.selected-by-default")
	c.inclusion = values.Get("inclusion").Str
	return c, err
}

// fieldPath turns a breadcrumb into a path. A field may itself be called items or properties, so
// places decide, not words.
func fieldPath(crumbs []string) (path FieldPath, err error) {
	for i := 0; i < len(crumbs); i++ {
		switch {
		case crumbs[i] == "items":
		case crumbs[i] == "properties" && i+1 < len(crumbs):
			i++
			path = append(path, crumbs[i])
		default:
			return nil, fmt.Errorf("crumb %q", crumbs[i])
		}
	}
	return path, nil
}

// truth reads a boolean that Singer's own documents also write as a string.
func truth(v gjson.Result, at string) (*bool, error) {
	var b bool
	switch {
	case !v.Exists() || v.Type == gjson.Null:
		return nil, nil
	case v.IsBool():
		b = v.Bool()
	case v.Type == gjson.String && strings.EqualFold(v.Str, "true"):
		b = true
	case v.Type == gjson.String && strings.EqualFold(v.Str, "false"):
	default:
		return nil, catalogError(at, found(v), "true or false")
	}
	return &b, nil
}

// fieldChoices are the choices of a stream's fields, in the order in which they were first named.
type fieldChoices struct {
	list []choice
	at   map[string]int // place in list, by pathKey
}

// legacy takes what the schema itself says about its fields, down to so many levels.
func (f *fieldChoices) legacy(schema gjson.Result, path FieldPath, at string, levels int) (err error) {
	properties, items := schema.Get("properties"), schema.Get("items")
	if levels == 0 && (properties.Exists() || items.IsObject()) {
		return catalogError(at, fmt.Sprintf("nested more than %d levels deep", maxSchemaDepth), "a schema such as discover prints")
	}
	properties.ForEach(func(name, property gjson.Result) bool {
		c := choice{path: append(slices.Clip(path), name.Str), inclusion: property.Get("inclusion").Str}
		here := at + ".properties." + name.Str
		if c.selected, err = truth(property.Get("selected"), here+".selected"); err != nil {
			return false
		}
		if c.selected != nil || c.inclusion != "" {
			f.overlay(c)
		}
		err = f.legacy(property, c.path, here, levels-1)
		return err == nil
	})
	if err == nil && items.IsObject() {
		err = f.legacy(items, path, at+".items", levels-1)
	}
	return err
}

// overlaid returns c where newer is silent, else newer.
func (c choice) overlaid(newer choice) choice {
	if newer.selected != nil {
		c.selected = newer.selected
	}
	if newer.byDefault != nil {
		c.byDefault = newer.byDefault
	}
	if newer.inclusion != "" {
		c.inclusion = newer.inclusion
	}
	return c
}

// overlay puts a choice over what was said of its field before.
func (f *fieldChoices) overlay(newer choice) {
	key := pathKey(newer.path)
	if i, said := f.at[key]; said {
		f.list[i] = f.list[i].overlaid(newer)
		return
	}
	if f.at == nil {
		f.at = make(map[string]int)
	}
	f.at[key] = len(f.list)
	f.list = append(f.list, newer)
}

// dropped returns the deselected fields, without those below another one.
func (f *fieldChoices) dropped() []FieldPath {
	off := make(map[string]bool)
	for i := range f.list {
		if f.list[i].dropped() {
			off[pathKey(f.list[i].path)] = true
		}
	}
	var drop []FieldPath
	for i := range f.list {
		if path := f.list[i].path; f.list[i].dropped() && !below(path, off) {
			drop = append(drop, path)
		}
	}
	return drop
}

func (c choice) dropped() bool {
	off := c.selected != nil && !*c.selected || c.inclusion == "unsupported"
	return off && c.inclusion != "automatic"
}

// below tells whether a path leads through one of those in off.
func below(path FieldPath, off map[string]bool) bool {
	for n := 1; n < len(path); n++ {
		if off[pathKey(path[:n])] {
			return true
		}
	}
	return false
}

// pathKey is one text for each path, whatever the names are made of.
func pathKey(path FieldPath) string {
	var key []byte
	for _, name := range path {
		key = strconv.AppendInt(key, int64(len(name)), 10)
		key = append(append(key, ':'), name...)
	}
	return string(key)
}

// singerMode reads the replication method: what the user set goes before what the tap had said.
func singerMode(entry, rootMetadata gjson.Result, at string) (SyncMode, error) {
	places := []struct {
		v  gjson.Result
		at string
	}{
		{rootMetadata.Get("replication-method"), at + ".metadata.replication-method"},
		{entry.Get("replication_method"), at + ".replication_method"},
		{rootMetadata.Get("forced-replication-method"), at + ".metadata.forced-replication-method"},
	}
	for _, place := range places {
		switch {
		case !place.v.Exists() || place.v.Type == gjson.Null || place.v.Raw == `""`:
		case place.v.Str == fullTable:
			return FullRefresh, nil
		case place.v.Str == incremental:
			return Incremental, nil
		default:
			return "", catalogError(place.at, found(place.v), fullTable+" or "+incremental)
		}
	}
	return "", nil
}
