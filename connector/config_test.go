package connector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const testToken = "dG9rOmludmVudGVkX3Rva2Vu="

var testNow = time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)

// settingsJSON renders settings on top of the two that are required.
func settingsJSON(settings map[string]any) []byte {
	all := map[string]any{"access_token": testToken, "start_date": "2024-01-01T00:00:00Z"}
	maps.Copy(all, settings)
	data, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return data
}

func loadJSON(singer bool, documents ...string) (*Config, error) {
	var sources []Source
	for i, d := range documents {
		sources = append(sources, Source{Name: fmt.Sprintf("%d.json", i+1), Data: []byte(d)})
	}
	return LoadConfig(sources, singer, testNow)
}

// problemsOf are the problems in err, which must be nil or a *ConfigError that does not show the token.
func problemsOf(t interface {
	Helper()
	Fatalf(string, ...any)
}, err error) []Problem {
	t.Helper()
	if err == nil {
		return nil
	}
	config, ok := errors.AsType[*ConfigError](err)
	if !ok {
		t.Fatalf("error is a %T, want *ConfigError: %v", err, err)
	}
	if strings.Contains(err.Error(), testToken) {
		t.Fatalf("error shows the token: %v", err)
	}
	return config.Problems
}

func defaultConfig() Config {
	return Config{
		AccessToken:     testToken,
		StartDate:       time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		IndexLag:        15 * time.Minute,
		ActivityLogStep: 30 * 24 * time.Hour,
		Region:          "us",
		APIVersion:      "2.16", TypedAttributes: "auto", BodyFormat: "html", TranscriptFormat: "markdown", Enrich: "none",
		UserAgent:      "source-intercom",
		PageSize:       150,
		RateLimitShare: 1,
		RequestTimeout: 5 * time.Minute,
		MaxRetry:       15 * time.Minute,
	}
}

func TestLoadConfigForms(t *testing.T) {
	const token = `"access_token":"` + testToken + `"`
	tests := []struct {
		name      string
		documents []string
		change    func(*Config) // of the defaults
	}{
		{"only what is required", []string{string(settingsJSON(nil))}, func(*Config) {}},
		{"Airbyte", []string{`{` + token + `,"client_id":"c","client_secret":"s","start_date":"2024-01-01T00:00:00Z",
			"activity_logs_time_step":10,"lookback_window":60,"num_workers":20,"api_rate_limit":9500,"__injected":{"a":1}}`},
			func(c *Config) {
				c.ActivityLogStep, c.Lookback = 240*time.Hour, 60*24*time.Hour
				c.NumWorkers, c.APIRateLimit = 20, 9500
			}},
		{"tap-intercom", []string{`{` + token + `,"start_date":"2024-01-01T01:00:00.000000+01:00","user_agent":"tap (a@example.com)","request_timeout":"120.5"}`},
			func(c *Config) { c.UserAgent, c.RequestTimeout = "tap (a@example.com)", 120500*time.Millisecond }},
		{"tap-intercom, time-out 0", []string{string(settingsJSON(map[string]any{"request_timeout": 0}))}, func(*Config) {}},
		{"tap-intercom, time-out 0 as text", []string{string(settingsJSON(map[string]any{"request_timeout": "0"}))}, func(*Config) {}},
		{"tap-intercom, time-out empty", []string{string(settingsJSON(map[string]any{"request_timeout": ""}))}, func(*Config) {}},
		{"Meltano", []string{string(settingsJSON(map[string]any{
			"start_date": "2024-01-01", "end_date": nil, "lookback_window": "3", "max_in_flight": "8",
			"rate_limit_share": "25", "api_version": json.Number("2.14"), "base_url": "",
		}))}, func(c *Config) {
			c.Lookback, c.MaxInFlight, c.RateLimitShare, c.APIVersion = 72*time.Hour, 8, 0.25, "2.14"
		}},
		{"everything", []string{string(settingsJSON(map[string]any{
			"end_date": "2024-05-01T00:00:00Z", "region": "auto", "base_url": "http://127.0.0.1:8080/", "api_version": "Preview",
			"page_size": 50, "index_lag": 0, "max_retry_minutes": 0.5, "request_timeout": 1e1, "rate_limit_share": 1,
		}))}, func(c *Config) {
			c.EndDate = time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
			c.Region, c.BaseURL, c.APIVersion = "auto", "http://127.0.0.1:8080", "Preview"
			c.PageSize, c.IndexLag, c.MaxRetry = 50, 0, 30*time.Second
			c.RequestTimeout, c.RateLimitShare = 10*time.Second, 0.01
		}},
		{"later source wins", []string{
			string(settingsJSON(map[string]any{"page_size": 10, "region": "eu", "user_agent": "first"})),
			`{"page_size":20,"region":null,"user_agent":""}`,
		}, func(c *Config) { c.PageSize, c.Region, c.UserAgent = 20, "eu", "first" }},
		{"later time-out 0 wins", []string{string(settingsJSON(map[string]any{"request_timeout": 60})), `{"request_timeout":0}`}, func(*Config) {}},
		{"byte order mark", []string{"\uFEFF" + string(settingsJSON(nil)) + "\r\n"}, func(*Config) {}},
		{"lookback beyond all history", []string{string(settingsJSON(map[string]any{"lookback_window": json.Number("1e300")}))},
			func(c *Config) { c.Lookback = 100 * 365 * 24 * time.Hour }},
		{"start before 1970", []string{string(settingsJSON(map[string]any{"start_date": "0001-01-01T00:00:00Z"}))},
			func(c *Config) { c.StartDate = time.Unix(0, 0).UTC() }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, singer := range []bool{false, true} {
				got, err := loadJSON(singer, test.documents...)
				if err != nil {
					t.Fatal(err)
				}
				want := defaultConfig()
				test.change(&want)
				if diff := cmp.Diff(want, *got); diff != "" {
					t.Errorf("singer=%v (-want +got):\n%s", singer, diff)
				}
			}
		})
	}
}

