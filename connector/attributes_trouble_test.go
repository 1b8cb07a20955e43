package connector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"source-intercom/emulator"
	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

// tryDiscovery discovers with types, and checks what holds whatever happens: no catalog beside an error, an end within
// 30 seconds, and no token in what is said.
func (w *world) tryDiscovery(t *testing.T, d protocol.Dialect) (catalog []byte, log string, err error) {
	t.Helper()
	cfg := w.config()
	cfg.TypedAttributes, cfg.MaxRetry = "on", 15*time.Minute
	var said bytes.Buffer
	began := time.Now()
	catalog, err = Discover(t.Context(), d, cfg, zerolog.New(zerolog.SyncWriter(&said)))
	if (err != nil) == (len(catalog) > 0) {
		t.Errorf("a catalog of %d bytes and the error %v", len(catalog), err)
	}
	if took := time.Since(began); took > giveUp+time.Second {
		t.Errorf("it took %s", took)
	}
	if strings.Contains(said.String()+fmt.Sprint(err), cfg.AccessToken) {
		t.Error("the token is told")
	}
	return catalog, said.String(), err
}

// TestDiscoveryWithoutPermission: it fails, names each permission that is missing, and says how to do without.
func TestDiscoveryWithoutPermission(t *testing.T) {
	permissions := map[string]string{"read_users_companies": readPeople, "read_conversations": readConversations, "read_tickets": readTickets}
	for _, version := range []string{"2.10", "2.16", "Preview"} {
		for scope, permission := range permissions {
			if version == "2.10" && scope == "read_conversations" {
				continue // there the list of data attributes has theirs, too
			}
			for _, with401 := range []bool{false, true} {
				for _, d := range bothDialects {
					bubble(t, version, emulator.Options{Size: littleWorld, DeniedScopes: []string{scope}, DenyWith401: with401}, func(t *testing.T, w *world) {
						_, _, err := w.tryDiscovery(t, d)
						if err == nil || !strings.Contains(err.Error(), permission) || !strings.Contains(err.Error(), "typed_custom_attributes off") {
							t.Fatalf("%s, %s, 401 %v: error %v, want one that names %q", version, scope, with401, err, permission)
						}
						if f := Classify(err); f.Kind != protocol.ConfigError || intercom.KindOf(err) != intercom.MissingScope {
							t.Errorf("%s, 401 %v: %s", scope, with401, f.Kind)
						}
					})
				}
			}
		}
	}
	bubble(t, "2.16", emulator.Options{Size: littleWorld, DeniedScopes: []string{"read_tickets", "read_conversations"}}, func(t *testing.T, w *world) {
		if _, _, err := w.tryDiscovery(t, protocol.Airbyte{}); err == nil || !strings.Contains(err.Error(), readTickets) || !strings.Contains(err.Error(), readConversations) {
			t.Errorf("error %v, want both permissions in it", err)
		}
	})
}

