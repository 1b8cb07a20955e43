// Package sourceintercom carries the two documents that users find at the top of the repository, so
// that the binary needs no file beside it.
package sourceintercom

import _ "embed"

// Spec is Airbyte's ConnectorSpecification: every setting with its type, bounds, default and unit.
// It must not be changed.
//
//go:embed spec.json
var Spec []byte

// Catalog is Airbyte's configured catalog of all default streams. It must not be changed.
//
//go:embed catalog.json
var Catalog []byte
