package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	sourceintercom "source-intercom"
	"source-intercom/connector"
	"source-intercom/intercom"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

const readme = "../../README.md"

// The tables between <!-- NAME: generated --> and <!-- /NAME --> in README.md say what the program
// says. UPDATE=1 rewrites them.
func TestReadmeTablesAreInStep(t *testing.T) {
	is := document(t, readme)
	want := is
	for name, table := range map[string]string{"streams": streamsTable(), "settings": settingsTable()} {
		want = replaceGenerated(t, want, name, table)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(readme, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, is); diff != "" {
		t.Errorf("README.md differs from the program; UPDATE=1 go test ./cmd/source-intercom -run TestReadme rewrites it:\n%s", diff)
	}
}

func replaceGenerated(t *testing.T, text, name, table string) string {
	t.Helper()
	begin, end := "<!-- "+name+": generated -->\n", "<!-- /"+name+" -->\n"
	before, rest, found := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("README.md lacks the lines %s and %s", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + table + end + after
}

func streamsTable() string {
	var b strings.Builder
	b.WriteString("| stream | primary key | cursor | permission of the app | API from | read by default |\n|---|---|---|---|---|---|\n")
	for i := range connector.Streams {
		s := &connector.Streams[i]
		cursor, since, chosen := facts(s)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", s.Name, code(s.Key...), cursor, cell(s.Permission), since, chosen)
	}
	return b.String()
}

// facts are what tables say of a stream's cursor, first API version, and whether it is read by default.
func facts(s *connector.Stream) (cursor, since, chosen string) {
	cursor, since, chosen = "none", string(intercom.V2_10), "yes"
	if s.Cursor != "" {
		cursor = code(s.Cursor)
	}
	if s.Since != "" {
		since = string(s.Since)
	}
	if s.Optional() {
		chosen = "no"
	}
	return cursor, since, chosen
}

func settingsTable() string {
	schema := gjson.GetBytes(sourceintercom.Spec, "connectionSpecification")
	var b strings.Builder
	b.WriteString("| setting | value | default | meaning |\n|---|---|---|---|\n")
	schema.Get("properties").ForEach(func(name, property gjson.Result) bool {
		preset := ""
		switch value := property.Get("default"); {
		case slices.ContainsFunc(schema.Get("required").Array(), func(r gjson.Result) bool { return r.Str == name.Str }):
			preset = "required"
		case value.Exists():
			preset = code(value.String())
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s: %s |\n", name, values(property), preset,
			cell(property.Get("title").Str), cell(property.Get("description").Str))
		return true
	})
	return b.String()
}

// values are those that a setting takes.
func values(property gjson.Result) string {
	var choices []string
	for _, choice := range property.Get("enum").Array() {
		choices = append(choices, choice.Str)
	}
	low, high := property.Get("minimum"), property.Get("maximum")
	switch {
	case choices != nil:
		return code(choices...)
	case property.Get("airbyte_secret").Bool():
		return "string, secret"
	case property.Get("format").Str == "date-time":
		return "date"
	case high.Exists():
		return fmt.Sprintf("%s, %s to %s", property.Get("type"), low, high)
	case low.Exists():
		return fmt.Sprintf("%s, at least %s", property.Get("type"), low)
	}
	return property.Get("type").Str
}

func code(words ...string) string { return "`" + strings.Join(words, "`, `") + "`" }

// Every link from one of our pages leads to a file and, where it names one, to a heading that are there.
func TestReadmeAndDocsLinkToWhatIsThere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	var links int
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*/*.md"} {
		pages, err := filepath.Glob("../../" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			for _, match := range link.FindAllStringSubmatch(document(t, page), -1) {
				if strings.Contains(match[1], "://") {
					continue
				}
				links++
				path, heading, _ := strings.Cut(match[1], "#")
				target := page
				if path != "" {
					target = filepath.Join(filepath.Dir(page), path)
				}
				if _, err := os.Stat(target); err != nil {
					t.Errorf("%s links to %s: %v", page, match[1], err)
				} else if heading != "" && !slices.Contains(anchors(document(t, target)), heading) {
					t.Errorf("%s links to %s, but there is no such heading", page, match[1])
				}
			}
		}
	}
	if links == 0 {
		t.Error("no links were found")
	}
}

// anchors are the names under which GitHub makes a page's headings known.
func anchors(page string) []string {
	var names []string
	odd := regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	for _, heading := range regexp.MustCompile(`(?m)^#+ +(.*)$`).FindAllStringSubmatch(page, -1) {
		name := odd.ReplaceAllString(strings.ToLower(heading[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// The commands of README.md that need no network and no token are run as they stand there.
func TestReadmeCommandsThatRunOffline(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n# runs offline\n(.*?)```").FindAllStringSubmatch(document(t, readme), -1)
	if len(blocks) == 0 {
		t.Fatal("README.md has no block that begins with the comment: runs offline")
	}
	for _, block := range blocks {
		cmd := exec.CommandContext(t.Context(), bash, "-euo", "pipefail", "-c", block[1])
		cmd.Dir = t.TempDir()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s%v:\n%s", block[1], err, out)
		}
	}
}

func document(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