// TestDiscoveryInTrouble: whatever answers in Intercom's place, discovery fails within 30 seconds and says why.
func TestDiscoveryInTrouble(t *testing.T) {
	always := func(status int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(rw http.ResponseWriter, _ *http.Request) bool { return answer(rw, status, body) }
	}
	hang := func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	slow := func(http.ResponseWriter, *http.Request) bool {
		time.Sleep(40 * time.Second)
		return false
	}
	const list = `{"type":"list","data":%s}`
	tests := []struct {
		name  string
		serve func(http.ResponseWriter, *http.Request) bool
		kind  protocol.FailureKind
		want  string
	}{
		{"an outage", always(500, `{}`), protocol.TransientError, "500"},
		{"a gateway", always(502, `<html>`), protocol.TransientError, "502"},
		{"no answer", hang, protocol.TransientError, "within 30s"},
		{"a slow one", slow, protocol.TransientError, "within 30s"},
		{"a limit that is used up", func(rw http.ResponseWriter, _ *http.Request) bool {
			rw.Header().Set("X-RateLimit-Reset", "4102444800")
			return answer(rw, 429, `{}`)
		}, protocol.TransientError, ""},
		{"a wrong token", always(401, `{"type":"error.list","errors":[{"code":"unauthorized","message":"Access Token Invalid"}]}`), protocol.ConfigError, "401"},
		{"a version that is refused", always(400, `{"type":"error.list","errors":[{"code":"intercom_version_invalid","message":"no"}]}`), protocol.ConfigError, "api_version"},
		{"nothing", always(200, ``), protocol.TransientError, ""},
		{"a page of somebody else's", always(200, `<html>welcome</html>`), protocol.TransientError, ""},
		{"half an answer", always(200, `{"type":"list","data":[`), protocol.TransientError, ""},
		{"no list", always(200, `{"type":"list"}`), protocol.SystemError, "data should be"},
		{"a list of texts", always(200, fmt.Sprintf(list, `["tier"]`)), protocol.SystemError, "data.0 should be"},
		{"a plan without them", always(403, `{"type":"error.list","errors":[{"code":"api_plan_restricted","message":"Active subscription needed."}]}`), protocol.ConfigError, "api_plan_restricted"},
	}
	for _, tt := range tests {
		for _, path := range []string{"", "/me", "/data_attributes", "/conversations/attributes", "/ticket_types"} {
			for _, d := range bothDialects {
				o := emulator.Options{Size: littleWorld, Intercept: func(rw http.ResponseWriter, r *http.Request) bool {
					return strings.HasPrefix(r.URL.Path, path) && tt.serve(rw, r)
				}}
				bubble(t, "2.16", o, func(t *testing.T, w *world) {
					catalog, log, err := w.tryDiscovery(t, d)
					time.Sleep(time.Minute) // the server takes its time, too
					plan := strings.Contains(tt.name, "plan") && (path == "/conversations/attributes" || path == "/ticket_types")
					typeless := path == "/me" && (strings.Contains(tt.name, "no list") || strings.Contains(tt.name, "texts"))
					switch {
					case typeless: // a token that belongs to no workspace is no trouble of discovery's
					case plan && (err != nil || !strings.Contains(log, "the workspace has no") || len(typesIn(schemaIn(catalog, "contacts"), "custom_attributes")) == 0):
						t.Errorf("%s at %s: error %v, log %s", tt.name, path, err, log)
					case plan:
					case err == nil || !strings.Contains(err.Error(), tt.want):
						t.Errorf("%s at %q: error %v, want one that says %q", tt.name, path, err, tt.want)
					case tt.name != "a wrong token" && Classify(err).Kind != tt.kind:
						t.Errorf("%s at %q: %s (%v), want %s", tt.name, path, Classify(err).Kind, err, tt.kind)
					}
				})
			}
		}
	}
}

