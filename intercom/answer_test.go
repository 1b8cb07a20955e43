package intercom_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"source-intercom/intercom"
)

// answer lets a client read body.
func answer(t *testing.T, body string) *intercom.Answer {
	t.Helper()
	c := newClient(t, intercom.Config{Transport: inMemory(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })})
	a, err := c.Do(t.Context(), get)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRows(t *testing.T) {
	a := answer(t, `{"parts":{"parts":[{"id":12345678901234567890}, {"id":"2", "b" : 1.0}]},"none":[],"odd":[{},"x"],"null":null,"object":{},"text":"[]"}`)
	rows, err := a.Rows("parts.parts")
	if err != nil || len(rows) != 2 || rows[0].Raw != `{"id":12345678901234567890}` || rows[1].Raw != `{"id":"2", "b" : 1.0}` {
		t.Errorf("rows %v, error %v; want the bytes as they came", rows, err)
	}
	if rows, err := a.Rows("none"); err != nil || len(rows) != 0 {
		t.Errorf("an empty array: %v, %v", rows, err)
	}
	for path, want := range map[string]intercom.ShapeError{
		"data":       {Stream: "tags", Path: "data", Want: "an array", Found: "nothing"},
		"parts.rows": {Stream: "tags", Path: "parts.rows", Want: "an array", Found: "nothing"},
		"null":       {Stream: "tags", Path: "null", Want: "an array", Found: "null"},
		"object":     {Stream: "tags", Path: "object", Want: "an array", Found: "an object"},
		"text":       {Stream: "tags", Path: "text", Want: "an array", Found: "string"},
		"odd":        {Stream: "tags", Path: "odd.1", Want: "an object", Found: "string"},
	} {
		rows, err := a.Rows(path)
		shape, isShape := errors.AsType[*intercom.ShapeError](err)
		if !isShape || rows != nil {
			t.Errorf("%s: rows %v, error %v", path, rows, err)
		} else if d := cmp.Diff(want, *shape); d != "" {
			t.Errorf("%s: %s", path, d)
		}
	}
	if _, err := answer(t, `[{"data":[]}]`).Rows("data"); err == nil {
		t.Error("an array at the top passed for an object")
	}
}

func TestNextShapes(t *testing.T) {
	tests := map[string]struct {
		body string
		want intercom.Next
		bad  bool
	}{
		"cursor":                {body: `{"pages":{"next":{"page":2,"starting_after":"abc=="}}}`, want: intercom.Next{StartingAfter: "abc==", Page: 2}},
		"cursor without a page": {body: `{"pages":{"next":{"starting_after":"abc"}}}`, want: intercom.Next{StartingAfter: "abc"}},
		"URL":                   {body: `{"pages":{"next":"https://api.intercom.io/x?page=2"}}`, want: intercom.Next{URL: "https://api.intercom.io/x?page=2"}},
		"null":                  {body: `{"pages":{"next":null}}`},
		"absent":                {body: `{"pages":{"page":1}}`},
		"pages null":            {body: `{"pages":null}`},
		"pages absent":          {body: `{}`},
		"number":                {body: `{"pages":{"next":2}}`, bad: true},
		"array":                 {body: `{"pages":{"next":["x"]}}`, bad: true},
		"object of other kind":  {body: `{"pages":{"next":{"cursor":"x"}}}`, bad: true},
		"pages is text":         {body: `{"pages":"next"}`, bad: true},
	}
	for name, test := range tests {
		got, err := answer(t, test.body).Next()
		if (err != nil) != test.bad || got != test.want {
			t.Errorf("%s: %+v, error %v; want %+v", name, got, err, test.want)
		}
	}
}

func TestPagesAndTotal(t *testing.T) {
	a := answer(t, `{"total_count":41,"pages":{"page":"2","total_pages":"3"}}`)
	page, pages := a.Pages()
	total, counted := a.Total()
	if page != 2 || pages != 3 || total != 41 || !counted {
		t.Errorf("page %d of %d, total %d (%v)", page, pages, total, counted)
	}
	if total, counted := answer(t, `{"total_count":null}`).Total(); counted {
		t.Errorf("null passed for the total %d", total)
	}
}

