package intercom

import (
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

// The scanner finds what gjson finds, whichever is asked for first.
func FuzzScan(f *testing.F) {
	for _, body := range []string{
		`{"data":[{"id":1},{"id":"a\"b]"}],"total_count":2,"list":{"list":[{}],"n":1}}`,
		` { "data" : [ { } , { "x" : [ 1 , [ ] ] } ] , "list" : { "list" : [ ] } } `,
		`{"data":[],"data":null,"d\u0061ta":[{"second":true}],"list":{"list":[1],"list":[2]}}`,
		`{"data":{"data":[1]},"list":[[{}]],"total_count":-1.5e3}`,
		`{"list":{"a\\":"}","list":{"list":[]}}}`,
		`[{"data":[]}]`, `"data"`, `{}`, `[]`, `null`, `{"":{"":[]}}`, `{"data":true}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if !gjson.Valid(body) || strings.ContainsRune(body, 0) {
			return
		}
		scanned, indexed := &Answer{Body: body}, &Answer{Body: body}
		for _, path := range []string{"data", "list.list", "list.n", "total_count"} {
			first, rest, nested := strings.Cut(path, ".")
			want := lastOf(body, first)
			if nested {
				want = want.Get(rest)
			}
			if got := indexed.Get(path); got.Raw != want.Raw || got.Type != want.Type || got.Str != want.Str || got.Num != want.Num {
				t.Errorf("%s of %s: %q, want %q", path, body, got.Raw, want.Raw)
			}
			scanned.members = nil
			for _, a := range []*Answer{scanned, indexed} {
				rows, err := a.Rows(path)
				if good := want.IsArray() && !slices.ContainsFunc(want.Array(), func(r gjson.Result) bool { return !r.IsObject() }); good != (err == nil) {
					t.Errorf("%s of %s: error %v", path, body, err)
				}
				if err == nil && !slices.EqualFunc(rows, want.Array(), func(a, b gjson.Result) bool { return a.Raw == b.Raw }) {
					t.Errorf("%s of %s: %v, want %v", path, body, rows, want.Array())
				}
			}
		}
	})
}
