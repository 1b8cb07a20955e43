package connector

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/tidwall/gjson"
)

// masked leaves of a text that there was one, and of anything else nothing.
func masked(dst []byte, raw string) []byte {
	if raw[0] == '"' {
		return append(dst, `"***"`...)
	}
	return append(dst, "null"...)
}

// hashBytes is how much of a hash is shown: enough that no two values meet.
const hashBytes = 16

// hasher hashes values with a key, without which nobody can try out which value a hash is of. Equal texts have equal hashes,
// whatever stream they are in, and so have a number and its digits in a text. Addresses are compared as mail does.
func hasher(key string) func(dst []byte, raw string) []byte {
	return func(dst []byte, raw string) []byte {
		text := raw
		if raw[0] == '"' {
			text = gjson.Parse(raw).Str
		}
		if trimmed := strings.TrimSpace(text); wholeAddress.MatchString(trimmed) {
			text = strings.ToLower(trimmed)
		}
		sum := hmac.New(sha256.New, []byte(key))
		_, _ = sum.Write([]byte(text)) // never fails
		dst = append(dst, '"')
		dst = hex.AppendEncode(dst, sum.Sum(nil)[:hashBytes])
		return append(dst, '"')
	}
}
