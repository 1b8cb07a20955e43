package connector

import (
	"slices"
	"strings"
	"sync"
)

// streamNamed returns the stream of that name, of the whole table or of custom objects, or nil.
func streamNamed(name string) *Stream {
	if kind, ok := strings.CutPrefix(name, "custom_objects_"); ok {
		s := customObjectStream(kind)
		return &s
	}
	if s, ok := workspaceReports.Load(name); ok {
		return s.(*Stream)
	}
	return Streams.Named(name)
}

// workspaceReports are the reports that tests have met, by name.
var workspaceReports sync.Map

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
