package protocol

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// spellings are ways in which a text may get into another one.
func spellings(secret string) map[string]string {
	quoted, _ := json.Marshal(secret)
	var percent, unicode strings.Builder
	for i := range len(secret) {
		fmt.Fprintf(&percent, "%%%02x", secret[i])
	}
	for _, r := range secret {
		fmt.Fprintf(&unicode, `\u%04X`, r)
	}
	return map[string]string{
		"plain":               secret,
		"query":               url.QueryEscape(secret),
		"query, lower case":   strings.NewReplacer("%2B", "%2b", "%2F", "%2f", "%3D", "%3d").Replace(url.QueryEscape(secret)),
		"path":                url.PathEscape(secret),
		"percent throughout":  percent.String(),
		"percent twice":       url.QueryEscape(url.QueryEscape(secret)),
		"JSON":                strings.Trim(string(quoted), `"`),
		"JSON, slashes too":   strings.ReplaceAll(secret, "/", `\/`),
		"\\u throughout":      unicode.String(),
		"\\u in a Go literal": strings.Trim(strconv.Quote(unicode.String()), `"`),
		"URL in JSON":         strings.ReplaceAll(url.QueryEscape(secret), "%", `\u0025`),
	}
}

func TestEverySpellingIsRedacted(t *testing.T) {
	const secret = "dG9r+Om/zZQ=="
	r := NewRedactor("another", secret)
	for name, text := range spellings(secret) {
		if name == "URL in JSON" { // both at once, character by character, is beyond what is promised
			continue
		}
		if got, want := r.Redact("a "+text+" b "+text), "a "+mask+" b "+mask; got != want {
			t.Errorf("%s: %s became %s", name, text, got)
		}
	}
	for _, other := range []string{"", "dG9r", secret[1:], strings.ToLower(secret), "dG9r%2BOm%2FzZQ%3D%3", "%", "%2", `\`, `\u00`, "%25", "\xff"} {
		if got := r.Redact(other); got != other {
			t.Errorf("%q became %q", other, got)
		}
	}
}

// Texts that can be read in very many ways take no time.
func TestRedactingTakesNoTime(t *testing.T) {
	for _, unit := range []string{`\`, "%25", "%", "+", `\u005c`, "a"} {
		within(t, unit, func() {
			text := strings.Repeat(unit, 2000)
			NewRedactor(strings.Repeat(unit, 30)+"x", strings.Repeat(`\`, 50)+"%").Redact(text)
		})
	}
}

// What held no secret stays as it is, and what is left of a text holds none.
func FuzzRedactor(f *testing.F) {
	for _, text := range spellings("a+b/=") {
		f.Add("x"+text+"y", "a+b/=", "b")
	}
	f.Add(`%25%2525\\u0025+`, "%", "+")
	f.Add("aab", "ab", "aa")
	f.Fuzz(func(t *testing.T, text, one, two string) {
		if strings.Contains(mask, one) || strings.Contains(mask, two) || len(one) > 100 || len(two) > 100 {
			return
		}
		got := NewRedactor(one, two).Redact(text)
		for _, secret := range []string{one, two} {
			plain, err := url.QueryUnescape(got)
			if strings.Contains(got, secret) && !strings.Contains(secret, "*") ||
				err == nil && utf8.ValidString(plain) && !strings.ContainsAny(secret, "*%+\\ ") && strings.Contains(plain, secret) {
				t.Errorf("%q less %q and %q is %q", text, one, two, got)
			}
		}
		if !strings.Contains(got, mask) && got != text {
			t.Errorf("%q, without %q and %q, became %q", text, one, two, got)
		}
	})
}
