package connector

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"source-intercom/protocol"
)

// A PrivacyRule says what becomes of a field's values before anything of them comes out.
type PrivacyRule struct {
	Stream string `json:"stream"` // "*": every stream
	Field  string `json:"field"`  // dotted; "*" is any one name, and "**." before others any number of them
	Action string `json:"action"` // drop, mask, hash or scrub
}

// private tells whether there are rules, so that neither logs nor errors may hold a record's values.
func (c *Config) private() bool { return len(c.PrivacyRules) > 0 }

// shown is an id, or what else comes from Intercom, as logs and errors may have it.
func (c *Config) shown(text string) string {
	if c.private() {
		return "(not shown)"
	}
	return text
}

// path is the rule's field.
func (r *PrivacyRule) path() protocol.FieldPath { return strings.Split(r.Field, ".") }

// alterations are those of a stream, of which the first one for a field counts: the rules for that stream by its name, those
// that are for it because it has copies of what other rules are about, and then the rules for all streams in the same order.
func (c *Config) alterations(stream string) []protocol.Alteration {
	var all []protocol.Alteration
	for _, everywhere := range []bool{false, true} {
		for _, r := range c.PrivacyRules {
			if (r.Stream == "*") == everywhere && (everywhere || r.Stream == stream) {
				all = append(all, c.alteration(r.Action, r.path()))
			}
		}
		for _, r := range c.PrivacyRules {
			if (r.Stream == "*") != everywhere {
				continue
			}
			for _, field := range copiesOf(r, stream) {
				all = append(all, c.alteration(r.Action, field))
			}
		}
	}
	return all
}

func (c *Config) alteration(action string, field protocol.FieldPath) protocol.Alteration {
	a := protocol.Alteration{Field: field}
	switch action {
	case "mask":
		a.Apply = masked
	case "hash":
		a.Apply, a.Hashes = hasher(c.PrivacyKey), true
	case "scrub":
		a.Apply, a.Texts = newScrubber(c.PrivacyPatterns).apply, true
	}
	return a
}

// shortestKey is the length of a key that nobody guesses, if it is made by a machine.
const shortestKey = 16

func (l *loader) checkPrivacy() {
	const rulesName, patternsName, keyName = "privacy_rules", "privacy_patterns", "privacy_key"
	rules := l.privacyRules()
	for i, text := range l.privacyPatterns() {
		if _, err := regexp.Compile(text); err != nil {
			l.addAt(patternsName, fmt.Sprintf("%s.%d", patternsName, i), clipped(fmt.Sprintf("%q", text)), "a regular expression of RE2: "+err.Error())
		}
	}
	hashes := slices.ContainsFunc(rules, func(r PrivacyRule) bool { return r.Action == "hash" })
	if key := l.text(keyName); key == "" && hashes {
		l.add(keyName, "nothing", "a secret for the rules that hash")
	} else if key != "" && len(key) < shortestKey {
		l.add(keyName, "a short text", fmt.Sprintf("a secret of at least %d characters", shortestKey))
	}
	if l.bad["api_version"] || l.bad["custom_object_types"] {
		return
	}
	cfg := &Config{APIVersion: l.text("api_version"), CustomObjects: identifiers(l.text("custom_object_types"))}
	l.into("deletes", &cfg.Deletes) // which gives streams a field
	l.into("id_sweep", &cfg.IDSweep)
	table := TableOf(cfg)
	for i, r := range rules {
		if field, found, want := table.checkRule(r); want != "" {
			l.addAt(rulesName, fmt.Sprintf("%s.%d.%s", rulesName, i, field), found, want)
		}
	}
	if !l.bad[rulesName] {
		cfg.PrivacyRules = rules
		l.checkSwept(cfg, table)
	}
}

// checkSwept refuses to hash ids that the state would hold as they are.
func (l *loader) checkSwept(cfg *Config, table Table) {
	const name = "id_sweep"
	for i := range table {
		s := &table[i]
		id := `{"` + s.Key[0] + `":"1"}`
		if s.Swept && s.Described().WithAlterations(cfg.alterations(s.Name), nil).Alter(id) != id {
			l.add(name, s.Name, "streams whose ids no rule hashes: the state holds them as they are")
		}
	}
}

// checkRule says what is wrong with a rule; want is "" where nothing is.
func (t Table) checkRule(r PrivacyRule) (field, found, want string) {
	path := r.path()
	field, found = "field", clipped(fmt.Sprintf("%q", r.Field))
	if slices.Contains(path, "") || slices.Contains(path[1:], "**") || path[0] == "**" && len(path) == 1 {
		return field, found, "names with dots between, of which any may be *, and before them **. for any depth"
	}
	streams := t
	if r.Stream != "*" {
		s := t.Named(r.Stream)
		switch {
		case s == nil && isReport(r.Stream): // what columns it has, Intercom tells later
			return "", "", ""
		case s == nil:
			return "stream", clipped(fmt.Sprintf("%q", r.Stream)), "a stream of this configuration, or *"
		}
		streams = Table{*s}
	}
	reached, fixed := false, ""
	for i := range streams {
		s := &streams[i]
		if !s.Described().Reaches(path) {
			continue
		}
		if why := s.fixes(r); why == "" {
			reached = true
		} else {
			fixed = why
		}
	}
	switch {
	case reached:
		return "", "", ""
	case fixed != "":
		return "action", fmt.Sprintf("%q of %s", r.Action, r.Field), fixed
	case r.Stream == "*":
		return field, found, "a field of some stream; docs/streams.md lists them"
	}
	return field, found, "a field of " + r.Stream + "; docs/streams.md lists them"
}

// fixes says why a rule cannot have a field of the stream's that it names; "" where it can.
func (s *Stream) fixes(r PrivacyRule) string {
	switch {
	case r.Field == s.Cursor:
		return "another field: by this one the stream is read on"
	case !slices.Contains(s.Key, r.Field):
		return ""
	case r.Action != "hash":
		return "hash, or another field: by this one rows are told from each other"
	case !s.Described().IsText(r.Field):
		return "another field: this one is a part of the key that is no text"
	}
	return ""
}

// privacyRules decodes the setting.
func (l *loader) privacyRules() (rules []PrivacyRule) {
	l.into("privacy_rules", &rules)
	return rules
}

func (l *loader) privacyPatterns() (patterns []string) {
	l.into("privacy_patterns", &patterns)
	return patterns
}
