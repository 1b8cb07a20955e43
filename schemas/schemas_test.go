package schemas

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xeipuuv/gojsonschema"
)

func TestNames(t *testing.T) {
	want := slices.Sorted(maps.Keys(keys))
	if diff := cmp.Diff(want, Names()); diff != "" {
		t.Errorf("Names() (-want +got):\n%s", diff)
	}
}

func TestGetUnknownStream(t *testing.T) {
	for _, name := range []string{"", "surveys", "tags.json", "../schemas/tags", "/tags"} {
		if _, ok := Get(name); ok {
			t.Errorf("Get(%q) found a schema", name)
		}
	}
}

func TestGetReturnsACopy(t *testing.T) {
	first, _ := Get("tags")
	clear(first)
	if second, _ := Get("tags"); second[0] != '{' {
		t.Errorf("Get(tags) changed with the bytes returned before: %.20q", second)
	}
}

func TestCompiledSchemaValidates(t *testing.T) {
	tags, _ := Get("tags")
	schema, err := Compile(tags)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{
		`{"type":"tag","id":"1","name":"beta"}`:         true,
		`{"id":"1","name":null,"unheard_of":{"a":[1]}}`: true,
		`{"id":null}`:                false,
		`{"id":1}`:                   false,
		`{"id":"1","name":["beta"]}`: false,
		`{"id":"1","applied_by":{"type":"admin"}}`:       true,
		`{"id":"1","applied_by":"3"}`:                    false,
		`{"id":"1","applied_at":1700000000}`:             true,
		`{"id":"1","applied_at":"2023-11-14T22:13:20Z"}`: false,
	}
	for record, want := range tests {
		result, err := schema.Validate(gojsonschema.NewStringLoader(record))
		if err != nil {
			t.Fatal(err)
		}
		if got := result.Valid(); got != want {
			t.Errorf("%s: valid = %v, want %v (%v)", record, got, want, result.Errors())
		}
	}
}

func TestCompileFollowsLocalReferences(t *testing.T) {
	for _, id := range []string{"", `"$id":"http://schemas.example/root.json",`} {
		schema, err := Compile([]byte(`{` + id + `"definitions":{"id":{"type":"string"}},"properties":{"id":{"$ref":"#/definitions/id"}}}`))
		if err != nil {
			t.Fatal(err)
		}
		result, err := schema.Validate(gojsonschema.NewStringLoader(`{"id":1}`))
		if err != nil {
			t.Fatal(err)
		}
		if result.Valid() {
			t.Errorf("$id %q: the referenced type was not applied", id)
		}
	}
}

func TestCompileLoadsNothing(t *testing.T) {
	var hits atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		_, _ = w.Write([]byte(`{"type":"string"}`))
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "string.json")
	if err := os.WriteFile(file, []byte(`{"type":"string"}`), 0o600); err != nil {
		t.Fatal(err)
	}

	refused := map[string]string{
		"property":        `{"properties":{"id":{"$ref":"` + server.URL + `/a.json"}}}`,
		"root":            `{"$ref":"` + server.URL + `/a.json"}`,
		"relative to $id": `{"$id":"` + server.URL + `/root.json","properties":{"id":{"$ref":"a.json"}}}`,
		"combinator":      `{"anyOf":[{"$ref":"` + server.URL + `/a.json#/definitions/a"}]}`,
		"file":            `{"$ref":"file://` + file + `"}`,
	}
	for name, schema := range refused {
		if _, err := Compile([]byte(schema)); err == nil {
			t.Errorf("%s: compiled", name)
		} else if !strings.Contains(err.Error(), ".json") {
			t.Errorf("%s: the message does not name the reference: %v", name, err)
		}
	}
	if _, err := Compile([]byte(`{"$schema":"` + server.URL + `/meta.json","type":"object"}`)); err != nil {
		t.Errorf("unknown $schema: %v", err)
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestCompileRejectsBadSchemas(t *testing.T) {
	for _, schema := range []string{``, `{`, `[]`, `{"type":"text"}`, `{"properties":[]}`, `{"properties":{"id":{"type":7}}}`} {
		if _, err := Compile([]byte(schema)); err == nil {
			t.Errorf("Compile(%s) gave no error", schema)
		}
	}
}
