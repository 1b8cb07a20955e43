package protocol

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// ParseCatalog reads a catalog in any form that either kind of platform hands over, and what a
// discover command printed. A wrong one gives an *InputError. Streams that nobody knows are kept:
// which streams there are is the connector's knowledge. Nothing is ever loaded from elsewhere.
func ParseCatalog(data []byte) (*Selection, error) {
	docs, err := documents("catalog", data)
	if err != nil {
		return nil, err
	}
	doc, err := catalogDocument(docs)
	if err != nil {
		return nil, err
	}
	p := catalogParser{seen: make(map[string]bool)}
	return p.parse(doc)
}

// catalogDocument picks the catalog out of what may be the whole output of discover, logs included.
func catalogDocument(docs []gjson.Result) (gjson.Result, error) {
	const want = "a JSON object with streams"
	for _, doc := range docs {
		if doc.Get("type").Str == "CATALOG" {
			return doc.Get("catalog"), nil
		}
	}
	switch {
	case len(docs) == 0:
		return gjson.Result{}, catalogError("", "empty", want)
	case len(docs) > 1:
		return gjson.Result{}, catalogError("", fmt.Sprintf("%d JSON documents", len(docs)), want)
	}
	return docs[0], nil
}

func catalogError(path, found, want string) *InputError {
	return &InputError{What: "catalog", Path: path, Found: found, Want: want}
}

type catalogParser struct {
	seen map[string]bool
	// chosen tells that somebody selected something in this Singer catalog; else it is as discover
	// printed it, and the defaults hold.
	chosen bool
}

func (p *catalogParser) parse(doc gjson.Result) (*Selection, error) {
	if !doc.IsObject() {
		return nil, catalogError("", found(doc), "an object with streams")
	}
	streams := doc.Get("streams")
	if !streams.IsArray() {
		return nil, catalogError("streams", found(streams), "a list")
	}
	entries := streams.Array()
	form := formOf(entries)
	p.chosen = form == SingerCatalog && anySelected(entries)
	sel := &Selection{Form: form}
	for i, entry := range entries {
		at := fmt.Sprintf("streams[%d]", i)
		if !entry.IsObject() {
			return nil, catalogError(at, found(entry), "an object")
		}
		var s Selected
		var err error
		selected := true
		switch form {
		case AirbyteConfigured:
			s, err = p.configured(entry, at)
		case AirbyteDiscovered:
			s, err = p.discovered(entry, at)
		default:
			s, selected, err = p.singer(entry, at)
		}
		if err != nil {
			return nil, err
		}
		if selected {
			sel.Streams = append(sel.Streams, s)
		}
	}
	return sel, nil
}

// formOf goes by the first entry: every form names its streams in another place.
func formOf(entries []gjson.Result) Form {
	if len(entries) == 0 {
		return AirbyteConfigured
	}
	switch first := entries[0]; {
	case first.Get("stream").IsObject() || first.Get("sync_mode").Exists():
		return AirbyteConfigured
	case first.Get("tap_stream_id").Exists() || first.Get("stream").Exists():
		return SingerCatalog
	case first.Get("name").Exists():
		return AirbyteDiscovered
	}
	return AirbyteConfigured
}

// maxName is the length of a stream's name in bytes that nobody's stream has.
const maxName = 1000

// name reads a stream's name and refuses a second stream of that name.
func (p *catalogParser) name(v gjson.Result, at string) (string, error) {
	if v.Type != gjson.String || v.Str == "" || len(v.Str) > maxName {
		return "", catalogError(at, found(v), "a stream's name")
	}
	if p.seen[v.Str] {
		return "", catalogError(at, v.Raw+" a second time", "there once")
	}
	p.seen[v.Str] = true
	return v.Str, nil
}

func (p *catalogParser) configured(entry gjson.Result, at string) (s Selected, err error) {
	stream := entry.Get("stream")
	if !stream.IsObject() {
		return s, catalogError(at+".stream", found(stream), "an object with the stream's name")
	}
	if s.Stream, err = p.name(stream.Get("name"), at+".stream.name"); err != nil {
		return s, err
	}
	mode := entry.Get("sync_mode")
	s.Mode = SyncMode(mode.Str)
	if s.Mode != FullRefresh && s.Mode != Incremental {
		return s, catalogError(at+".sync_mode", found(mode), "full_refresh or incremental")
	}
	if id := entry.Get("sync_id"); id.Exists() && id.Type != gjson.Null {
		n, err := strconv.ParseInt(id.Raw, 10, 64)
		if err != nil {
			return s, catalogError(at+".sync_id", found(id), "an integer")
		}
		s.SyncID = &n
	}
	key, keyAt := entry.Get("primary_key"), at+".primary_key"
	if len(key.Array()) == 0 {
		key, keyAt = stream.Get("source_defined_primary_key"), at+".stream.source_defined_primary_key"
	}
	s.Key, err = airbyteKey(key, keyAt)
	s.Schema = stream.Get("json_schema").Raw
	return s, err
}

func (p *catalogParser) discovered(entry gjson.Result, at string) (s Selected, err error) {
	if s.Stream, err = p.name(entry.Get("name"), at+".name"); err != nil {
		return s, err
	}
	s.Key, err = airbyteKey(entry.Get("source_defined_primary_key"), at+".source_defined_primary_key")
	s.Schema = entry.Get("json_schema").Raw
	return s, err
}

// airbyteKey reads a list of paths; a path into an object is written with dots.
func airbyteKey(v gjson.Result, at string) ([]string, error) {
	if !v.Exists() || v.Type == gjson.Null {
		return nil, nil
	}
	if !v.IsArray() {
		return nil, catalogError(at, found(v), "a list of field paths")
	}
	var key []string
	for i, path := range v.Array() {
		names, err := stringList(path, fmt.Sprintf("%s[%d]", at, i))
		if err != nil {
			return nil, err
		}
		key = append(key, strings.Join(names, "."))
	}
	return key, nil
}

func stringList(v gjson.Result, at string) ([]string, error) {
	if !v.Exists() || v.Type == gjson.Null {
		return nil, nil
	}
	if !v.IsArray() {
		return nil, catalogError(at, found(v), "a list of field names")
	}
	var names []string
	for i, name := range v.Array() {
		if name.Type != gjson.String {
			return nil, catalogError(fmt.Sprintf("%s[%d]", at, i), found(name), "a field's name")
		}
		names = append(names, name.Str)
	}
	return names, nil
}
