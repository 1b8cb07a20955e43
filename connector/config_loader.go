package connector

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xeipuuv/gojsonschema"
)

// ConfigError is everything that is wrong with a configuration. It holds no secret.
type ConfigError struct {
	Problems []Problem // never empty
	// Typed says that the settings seem to want custom attributes typed in any case, so that a catalog without
	// their types would not be what they ask for.
	Typed bool
}

// Problem is one thing that the user has to mend.
type Problem struct {
	File  string // the source's name
	Field string // the setting, or the variable in the environment; "": the file as a whole
	Found string
	Want  string
}

// Error is one sentence for each problem.
func (e *ConfigError) Error() string {
	sentences := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		sentences[i] = p.String() + "."
	}
	return strings.Join(sentences, " ")
}

func (p Problem) String() string {
	place := p.File
	if p.Field != "" {
		place += ": " + p.Field
	}
	return fmt.Sprintf("%s: found %s, expected %s", place, p.Found, p.Want)
}

// loader gathers settings and problems on the way from the sources to a Config.
type loader struct {
	names  string // of all sources
	singer bool
	given  map[string]any    // as the sources have it
	values map[string]any    // as the schema wants it
	origin map[string]string // the name of the source that a value came from
	broken bool              // a source could not be read: what seems missing may be in there

	unknown  []misnomer
	problems []Problem
	bad      map[string]bool // settings that have a problem: no second one is looked for
	order    map[string]int  // by Problem.Field, for sorting
}

// misnomer is a name in a source that is no setting.
type misnomer struct{ file, name string }

func newLoader(sources []Source, singer bool) *loader {
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = s.Name
	}
	return &loader{
		names:  cmp.Or(strings.Join(names, ", "), "configuration"),
		singer: singer,
		given:  map[string]any{},
		values: map[string]any{},
		origin: map[string]string{},
		bad:    map[string]bool{},
		order:  map[string]int{},
	}
}

// merge takes over the settings of one source.
func (l *loader) merge(s Source) {
	object, problem := decodeObject(s.Data)
	if problem != nil {
		problem.File = s.Name
		l.problems = append(l.problems, *problem)
		l.broken = true
		return
	}
	settings := spec().settings
	for _, name := range slices.Sorted(maps.Keys(object)) {
		setting, known := settings[name]
		switch value := object[name]; {
		case strings.HasPrefix(name, "__"): // a platform's own
		case !known:
			l.unknown = append(l.unknown, misnomer{s.Name, name})
		case value == nil || value == "":
		default:
			l.given[name] = value
			l.values[name] = normalize(setting, value)
			l.origin[name] = s.Name
		}
	}
	if f, ok := l.values["request_timeout"].(json.Number); ok && f == "0" {
		delete(l.values, "request_timeout") // tap-intercom's way to say "the default"
	}
}

func decodeObject(data []byte) (map[string]any, *Problem) {
	const want = "a JSON object of settings"
	data = bytes.TrimPrefix(data, []byte("\uFEFF")) // Windows editors write it
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, &Problem{Found: "nothing", Want: want}
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		at := int64(len(data))
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = syntax.Offset - 1
		}
		return nil, &Problem{Found: fmt.Sprintf("invalid JSON at %s (%v)", lineAndColumn(data, at), err), Want: want}
	}
	rest := data[decoder.InputOffset():]
	if _, err := decoder.Token(); err != io.EOF {
		at := len(data) - len(bytes.TrimLeft(rest, " \t\r\n"))
		return nil, &Problem{Found: "more text after the JSON value, at " + lineAndColumn(data, int64(at)), Want: want}
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, &Problem{Found: kind(value), Want: want}
	}
	return object, nil
}

// lineAndColumn tells where the byte at the offset stands, for a person with an editor.
func lineAndColumn(data []byte, offset int64) string {
	before := data[:max(0, min(offset, int64(len(data))))]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	return fmt.Sprintf("line %d, column %d", bytes.Count(before, []byte("\n"))+1, utf8.RuneCount(line)+1)
}

// normalize brings a value into the form that the schema asks for, where its meaning is plain, and
// leaves it to the schema otherwise.
func normalize(s setting, value any) any {
	text, isText := value.(string)
	number, isNumber := value.(json.Number)
	switch {
	case s.structured():
		return normalizeParts(s, value)
	case s.isDate() && isText:
		if at, ok := parseTime(text); ok {
			return at.Format("2006-01-02T15:04:05Z")
		}
	case s.isNumber() && isText && json.Valid([]byte(text)):
		return plainNumber(text, value)
	case s.isNumber() && isNumber:
		return plainNumber(number.String(), value)
	case slices.Contains(s.Enum, "on") && !isNumber: // which YAML takes for true
		if b, err := strconv.ParseBool(fmt.Sprint(value)); err == nil {
			return map[bool]string{true: "on", false: "off"}[b]
		}
	case s.Type == "boolean" && isText:
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case len(s.Enum) > 0 && isNumber:
		return number.String() // api_version: 2.16, as YAML has it
	case isNumber:
		return json.Number("0") // as wrong as any other for a text, and known to the validator at once
	}
	return value
}

