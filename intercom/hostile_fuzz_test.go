package intercom

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// What an answer says about its pages is what encoding/json finds there, or an error that names the place.
func FuzzPages(f *testing.F) {
	for _, body := range []string{
		`{"pages":{"next":{"page":2,"starting_after":"abc=="},"page":1,"total_pages":7},"total_count":41}`,
		`{"pages":{"next":"https://api.intercom.io/x?page=2","page":"2","total_pages":"1e2"},"total_count":4.1e1}`,
		`{"pages":{"next":{"page":1e999999},"page":-1,"total_pages":9223372036854775807},"total_count":-0}`,
		`{"pages":{"next":{"starting_after":12345678901234567890}},"total_count":9223372036854775808}`,
		`{"pages":{"next":{"starting_after":["x"]}},"total_count":1.5}`, `{"pages":{"next":[]},"total_count":"7"}`, `{"pages":{"next":{}}}`,
		`{"pages":null}`, `{"pages":"x"}`, `{"pages":{"next":null}}`, `[]`, `{"total_count":1e12}`, `{"total_count":1e13}`, `{"pages":{"next":{"page":"NaN"},"page":"inf"}}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		found, err := check(body)
		if err != nil || !utf8.ValidString(body) {
			return
		}
		a := &Answer{Body: body, contents: found}
		total, counted := a.Total()
		page, pages := a.Pages()
		if total < 0 || total > maxCount || page < 0 || pages < 0 || page > maxCount || pages > maxCount {
			t.Fatalf("%s: total %d, page %d of %d", body, total, page, pages)
		}
		next, err := a.Next()
		shape, isShape := errors.AsType[*ShapeError](err)
		if err != nil && (!isShape || !strings.HasPrefix(shape.Path, "pages") || next != (Next{})) {
			t.Fatalf("%s: next %+v, error %v", body, next, err)
		}
		for _, name := range []string{"pages", "next", "starting_after", "page", "total_count"} {
			if strings.Count(body, `"`+name+`"`) > 1 || strings.Contains(body, `\`) {
				return // of two members of a name gjson takes the first, encoding/json the last
			}
		}
		wantNext, wantTotal := referencePages(body)
		if err == nil && next.StartingAfter+next.URL != wantNext || err != nil && wantNext != "" {
			t.Fatalf("%s: next %+v, error %v; want %q", body, next, err, wantNext)
		}
		if counted && json.Number(wantTotal) == "" {
			t.Fatalf("%s: a total of %d where there is none", body, total)
		}
	})
}

// referencePages finds the text that leads to the next page, and the number that is the total.
func referencePages(body string) (next, total string) {
	var doc map[string]any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if d.Decode(&doc) != nil {
		return "", ""
	}
	if n, ok := doc["total_count"].(json.Number); ok {
		total = n.String()
	}
	pages, _ := doc["pages"].(map[string]any)
	switch v := pages["next"].(type) {
	case string:
		return v, total
	case map[string]any:
		switch after := v["starting_after"].(type) {
		case string:
			return after, total
		case json.Number:
			return after.String(), total
		}
	}
	return "", total
}

// A refusal becomes an Error of some kind whose text is one short line, and which has what encoding/json
// finds in it.
func FuzzRefusal(f *testing.F) {
	for _, body := range []string{
		`{"type":"error.list","request_id":"r","errors":[{"code":"unauthorized","message":"Access Token Invalid"}]}`,
		`{"errors":[]}`, `{"errors":{"0":{"code":"x"}}}`, `{"errors":[{"code":{},"message":["a\nb\u001b[31m"]}],"request_id":1e999}`,
		`null`, ``, `<html>`, strings.Repeat("[", 3000), `{"errors":[{"message":"` + strings.Repeat("x", 2000) + `"}]}`, "\xff\xfe", `{"errors":[{"code":"\ud800"}]}`,
	} {
		for _, status := range []int{300, 304, 400, 401, 402, 403, 404, 405, 408, 410, 418, 422, 429, 500, 503, 599} {
			f.Add(status, body, "5", "</contacts/1>; rel=x", true)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body, retryAfter, link string, known bool) {
		if status < 300 || status > 599 {
			return
		}
		h := http.Header{"Retry-After": {retryAfter}, "Link": {link}, "Date": {retryAfter}, "X-Request-Id": {link}}
		e := refusal(status, h, []byte(body), known)
		if e.Kind == "" || e.retryAfter < 0 || e.retryAfter > maxPause {
			t.Fatalf("%+v", e)
		}
		if e.Kind == BadToken && status != http.StatusUnauthorized || e.Kind == NotFound && status != http.StatusNotFound && status != http.StatusGone {
			t.Fatalf("status %d became %q", status, e.Kind)
		}
		e.Method, e.Path = "GET", link
		text := e.Error()
		if len(text) > 6*mostShown || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Fatalf("%q is no short line", text)
		}
		var want struct {
			Errors []struct{ Code, Message string }
		}
		if utf8.ValidString(body) && !strings.Contains(body, `\`) && json.Unmarshal([]byte(body), &want) == nil && len(want.Errors) > 0 &&
			strings.Count(body, `"errors"`) == 1 && strings.Count(body, `"code"`) == 1 && strings.Count(body, `"message"`) == 1 &&
			strings.Count(strings.ToLower(body), "errors") == 1 && e.Code != want.Errors[0].Code && want.Errors[0].Code != "" && strings.HasPrefix(body, `{"errors":[{"code":`) {
			t.Fatalf("%s: code %q, want %q", body, e.Code, want.Errors[0].Code)
		}
	})
}

// Wherever a next page is said to be, the token goes to our own host alone.
func FuzzFollowURL(f *testing.F) {
	for _, next := range []string{
		"https://api.intercom.io/articles?page=2&x=a%2Fb", "/articles?page=3", "//evil.example.com/x", "https://evil.example.com/x", "http:///x", "https://api.intercom.io@evil.example.com/x",
		"https://evil.example.com\\@api.intercom.io/x", "https://api.intercom.io:443//evil.example.com/", "/\\evil.example.com", "/%2F%2Fevil.example.com", "/x\r\nHost: evil", "/x#y", "/../..//evil",
		"https://[::1]/x", "javascript:x", "https://api.intercom.io", "?page=2", "/x?y=//evil.example.com", "https://API.INTERCOM.IO./x", "/ ", "/x y", "/\x00", "http://127.0.0.1:8080/proxy/x",
	} {
		f.Add(next)
	}
	var clients []*Client
	for _, base := range []string{"https://api.intercom.io", "http://127.0.0.1:8080/proxy"} {
		c, err := New(Config{BaseURL: base, Token: "t"})
		if err != nil {
			f.Fatal(err)
		}
		clients = append(clients, c)
	}
	f.Fuzz(func(t *testing.T, next string) {
		for _, c := range clients {
			path, err := c.FollowURL(next)
			if err != nil {
				if path != "" {
					t.Fatalf("%q: %q and error %v", next, path, err)
				}
				continue
			}
			u, err := c.resolve(path)
			if err != nil {
				continue // no request is made
			}
			again, err := http.NewRequest(http.MethodGet, u.String(), nil)
			if err != nil || again.URL.Host != c.base.Host || again.URL.Scheme != c.base.Scheme || again.URL.User != nil || u.Host != c.base.Host {
				t.Fatalf("%q leads to %v, error %v", next, u, err)
			}
			if !strings.HasPrefix(u.EscapedPath(), c.base.EscapedPath()+"/") {
				t.Fatalf("%q leads out of %s: %v", next, c.base, u)
			}
		}
	})
}

// The Retry-After of any text is a bounded wait.
func TestRetryAfterIsBounded(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"5": 5 * time.Second, "0": 0, "-5": 0, "99999999999999999999": 0, "9223372036854775807": maxPause, "1.5": 0, "5s": 0, "\x00": 0,
		"Sat, 10 Mar 2029 12:35:06 GMT": 10 * time.Second, "Fri, 31 Dec 9999 23:59:59 GMT": maxPause, "Mon, 01 Jan 0001 00:00:00 GMT": 0,
	} {
		h := http.Header{"Retry-After": {text}, "Date": {"Sat, 10 Mar 2029 12:34:56 GMT"}}
		if got := retryAfter(h); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
