package intercom

import (
	"fmt"
	"io"
)

// Secret is a string that no verb of fmt and no encoder of JSON or text shows.
type Secret string

const redacted = "[redacted]"

// String hides the value from those who do not go through fmt.
func (Secret) String() string { return redacted }

// Format hides the value under every verb; String alone would leave %d and %#v open.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText hides the value from JSON, YAML and loggers.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
