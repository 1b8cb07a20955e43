package protocol

import (
	"strings"

	"pgregory.net/rapid"
)

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
