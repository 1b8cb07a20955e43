package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"
)

// shape is a schema in the form that the reference and the generators work on.
type shape struct {
	typ      string
	nullable bool
	unix     bool
	wrap     string
	holds    bool     // the workspace's own attributes
	own      bool     // is one of them, or a part of one
	names    []string // of props, in order
	props    map[string]*shape
	items    *shape
}

func (s *shape) json() json.RawMessage {
	m := map[string]any{}
	if s.typ != "" {
		m["type"] = []string{s.typ}
		if s.nullable {
			m["type"] = []string{"null", s.typ}
		}
	}
	if s.unix {
		m["x-unix"] = true
	}
	if s.wrap != "" {
		m["x-wrap"] = s.wrap
	}
	if s.holds {
		m["x-attributes"] = "thing"
	}
	if s.props != nil {
		properties := map[string]json.RawMessage{}
		for name, p := range s.props {
			properties[name] = p.json()
		}
		m["properties"] = properties
	}
	if s.items != nil {
		m["items"] = s.items.json()
	}
	out, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return out
}

// reference does slowly, on decoded values, what the Encoder does on bytes.
type reference struct {
	singer        bool
	drop          map[string]bool // by dotted path
	drift, nulled map[string]int64
}

func newReference(singer bool) *reference {
	return &reference{singer: singer, drop: map[string]bool{}, drift: map[string]int64{}, nulled: map[string]int64{}}
}

// lenient tells whether an attribute's objects and lists may become text: nothing in them is deselected.
func (r *reference) lenient(s *shape, path string) bool {
	if !s.own {
		return false
	}
	for dropped := range r.drop {
		if strings.HasPrefix(dropped, path+".") {
			return false
		}
	}
	return true
}

func (r *reference) object(o map[string]any, s *shape, path string) map[string]any {
	out := map[string]any{}
	for name, v := range o {
		here := strings.TrimPrefix(path+"."+name, ".")
		p := s.props[name]
		switch {
		case r.drop[here]:
		case p == nil && s.props == nil:
			out[name] = r.pruned(v, here)
		case p == nil:
			r.drift[here]++
			out[name] = r.pruned(v, here)
		default:
			out[name] = r.member(v, p, here)
		}
	}
	return out
}

// pruned takes dropped members out of objects that no schema describes.
func (r *reference) pruned(v any, path string) any {
	o, isObject := v.(map[string]any)
	if !isObject {
		return v
	}
	return r.object(o, &shape{typ: "object"}, path)
}

func (r *reference) member(v any, s *shape, path string) any {
	got, ok := r.value(v, s, path)
	if ok {
		return got
	}
	if !s.nullable {
		return v
	}
	r.nulled[path]++
	return nil
}

func (r *reference) value(v any, s *shape, path string) (any, bool) {
	if v == nil || s.typ == "" {
		return r.pruned(v, path), true
	}
	switch v := v.(type) {
	case map[string]any:
		if s.typ == "object" {
			return r.object(v, s, path), true
		}
		if s.own && s.typ == "array" && s.items.typ == "object" {
			return []any{r.object(v, s.items, path)}, true
		}
		return canonical(v), s.typ == "string" && r.lenient(s, path)
	case []any:
		if s.typ == "array" {
			return r.array(v, s.items, path), true
		}
		return canonical(v), s.typ == "string" && r.lenient(s, path)
	}
	if s.typ == "object" && s.wrap != "" {
		return r.object(map[string]any{s.wrap: v}, s, path), true
	}
	return r.scalar(v, s)
}

func (r *reference) array(list []any, items *shape, path string) []any {
	out := []any{}
	for _, v := range list {
		got, ok := r.value(v, items, path)
		if v == nil && items.typ != "" {
			ok = items.nullable
		}
		if !ok {
			r.nulled[path]++
			if !items.nullable {
				continue
			}
			got = nil
		}
		out = append(out, got)
	}
	return out
}