// plainNumber writes a number without exponent: the validator's arithmetic is exact, and 1e999999999 would keep it busy for ever.
func plainNumber(text string, otherwise any) any {
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return fmt.Sprint(otherwise)
	}
	return json.Number(strconv.FormatFloat(f, 'f', -1, 64))
}

// validate holds the merged settings against spec.json.
func (l *loader) validate() {
	result, err := spec().schema.Validate(gojsonschema.NewRawLoader(l.values))
	if err != nil { // cannot be: the values were decoded from JSON
		l.problems = append(l.problems, Problem{File: l.names, Found: err.Error(), Want: "a JSON object of settings"})
		return
	}
	for _, e := range result.Errors() {
		name := e.Field()
		if missing, ok := e.(*gojsonschema.RequiredError); ok {
			property, _ := missing.Details()["property"].(string)
			if name = strings.TrimPrefix(name+"."+property, "(root)."); l.broken {
				continue
			}
		}
		if setting, _, inside := strings.Cut(name, "."); inside {
			l.addPart(setting, name)
			continue
		}
		l.add(name, l.found(name), l.want(name))
	}
}

// want is what the spec says of a setting; where the setting is missing, also how to give it otherwise.
func (l *loader) want(name string) string {
	want := spec().settings[name].want()
	if name == "access_token" {
		want = "the access token of an Intercom app"
	}
	if _, given := l.given[name]; !given && l.singer {
		want += fmt.Sprintf(" (or %s with --config ENV)", variable(name))
	}
	return want
}

// found describes a setting's value as the user wrote it, but for secrets, of which it tells the kind alone.
func (l *loader) found(name string) string {
	value, given := l.given[name]
	if !given {
		return "nothing"
	}
	switch value.(type) {
	case map[string]any, []any:
		return kind(value)
	}
	if spec().settings[name].Secret {
		return kind(value)
	}
	text := fmt.Sprint(value)
	if _, ok := value.(string); ok {
		text = strconv.Quote(text)
	}
	if l.isSecret(text) {
		return "a secret"
	}
	return clipped(text)
}

// isSecret tells whether a secret was pasted into the wrong place: one that another setting holds, or what
// begins like Intercom's tokens, which are the base64 of "tok:" and more.
func (l *loader) isSecret(text string) bool {
	for name, s := range spec().settings {
		if secret, ok := l.given[name].(string); ok && s.Secret && strings.Contains(text, secret) {
			return true
		}
	}
	return strings.Contains(text, "dG9rO")
}

func kind(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "a text"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return "a number"
}

// add notes a problem, unless the setting has one already.
func (l *loader) add(name, found, want string) {
	if l.bad[name] {
		return
	}
	l.bad[name] = true
	p := Problem{File: cmp.Or(l.origin[name], l.names), Found: found, Want: want}
	p.Field = field(p.File, name)
	l.order[p.Field] = spec().settings[name].Order + 1
	l.problems = append(l.problems, p)
}

// mostUnknown is how many names that are no settings are told one by one.
const mostUnknown = 20

// addUnknown notes the names that are no settings. All sources must have been merged: their secrets are not
// to be shown, whichever side of a colon they stand on.
func (l *loader) addUnknown() {
	for i, u := range l.unknown {
		p := Problem{File: u.file, Found: "a setting that does not exist", Want: "one of the settings that the spec command lists"}
		near := nearest(u.name)
		switch {
		case i == mostUnknown:
			p.Found = fmt.Sprintf("%d more settings that do not exist", len(l.unknown)-i)
			l.problems = append(l.problems, p)
			return
		case l.isSecret(u.name):
			p.Found = "a secret in the place of a setting's name"
		case near != "":
			p.Want = "perhaps " + field(u.file, near)
			fallthrough
		default:
			p.Field = clipped(strings.Trim(strconv.Quote(field(u.file, u.name)), `"`))
		}
		l.problems = append(l.problems, p)
	}
}

// clipped shortens what an error shows of a text that may be of any length.
func clipped(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// err is nil, or all problems: files and names that are wrong as such, then the settings in the spec's order.
func (l *loader) err() error {
	if len(l.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int {
		return cmp.Compare(l.order[a.Field], l.order[b.Field])
	})
	typed := l.text("typed_custom_attributes")
	return &ConfigError{Problems: l.problems, Typed: typed != "auto" && typed != "off"}
}

// mostNear is longer than any setting's name: what is as long was not meant to be one.
const mostNear = 50

// nearest is the setting that the user may have meant, or "".
func nearest(name string) string {
	bare := func(s string) string { return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s)) }
	best, least := "", 3
	if len(name) > mostNear {
		return ""
	}
	for _, known := range slices.Sorted(maps.Keys(spec().settings)) {
		a, b := bare(name), bare(known)
		d := distance(a, b)
		if min(len(a), len(b)) >= 4 && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)) {
			d = min(d, 2)
		}
		if d < least {
			best, least = known, d
		}
	}
	return best
}

// distance is Levenshtein's: the letters to insert, delete or replace to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
