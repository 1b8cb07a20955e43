package connector

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestSettingsInDocuments: what our pages show as settings is accepted.
func TestSettingsInDocuments(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range regexp.MustCompile("(?s)\n```json\n(.*?)```").FindAllSubmatch(text, -1) {
			settings := map[string]any{}
			if json.Unmarshal(block[1], &settings) != nil {
				continue // lines of output
			}
			for name := range settings {
				if _, known := spec().settings[name]; !known {
					settings = nil // a catalog, or a target's
				}
				shown[name] = true
			}
			if settings == nil {
				continue
			}
			if _, err := loadJSON(false, string(settingsJSON(settings))); err != nil {
				t.Errorf("%s: %v\n%s", page, err, block[1])
			}
		}
	}
	for _, name := range []string{"conversation_filters", "privacy_rules", "deletes", "id_sweep"} {
		if !shown[name] {
			t.Errorf("no page shows %s", name)
		}
	}
}