// TestDiscoveryIsInterrupted: a signal ends it at once.
func TestDiscoveryIsInterrupted(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/data_attributes" {
			<-r.Context().Done()
		}
		return false
	}
	bubble(t, "2.16", emulator.Options{Size: littleWorld, Intercept: hang}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		cfg := w.config()
		cfg.TypedAttributes = "on"
		began := time.Now()
		_, err := Discover(ctx, protocol.Airbyte{}, cfg, testLog)
		if !errors.Is(err, context.Canceled) || time.Since(began) > 2*time.Second || !strings.Contains(Classify(err).Message, "interrupted") {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// TestAttributesAsListed: what lists may hold, and what becomes of it.
func TestAttributesAsListed(t *testing.T) {
	row := func(name, dataType, more string) string {
		return `{"type":"data_attribute","name":"` + name + `","full_name":"custom_attributes.` + name + `","data_type":"` + dataType + `"` + more + `}`
	}
	long := strings.Repeat("very ", 100)
	tests := []struct {
		name string
		rows []string
		want map[string]string
	}{
		{"none", nil, map[string]string{}},
		{"those of everybody", []string{`{"name":"email","full_name":"email","data_type":"string","custom":false}`, `{"name":"name","full_name":"plan.name","data_type":"string"}`}, map[string]string{}},
		{"all kinds of names", []string{row("The One Ring", "string", ""), row("a.b", "integer", ""), row("日本", "float", ""), row(`\"q\"`, "boolean", "")},
			map[string]string{"The One Ring": "string", "a.b": "integer", "日本": "number", `"q"`: "boolean"}},
		{"without a name", []string{`{"data_type":"string"}`, row("", "string", ""), `{"name":null,"data_type":"string"}`, row("a", "string", "")}, map[string]string{"a": "string"}},
		{"a type of tomorrow", []string{row("a", "vector", ""), row("b", "", ""), `{"full_name":"custom_attributes.c"}`, row("d", "date", "")}, map[string]string{"d": "integer"}},
		{"the same twice", []string{row("a", "date", `,"archived":true`), row("a", "date", "")}, map[string]string{"a": "integer"}},
		{"a wider number", []string{row("a", "integer", `,"archived":true`), row("a", "float", "")}, map[string]string{"a": "number"}},
		{"another type", []string{row("a", "boolean", ""), row("a", "integer", `,"archived":true`)}, map[string]string{"a": "string"}},
		{"a time and a number", []string{row("a", "datetime", ""), row("a", "integer", "")}, map[string]string{"a": "string"}},
		{"a type of tomorrow in the second place", []string{row("a", "string", ""), row("a", "vector", "")}, map[string]string{}},
		{"a long text of a description", []string{row("a", "string", `,"description":"`+long+`"`)}, map[string]string{"a": "string"}},
		{"words for booleans", []string{row("a", "string", `,"options":["true","false"],"archived":"yes"`)}, map[string]string{"a": "string"}},
	}
	for _, tt := range tests {
		for turned := range 2 { // the order of the list must not matter
			w := newWorld(t, "2.16", emulator.Options{Size: littleWorld})
			rows := append([]string(nil), tt.rows...)
			if turned == 1 {
				for i := range len(rows) / 2 {
					rows[i], rows[len(rows)-1-i] = rows[len(rows)-1-i], rows[i]
				}
			}
			w.intercepted = func(rw http.ResponseWriter, r *http.Request) bool {
				return r.URL.Query().Get("model") == "contact" && answer(rw, 200, `{"type":"list","data":[`+strings.Join(rows, ",")+`]}`)
			}
			schema := schemaIn(w.discover(t, protocol.Airbyte{}, "on"), "contacts")
			got := typesIn(schema, "custom_attributes")
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
			}
			schema.Get("properties.custom_attributes.properties").ForEach(func(_, property gjson.Result) bool {
				if n := len(property.Get("description").Str); n > 130 {
					t.Errorf("%s: a description of %d bytes", tt.name, n)
				}
				return true
			})
		}
	}
}

// TestAttributesOfManyPages: should Intercom ever number the pages of these lists, all of them are read.
func TestAttributesOfManyPages(t *testing.T) {
	w := newWorld(t, "2.16", emulator.Options{Size: littleWorld})
	w.intercepted = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("model") != "company" {
			return false
		}
		page, next := "1", `"http://`+r.Host+`/data_attributes?model=company&page=2"`
		if r.URL.Query().Get("page") == "2" {
			page, next = "2", "null"
		}
		return answer(rw, 200, `{"type":"list","data":[{"name":"n`+page+`","full_name":"custom_attributes.n`+page+`","data_type":"string"}],"pages":{"page":`+page+`,"total_pages":2,"next":`+next+`}}`)
	}
	got := typesIn(schemaIn(w.discover(t, protocol.Airbyte{}, "on"), "companies"), "custom_attributes")
	if len(got) != 2 {
		t.Errorf("%v", got)
	}
}
