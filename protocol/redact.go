package protocol

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// mask stands in the place of a secret.
const mask = "***"

// Redactor takes secrets out of texts. The zero value knows none. It is safe for concurrent use.
type Redactor struct {
	replacer *strings.Replacer
}

// NewRedactor returns a Redactor of the secrets as they are and as they look inside URLs and JSON.
// Empty ones are ignored.
func NewRedactor(secrets ...string) *Redactor {
	var forms []string
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		escaped, _ := json.Marshal(secret) // a string always marshals
		plain, _ := marshal(secret)
		forms = append(forms, secret, url.QueryEscape(secret), url.PathEscape(secret),
			strings.Trim(string(escaped), `"`), strings.Trim(strings.TrimSpace(string(plain)), `"`))
	}
	// The longest first, or the tail of a secret that begins with another one would stay.
	slices.SortStableFunc(forms, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, form := range slices.Compact(forms) {
		pairs = append(pairs, form, mask)
	}
	return &Redactor{replacer: strings.NewReplacer(pairs...)}
}

// Redact returns text with every secret masked.
func (r *Redactor) Redact(text string) string {
	if r.replacer == nil {
		return text
	}
	return r.replacer.Replace(text)
}
