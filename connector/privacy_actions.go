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

// A hash is long enough that no two values meet, and ends in a hash of itself, by which it is known again: what is made of
// hashed values may be under a rule too, and a hash of a hash would join no table.
const (
	hashBytes = 12
	sealBytes = 4
)

// hasher hashes values with a key, without which nobody can try out which value a hash is of. Equal texts have equal hashes,
// whatever stream they are in, and so have a number and its digits in a text. Addresses are compared as mail does.
func hasher(key string) func(dst []byte, raw string) []byte {
	keyed := func(text []byte) []byte {
		sum := hmac.New(sha256.New, []byte(key))
		_, _ = sum.Write(text) // never fails
		return sum.Sum(nil)
	}
	isHash := func(text string) bool {
		sum, err := hex.DecodeString(text)
		return err == nil && len(sum) == hashBytes+sealBytes && hmac.Equal(sum[hashBytes:], keyed(sum[:hashBytes])[:sealBytes])
	}
	return func(dst []byte, raw string) []byte {
		text := raw
		if raw[0] == '"' {
			text = gjson.Parse(raw).Str
		}
		if len(text) == 2*(hashBytes+sealBytes) && isHash(text) {
			return append(dst, raw...)
		}
		if trimmed := strings.TrimSpace(text); wholeAddress.MatchString(trimmed) {
			text = strings.ToLower(trimmed)
		}
		sum := keyed([]byte(text))[:hashBytes]
		sum = append(sum[:hashBytes:hashBytes], keyed(sum)[:sealBytes]...)
		return append(hex.AppendEncode(append(dst, '"'), sum), '"')
	}
}
