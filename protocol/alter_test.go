package protocol

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"github.com/xeipuuv/gojsonschema"
	"pgregory.net/rapid"
)

// The alterations that the tests make; none lets anything of a value out.
func masks(field ...string) Alteration {
	return Alteration{Field: field, Apply: func(dst []byte, raw string) []byte {
		if raw[0] == '"' {
			return append(dst, `"***"`...)
		}
		return append(dst, "null"...)
	}}
}

func hashes(field ...string) Alteration {
	return Alteration{Field: field, Hashes: true, Apply: func(dst []byte, raw string) []byte {
		return fmt.Appendf(dst, `"#%x"`, Fingerprint([]byte(raw)))
	}}
}

func scrubs(field ...string) Alteration {
	return Alteration{Field: field, Texts: true, Apply: func(dst []byte, _ string) []byte { return append(dst, `"[text]"`...) }}
}

func drops(field ...string) Alteration { return Alteration{Field: field} }

// A leaf is a value of a record that holds nothing else, marked so that it is found wherever it comes out.
type leaf struct {
	path   FieldPath
	mark   string
	isText bool
}

// marked is a record in which each leaf is a mark of its own: names are escaped now and then, and members come twice.
func marked(t *rapid.T, v any, s *shape, path FieldPath, leaves *[]leaf) string {
	if s == nil {
		s = &shape{}
	}
	switch v := v.(type) {
	case map[string]any:
		var members []string
		for name, member := range v {
			for again := true; again; again = rapid.IntRange(0, 9).Draw(t, "again") == 0 {
				quoted := string(gjson.AppendJSONString(nil, name))
				if rapid.IntRange(0, 4).Draw(t, "escaped") == 0 && name[0] < 0x80 {
					quoted = fmt.Sprintf(`"\u%04x%s`, name[0], quoted[2:])
				}
				members = append(members, quoted+":"+marked(t, member, s.props[name], append(path[:len(path):len(path)], name), leaves))
			}
		}
		return "{" + strings.Join(members, ",") + "}"
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, marked(t, item, s.items, path, leaves))
		}
		return "[" + strings.Join(items, ",") + "]"
	case string, json.Number:
		_, isText := v.(string)
		for s.items != nil || s.typ == "object" && s.wrap != "" {
			if s.items != nil { // a single value in the place of a list is judged like one of its items
				s = s.items
				continue
			}
			path = append(path[:len(path):len(path)], s.wrap)
			s = s.props[s.wrap]
		}
		mark := strconv.Itoa(7_000_000 + len(*leaves))
		*leaves = append(*leaves, leaf{path, mark, isText})
		if isText {
			return rapid.SampledFrom([]string{`"` + mark + `"`, `"a` + mark + `é"`}).Draw(t, "text")
		}
		return mark
	}
	return canonical(v)
}

// concerns tells by a slow way whether an alteration is of a leaf, or of what the leaf is in.
func (a *Alteration) concerns(l leaf) bool {
	pattern := "^"
	for i, name := range a.Field {
		last := i == len(a.Field)-1
		switch name {
		case "**":
			pattern += `(.+\.)?`
			continue
		case "*":
			pattern += `([^.]+|a\.b)`
		default:
			pattern += regexp.QuoteMeta(name)
		}
		if !last {
			pattern += `\.`
		}
	}
	way := regexp.MustCompile(pattern + "$")
	for n := range l.path {
		if way.MatchString(strings.Join(l.path[:n+1], ".")) {
			return !a.Texts || l.isText
		}
	}
	return false
}

func genAlterations(t *rapid.T, names []string) []Alteration {
	makers := []func(...string) Alteration{masks, hashes, scrubs, drops}
	var all []Alteration
	for range rapid.IntRange(1, 3).Draw(t, "rules") {
		var field FieldPath
		if rapid.Bool().Draw(t, "any depth") {
			field = append(field, "**")
		}
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(append([]string{"*", "a", "b"}, names...)), 1, 3).Draw(t, "field") {
			field = append(field, strings.Split(name, ".")...)
		}
		all = append(all, rapid.SampledFrom(makers).Draw(t, "action")(field...))
	}
	return all
}

