package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"source-intercom/connector"
	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// truth is what a workspace holds: Intercom's answers, by stream and key.
type truth map[string]map[string]json.RawMessage

// union is what somebody holds who keeps the last version of every record that was ever written, and lets tombstones take
// records away: its canonical content, by stream and key.
type union map[string]map[string]string

// tally counts what one read brought for a stream.
type tally struct {
	records int64
	fresh   int64 // of these, not held before in this very form
}

// add takes the records out of a read's lines, of either protocol.
func (u union) add(lines []byte) map[string]tally {
	found := map[string]tally{}
	gjson.ForEachLine(string(lines), func(line gjson.Result) bool {
		if line.Get("type").Str != "RECORD" {
			return true
		}
		stream, data := line.Get("stream").Str, line.Get("record")
		if stream == "" {
			stream, data = line.Get("record.stream").Str, line.Get("record.data")
		}
		if u[stream] == nil {
			u[stream] = map[string]string{}
		}
		key, content := keyOf(stream, data), canonical(stream, []byte(data.Raw))
		t := found[stream]
		t.records++
		if u[stream][key] != content {
			t.fresh++
		}
		found[stream] = t
		if u[stream][key] = content; protocol.IsTombstone(data) {
			delete(u[stream], key)
		}
		return true
	})
	return found
}

// keyOf is an object's key as the emulator spells it.
func keyOf(stream string, data gjson.Result) string {
	if s := connector.Streams.Named(stream); s != nil {
		return s.RecordKey(data)
	}
	return data.Get("id").String()
}

// judge compares the union with what the workspace held before and holds after the edits. An object
// that is gone may still be in the union: Intercom does not tell of deletions.
func (u union) judge(before, after truth) (verdict string, ok bool) {
	var held, gone int
	for _, stream := range slices.Sorted(maps.Keys(after)) {
		for key, row := range after[stream] {
			content := canonical(stream, row)
			got, there := u[stream][key]
			switch {
			case !there:
				return fmt.Sprintf("✗ %s %s is missing", stream, key), false
			case got != content:
				return fmt.Sprintf("✗ %s %s differs%s", stream, key, difference(got, content)), false
			}
			held++
		}
		for key := range u[stream] {
			if _, there := after[stream][key]; there {
				continue
			}
			if _, there := before[stream][key]; !there {
				return fmt.Sprintf("✗ %s %s was read, but never existed", stream, key), false
			}
			gone++
		}
	}
	return fmt.Sprintf("✓ the three reads together hold the workspace, field by field: %s objects in %d streams, and %d that were deleted since read 1",
		count(int64(held)), len(after), gone), true
}

// canonical is a record's content in a form that both protocols' records and Intercom's answers come
// to: scalars become text, times Unix seconds, and what is ours or differs by each answer is left out.
func canonical(stream string, raw []byte) string {
	var v any
	dec := json.NewDecoder(bytes.NewReader(emulator.StripSignatures(raw)))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return string(raw)
	}
	if object, ok := v.(map[string]any); ok && stream == "segments" {
		delete(object, "count") // of members: it is there only for those who ask
	}
	out, _ := json.Marshal(level(v)) // what was decoded marshals again
	return string(out)
}

func level(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if strings.HasPrefix(name, "_") {
				delete(v, name)
				continue
			}
			v[name] = level(value)
			if avatar, ok := value.(map[string]any); ok && name == "avatar" {
				v[name] = avatar["image_url"] // Intercom sends some avatars as their address alone
			}
		}
	case []any:
		for i := range v {
			v[i] = level(v[i])
		}
	case json.Number:
		return v.String()
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return fmt.Sprint(t.Unix())
		}
		return strings.ReplaceAll(v, "\x00", "")
	}
	return v
}

// difference names the first place where two canonical contents differ.
func difference(read, holds string) string {
	var a, b any
	if json.Unmarshal([]byte(read), &a) != nil || json.Unmarshal([]byte(holds), &b) != nil {
		return ""
	}
	var path string
	for {
		x, isX := a.(map[string]any)
		y, isY := b.(map[string]any)
		if !isX || !isY {
			return fmt.Sprintf(" at %s: read %v, the workspace holds %v", strings.TrimPrefix(path, "."), a, b)
		}
		for _, name := range slices.Sorted(maps.Keys(merged(x, y))) {
			if !reflect.DeepEqual(x[name], y[name]) {
				path, a, b = path+"."+name, x[name], y[name]
				break
			}
		}
	}
}

func merged(x, y map[string]any) map[string]any {
	all := maps.Clone(x)
	maps.Copy(all, y)
	return all
}
