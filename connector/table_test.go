package connector

import (
	"slices"
	"strings"
)

// streamNamed returns the stream of that name, of the whole table or of custom objects, or nil.
func streamNamed(name string) *Stream {
	if kind, ok := strings.CutPrefix(name, "custom_objects_"); ok {
		s := customObjectStream(kind)
		return &s
	}
	return Streams.Named(name)
}

// streamsOf is every stream that an API version has, but for those of exports, which have tests of their own.
func streamsOf(version string) Table {
	return slices.DeleteFunc(TableOf(&Config{APIVersion: version}), func(s Stream) bool { return s.Feed == contentExport })
}

func (t Table) names() []string {
	names := make([]string, len(t))
	for i := range t {
		names[i] = t[i].Name
	}
	return names
}