func TestLoadConfigProblems(t *testing.T) {
	const (
		aToken  = "the access token of an Intercom app"
		aDate   = "a date such as 2024-01-31T00:00:00Z or 2024-01-31"
		anAPI   = "an https address (http on this machine alone)"
		objects = "a JSON object of settings"
	)
	long := strings.Repeat("x", 200)
	with := func(name string, value any) string { return string(settingsJSON(map[string]any{name: value})) }
	tests := []struct {
		name     string
		document string
		want     []Problem
	}{
		{"empty file", " \n", []Problem{{"1.json", "", "nothing", objects}}},
		{"broken JSON", "{\n  \"access_token\": \"" + testToken + "\",\n  \"région\": }", []Problem{
			{"1.json", "", "invalid JSON at line 3, column 13 (invalid character '}' looking for beginning of value)", objects}}},
		{"cut off", "{\n\"region\":", []Problem{{"1.json", "", "invalid JSON at line 2, column 10 (unexpected EOF)", objects}}},
		{"two values", "{}\n  {}", []Problem{{"1.json", "", "more text after the JSON value, at line 2, column 3", objects}}},
		{"array", `[1]`, []Problem{{"1.json", "", "an array", objects}}},
		{"null", `null`, []Problem{{"1.json", "", "null", objects}}},
		{"missing", `{"start_date":null,"access_token":""}`, []Problem{
			{"1.json", "access_token", "nothing", aToken}, {"1.json", "start_date", "nothing", aDate}}},
		{"unknown and near", with("strat_date", "2024-01-01"), []Problem{{"1.json", "strat_date", "a setting that does not exist", "perhaps start_date"}}},
		{"unknown and cut", with("lookback", 3), []Problem{{"1.json", "lookback", "a setting that does not exist", "perhaps lookback_window"}}},
		{"unknown and camel", with("pageSize", 3), []Problem{{"1.json", "pageSize", "a setting that does not exist", "perhaps page_size"}}},
		{"unknown and far", with("colour", testToken), []Problem{
			{"1.json", "colour", "a setting that does not exist", "one of the settings that the spec command lists"}}},
		{"mistyped", with("page_size", "many"), []Problem{{"1.json", "page_size", `"many"`, "a whole number from 1 to 150 (records)"}}},
		{"not whole", with("page_size", 1.5), []Problem{{"1.json", "page_size", "1.5", "a whole number from 1 to 150 (records)"}}},
		{"boolean", with("region", true), []Problem{{"1.json", "region", "true", "one of us, eu, au, auto"}}},
		{"object", with("region", map[string]any{"a": testToken}), []Problem{{"1.json", "region", "an object", "one of us, eu, au, auto"}}},
		{"out of bounds", with("activity_logs_time_step", "92"), []Problem{
			{"1.json", "activity_logs_time_step", `"92"`, "a whole number from 1 to 91 (days)"}}},
		{"beyond every number", with("page_size", json.Number("1e999999999")), []Problem{
			{"1.json", "page_size", "1e999999999", "a whole number from 1 to 150 (records)"}}},
		{"share as a fraction", with("rate_limit_share", 0.5), []Problem{
			{"1.json", "rate_limit_share", "0.5", "a whole number from 1 to 100 (percent)"}}},
		{"unknown region", with("region", "uk"), []Problem{{"1.json", "region", `"uk"`, "one of us, eu, au, auto"}}},
		{"unparsable date", with("start_date", "01/02/2024"), []Problem{{"1.json", "start_date", `"01/02/2024"`, aDate}}},
		{"no such day", with("end_date", "2024-02-30"), []Problem{{"1.json", "end_date", `"2024-02-30"`, aDate}}},
		{"date as a number", with("start_date", 1700000000), []Problem{{"1.json", "start_date", "1700000000", aDate}}},
		{"start in the future", with("start_date", "2024-06-01T12:00:01Z"), []Problem{
			{"1.json", "start_date", `"2024-06-01T12:00:01Z"`, "a date that is not in the future"}}},
		{"end at the start", with("end_date", "2024-01-01"), []Problem{
			{"1.json", "end_date", `"2024-01-01"`, "a date after start_date, which is 2024-01-01T00:00:00Z"}}},
		{"plain http", with("base_url", "http://example.com"), []Problem{{"1.json", "base_url", `"http://example.com"`, anAPI}}},
		{"loopback in name only", with("base_url", "http://127.0.0.1.example.com"), []Problem{
			{"1.json", "base_url", `"http://127.0.0.1.example.com"`, anAPI}}},
		{"no scheme", with("base_url", "api.intercom.io"), []Problem{{"1.json", "base_url", `"api.intercom.io"`, anAPI}}},
		{"password in the address", with("base_url", "https://u:secret-word@example.com"), []Problem{
			{"1.json", "base_url", "an address with a user name", anAPI}}},
		{"query in the address", with("base_url", "https://example.com?key=secret-word"), []Problem{
			{"1.json", "base_url", "an address with a query or fragment", anAPI}}},
		{"token with a line break", with("access_token", testToken+"\n"), []Problem{
			{"1.json", "access_token", "white space, a control character or a letter beyond ASCII in it", aToken}}},
		{"token of the wrong type", with("access_token", []string{testToken}), []Problem{{"1.json", "access_token", "an array", aToken}}},
		{"token as a number", with("access_token", 123456), []Problem{{"1.json", "access_token", "a number", aToken}}},
		{"token as documented", with("access_token", "YOUR_ACCESS_TOKEN"), []Problem{{"1.json", "access_token", "a placeholder", aToken}}},
		{"token not filled in", with("access_token", "${INTERCOM_TOKEN}"), []Problem{{"1.json", "access_token", "a placeholder", aToken}}},
		{"token masked", with("access_token", "**********"), []Problem{{"1.json", "access_token", "a placeholder", aToken}}},
		{"token in the wrong place", with("region", testToken), []Problem{{"1.json", "region", "a secret", "one of us, eu, au, auto"}}},
		{"token in the wrong place alone", `{"start_date":"` + testToken + `"}`, []Problem{
			{"1.json", "access_token", "nothing", aToken}, {"1.json", "start_date", "a secret", aDate}}},
		{"another secret in the wrong place", `{"access_token":"` + testToken + `","client_secret":"secret-word","start_date":"secret-word"}`, []Problem{
			{"1.json", "start_date", "a secret", aDate}}},
		{"user agent that no header carries", with("user_agent", "a\r\nb"), []Problem{{"1.json", "user_agent", `"a\r\nb"`, "printable ASCII"}}},
		{"long value", with("region", long), []Problem{{"1.json", "region", `"` + long[:79] + "...", "one of us, eu, au, auto"}}},
		{"all at once", `{"access_token":"<token>","region":"uk","page_size":0,"regoin":"eu"}`, []Problem{
			{"1.json", "regoin", "a setting that does not exist", "perhaps region"},
			{"1.json", "access_token", "a placeholder", aToken},
			{"1.json", "start_date", "nothing", aDate},
			{"1.json", "region", `"uk"`, "one of us, eu, au, auto"},
			{"1.json", "page_size", "0", "a whole number from 1 to 150 (records)"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := loadJSON(false, test.document)
			if diff := cmp.Diff(test.want, problemsOf(t, err)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if err != nil && strings.Contains(err.Error(), "secret-word") {
				t.Errorf("error shows a password: %v", err)
			}
		})
	}
}

func TestConfigErrorNamesTheFile(t *testing.T) {
	_, err := loadJSON(true, string(settingsJSON(map[string]any{"region": "eu", "page_size": 0})), `{"region":"uk"}`)
	const want = `2.json: region: found "uk", expected one of us, eu, au, auto. ` +
		`1.json: page_size: found 0, expected a whole number from 1 to 150 (records).`
	if err == nil || err.Error() != want {
		t.Errorf("got:  %v\nwant: %s", err, want)
	}
	_, err = loadJSON(true, `{"start_date":"2024-01-01"}`, `{"page_size":`)
	if got := problemsOf(t, err); len(got) != 1 || got[0].File != "2.json" {
		t.Errorf("a token that may be in the broken file is called missing: %v", err)
	}
	_, err = loadJSON(true)
	if got := problemsOf(t, err); len(got) != 2 || !strings.Contains(got[0].Want, "TAP_INTERCOM_ACCESS_TOKEN") {
		t.Errorf("without any source: %v", err)
	}
}

func TestEnvironmentSource(t *testing.T) {
	source := EnvironmentSource([]string{
		"TAP_INTERCOM_ACCESS_TOKEN=" + testToken,
		"TAP_INTERCOM_START_DATE=2024-01-01",
		"TAP_INTERCOM_PAGE_SIZE=20",
		"TAP_INTERCOM_MAX_RETRY_MINUTES=0.5",
		"TAP_INTERCOM_API_VERSION=2.10",
		"TAP_INTERCOM_END_DATE=",
		"TAP_INTERCOM_HOME=/opt/tap",        // nobody's setting
		"TAP_INTERCOM__SELECT=[\"tags.*\"]", // Meltano's own
		"PAGE_SIZE=30",
		"TAP_INTERCOM",
	})
	var typed map[string]any
	if err := json.Unmarshal(source.Data, &typed); err != nil {
		t.Fatal(err)
	}
	if typed["page_size"] != 20.0 || typed["max_retry_minutes"] != 0.5 || typed["api_version"] != "2.10" {
		t.Errorf("numbers and texts mixed up: %v", typed)
	}
	got, err := LoadConfig([]Source{source}, true, testNow)
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.PageSize, want.MaxRetry, want.APIVersion = 20, 30*time.Second, "2.10"
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	bad := EnvironmentSource([]string{"TAP_INTERCOM_PAGE_SIZE=all", "TAP_INTERCOM_STARTDATE=2024-01-01"})
	_, err = LoadConfig([]Source{{Name: "c.json", Data: settingsJSON(nil)}, bad}, true, testNow)
	if diff := cmp.Diff([]Problem{
		{"environment", "TAP_INTERCOM_STARTDATE", "a setting that does not exist", "perhaps TAP_INTERCOM_START_DATE"},
		{"environment", "TAP_INTERCOM_PAGE_SIZE", `"all"`, "a whole number from 1 to 150 (records)"},
	}, problemsOf(t, err)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestConfigHidesToken(t *testing.T) {
	config, err := loadJSON(false, string(settingsJSON(nil)))
	if err != nil {
		t.Fatal(err)
	}
	nested := struct{ Config *Config }{config}
	for _, value := range []any{config, *config, nested, &nested, []Config{*config}, map[string]any{"c": config}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
			text := fmt.Sprintf(verb, value)
			if strings.Contains(text, testToken) || strings.Contains(text, fmt.Sprintf("%x", testToken)) {
				t.Errorf("%s of %T shows the token: %s", verb, value, text)
			}
		}
		data, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), testToken) || !strings.Contains(string(data), "***") {
			t.Errorf("JSON of %T: %s", value, data)
		}
	}
	if text := fmt.Sprintf("%+v", config); !strings.Contains(text, "AccessToken:*** StartDate:2024") {
		t.Errorf("%%+v = %s", text)
	}
}

// TestDatesOfEveryForm: however a moment is written, it is the same moment, down to the second.
func TestDatesOfEveryForm(t *testing.T) {
	forms := []string{time.RFC3339, time.RFC3339Nano, "2006-01-02T15:04:05.000000Z0700", "2006-01-02 15:04:05Z07:00"}
	rapid.Check(t, func(t *rapid.T) {
		want := time.Unix(rapid.Int64Range(0, testNow.Unix()-1).Draw(t, "seconds"), 0).UTC()
		fraction := time.Duration(rapid.IntRange(0, 999_999).Draw(t, "µs")) * time.Microsecond
		zone := time.FixedZone("", rapid.IntRange(-14*4, 14*4).Draw(t, "quarters")*15*60)
		text := want.Add(fraction).In(zone).Format(rapid.SampledFrom(forms).Draw(t, "form"))
		if rapid.Bool().Draw(t, "lower") {
			text = strings.ToLower(text)
		}
		config, err := loadJSON(false, string(settingsJSON(map[string]any{"start_date": text})))
		if err != nil {
			t.Fatal(err)
		}
		if !config.StartDate.Equal(want) {
			t.Fatalf("%s is read as %v, want %v", text, config.StartDate, want)
		}
	})
}

// TestAnyConfig: whatever the sources hold, the answer is a configuration within its bounds or problems
// that have all their parts, and the token is not among them.
func TestAnyConfig(t *testing.T) {
	names := append(slices.Sorted(maps.Keys(spec().settings)), "strange", "__own", "")
	value := rapid.OneOf(
		rapid.SampledFrom([]any{nil, true, "", "0", "1e3", "-5", "2024-01-01", "auto", testToken, "http://localhost", []any{1}, map[string]any{}}),
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.Float64Range(-1e300, 1e300), func(f float64) any { return f }),
	)
	rapid.Check(t, func(t *rapid.T) {
		settings := rapid.MapOfN(rapid.SampledFrom(names), value, 0, 6).Draw(t, "settings")
		document := string(settingsJSON(settings))
		config, err := loadJSON(rapid.Bool().Draw(t, "singer"), document)
		for _, p := range problemsOf(t, err) {
			if p.File != "1.json" || p.Found == "" || p.Want == "" {
				t.Fatalf("a part is missing: %+v", p)
			}
		}
		if err == nil && (config.StartDate.Unix() < 0 || config.StartDate.After(testNow) || config.Lookback < 0 ||
			config.PageSize < 1 || config.PageSize > 150 || config.RequestTimeout < time.Second ||
			config.RateLimitShare <= 0 || config.RateLimitShare > 1) {
			t.Fatalf("out of bounds: %+v", config)
		}
	})
}

