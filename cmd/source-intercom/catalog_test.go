package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	sourceintercom "source-intercom"
	"source-intercom/connector"
	"source-intercom/protocol"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

// configuredCatalog is every discovered stream that is read by default, in its best mode, one stream's description on a line.
func configuredCatalog(t *testing.T) []byte {
	t.Helper()
	message, err := connector.Discover(t.Context(), protocol.Airbyte{}, nil, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	var entries []string
	for _, s := range gjson.GetBytes(message, "catalog.streams").Array() {
		if connector.Streams.Named(s.Get("name").Str).Optional() {
			continue
		}
		entry := fmt.Sprintf("    {\n      \"stream\": %s,\n", s.Raw)
		if cursor := s.Get("default_cursor_field"); cursor.Exists() {
			entry += fmt.Sprintf("      \"sync_mode\": \"incremental\",\n      \"destination_sync_mode\": \"append_dedup\",\n      \"cursor_field\": %s,\n", cursor.Raw)
		} else {
			entry += "      \"sync_mode\": \"full_refresh\",\n      \"destination_sync_mode\": \"overwrite\",\n"
		}
		entries = append(entries, entry+fmt.Sprintf("      \"primary_key\": %s\n    }", s.Get("source_defined_primary_key").Raw))
	}
	return []byte("{\n  \"streams\": [\n" + strings.Join(entries, ",\n") + "\n  ]\n}\n")
}

// catalog.json at the top of the repository must select all that discovery offers and is read by default. UPDATE=1 rewrites it.
func TestCatalogFileIsInStepWithDiscovery(t *testing.T) {
	want := configuredCatalog(t)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("../../catalog.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), string(sourceintercom.Catalog)); diff != "" {
		t.Errorf("catalog.json differs from what discover offers; UPDATE=1 go test ./cmd/source-intercom rewrites it:\n%s", diff)
	}
}

func TestCatalogFileSelectsEveryDefaultStream(t *testing.T) {
	selection, err := protocol.ParseCatalog(sourceintercom.Catalog)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, s := range selection.Streams {
		got = append(got, s.Stream)
	}
	for _, s := range connector.TableOf(nil) {
		if !s.Optional() {
			want = append(want, s.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
