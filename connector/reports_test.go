package connector

import (
	"slices"
	"strings"
	"testing"

	"source-intercom/emulator"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"
)

// TestReportsAreDiscovered: with the widest settings discovery offers the streams of the workspace's reports and custom
// objects beside all others, and a token that may not read the reports loses these alone.
func TestReportsAreDiscovered(t *testing.T) {
	for _, denied := range []bool{false, true} {
		var o emulator.Options
		if denied {
			o.DeniedScopes = []string{"export_reporting_data"}
		}
		bubble(t, "2.16", o, func(t *testing.T, w *world) {
			cfg := w.config()
			cfg.TypedAttributes, cfg.CustomObjects = "on", []string{"order", "device"}
			catalog, err := Discover(t.Context(), protocol.Airbyte{}, cfg, zerolog.Nop())
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, s := range gjson.GetBytes(catalog, "catalog.streams.#.name").Array() {
				names = append(names, s.Str)
			}
			if len(names) < 60 || !slices.Contains(names, "custom_objects_device") {
				t.Errorf("%d streams: %q", len(names), names)
			}
			if slices.Contains(names, "reporting_conversation") == denied {
				t.Errorf("denied %v: %q", denied, names)
			}
			t.Logf("%d streams", len(names))
		})
	}
}

// TestReportsThatCannotBeListed fail by name, and no other stream with them.
func TestReportsThatCannotBeListed(t *testing.T) {
	bubble(t, "2.16", emulator.Options{DeniedScopes: []string{"export_reporting_data"}}, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: []string{"tags", "reporting_conversation"}, failing: true})
		out.isComplete(t, "tags")
		if s := out.statuses["reporting_conversation"]; len(s) == 0 || s[len(s)-1] != "INCOMPLETE" {
			t.Errorf("statuses %v", s)
		}
		if f := out.traceErrors()["reporting_conversation"]; f.Get("failure_type").Str != "config_error" || !strings.Contains(f.Get("message").Str, readReports) {
			t.Errorf("failure %s", f.Raw)
		}
		sel := &protocol.Selection{Streams: []protocol.Selected{{Stream: "tags"}, {Stream: "reporting_conversation"}}}
		result, err := Check(t.Context(), w.config(), sel, zerolog.Nop())
		if err != nil || !slices.Equal(result.Readable, []string{"tags"}) || len(result.Missing) != 1 || result.Missing[0].Permission != readReports {
			t.Errorf("check: %+v, error %v", result, err)
		}
	})
	bubble(t, "2.13", emulator.Options{}, func(t *testing.T, w *world) {
		out := w.read(t, reading{streams: []string{"reporting_conversation"}, failing: true})
		if e := errorAs[*CatalogError](t, out); !strings.Contains(e.Error(), "2.14") {
			t.Errorf("error %v", e)
		}
	})
}
