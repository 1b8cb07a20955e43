package connector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// structured tells whether the setting holds others: a list or an object, which places that know texts alone give as JSON.
func (s setting) structured() bool { return s.Type == "array" || s.Type == "object" }

// normalizeParts is normalize for a list or an object.
func normalizeParts(s setting, value any) any {
	if text, ok := value.(string); ok {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var parts any
		if err := decoder.Decode(&parts); err != nil || decoder.More() {
			return text
		}
		switch parts.(type) {
		case []any, map[string]any:
			value = parts
		}
	}
	switch parts := value.(type) {
	case []any:
		if s.Items == nil {
			return value
		}
		all := make([]any, len(parts))
		for i, part := range parts {
			all[i] = normalizePart(*s.Items, part)
		}
		return all
	case map[string]any:
		all := map[string]any{}
		for name, part := range parts {
			if part != nil && part != "" { // platforms send what nobody filled in
				all[name] = normalizePart(s.Properties[name], part)
			}
		}
		return all
	case json.Number:
		return json.Number("0") // see normalize
	}
	return value
}

// normalizePart takes whole numbers for texts, too: ids are easily written without quotes.
func normalizePart(s setting, value any) any {
	if n, ok := value.(json.Number); ok && s.Type == "string" {
		if id, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
			return strconv.FormatInt(id, 10)
		}
	}
	return normalize(s, value)
}

// addPart notes a problem at a path inside a setting.
func (l *loader) addPart(name, path string) {
	s, value := setting{Type: "object", Properties: spec().settings}, any(l.values)
	for step := range strings.SplitSeq(path, ".") {
		switch parts := value.(type) {
		case map[string]any:
			value = parts[step]
		case []any:
			i, _ := strconv.Atoi(step)
			value = parts[i]
		}
		if s.Items != nil {
			s = *s.Items
		} else {
			s = s.Properties[step]
		}
	}
	found := "nothing"
	switch text, ok := value.(string); {
	case ok && s.Secret, ok && l.isSecret(text):
		found = "a secret"
	case ok:
		found = clipped(strconv.Quote(text))
	case value != nil:
		found = kind(value)
	}
	l.addAt(name, path, found, s.want())
}

// addAt is add for a path inside the setting.
func (l *loader) addAt(name, path, found, want string) {
	if l.bad[name] {
		return
	}
	l.add(name, found, want)
	p := &l.problems[len(l.problems)-1]
	order := l.order[p.Field]
	p.Field += strings.TrimPrefix(path, name)
	l.order[p.Field] = order
}

// into decodes a list or an object that has passed validation into v, a pointer. A name in it that v does not have is a problem.
func (l *loader) into(name string, v any) {
	value, given := l.values[name]
	if !given || l.bad[name] {
		return
	}
	data, err := json.Marshal(value)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(v)
	}
	if err == nil {
		return
	}
	found := err.Error()
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		found = fmt.Sprintf("%s at %s", wrong.Value, wrong.Field)
	} else if _, unknown, ok := strings.Cut(found, "unknown field "); ok {
		found = "the name " + clipped(unknown)
	}
	l.add(name, found, l.want(name))
}