// Whatever the record is like, no value comes out unaltered that an alteration is of, and all others come out as ever.
func TestAlteredValuesNeverComeOut(t *testing.T) {
	for _, d := range dialects() {
		t.Run(d.Name(), rapid.MakeCheck(func(t *rapid.T) {
			root := genRoot(t)
			names := append(fieldNames, root.names...)
			s := Stream{Name: "s", Schema: root.json(), Key: []string{"id"}, Cursor: "name"}
			rules := genAlterations(t, names)
			in, err := decode([]byte(genObject(t, root, style{stray: 30})))
			if err != nil {
				t.Fatal(err)
			}
			var leaves []leaf
			raw := marked(t, in, root, nil, &leaves)
			inject := []Inject{{Name: "injected", JSON: marked(t, "x", nil, FieldPath{"injected"}, &leaves)}}
			plain, err := d.Encoder(s, nil)
			if err != nil {
				t.Fatal(err)
			}
			altering, err := d.Encoder(s.WithAlterations(rules, nil), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, before := encode(t, plain, raw, inject...)
			line, after := encode(t, altering, raw, inject...)
			mixed := slices.ContainsFunc(rules, func(a Alteration) bool { return a.Texts })
			for _, l := range leaves {
				ruled := slices.ContainsFunc(rules, func(a Alteration) bool { return a.concerns(l) && (l.isText || !mixed) })
				any := slices.ContainsFunc(rules, func(a Alteration) bool { return a.concerns(l) })
				fixed := l.path[0] == "id" || l.path[0] == "name"
				switch {
				case ruled && !fixed && strings.Contains(line, l.mark):
					t.Fatalf("%s of %v came out: %s\nfrom %s\nrules %v\nschema %s", l.mark, l.path, line, raw, fields(rules), s.Schema)
				case !any && strings.Contains(before, l.mark) && !strings.Contains(after, l.mark):
					t.Fatalf("%s of %v is lost: %s\nfrom %s\nrules %v\nschema %s", l.mark, l.path, line, raw, fields(rules), s.Schema)
				}
			}
		}))
	}
}

func fields(rules []Alteration) (all []string) {
	for _, a := range rules {
		all = append(all, strings.Join(a.Field, "."))
	}
	return all
}

// What alterations leave is what the published schema says.
func TestAlteredRecordsAgreeWithTheirSchema(t *testing.T) {
	for _, d := range dialects() {
		t.Run(d.Name(), rapid.MakeCheck(func(t *rapid.T) {
			root := genRoot(t)
			makeNullable(root)
			s := Stream{Name: "s", Schema: root.json()}.WithAlterations(genAlterations(t, append(fieldNames, root.names...)), nil)
			e, err := d.Encoder(s, nil)
			if err != nil {
				t.Fatal(err)
			}
			raw := genObject(t, root, style{stray: 20, broken: true, space: true})
			_, data := encode(t, e, raw)
			times := dateTimeKind
			if e.airbyte {
				times = unixKind
			}
			published, err := appendSchema(nil, s, nil, times)
			if err != nil {
				t.Fatal(err)
			}
			result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(published), gojsonschema.NewStringLoader(data))
			if err != nil || !result.Valid() {
				t.Fatalf("%s\nby %s\nfrom %s\n%v %v", data, published, raw, err, result.Errors())
			}
		}))
	}
}

func TestAlterations(t *testing.T) {
	const schema = `{"type":"object","properties":{
		"id":{"type":["string"]},"at":{"type":["null","integer"],"x-unix":true},
		"email":{"type":["null","string"],"description":"The address."},"n":{"type":["integer"],"description":"A count."},"born":{"type":["null","integer"],"x-unix":true},
		"tags":{"type":["null","array"],"items":{"type":["null","string"]}},
		"avatar":{"type":["null","object"],"x-wrap":"image_url","properties":{"image_url":{"type":["null","string"]},"kind":{"type":["null","string"]}}},
		"author":{"type":["null","object"],"properties":{"name":{"type":["null","string"]},"email":{"type":["null","string"]}}},
		"custom":{"type":["null","object"],"x-attributes":"contact","additionalProperties":true}}}`
	tests := map[string]struct {
		rule   Alteration
		raw    string
		want   string
		schema string // of one property, as it is published; "": none
	}{
		"masked text":            {masks("email"), `{"id":"1","email":"a@x.example"}`, `{"id":"1","email":"***"}`, `"email":{"type":["null","string"],"description":"The address."}`},
		"masked number":          {masks("n"), `{"id":"1","n":7}`, `{"id":"1","n":null}`, `"n":{"type":["null","integer"],"description":"A count."}`},
		"masked object":          {masks("author"), `{"id":"1","author":{"name":"A"}}`, `{"id":"1","author":null}`, `"author":{"type":["null","object"]}`},
		"masked list":            {masks("tags"), `{"id":"1","tags":["a",null]}`, `{"id":"1","tags":["***",null]}`, `"tags":{"type":["null","array"],"items":{"type":["null","string"]}}`},
		"masked scalar, wrapped": {masks("avatar", "image_url"), `{"id":"1","avatar":"http://x"}`, `{"id":"1","avatar":{"image_url":"***"}}`, ""},
		"dropped, wrapped":       {drops("avatar", "image_url"), `{"id":"1","avatar":"http://x"}`, `{"id":"1","avatar":null}`, `"avatar":{"type":["null","object"],"properties":{"kind":{"type":["null","string"]}}}`},
		"null stays":             {masks("email"), `{"id":"1","email":null}`, `{"id":"1","email":null}`, ""},
		"dropped":                {drops("author", "email"), `{"id":"1","author":{"email":"a","name":"A"}}`, `{"id":"1","author":{"name":"A"}}`, `"author":{"type":["null","object"],"properties":{"name":{"type":["null","string"]}}}`},
		"hashed number":          {hashes("n"), `{"id":"1","n":7}`, `{"id":"1","n":"#` + sum("7") + `"}`, `"n":{"type":["string"],"description":"A count."}`},
		"hashed time":            {hashes("born"), `{"id":"1","born":7}`, `{"id":"1","born":"#` + sum("7") + `"}`, `"born":{"type":["null","string"]}`},
		"hashed key":             {hashes("id"), `{"id":"1"}`, `{"id":"#` + sum(`"1"`) + `"}`, `"id":{"type":["string"]}`},
		"the cursor stays":       {hashes("*"), `{"at":1700000000}`, `{"at":1700000000}`, `"at":{"type":["null","integer"]}`},
		"the key stays":          {drops("*"), `{"id":"1","n":7}`, `{"id":"1"}`, `"id":{"type":["string"]}`},
		"texts at any depth":     {scrubs("custom"), `{"id":"1","custom":{"a":["x",{"b":"y","n":1}]}}`, `{"id":"1","custom":{"a":["[text]",{"b":"[text]","n":1}]}}`, ""},
		"any depth":              {masks("**", "email"), `{"id":"1","email":"a","custom":{"x":[{"email":"b"}]},"new":{"email":["c"],"y":1}}`, `{"id":"1","email":"***","custom":{"x":[{"email":"***"}]},"new":{"email":["***"],"y":1}}`, ""},
		"a name with a dot":      {masks("custom", "a", "b"), `{"id":"1","custom":{"a.b":"x","a":{"b":"y","c":"z"}}}`, `{"id":"1","custom":{"a.b":"***","a":{"b":"***","c":"z"}}}`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := Stream{Name: "s", Schema: json.RawMessage(schema), Key: []string{"id"}, Cursor: "at"}.WithAlterations([]Alteration{test.rule}, nil)
			if _, got := encode(t, mustEncoder(t, Airbyte{}, s), test.raw); got != test.want {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
			published, err := appendSchema(nil, s, nil, unixKind)
			if err != nil || !strings.Contains(string(published), test.schema) {
				t.Errorf("schema %s, error %v\nwant %s", published, err, test.schema)
			}
		})
	}
}

