package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReliabilityNamesTests: every test that docs/reliability.md names is there, and each row of its fault tables
// names one.
func TestReliabilityNamesTests(t *testing.T) {
	page := document(t, "../../docs/reliability.md")
	tests := allTests(t, "../..")
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
	for _, match := range names.FindAllStringSubmatch(page, -1) {
		if !tests[match[1]] {
			t.Errorf("there is no %s", match[1])
		}
	}
	_, faults, found := strings.Cut(page, "\n## Faults\n")
	rows := regexp.MustCompile(`(?m)^\| .* \|$`).FindAllString(faults, -1)
	if !found || len(rows) < 40 {
		t.Fatalf("%d rows of faults", len(rows))
	}
	for _, row := range rows {
		if !strings.HasPrefix(row, "| fault |") && !names.MatchString(row) {
			t.Errorf("no test shows %s", row)
		}
	}
}

// allTests are the tests of all packages below dir, by name.
func allTests(t *testing.T, dir string) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declared := range file.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil {
				tests[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
