package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tidwall/gjson"
)

// ParseState reads a state in any form in which it was printed or kept: Airbyte's messages, alone, in
// a list or as lines, and Singer's, as a tap, a target or Meltano writes them. Where a stream occurs
// more than once the last one counts. No state at all is no error. A wrong one gives an *InputError.
func ParseState(data []byte) (States, error) {
	docs, err := documents("state", data)
	if err != nil {
		return States{}, err
	}
	var p stateParser
	for i, doc := range docs {
		at := ""
		if len(docs) > 1 {
			at = fmt.Sprintf("[%d]", i)
		}
		if err := p.document(doc, at); err != nil {
			return States{}, err
		}
	}
	if p.states == 0 && p.other > 0 {
		return States{}, stateError("", "messages without any STATE", "at least one STATE message")
	}
	return p.result(), nil
}

func stateError(path, found, want string) *InputError {
	return &InputError{What: "state", Path: path, Found: found, Want: want}
}

// stateParser gathers states.
type stateParser struct {
	streams, extra stateList
	states         int // documents that held state
	other          int // messages of other types
}

func (p *stateParser) result() States {
	return States{Streams: p.streams.values(), Extra: p.extra.values()}
}

// stateList holds values in the order in which their names came first. A null value stands for "no state",
// so that it can undo an earlier one.
type stateList struct {
	list []StreamState
	at   map[string]int // place in list
}

// set puts a value under its name.
func (l *stateList) set(name string, value gjson.Result) {
	raw := json.RawMessage("null")
	if value.Exists() {
		var compact bytes.Buffer
		_ = json.Compact(&compact, []byte(value.Raw)) // valid: the whole document was decoded
		raw = compact.Bytes()
	}
	if i, known := l.at[name]; known {
		l.list[i].Value = raw
		return
	}
	if l.at == nil {
		l.at = make(map[string]int)
	}
	l.at[name] = len(l.list)
	l.list = append(l.list, StreamState{Stream: name, Value: raw})
}

// values are those that are not null.
func (l *stateList) values() []StreamState {
	var values []StreamState
	for _, s := range l.list {
		if string(s.Value) != "null" {
			values = append(values, s)
		}
	}
	return values
}

func (p *stateParser) document(doc gjson.Result, at string) error {
	switch {
	case doc.Type == gjson.Null:
		return nil
	case doc.IsArray():
		for i, message := range doc.Array() {
			here := fmt.Sprintf("%s[%d]", at, i)
			if !message.IsObject() {
				return stateError(here, found(message), "a state message")
			}
			if err := p.object(message, here); err != nil {
				return err
			}
		}
		return nil
	case doc.IsObject():
		return p.object(doc, at)
	}
	return stateError(at, found(doc), "an object or a list of state messages")
}

// object tells the forms apart by the keys that only one of them has.
func (p *stateParser) object(doc gjson.Result, at string) error {
	kind := doc.Get("type")
	if kind.Type == gjson.String && kind.Str != "STATE" && isMessage(kind.Str) {
		p.other++
		return nil
	}
	p.states++
	switch {
	case kind.Str == "STATE" && doc.Get("state").Exists():
		return p.airbyte(doc.Get("state"), dot(at, "state"))
	case kind.Str == "STATE":
		return p.singer(doc.Get("value"), dot(at, "value"))
	case doc.Get("singer_state").Exists():
		return p.singer(doc.Get("singer_state"), dot(at, "singer_state"))
	case doc.Get("bookmarks").Exists() || doc.Get("currently_syncing").Exists():
		return p.singer(doc, at)
	}
	return p.airbyte(doc, at)
}

func isMessage(kind string) bool {
	switch kind {
	case "RECORD", "LOG", "TRACE", "SPEC", "CONNECTION_STATUS", "CATALOG", "CONTROL", "SCHEMA", "ACTIVATE_VERSION":
		return true
	}
	return false
}

// airbyte reads one AirbyteStateMessage, or the object of the days before there was one.
func (p *stateParser) airbyte(state gjson.Result, at string) error {
	if !state.IsObject() {
		return stateError(at, found(state), "an object")
	}
	kind := state.Get("type")
	switch {
	case kind.Str == "STREAM", !kind.Exists() && state.Get("stream.stream_descriptor").Exists():
		return p.airbyteStream(state.Get("stream"), dot(at, "stream"))
	case kind.Str == "GLOBAL", !kind.Exists() && state.Get("global.stream_states").Exists():
		list := state.Get("global.stream_states")
		if !list.IsArray() {
			return stateError(dot(at, "global.stream_states"), found(list), "a list")
		}
		for i, stream := range list.Array() {
			if err := p.airbyteStream(stream, fmt.Sprintf("%s[%d]", dot(at, "global.stream_states"), i)); err != nil {
				return err
			}
		}
		return nil
	case kind.Str == "LEGACY" || !kind.Exists() && state.Get("data").IsObject():
		return p.legacy(state.Get("data"), dot(at, "data"))
	case kind.Type == gjson.String:
		return stateError(dot(at, "type"), found(kind), "STREAM, GLOBAL or LEGACY")
	}
	return p.legacy(state, at)
}

func (p *stateParser) airbyteStream(stream gjson.Result, at string) error {
	name := stream.Get("stream_descriptor.name")
	if name.Type != gjson.String || name.Str == "" {
		return stateError(dot(at, "stream_descriptor.name"), found(name), "a stream's name")
	}
	value := stream.Get("stream_state")
	if value.Exists() && value.Type != gjson.Null && !value.IsObject() {
		return stateError(dot(at, "stream_state"), found(value), "an object")
	}
	p.streams.set(name.Str, value)
	return nil
}

// legacy reads an object of streams, each with its own object.
func (p *stateParser) legacy(state gjson.Result, at string) (err error) {
	state.ForEach(func(name, value gjson.Result) bool {
		if !value.IsObject() && value.Type != gjson.Null {
			err = stateError(dot(at, name.Str), found(value), "an object with the state of a stream")
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	return p.members(state, at)
}

// singer replaces everything: each Singer state stands for the whole.
func (p *stateParser) singer(state gjson.Result, at string) error {
	if state.Type == gjson.Null && state.Exists() {
		p.streams, p.extra = stateList{}, stateList{}
		return nil
	}
	if !state.IsObject() {
		return stateError(at, found(state), "an object with bookmarks")
	}
	p.streams, p.extra = stateList{}, stateList{}
	if err := p.members(state.Get("bookmarks"), dot(at, "bookmarks")); err != nil {
		return err
	}
	state.ForEach(func(key, value gjson.Result) bool {
		if key.Str != "bookmarks" && key.Str != "currently_syncing" {
			p.extra.set(key.Str, value)
		}
		return true
	})
	return nil
}

// members takes every member of an object as a stream's state; a missing object holds none.
func (p *stateParser) members(object gjson.Result, at string) error {
	if !object.Exists() || object.Type == gjson.Null {
		return nil
	}
	if !object.IsObject() {
		return stateError(at, found(object), "an object with one member per stream")
	}
	object.ForEach(func(name, value gjson.Result) bool {
		p.streams.set(name.Str, value)
		return true
	})
	return nil
}

func dot(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}
