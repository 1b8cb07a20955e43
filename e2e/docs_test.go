//go:build peers

package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// A block is a fenced piece of a document: what a user pastes.
type block struct {
	heading  string // of the section
	before   string // the paragraph before it
	language string
	text     string
}

// blocks takes them out of a document, so that what is tested is what is read.
func blocks(t *testing.T, document string) []block {
	t.Helper()
	var all []block
	var at block
	inside, ended := false, false
	for line := range strings.Lines(document) {
		fence, language := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case language && inside:
			all = append(all, at)
			inside, at.text = false, ""
		case language:
			inside, at.language = true, fence
		case inside:
			at.text += line
		case strings.HasPrefix(line, "## "):
			at.heading = strings.TrimSpace(line[3:])
		case strings.TrimSpace(line) == "":
			ended = true
		case ended:
			at.before, ended = line, false
		default:
			at.before += line
		}
	}
	if inside || len(all) == 0 {
		t.Fatalf("the document has %d blocks, and one that does not end: %v", len(all), inside)
	}
	return all
}

// file is the block that the paragraph before it names, as in "`target.json`, where it goes:".
func file(t *testing.T, all []block, name string) string {
	t.Helper()
	for _, b := range all {
		if strings.HasPrefix(b.before, "`"+name+"`") {
			return b.text
		}
	}
	t.Fatalf("the document does not show %s", name)
	return ""
}

// commands are the commands of a section, without those that install programs: of these the versions must be the tested ones.
func commands(t *testing.T, all []block, heading string) string {
	t.Helper()
	script := ""
	for _, b := range all {
		if b.heading != heading || b.language != "sh" {
			continue
		}
		for line := range strings.Lines(b.text) {
			packages, installs := strings.CutPrefix(line, "pip install ")
			if !installs {
				script += line
				continue
			}
			for _, pinned := range strings.Fields(packages) {
				name, _, _ := strings.Cut(strings.Fields(packages)[0], "==")
				list := read(t, absolute(t, "e2e", "requirements", name+".txt"))
				if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(pinned) + `$`).MatchString(list) {
					t.Errorf("the document installs %s, which is not what is tested", pinned)
				}
			}
		}
	}
	return script
}
