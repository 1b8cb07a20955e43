package intercom

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// judge compares the check with encoding/json, which is the grammar; only depth is another matter.
func judge(t *testing.T, body string) {
	t.Helper()
	_, err := check(body)
	if errors.Is(err, errCrowded) && len(body) > freeNotes/(notesRatio*rowNote) {
		return // one more bound than the grammar has
	}
	if errors.Is(err, errTooDeep) {
		if strings.Count(body, "[")+strings.Count(body, "{") <= maxDepth {
			t.Fatalf("%q: %v", body, err)
		}
		return
	}
	if valid := json.Valid([]byte(body)); valid != (err == nil) {
		t.Fatalf("%q: %v; encoding/json says %v", body, err, valid)
	}
}

// dubious are texts near the edge of the grammar, on both sides of it.
var dubious = []string{
	"", " ", "\t\r\n", "\v1", "\u00a01", "\ufeff{}", "{}\x00", "null", "nul", "nulll", "true", "True", "tru", "false", "fals", "falsey",
	"0", "-", "-0", "01", "-01", "00", "1.", ".5", "1.5", "1.e5", "1e", "1e+", "1E-7", "1e5.5", "+1", "1-", "1 2", "0x1", "Infinity", "-a", "NaN",
	`"`, `""`, `"\"`, `"\\"`, `"\x"`, `"\u12"`, `"\u123g"`, `"\u12aF"`, `"\uD800"`, `"\u`, `"` + "\n" + `"`, `"` + "\x1f" + `"`, `"` + "\x7f\xff\x80" + `"`,
	`"0123456` + "\n" + `"`, `"01234567\`, `"0123456\"`, `"01234567"`, `"0123456789abcdef` + "\x00" + `"`, `'a'`,
	"[", "]", "[]", "[ ]", "[,]", "[1,]", "[,1]", "[1 1]", "[1,,1]", "[1]]", "[[]", "[}", "[1}", "[1:2]", " [ 1 , \t2\r\n] ", "[\"a\"b]",
	"{", "}", "{}", "{ }", "{,}", "{]", `{"a"}`, `{"a":}`, `{"a":1,}`, `{,"a":1}`, `{a:1}`, `{"a" 1}`, `{"a"::1}`, `{"a":1 "b":2}`, `{"a":1]`, `{1:1}`, `{"a`, `{"a"`,
	`{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,"`, `{"a":[`, `{"a":[1`, `{"a":[{}`, `{"a":[{},`, `{"a":{`, `{"a":{"b":[`, `{"a":{"b":[1,`, `{"a":{"b":[],}}`, `{"a":[1,]}`,
	` { "a" : { "b" : [ { } , 1 ] } , "c" : null } `, `{"a":1}{"a":1}`, `{"\x":1}`, `{"a":{"\x":[]}}`, `{"a":{"b" []}}`, `{"a":{}}}`, "<html>", "/**/1",
}

func TestCheckKnowsTheGrammar(t *testing.T) {
	for _, body := range dubious {
		judge(t, body)
		judge(t, `{"data":[`+body+`]}`)
		judge(t, `{"list":{"list":[`+body+`],"n":`+body+`}}`)
		judge(t, `{"data":`+body+`}`)
		judge(t, body+` `)
	}
}

