package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"source-intercom/emulator"
)

const personalMark = "Qzmarkq"

// TestNoCommandShowsWhatIsPrivate runs every command that reads over a world whose every personal value carries a mark,
// under rules for all of them, and looks for the mark in all that comes of it.
func TestNoCommandShowsWhatIsPrivate(t *testing.T) {
	size, err := emulator.SizeOf("40")
	if err != nil {
		t.Fatal(err)
	}
	_, dir := newWorld(t, emulator.Options{Seed: 3, Size: size, Mark: personalMark, Faults: []emulator.Fault{{Path: "/news", Kind: "400"}, {Path: "/conversations/*", Kind: "404", Every: 5}}})
	private := filepath.Join(dir, "private.json")
	text := `{"privacy_key":"a key of 16 characters or more","privacy_patterns":["(?i)` + personalMark + `[^\\s<>\"]*"],"typed_custom_attributes":"on","body_format":"markdown","privacy_rules":[`
	actions := []string{"mask", "hash", "drop", "scrub"}
	for i, field := range strings.Fields("email email_address email_domain phone formatted_phone name external_id user_id ip city region country job_title browser os " +
		"referrer image_url url recording_url transcription_url body body_text body_markdown html history subject title description text remark " +
		"activity_description update_by_name utm_source utm_content custom_attributes.* ticket_attributes.* metadata.* translated_content fin_recording_url fin_transcription_url json_blocks " +
		"call_summary summary translations rating_remark") {
		if i > 0 {
			text += ","
		}
		text += `{"stream":"*","field":"**.` + field + `","action":"` + actions[i%len(actions)] + `"}`
	}
	if err := os.WriteFile(private, []byte(text+"]}"), 0o600); err != nil {
		t.Fatal(err)
	}
	catalog := filepath.Join(dir, "catalog.json")
	chosen := []map[string]any{}
	for _, name := range []string{"contacts", "conversations", "conversation_parts", "tickets", "ticket_parts", "normalized_conversations", "transcripts", "ticket_events", "contact_notes", "articles", "news_items"} {
		chosen = append(chosen, map[string]any{"stream": map[string]any{"name": name}, "sync_mode": "full_refresh", "destination_sync_mode": "append"})
	}
	all, err := json.Marshal(map[string]any{"streams": chosen})
	if err == nil {
		err = os.WriteFile(catalog, all, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := func(name string) string { return filepath.Join(dir, name) }
	configs := []string{"--config", out("config.json"), "--config", private}
	for _, args := range [][]string{
		{"check"}, {"discover"}, {"--discover"}, {"--test"},
		{"read", "--catalog", catalog}, {"read", "--catalog", catalog, "--protocol", "singer", "--state-file", out("state.json")},
		{"--catalog", catalog, "--state-file", out("singer.json")},
		{"export", "--catalog", catalog, "--out", out("jsonl")}, {"export", "--catalog", catalog, "--out", out("csv"), "--format", "csv", "--merge"},
	} {
		args = append(append(args, configs...), "--debug")
		said, err := exec.CommandContext(t.Context(), "source-intercom", args...).CombinedOutput() // an exit code is no matter here
		if len(said) < 100 {
			t.Errorf("%v said %q, error %v", args, said, err)
		}
		lookForMark(t, strings.Join(args[:2], " "), said)
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path == private {
			return err
		}
		data, err := os.ReadFile(path)
		lookForMark(t, path, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func lookForMark(t *testing.T, where string, text []byte) {
	t.Helper()
	if at := bytes.Index(bytes.ToLower(text), []byte(strings.ToLower(personalMark))); at >= 0 {
		t.Errorf("%s: %s", where, text[max(0, at-200):min(at+60, len(text))])
	}
}
