package connector

// streamNamed returns the stream of the whole table of that name, or nil.
func streamNamed(name string) *Stream { return Streams.Named(name) }