var (
	jsonNumber  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
	jsonInteger = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	isoTime     = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)(?:([T ])(\d\d?:\d\d:\d\d)([.,]\d+)?(.*))?$`)
	isoZone     = map[string]*regexp.Regexp{
		"":  regexp.MustCompile(`^$`),
		"T": regexp.MustCompile(`^(Z|[-+]\d\d:?\d\d)?$`),
		" ": regexp.MustCompile(`^( UTC| [-+]\d{4}|Z|[-+]\d\d:\d\d)?$`),
	}
)

func (r *reference) scalar(v any, s *shape) (any, bool) {
	text := fmt.Sprint(v)
	_, isBool := v.(bool)
	_, isString := v.(string)
	number := jsonNumber.MatchString(text) && !isBool
	switch s.typ {
	case "string":
		return text, true
	case "boolean":
		return text == "true", isBool || text == "true" || text == "false"
	case "number":
		return json.Number(text), number
	case "integer":
		at, isTime := refTime(text)
		switch {
		case s.unix:
			return r.time(text, number, isString)
		case s.own && isString && isTime:
			return json.Number(fmt.Sprint(at.Unix())), true
		case number && jsonInteger.MatchString(text):
			return json.Number(text), true
		case number:
			rat, ok := new(big.Rat).SetString(text)
			if !ok || !rat.IsInt() || len(strings.Trim(rat.Num().String(), "-")) > 38 {
				return nil, false
			}
			return json.Number(rat.Num().String()), true
		}
	}
	return nil, false
}

func (r *reference) time(text string, number, isString bool) (any, bool) {
	var at time.Time
	switch {
	case number && !r.singer && jsonInteger.MatchString(text):
		return json.Number(text), true
	case number:
		rat, ok := new(big.Rat).SetString(text)
		if !ok {
			return nil, false
		}
		bound := new(big.Rat).SetInt64(1e18)
		if new(big.Rat).Abs(rat).Cmp(bound) >= 0 {
			return nil, false
		}
		whole, billionths := floor(rat)
		if !r.singer {
			return json.Number(fmt.Sprint(whole)), true
		}
		at = time.Unix(whole, billionths)
		if whole > 1e11 || whole < -1e11 {
			whole, billionths = floor(rat.Quo(rat, big.NewRat(1000, 1)))
			at = time.Unix(whole, billionths)
		}
	case isString:
		var ok bool
		if at, ok = refTime(text); !ok {
			return nil, false
		}
		if !r.singer {
			return json.Number(fmt.Sprint(at.Unix())), true
		}
	default:
		return nil, false
	}
	at = at.UTC()
	if at.Year() < 1 || at.Year() > 9999 {
		return nil, false
	}
	return at.Format(time.RFC3339Nano), true
}

func floor(rat *big.Rat) (whole, billionths int64) {
	w := new(big.Int).Div(rat.Num(), rat.Denom()) // Euclidean: down, since denominators are positive
	rest := new(big.Rat).Sub(rat, new(big.Rat).SetInt(w))
	rest.Mul(rest, big.NewRat(1e9, 1))
	return w.Int64(), new(big.Int).Div(rest.Num(), rest.Denom()).Int64()
}

func refTime(text string) (time.Time, bool) {
	m := isoTime.FindStringSubmatch(text)
	if m == nil || !isoZone[m[2]].MatchString(m[5]) {
		return time.Time{}, false
	}
	day, clock, fraction, zone := m[1], m[3], m[4], strings.TrimSpace(strings.ReplaceAll(m[5], ":", ""))
	if clock == "" {
		clock = "00:00:00"
	}
	if zone == "" || zone == "Z" || zone == "UTC" {
		zone = "+0000"
	}
	at, err := time.Parse("2006-01-02 15:04:05.999999999-0700", day+" "+clock+fraction+zone)
	return at, err == nil
}

// canonical is a value's JSON, the same for all texts of it.
func canonical(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// canonicalTexts makes the JSON in texts inside v canonical.
func canonicalTexts(v any) any {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "{") || strings.HasPrefix(v, "[") {
			if inner, err := decodeAny([]byte(v)); err == nil {
				return canonical(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = canonicalTexts(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = canonicalTexts(v[name])
		}
	}
	return v
}

func decodeAny(raw []byte) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

// withoutNUL removes NUL characters from every text inside v, names included.
func withoutNUL(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "\x00", "")
	case []any:
		for i := range v {
			v[i] = withoutNUL(v[i])
		}
	case map[string]any:
		for name, member := range v {
			delete(v, name)
			v[strings.ReplaceAll(name, "\x00", "")] = withoutNUL(member)
		}
	}
	return v
}

func decode(raw []byte) (v map[string]any, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}
