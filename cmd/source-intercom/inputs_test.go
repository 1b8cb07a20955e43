package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that is far larger than any input is refused before it fills the memory.
func TestInputsAreBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, maxInput+1); err != nil { // most file systems keep no such zeros
		t.Skip(err)
	}
	for _, what := range []string{"config", "catalog", "state"} {
		_, err := readInput(t.Context(), what, file)
		if _, is := errors.AsType[*inputError](err); !is || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "256 MB") {
			t.Errorf("%s: error %v, want one that names the file and the bound", what, err)
		}
	}
	if err := os.Truncate(file, 1000); err != nil {
		t.Fatal(err)
	}
	if data, err := readInput(t.Context(), "state", file); err != nil || len(data) != 1000 {
		t.Errorf("%d bytes, error %v", len(data), err)
	}
}
