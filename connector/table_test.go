package connector

import "strings"

// streamNamed returns the stream of that name, of the whole table or of custom objects, or nil.
func streamNamed(name string) *Stream {
	if kind, ok := strings.CutPrefix(name, "custom_objects_"); ok {
		s := customObjectStream(kind)
		return &s
	}
	return Streams.Named(name)
}

// streamsOf is every stream that an API version has.
func streamsOf(version string) Table { return TableOf(&Config{APIVersion: version}) }

func (t Table) names() []string {
	names := make([]string, len(t))
	for i := range t {
		names[i] = t[i].Name
	}
	return names
}
