package protocol

import "iter"

// Members are the names and values of an object that is known to be valid JSON, in their order; anything else has none.
// Values are parts of the object's text. It passes over what nobody looks at several times faster than gjson, which makes
// a value of each.
func Members(object string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		if object == "" {
			return
		}
		i := skipSpace(object, 0)
		if object[i] != '{' {
			return
		}
		for i++; ; {
			i = skipSpace(object, i)
			if object[i] == '}' {
				return
			}
			if object[i] == ',' {
				i = skipSpace(object, i+1)
			}
			end := nextQuoteOrSlash(object, i+1)
			name := object[i+1 : end]
			if object[end] == '\\' {
				end = skipString(object, i) - 1
				name = unquote(object[i : end+1])
			}
			i = skipSpace(object, skipSpace(object, end+1)+1)
			end = skipValue(object, i)
			if !yield(name, object[i:end]) {
				return
			}
			i = end
		}
	}
}
