// Package schemas holds one JSON Schema (draft-07) per stream, embedded in the binary.
//
// The files keep to a profile that every Airbyte destination and Singer target
// understands: one type per property, nullable unless it is part of the key,
// no combinators, no references, typed array items, open objects. Ids are
// strings everywhere, whatever Intercom sends, so that tables join.
//
// Three keywords of our own are not for publication. Two tell how values that
// differ by API version are brought to the one type, one where a workspace has
// fields of its own:
//
//   - "x-unix": true marks an integer as a Unix time in seconds. Some fields
//     arrive as ISO 8601 text.
//   - "x-wrap": "name" on an object: where a version sends a plain value, it
//     becomes {"name": value}.
//   - "x-attributes": "contact" on an object without properties: it holds the
//     attributes that the workspace has given to contacts. Discovery, and a
//     catalog that came from it, add them as properties.
package schemas

import (
	"embed"
	"fmt"
	"strings"

	"github.com/xeipuuv/gojsonschema"
)

//go:embed *.json
var files embed.FS

// Get returns the schema of a stream with its x- keywords, and whether there is
// one. The caller owns the bytes.
func Get(stream string) ([]byte, bool) {
	schema, err := files.ReadFile(stream + ".json")
	return schema, err == nil
}

// Names returns the streams that have a schema, in alphabetical order.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the root of an embedded file system can always be read
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = strings.TrimSuffix(entry.Name(), ".json")
	}
	return names
}

// Compile prepares a schema, ours or one from a user's catalog, for validation.
// A $ref inside the schema is followed; one to anywhere else is an error, and
// neither the network nor the disk is touched.
func Compile(schema []byte) (*gojsonschema.Schema, error) {
	// SchemaLoader.Validate stays off: it would put the default loader factory,
	// which fetches, in place of ours.
	compiled, err := gojsonschema.NewSchemaLoader().Compile(local{gojsonschema.NewBytesLoader(schema)})
	if err != nil {
		return nil, fmt.Errorf("compile JSON schema: %w", err)
	}
	return compiled, nil
}

// local is a schema document that may refer to nothing but itself.
type local struct{ gojsonschema.JSONLoader }

func (local) LoaderFactory() gojsonschema.JSONLoaderFactory { return refuse{} }

type refuse struct{}

func (refuse) New(ref string) gojsonschema.JSONLoader {
	return refused{gojsonschema.NewReferenceLoader(ref), ref}
}

type refused struct {
	gojsonschema.JSONLoader
	ref string
}

func (r refused) LoadJSON() (any, error) {
	return nil, fmt.Errorf("reference to another document is not allowed: %s", r.ref)
}
