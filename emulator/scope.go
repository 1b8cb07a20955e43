package emulator

// ScopeOf returns the scope that a call needs, by its path with {id} where an id stands ("/contacts/{id}/tags"), and
// whether there is such a call at all.
func ScopeOf(method, path string) (scope string, known bool) {
	for _, rt := range routeTable() {
		if rt.pattern == method+" "+path {
			return rt.scope, true
		}
	}
	return "", false
}
