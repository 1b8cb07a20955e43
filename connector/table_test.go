package connector

// streamNamed returns the stream of the whole table of that name, or nil.
func streamNamed(name string) *Stream { return Streams.Named(name) }

// streamsOf is every stream that an API version has.
func streamsOf(version string) Table { return TableOf(&Config{APIVersion: version}) }

func (t Table) names() []string {
	names := make([]string, len(t))
	for i := range t {
		names[i] = t[i].Name
	}
	return names
}