func TestSearch(t *testing.T) {
	var sent string
	body := `{"type":"conversation.list","total_count":7,"conversations":[{"id":"1"}],"pages":{"next":{"page":2,"starting_after":"n"}}}`
	c := newClient(t, intercom.Config{Transport: inMemory(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		sent = r.Method + " " + r.URL.Path + " " + string(b)
		_, _ = io.WriteString(w, body)
	})})
	s := intercom.Search{
		Path: "/conversations/search", Rows: "conversations", Stream: "conversations",
		Query:     `{"field":"updated_at","operator":">","value":1}`,
		SortField: "updated_at", Order: "ascending", PerPage: 150, StartingAfter: `a"b`,
	}
	page, err := c.Search(t.Context(), s)
	if err != nil || len(page.Rows) != 1 || page.Total != 7 || page.Next != "n" {
		t.Fatalf("page %+v, error %v", page, err)
	}
	want := `POST /conversations/search {"query":{"field":"updated_at","operator":"\u003e","value":1},"pagination":{"per_page":150,"starting_after":"a\"b"},"sort":{"field":"updated_at","order":"ascending"}}`
	if d := cmp.Diff(want, sent); d != "" {
		t.Error(d)
	}
	for name, spoil := range map[string][2]string{
		"no rows":            {`"conversations":`, `"data":`},
		"no total":           {`"total_count":7`, `"total_count":null`},
		"page by URL":        {`{"page":2,"starting_after":"n"}`, `"https://api.intercom.io/x"`},
		"page without start": {`,"starting_after":"n"`, ``},
	} {
		good := body
		body = strings.Replace(body, spoil[0], spoil[1], 1)
		if !json.Valid([]byte(body)) || body == good {
			t.Fatalf("%s: test is wrong: %s", name, body)
		}
		if _, err := c.Search(t.Context(), s); err == nil {
			t.Errorf("%s: passed for a whole page", name)
		}
		body = good
	}
	s.Query = "{"
	if _, err := c.Search(t.Context(), s); err == nil {
		t.Error("a broken query was sent")
	}
}

func TestFollowURL(t *testing.T) {
	for base, tests := range map[string]map[string]string{
		"https://api.intercom.io": {
			"https://api.intercom.io/articles?page=2&x=a%2Fb": "/articles?page=2&x=a%2Fb",
			"https://api.eu.intercom.io/a%2Fb":                "/a%2Fb",
			"http://API.Intercom.io:443/x":                    "/x",
			"/articles?page=3":                                "/articles?page=3",
			"https://evil.example.com/articles":               "",
			"https://intercom.io.example.com/articles":        "",
			"https://notintercom.io/articles":                 "",
			"https://u:p@api.intercom.io/articles":            "",
			"//evil.example.com/articles":                     "",
			"https://api.intercom.io//evil.example.com/x":     "",
			"articles":                    "",
			"":                            "",
			"https://api.intercom.io/%zz": "",
		},
		"http://127.0.0.1:8080/proxy": {
			"http://127.0.0.1:8080/proxy/articles?page=2": "/articles?page=2",
			"http://127.0.0.1:8080/articles?page=2":       "/articles?page=2",
			"http://127.0.0.1:8080/proxyarticles":         "/proxyarticles",
			"http://127.0.0.1:9090/proxy/articles":        "",
			"https://api.intercom.io/articles?page=2":     "/articles?page=2",
		},
	} {
		c := newClient(t, intercom.Config{BaseURL: base})
		for next, want := range tests {
			got, err := c.FollowURL(next)
			if got != want || (err == nil) != (want != "") {
				t.Errorf("%s: %q, %v; want %q", next, got, err, want)
			}
		}
	}
}
