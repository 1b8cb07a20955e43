package protocol

import (
	"bytes"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// Fingerprint is a hash of a record's JSON that leaves out what signs and dates the URLs of
// Intercom's attachments: each answer has them signed anew, and the content is the same.
func Fingerprint(data []byte) uint64 {
	if !maySign(data) {
		return xxhash.Sum64(data)
	}
	return sumUnsigned(data)
}

// sumUnsigned is the general way. Where there is nothing to leave out it comes to the same hash as
// one call with all data.
func sumUnsigned(data []byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	from := 0 // data[from:i] is still to be hashed
	for i := 0; ; {
		n := bytes.Index(data[i:], []byte("http"))
		if n < 0 {
			break
		}
		i += n + len("http")
		start, end := urlAt(data, i)
		if bytes.Contains(host(data[start:end]), []byte("intercom")) {
			from = hashUnsigned(&d, data, from, start, end)
		}
		i = end
	}
	_, _ = d.Write(data[from:]) // never fails
	return d.Sum64()
}

// maySign finds out fast that there is nothing to leave out. Without a question mark no URL has
// parameters. The markers are sought by one rare byte of each, whatever the case of their first letters.
func maySign(data []byte) bool {
	return bytes.IndexByte(data, '?') >= 0 && (mayDate(data) || maySeal(data))
}

// mayDate looks for the parameters of Intercom's own URLs.
func mayDate(data []byte) bool {
	for rest := data; ; {
		name, after, ok := bytes.Cut(rest, []byte("="))
		if !ok {
			return false
		}
		if bytes.HasSuffix(name, []byte("ignature")) || bytes.HasSuffix(name, []byte("xpires")) {
			return true
		}
		rest = after
	}
}

// maySeal looks for those of Amazon.
func maySeal(data []byte) bool {
	for rest := data; ; {
		before, after, ok := bytes.Cut(rest, []byte("z"))
		if !ok {
			return false
		}
		if (bytes.HasSuffix(before, []byte("-Am")) || bytes.HasSuffix(before, []byte("-am"))) && bytes.HasPrefix(after, []byte("-")) {
			return true
		}
		rest = after
	}
}

// urlAt returns where the host of a URL begins and the URL ends, given the index after "http"; both
// are i when there is no URL. In JSON, slashes and ampersands may be escaped.
func urlAt(data []byte, i int) (start, end int) {
	rest := bytes.TrimPrefix(data[i:], []byte("s"))
	switch {
	case bytes.HasPrefix(rest, []byte("://")):
		rest = rest[len("://"):]
	case bytes.HasPrefix(rest, []byte(`:\/\/`)):
		rest = rest[len(`:\/\/`):]
	default:
		return i, i
	}
	start = len(data) - len(rest)
	for end = start; end < len(data); end++ {
		switch c := data[end]; {
		case c <= ' ', strings.IndexByte("\"<>'()", c) >= 0:
			return start, end
		case c == '\\' && !bytes.HasPrefix(data[end:], []byte(`\/`)) && !bytes.HasPrefix(data[end:], []byte(`\u0026`)):
			return start, end
		}
	}
	return start, end
}

func host(url []byte) []byte {
	if i := bytes.IndexAny(url, `/\?:#`); i >= 0 {
		return url[:i]
	}
	return url
}

// hashUnsigned hashes data up to the URL data[i:end] and on through it, but for the values that sign
// or date it. It returns from where on data is still to be hashed.
func hashUnsigned(d *xxhash.Digest, data []byte, from, i, end int) int {
	query := bytes.IndexByte(data[i:end], '?')
	if query < 0 {
		return from
	}
	for i += query + 1; i < end; {
		next := parameterEnd(data, i, end)
		name, _, ok := bytes.Cut(data[i:next], []byte("="))
		if ok && signs(name) {
			_, _ = d.Write(data[from : i+len(name)]) // never fails
			from = next
		}
		i = next + len("&")
	}
	return from
}

// parameterEnd returns where the query parameter at i ends: at an ampersand, plain or as JSON
// escapes it, at a fragment, or with the URL.
func parameterEnd(data []byte, i, end int) int {
	for ; i < end; i++ {
		if c := data[i]; c == '&' || c == '#' || c == '\\' && data[i+1] == 'u' {
			return i
		}
	}
	return end
}

// signs reports whether a query parameter belongs to a signature; req is Intercom's sealed form of the
// request that was signed. In front of the name may be the rest of an ampersand that JSON or HTML had
// escaped.
func signs(name []byte) bool {
	name = bytes.TrimPrefix(name, []byte("u0026"))
	name = bytes.TrimPrefix(name, []byte("amp;"))
	return bytes.EqualFold(name, []byte("signature")) || bytes.EqualFold(name, []byte("expires")) || bytes.EqualFold(name, []byte("req")) ||
		len(name) > len("x-amz-") && bytes.EqualFold(name[:len("x-amz-")], []byte("x-amz-"))
}

// Unsigned is the address of one of Intercom's attachments without what signs and dates it, and any other as it is.
func Unsigned(address string) string {
	base, query, ok := strings.Cut(address, "?")
	_, rest, web := strings.Cut(base, "://")
	if !ok || !web || !bytes.Contains(host([]byte(rest)), []byte("intercom")) {
		return address
	}
	query, fragment, split := strings.Cut(query, "#")
	var kept []string
	for parameter := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(parameter, "="); !signs([]byte(name)) {
			kept = append(kept, parameter)
		}
	}
	if len(kept) > 0 {
		base += "?" + strings.Join(kept, "&")
	}
	if split {
		base += "#" + fragment
	}
	return base
}