// A configuration is read if encoding/json reads an object, and then either it is whole or every problem
// with it has all its parts.
func FuzzLoadConfig(f *testing.F) {
	f.Add([]byte(`{"access_token":"a-token","start_date":"2024-01-01"}`))
	f.Add([]byte(`{"access_token":"a-token","start_date":"2024-01-01","page_size":"1e1","base_url":"http://[::1]:1/x/","lookback_window":1e300,"api_version":2.1}`))
	f.Add([]byte(`{"access_token":"dG9rOg","start_date":-1e999999,"dG9rOg":"x","region":["eu"],"__x":1,"request_timeout":"0","end_date":"2024-02-30"}`))
	f.Add([]byte("{\n]"))
	f.Add([]byte("\xff\xfe{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		config, err := LoadConfig([]Source{{Name: "c.json", Data: data}}, false, testNow)
		problems := problemsOf(t, err)
		if (config == nil) != (len(problems) > 0) {
			t.Errorf("config %v with error %v", config, err)
		}
		for _, p := range problems {
			if p.File != "c.json" || p.Found == "" || p.Want == "" {
				t.Errorf("a part is missing: %+v", p)
			}
		}
		var object map[string]json.RawMessage
		bad := json.Unmarshal(bytes.TrimPrefix(data, []byte("\uFEFF")), &object) != nil || object == nil
		if config != nil && (bad || object["access_token"] == nil || config.PageSize < 1 || config.PageSize > 150 || config.StartDate.After(testNow) ||
			config.RequestTimeout < time.Second || config.MaxRetry < 0 || config.Lookback < 0 || config.RateLimitShare <= 0 || config.RateLimitShare > 1) {
			t.Errorf("%q is read as %+v", data, config)
		}
	})
}
