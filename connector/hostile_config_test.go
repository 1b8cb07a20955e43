package connector

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// soon fails the test when f takes much longer than any honest input does.
func soon(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: still at work", what)
	}
}

// Whatever a configuration holds, the error tells what is wrong with it, soon and in a few words.
func TestHostileConfigs(t *testing.T) {
	const million = 1_000_000
	digits := strings.Repeat("7", 100_000)
	with := func(members string) string {
		return `{"access_token":"` + testToken + `","start_date":"2024-01-01",` + members + `}`
	}
	for name, test := range map[string]struct{ document, field string }{
		"deep":                          {strings.Repeat("[", million), ""},
		"deep in a setting":             {with(`"region":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000)), "region"},
		"deep in an unknown setting":    {with(`"x":` + strings.Repeat(`{"x":`, 9000) + "1" + strings.Repeat("}", 9000)), "x"},
		"digits":                        {with(`"page_size":` + digits), "page_size"},
		"digits behind the point":       {with(`"page_size":1.` + digits), "page_size"},
		"digits in a text":              {with(`"page_size":"` + digits + `"`), "page_size"},
		"digits for a text":             {with(`"user_agent":` + strings.Repeat("7", 10*million)), "user_agent"},
		"digits for a choice":           {with(`"api_version":` + digits), "api_version"},
		"exponent":                      {with(`"lookback_window":1e999999`), "lookback_window"},
		"exponent below all":            {with(`"page_size":1e-999999`), "page_size"},
		"exponent for a text":           {with(`"base_url":1e1000000`), "base_url"},
		"exponent for a date":           {with(`"end_date":-1e1000000`), "end_date"},
		"exponent for the token":        {`{"access_token":1e1000000,"start_date":"2024-01-01"}`, "access_token"},
		"exponent of many digits":       {with(`"page_size":1e` + digits), "page_size"},
		"exponents in an array":         {with(`"base_url":[` + strings.Repeat("1e1000000,", 1000) + `1]`), "base_url"},
		"minus nothing":                 {with(`"page_size":-0`), "page_size"},
		"NUL in a text":                 {with(`"user_agent":"a\u0000b"`), "user_agent"},
		"NUL in the token":              {`{"access_token":"a\u0000b","start_date":"2024-01-01"}`, "access_token"},
		"NUL in a date":                 {with(`"end_date":"2024-05-01\u0000"`), "end_date"},
		"half a pair in a text":         {with(`"user_agent":"\ud800"`), "user_agent"},
		"bytes that are no text":        {with(`"user_agent":"` + "\xff" + `"`), "user_agent"},
		"a long text":                   {with(`"region":"` + strings.Repeat("é", million) + `"`), "region"},
		"a long address":                {with(`"base_url":"https://` + strings.Repeat("x", million) + ` "`), "base_url"},
		"a long name":                   {with(`"` + strings.Repeat("y", 10*million) + `":1`), strings.Repeat("y", 80) + "..."},
		"a name with line breaks":       {with(`"a\nb\u001b[31m":1`), `a\nb\x1b[31m`},
		"a secret for a name":           {with(`"` + testToken + `":"access_token"`), ""},
		"another secret for a name":     {with(`"client_secret":"aaa-secret-word","aaa-secret-word":"x"`), ""},
		"UTF-16":                        {"\xff\xfe{\x00}\x00", ""},
		"two byte order marks":          {"\ufeff\ufeff" + with(`"page_size":1`), ""},
		"NULs behind the end":           {with(`"page_size":1`) + "\x00\x00", ""},
		"a date in the year 10000":      {with(`"end_date":"10000-01-01"`), "end_date"},
		"a date with a fraction no end": {with(`"end_date":"2024-05-01T00:00:00.` + digits + `X"`), "end_date"},
	} {
		soon(t, name, func() {
			_, err := loadJSON(false, test.document)
			problems := problemsOf(t, err)
			if len(problems) != 1 || problems[0].File != "1.json" || problems[0].Field != test.field || problems[0].Found == "" || problems[0].Want == "" {
				t.Errorf("%s: %.500v, want one problem of %.100q", name, err, test.field)
			}
			if text := fmt.Sprint(err); len(text) > 1000 || !utf8.ValidString(text) || strings.Contains(text, "secret-word") || strings.Contains(text, "\n") {
				t.Errorf("%s: %d bytes of error: %.500s", name, len(text), text)
			}
		})
	}
}

// Many settings that do not exist are told in one error that can be read.
func TestManyUnknownSettings(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	var document strings.Builder
	document.WriteString(`{"access_token":"` + testToken + `","start_date":"2024-01-01"`)
	for i := range 300_000 {
		fmt.Fprintf(&document, `,"setting_%d":{}`, i)
	}
	document.WriteByte('}')
	soon(t, "many settings", func() {
		_, err := loadJSON(false, document.String())
		problems := problemsOf(t, err)
		if len(problems) != mostUnknown+1 || problems[mostUnknown].Found != fmt.Sprintf("%d more settings that do not exist", 300_000-mostUnknown) {
			t.Errorf("%d problems, the last %+v", len(problems), problems[len(problems)-1])
		}
	})
}

// Of a name that is there twice the last value counts, as everywhere.
func TestDoubledSettings(t *testing.T) {
	config, err := loadJSON(false, `{"page_size":0,"access_token":"no token","access_token":"`+testToken+`","start_date":"x","start_date":"2024-01-01","page_size":7}`)
	if err != nil || config.PageSize != 7 || config.AccessToken != testToken {
		t.Errorf("%+v, error %v", config, err)
	}
}

// A schema that a setting refers to is not looked for: there is no setting that is a schema, and names
// that look like keywords are names.
func TestConfigLoadsNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.json")
	if err := os.WriteFile(file, []byte(`{"page_size":7}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"file://" + file, "http://127.0.0.1:1/x.json", "#/properties/page_size"} {
		_, err := loadJSON(false, string(settingsJSON(map[string]any{"page_size": map[string]any{"$ref": ref}, "$schema": ref})))
		if got := problemsOf(t, err); len(got) != 2 || got[0].Field != "$schema" || got[1].Field != "page_size" || got[1].Found != "an object" {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

// A variable is read like the same setting in a file, and a problem with it names the variable.
func FuzzEnvironment(f *testing.F) {
	settings := slices.Sorted(func(yield func(string) bool) {
		for name := range spec().settings {
			if !yield(name) {
				return
			}
		}
	})
	for i := range settings {
		for _, value := range []string{"", "0", "7", "1e3", "1e999999", "-0", "2024-01-31", "\x00", "\xff", " 5 ", "null", `"x"`, "[1]", "us", "https://example.com", testToken, "2.10"} {
			f.Add(i, value)
		}
	}
	f.Fuzz(func(t *testing.T, i int, value string) {
		if i < 0 || i >= len(settings) || !utf8.ValidString(value) {
			return // a variable may hold such bytes, and JSON cannot
		}
		name := settings[i]
		base := Source{Name: "c.json", Data: settingsJSON(nil)}
		got, err := LoadConfig([]Source{base, EnvironmentSource([]string{"TAP_INTERCOM_" + strings.ToUpper(name) + "=" + value})}, true, testNow)
		var object any = value
		if s := spec().settings[name]; s.isNumber() && json.Valid([]byte(value)) {
			var n json.Number
			if json.Unmarshal([]byte(value), &n) == nil && n != "" && value != "null" && value[0] != '"' {
				object = n
			}
		}
		data, marshalled := json.Marshal(map[string]any{name: object})
		if marshalled != nil {
			return
		}
		want, wanted := LoadConfig([]Source{base, {Name: "d.json", Data: data}}, true, testNow)
		if (err == nil) != (wanted == nil) || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s=%q: %s", name, value, cmp.Diff(want, got)+fmt.Sprintf("errors %v and %v", wanted, err))
		}
		for _, p := range problemsOf(t, err) {
			if p.File == "environment" && !strings.HasPrefix(p.Field, "TAP_INTERCOM_") {
				t.Fatalf("%s=%q: %+v names no variable", name, value, p)
			}
		}
	})
}