// Each byte is tried where each kind of token begins, goes on or ends.
func TestCheckOfEveryByteEverywhere(t *testing.T) {
	for _, around := range []string{
		"%", "% 1", "1%", "1%5", "1.%5", "1.5%", "1e%", "1e5%", "1e+%5", "-%", "0%", "n%ll", "tr%e", "fals%", "null%",
		`"%"`, `"1234567%1234567"`, `"12345678%", "1"`, `"\%"`, `"1234567\%"`, `"\%bcd"`, `"\u%234"`, `"\u1%34"`, `"\u12%4"`, `"\u123%"`, `"a"%`,
		"[%", "[%]", "[1%]", "[1%2]", "[1,%2]", "[1%,2]", "[[]%", "[1%",
		"{%}", `{%"a":1}`, `{"a"%1}`, `{"a"%:1}`, `{"a":%1}`, `{"a":1%}`, `{"a":1%"b":2}`, `{"a":1,%"b":2}`, `{"a":1%`, `{"%":1}`,
		"{}%", "%{}", "[]%", `""%`,
	} {
		for b := range 256 {
			body := strings.Replace(around, "%", string([]byte{byte(b)}), 1)
			judge(t, body)
			judge(t, `{"data":`+body+`}`)
			judge(t, `{"data":[{"a":`+body+`}]}`)
			judge(t, `{"list":{"list":[`+body+`]}}`)
			judge(t, `{"list":`+body+`,"n":{"n":`+body+`}}`)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, body := range dubious {
		f.Add(body)
	}
	f.Add(random{rand.New(rand.NewPCG(1, 2))}.document())
	f.Fuzz(judge)
}

// Every beginning of a valid document and every document of which a byte is another one are judged like
// encoding/json does.
func TestCheckOfCutAndChangedDocuments(t *testing.T) {
	const changes = "\"\\{}[]:,0-+.eEtfnu \n\x00\x1f\x7f\x80\xff"
	r := random{rand.New(rand.NewPCG(3, 4))}
	for range 300 {
		body := r.document()
		if !json.Valid([]byte(body)) {
			t.Fatalf("test is wrong: %s", body)
		}
		judge(t, body)
		for i := range len(body) {
			judge(t, body[:i])
			judge(t, body[:i]+body[i+1:])
			judge(t, body[:i]+string(changes[r.IntN(len(changes))])+body[i+1:])
			judge(t, body[:i]+string(changes[r.IntN(len(changes))])+body[i:])
		}
	}
}

// The bound is the same on every way down through what is noted and what is only passed over.
func TestDepthIsBounded(t *testing.T) {
	for _, way := range []struct{ before, open, inner, close, after string }{
		{"", "[", "", "]", ""},
		{"", `{"a":`, "{}", "}", ""},
		{"[", `[{"a":`, "[]", "}]", "]"},
		{`{"data":`, "[", "1", "]", "}"},
		{`{"data":`, `{"a":`, "{}", "}", "}"},
		{`{"data":[`, `{"a":`, "1", "}", "]}"},
		{`{"list":{"list":`, "[", "1", "]", "}}"},
		{`{"list":{"list":[`, "[", "1", "]", "]}}"},
		{`{"list":{"list":`, `{"a":`, "1", "}", "}}"},
	} {
		brackets := func(s string) int { return strings.Count(s, "[") + strings.Count(s, "{") }
		levels := (maxDepth - brackets(way.before+way.inner)) / brackets(way.open)
		nested := func(n int) string {
			return way.before + strings.Repeat(way.open, n) + way.inner + strings.Repeat(way.close, n) + way.after
		}
		if _, err := check(nested(levels)); err != nil {
			t.Errorf("%+v: %v", way, err)
		}
		if _, err := check(nested(levels + 1)); !errors.Is(err, errTooDeep) {
			t.Errorf("%+v: error %v, want %v", way, err, errTooDeep)
		}
		if _, err := check(way.before + strings.Repeat(way.open, 1<<20)); !errors.Is(err, errTooDeep) {
			t.Errorf("%+v without an end: error %v, want %v", way, err, errTooDeep)
		}
	}
	flat := `{"data":[` + strings.Repeat("[],", 5*maxDepth) + `[]]}`
	if _, err := check(flat); err != nil {
		t.Errorf("many arrays side by side: %v", err)
	}
}

// random makes documents of the kinds of shape that answers have.
type random struct{ *rand.Rand }

func (r random) document() string {
	var b strings.Builder
	b.WriteString(r.space() + "{")
	for i := range r.IntN(6) {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(r.space() + r.pick(`"data"`, `"list"`, `"d\u0061ta"`, `""`, `"n"`) + r.space() + ":" + r.space() + r.value(4) + r.space())
	}
	b.WriteString("}" + r.space())
	return b.String()
}

func (r random) value(room int) string {
	kind := r.IntN(10)
	if room == 0 {
		kind %= 5
	}
	switch kind {
	case 0:
		return r.pick("true", "false", "null")
	case 1:
		return strconv.FormatInt(r.Int64N(1e10)-1e9, 10)
	case 2:
		return r.pick("0", "-0.5", "1e5", "12.25E-3", "12345678901234567890")
	case 3, 4:
		return r.text()
	case 5, 6:
		return r.several("[", "]", func() string { return r.value(room - 1) })
	case 7:
		return r.several("[", "]", func() string { return r.several("{", "}", func() string { return `"id":` + r.text() }) })
	}
	return r.several("{", "}", func() string {
		return r.pick(`"list"`, `"data"`, `"li\u0073t"`, `""`) + r.space() + ":" + r.value(room-1)
	})
}

func (r random) several(begin, end string, one func() string) string {
	parts := make([]string, r.IntN(5))
	for i := range parts {
		parts[i] = r.space() + one() + r.space()
	}
	return begin + r.space() + strings.Join(parts, ",") + end
}

func (r random) text() string {
	var b strings.Builder
	for range r.IntN(25) {
		b.WriteString(r.pick("a", "bc", "é", "😕", `\"`, `\\`, `\n`, `\u00e9`, "]", "}", ",", "\x7f", "\xff"))
	}
	return `"` + b.String() + `"`
}

func (r random) space() string {
	if r.IntN(8) > 0 {
		return ""
	}
	return r.pick(" ", "\n", "\t", "\r", "  \n ")
}

func (r random) pick(of ...string) string { return of[r.IntN(len(of))] }
