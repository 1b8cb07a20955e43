package emulator

import (
	"slices"
	"strings"
)

// version orders API versions: the minor number of 2.x, or preview above them all.
type version int

const (
	v210 version = 10 + iota
	v211
	v212
	v213
	v214
	v215
	v216
	v217
	preview version = 100
)

// Versions lists the API versions served, oldest first.
func Versions() []string {
	return []string{"2.10", "2.11", "2.12", "2.13", "2.14", "2.15", "2.16", "2.17", "Preview"}
}

func parseVersion(s string) (version, bool) {
	if strings.EqualFold(s, "Preview") || strings.EqualFold(s, "Unstable") { // renamed by Intercom in 2026
		return preview, true
	}
	i := slices.Index(Versions(), s)
	if i < 0 {
		return 0, false
	}
	return v210 + version(i), true
}
