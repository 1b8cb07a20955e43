package intercom

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// lastOf is a member of the top level as a walk over all of them finds it.
func lastOf(body, name string) (last gjson.Result) {
	document := gjson.Parse(body)
	if !document.IsObject() {
		return last
	}
	document.ForEach(func(key, value gjson.Result) bool {
		if key.String() == name {
			last = value
		}
		return true
	})
	return last
}

// noted is the answer whose body was checked.
func noted(t testing.TB, body string) *Answer {
	t.Helper()
	found, err := check(body)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return &Answer{Body: body, contents: found}
}

// compare demands of the notes of a document what gjson finds in it.
func compare(t *testing.T, body string) {
	t.Helper()
	a := noted(t, body)
	for _, path := range []string{"data", "list", "n", "list.list", "list.data", "list.n", "data.data", "total_count"} {
		first, rest, nested := strings.Cut(path, ".")
		want := lastOf(body, first)
		if nested {
			want = want.Get(rest)
		}
		if got := a.Get(path); got.Raw != want.Raw || got.Type != want.Type || got.Str != want.Str || got.Num != want.Num {
			t.Errorf("%s of %s: %q, want %q", path, body, got.Raw, want.Raw)
		}
		rows, err := a.Rows(path)
		if good := want.IsArray() && !slices.ContainsFunc(want.Array(), func(r gjson.Result) bool { return !r.IsObject() }); good != (err == nil) {
			t.Errorf("%s of %s: error %v", path, body, err)
		}
		if err == nil && !slices.EqualFunc(rows, want.Array(), func(a, b gjson.Result) bool { return a.Raw == b.Raw && a.Type == b.Type }) {
			t.Errorf("%s of %s: %v, want %v", path, body, rows, want.Array())
		}
	}
}

// The check notes what gjson finds.
func FuzzContents(f *testing.F) {
	for _, body := range []string{
		`{"data":[{"id":1},{"id":"a\"b]"}],"total_count":2,"list":{"list":[{}],"n":1}}`,
		` { "data" : [ { } , { "x" : [ 1 , [ ] ] } ] , "list" : { "list" : [ ] } } `,
		`{"data":[],"data":null,"d\u0061ta":[{"second":true}],"list":{"list":[1],"list":[2]}}`,
		`{"data":{"data":[1]},"list":[[{}]],"total_count":-1.5e3}`,
		`{"list":{"a\\":"}","list":{"list":[]}}}`,
		`{"list":{"list":[{"a":1}],"data":[{}],"list":[]},"data":[{"id":2},3,{"id":4}],"list":{"list":null,"list":[{"b":2}]}}`,
		`[{"data":[]}]`, `"data"`, `{}`, `[]`, `null`, `{"":{"":[]}}`, `{"data":true}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if !gjson.Valid(body) || strings.ContainsRune(body, 0) || strings.Count(body, "[")+strings.Count(body, "{") > maxDepth {
			return
		}
		if _, err := check(body); errors.Is(err, errCrowded) {
			return
		}
		compare(t, body)
	})
}

func TestContentsOfRandomDocuments(t *testing.T) {
	r := random{rand.New(rand.NewPCG(5, 6))}
	for range 3000 {
		compare(t, r.document())
	}
}

// Notes cost more memory than the elements of an array of numbers: there must not be one for each.
func TestWhatHoldsNoRowsIsNotNoted(t *testing.T) {
	many := "[" + strings.Repeat("1,", 1000) + "1]"
	a := noted(t, `{"data":`+many+`,"list":{"data":`+many+`,"list":[{"a":`+many+`},{}]}}`)
	if n := len(a.contents.rows); n != 4 {
		t.Errorf("%d rows are noted, want 2 and the 2 that show that there are no more", n)
	}
}

// BenchmarkCheck is what the body of a call for a conversation costs until its parts are at hand.
func BenchmarkCheck(b *testing.B) {
	part := `{"type":"conversation_part","id":"7919","created_at":1700000000,"author":{"type":"admin","id":"7"},"body":"<p>Good morning, how are you?</p>"}`
	body := `{"type":"conversation","id":"1","updated_at":1700000000,"statistics":{"count_conversation_parts":20},` +
		`"conversation_parts":{"conversation_parts":[` + strings.Repeat(part+",", 19) + part + `]}}`
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if rows, err := noted(b, body).Rows("conversation_parts.conversation_parts"); err != nil || len(rows) != 20 {
			b.Fatal(len(rows), err)
		}
	}
}
