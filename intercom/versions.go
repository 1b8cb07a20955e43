package intercom

import (
	"fmt"
	"slices"
	"strings"
)

// Version is an API version as the Intercom-Version header names it.
type Version string

// The versions that can be asked for, oldest first. Preview moves and has what the newest number has.
const (
	V2_10   Version = "2.10"
	V2_11   Version = "2.11"
	V2_12   Version = "2.12"
	V2_13   Version = "2.13"
	V2_14   Version = "2.14"
	V2_15   Version = "2.15"
	V2_16   Version = "2.16"
	V2_17   Version = "2.17"
	Preview Version = "Preview"
)

// DefaultVersion is the newest one that Intercom has published an OpenAPI file for.
const DefaultVersion = V2_16

var versions = []Version{V2_10, V2_11, V2_12, V2_13, V2_14, V2_15, V2_16, V2_17, Preview}

// Versions lists every version that can be asked for, oldest first. The slice is the caller's.
func Versions() []Version { return slices.Clone(versions) }

// ParseVersion reads a version as people write it: "2.16", "preview", or "unstable", Preview's old name.
func ParseVersion(s string) (Version, error) {
	if strings.EqualFold(s, "unstable") {
		return Preview, nil
	}
	for _, v := range versions {
		if strings.EqualFold(s, string(v)) {
			return v, nil
		}
	}
	return "", fmt.Errorf("unknown API version %q: choose 2.10 to 2.17 or Preview", s)
}

// AtLeast tells whether v is w or newer. Versions that ParseVersion does not know are older than all.
func (v Version) AtLeast(w Version) bool {
	return slices.Index(versions, v) >= slices.Index(versions, w)
}

// What not every version can do is asked here, one method each, so that no caller compares versions.

// SearchesExactSeconds tells whether the time filters of the contact search compare seconds in UTC.
// Other versions compare whole days in the workspace's time zone. (All versions compare seconds for
// conversations and tickets.)
func (v Version) SearchesExactSeconds() bool { return v.AtLeast(V2_17) }
