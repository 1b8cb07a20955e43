package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"

	"pgregory.net/rapid"
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

// Generators.

func genShape(t *rapid.T, depth int) *shape {
	types := []string{"string", "integer", "number", "boolean", "unix", "", "object", "array"}
	if depth == 0 {
		types = types[:5]
	}
	s := &shape{typ: rapid.SampledFrom(types).Draw(t, "type"), nullable: rapid.IntRange(0, 4).Draw(t, "nullable") > 0}
	switch s.typ {
	case "unix":
		s.typ, s.unix = "integer", true
	case "object":
		if rapid.IntRange(0, 3).Draw(t, "free") > 0 {
			genProps(t, s, depth)
			switch {
			case len(s.names) > 0 && rapid.Bool().Draw(t, "wraps"):
				s.wrap = s.names[0]
			case rapid.Bool().Draw(t, "holds"):
				s.holds = true
				for _, p := range s.props {
					p.claim()
				}
			}
		}
	case "array":
		s.items = genShape(t, depth-1)
	}
	return s
}

// claim makes a shape the workspace's own.
func (s *shape) claim() {
	s.own = true
	for _, p := range s.props {
		p.claim()
	}
	if s.items != nil {
		s.items.claim()
	}
}

func genProps(t *rapid.T, s *shape, depth int) {
	s.props = map[string]*shape{}
	s.names = rapid.SliceOfNDistinct(rapid.SampledFrom(fieldNames), 0, 5, rapid.ID).Draw(t, "names")
	for _, name := range s.names {
		s.props[name] = genShape(t, depth-1)
	}
}

var fieldNames = []string{"id", "name", "data", "a.b", "é", "ok", "tags", "items", "properties", "x-odd", "type"}

func genRoot(t *rapid.T) *shape {
	s := &shape{typ: "object"}
	genProps(t, s, 3)
	if rapid.Bool().Draw(t, "attributes") {
		own := &shape{typ: "object", nullable: true, holds: true}
		genProps(t, own, 2)
		for _, p := range own.props {
			p.claim()
		}
		s.names, s.props["attributes"] = append(s.names, "attributes"), own
	}
	return s
}

var strayTexts = []string{
	`""`, `"plain"`, `"<p class=\"x\">hi\u003c/p\u003e"`, `"back\\"`, `"\\\""`, `"a\\u0000b"`, `"é🙂"`, `"\ud83d\ude42"`,
	`"12"`, `"-0"`, `"007"`, `"1e3"`, `"1700000000"`, `"true"`, `"tru\u0065"`, `"null"`, `"2024-02-29T12:00:00Z"`,
	`"2024-02-29T12:00:00.250+02:00"`, `"2024-02-29 12:00:00 UTC"`, `"2024-02-29 12:00:00 +0100"`, `"2024-02-29"`,
	`"2023-02-29"`, `"0001-01-01T00:00:00+05:00"`, `"2024-02-29T12:00:00"`,
	`0`, `-0`, `-1`, `3.0`, `1e3`, `1.50e1`, `2.5`, `-2.5`, `100e-2`, `0e9`, `1E400`, `1e-400`, `12345678901234567890123`, `1.25e30`,
	`1700000000`, `1700000000.5`, `1700000000123`, `1.7e9`, `1700000000123.25`, `-62135596800`, `-62135596801`, `99999999999999999999`,
	`253402300800000`, `-1700000000123`, `true`, `false`, `null`, `{}`, `[]`, `[null]`, `{"data":[1,"2"]}`, `{"data":null}`, `[[{}],{"a":[1]}]`,
}

var brokenTexts = []string{
	`"\ud800"`, `"\udc00x"`, `"\ud800\ud83d\ude42"`, `"\uD800\n"`, "\"bad \xff\xc3 bytes\"", `"nul\u0000"`, `"\u0000"`, "{\"nul\\u0000key\":1}", "[\n1 ,\r\n 2 ]",
}

// style says how far a generated text strays from its shape.
type style struct {
	stray  int  // percent of values that do not care about the shape
	broken bool // with texts that need mending
	space  bool
}

func genText(t *rapid.T, s *shape, st style) string {
	if st.stray > 0 && s.own {
		st.stray = 60
	}
	if st.stray > 0 && rapid.IntRange(1, 100).Draw(t, "stray") <= st.stray {
		texts := strayTexts
		if st.broken {
			texts = append(brokenTexts, strayTexts...)
		}
		return rapid.SampledFrom(texts).Draw(t, "text")
	}
	if s.nullable && rapid.IntRange(0, 5).Draw(t, "null") == 0 {
		return "null"
	}
	switch s.typ {
	case "object":
		return genObject(t, s, st)
	case "array":
		var items []string
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			items = append(items, genText(t, s.items, st))
		}
		return "[" + gap(t, st) + strings.Join(items, gap(t, st)+","+gap(t, st)) + gap(t, st) + "]"
	case "string":
		return rapid.SampledFrom(strayTexts[:8]).Draw(t, "string")
	case "number":
		return rapid.SampledFrom([]string{"0", "-1.5", "1e10", "12345678901234567890.5"}).Draw(t, "number")
	case "integer":
		return rapid.SampledFrom([]string{"0", "-7", "1700000000", "123456789012"}).Draw(t, "integer")
	case "boolean":
		return rapid.SampledFrom([]string{"true", "false"}).Draw(t, "boolean")
	}
	return rapid.SampledFrom(strayTexts).Draw(t, "any")
}

func genObject(t *rapid.T, s *shape, st style) string {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom(append(fieldNames, s.names...)), 0, 6, rapid.ID).Draw(t, "members")
	var members []string
	for _, name := range names {
		p := s.props[name]
		if p == nil {
			p = &shape{nullable: true}
		}
		quoted := `"` + name + `"`
		if name == "id" && rapid.IntRange(0, 9).Draw(t, "escape") == 0 {
			quoted = `"\u0069d"`
		}
		members = append(members, quoted+gap(t, st)+":"+gap(t, st)+genText(t, p, st))
	}
	return "{" + gap(t, st) + strings.Join(members, gap(t, st)+","+gap(t, st)) + gap(t, st) + "}"
}

func gap(t *rapid.T, st style) string {
	if !st.space {
		return ""
	}
	gaps := []string{"", "", "", " ", "\t"}
	if st.broken {
		gaps = append(gaps, "\n  ", "\r\n")
	}
	return rapid.SampledFrom(gaps).Draw(t, "gap")
}
