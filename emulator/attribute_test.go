package emulator_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"source-intercom/emulator"
)

// attributeTypes lists the types of a model's attributes by name, as the API tells them.
func (r *rig) attributeTypes(model string) map[string][]string {
	out := map[string][]string{}
	add := func(name, dataType any) { out[name.(string)] = append(out[name.(string)], dataType.(string)) }
	switch {
	case model == "ticket":
		for _, kind := range rows(r.get("GET /ticket_types", ""), "data") {
			for _, a := range rows(kind["ticket_type_attributes"].(map[string]any), "data") {
				add(a["name"], a["data_type"])
			}
		}
	case model == "conversation" && slices.Index(emulator.Versions(), r.version) >= slices.Index(emulator.Versions(), "2.16"):
		for _, a := range rows(r.get("GET /conversations/attributes?include_archived=true", ""), "data") {
			add(a["name"], a["data_type"])
		}
	default:
		for _, a := range rows(r.get("GET /data_attributes?include_archived=true&model="+model, ""), "data") {
			if name, own := strings.CutPrefix(a["full_name"].(string), "custom_attributes."); own {
				add(name, a["data_type"])
			}
		}
	}
	return out
}

// typesOf are the types that a value may be of.
func typesOf(v any) []string {
	switch v := v.(type) {
	case nil:
		return []string{"string", "list", "integer", "decimal", "float", "boolean", "date", "datetime", "relationship", "files"}
	case string:
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return []string{"date", "datetime"}
		}
		return []string{"string", "list"}
	case json.Number:
		if strings.Contains(v.String(), ".") {
			return []string{"decimal", "float"}
		}
		return []string{"integer", "decimal", "float", "date", "datetime"}
	case bool:
		return []string{"boolean"}
	case map[string]any:
		if v["type"] == "upload" {
			return []string{"files"}
		}
		return []string{"relationship"}
	}
	return []string{"list", "files"}
}

// TestAttributesHaveTheirTypes compares the values in all records with the types that the API lists. What differs is what
// differs at Intercom, too.
func TestAttributesHaveTheirTypes(t *testing.T) {
	since213 := map[string]bool{"contact order": true}
	want := map[string]bool{ // values that do not fit, and attributes that no list has
		"contact score": true, "company seats": true, "conversation seats": true, "ticket Effort": true,
		"conversation CX Score rating": true, "conversation CX Score explanation": true,
	}
	for i, version := range emulator.Versions() {
		t.Run(version, func(t *testing.T) {
			r := start(t, emulator.Options{Seed: 5}).with(version)
			r.Edit(func(w *emulator.World) {
				w.UpdateContact(w.IDs("contacts")[0])
				w.UpdateCompany(w.IDs("companies")[0])
				w.UpdateTicket(w.IDs("tickets")[0])
				w.BulkTag(2)
			})
			misfits, used := map[string]bool{}, map[string]bool{}
			for stream, model := range map[string]string{"contacts": "contact", "companies": "company", "conversations": "conversation", "tickets": "ticket"} {
				types := r.attributeTypes(model)
				truth, err := r.Truth(stream, version)
				if err != nil {
					t.Fatal(err)
				}
				holder := map[bool]string{true: "ticket_attributes", false: "custom_attributes"}[model == "ticket"]
				for _, row := range truth {
					var record map[string]any
					d := json.NewDecoder(strings.NewReader(string(row)))
					d.UseNumber()
					if err := d.Decode(&record); err != nil {
						t.Fatal(err)
					}
					for name, value := range record[holder].(map[string]any) {
						used[model+" "+name] = true
						if !slices.ContainsFunc(typesOf(value), func(s string) bool { return slices.Contains(types[name], s) }) {
							misfits[model+" "+name] = true
						}
					}
				}
				for name := range types {
					if !used[model+" "+name] {
						t.Errorf("no %s has %q", model, name)
					}
				}
			}
			want := maps.Clone(want)
			if i >= slices.Index(emulator.Versions(), "2.13") {
				maps.Copy(want, since213)
			}
			if i >= slices.Index(emulator.Versions(), "2.13") && version < "2.16" { // relationships are listed since 2.16
				want["conversation orders"] = true
			}
			if diff := cmp.Diff(want, misfits); diff != "" {
				t.Errorf("what does not fit (-want +got):\n%s", diff)
			}
		})
	}
}

// Both lists of conversation attributes have the same attributes, as far as the older one knows their types.
func TestBothListsOfConversationAttributes(t *testing.T) {
	r := start(t, emulator.Options{})
	old, now := r.with("2.15").attributeTypes("conversation"), r.with("2.16").attributeTypes("conversation")
	words := map[string]string{"list": "string", "decimal": "float", "datetime": "date"}
	got := map[string]string{}
	for name, types := range now {
		if len(types) != 1 {
			t.Errorf("%s is listed %d times", name, len(types))
		}
		word := types[0]
		if older, ok := words[word]; ok {
			word = older
		}
		if word != "relationship" && word != "files" {
			got[name] = fmt.Sprint([]string{word})
		}
	}
	want := map[string]string{}
	for name, types := range old {
		want[name] = fmt.Sprint(types)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("2.15 and 2.16 (-2.15 +2.16):\n%s", diff)
	}
}
