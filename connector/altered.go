package connector

import (
	"fmt"

	"source-intercom/markup"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// altered is a stream as the configuration wants its records.
func (c *Config) altered(s protocol.Stream) protocol.Stream {
	if c == nil {
		return s
	}
	return s.WithAlterations(c.alterations(s.Name), c.body())
}

// altering tells configurations apart by what they change in records, so that a run with another one emits anew what it
// reads; 0: nothing.
func (c *Config) altering() uint64 {
	if !c.private() && c.body() == nil {
		return 0
	}
	return protocol.Fingerprint(fmt.Appendf(nil, "%q %q %q", c.BodyFormat, c.PrivacyRules, c.PrivacyPatterns))
}

// body is what becomes of HTML, in JSON; nil: it stays. Addresses in it stay too, those that Intercom signs for a time with
// their signatures: who reads a body may still want to follow them, and fingerprints do not see it.
func (c *Config) body() func(dst []byte, raw string) []byte {
	var render func(*markup.Message, func(string) string) string
	switch c.BodyFormat {
	case "text":
		render = (*markup.Message).Text
	case "markdown":
		render = (*markup.Message).Markdown
	default:
		return nil
	}
	return func(dst []byte, raw string) []byte {
		return gjson.AppendJSONString(dst, render(markup.Parse(gjson.Parse(raw).Str), nil))
	}
}