func sum(raw string) string { return fmt.Sprintf("%x", Fingerprint([]byte(raw))) }

// Typed attributes are changed too, whatever form their values have; and those that a catalog does not know.
func TestAlteredAttributes(t *testing.T) {
	s := Stream{Name: "s", Key: []string{"id"}, Schema: json.RawMessage(`{"type":"object","properties":{"id":{"type":["string"]},"custom":{"type":["null","object"],"x-attributes":"contact","additionalProperties":true}}}`)}
	s = s.WithAttributes(func(string, FieldPath) []Attribute {
		return []Attribute{{Name: "note", Type: TextAttribute}, {Name: "age", Type: IntegerAttribute}, {Name: "files", Type: ObjectsAttribute}}
	})
	s = s.WithAlterations([]Alteration{hashes("custom", "age"), masks("custom", "**", "secret")}, nil)
	raw := `{"id":"1","custom":{"note":{"secret":"s","x":1},"age":41,"files":{"secret":2},"new":{"secret":"t"}}}`
	want := `{"id":"1","custom":{"note":"{\"secret\":\"***\",\"x\":1}","age":"#` + sum("41") + `","files":[{"secret":null}],"new":{"secret":"***"}}}`
	if _, got := encode(t, mustEncoder(t, Singer{}, s), raw); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Bodies are changed first, wherever the schema says that they are.
func TestAlteredBodies(t *testing.T) {
	s := Stream{Name: "s", Schema: json.RawMessage(`{"type":"object","properties":{
		"body":{"type":["null","string"],"x-html":true},"title":{"type":["null","string"]},
		"parts":{"type":["null","array"],"items":{"type":["null","object"],"properties":{"body":{"type":["null","string"],"x-html":true}}}},
		"translated":{"type":["null","object"],"x-html":"*.body"}}}`)}
	body := func(dst []byte, raw string) []byte {
		return append(append(append(dst, `"<`...), raw[1:len(raw)-1]...), `>"`...)
	}
	shout := Alteration{Field: FieldPath{"**", "body"}, Texts: true, Apply: func(dst []byte, raw string) []byte {
		return append(dst, strings.ToUpper(raw)...)
	}}
	raw := `{"body":"a","title":"b","parts":[{"body":"c"},{"body":null},{"body":7}],"translated":{"de":{"body":"d","title":"e"},"type":"f"}}`
	want := `{"body":"<A>","title":"b","parts":[{"body":"<C>"},{"body":null},{"body":"7"}],"translated":{"de":{"body":"<D>","title":"e"},"type":"f"}}`
	altered := s.WithAlterations([]Alteration{shout}, body)
	if _, got := encode(t, mustEncoder(t, Airbyte{}, altered), raw); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := altered.Alter(raw); got != strings.Replace(want, `"7"`, "7", 1) {
		t.Errorf("altered alone: %s", got)
	}
	published, err := appendSchema(nil, altered, nil, unixKind)
	if err != nil || strings.Contains(string(published), "x-html") {
		t.Errorf("schema %s, error %v", published, err)
	}
}
