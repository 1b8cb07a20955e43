package emulator_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"source-intercom/emulator"
)

// TestExportsFollowTheDocuments compares the answers about jobs, and the columns of the documented download, with every
// published file.
func TestExportsFollowTheDocuments(t *testing.T) {
	for _, version := range published {
		t.Run(version, func(t *testing.T) {
			if testing.Short() && version != "2.16" {
				t.Skip("one version is enough for the race detector")
			}
			t.Parallel()
			r := start(t, emulator.Options{Seed: 5}).with(version)
			doc := document(t, version)
			compare := func(route string, answer reply) {
				t.Helper()
				schema, ok := schemaOf(doc, route, answer.status)
				if !ok {
					t.Errorf("%s: the file has no schema of status %d", route, answer.status)
					return
				}
				for _, v := range violations(schema, version, route, answer.body) {
					t.Error(v)
				}
				filled := map[string]bool{}
				fill(filled, "", answer.json(t))
				for _, name := range properties(schema, "") {
					misspelt := name == "/job_identfier" // where all examples say job_identifier
					if !filled[name] && answer.status == 200 && !misspelt {
						t.Errorf("%s: %s is never filled in", route, name)
					}
				}
			}
			id := r.contentJob(0, r.clock.now().Unix())
			r.clock.add(time.Minute)
			compare("POST /export/content/data", r.call("POST /export/content/data", `{"created_at_after":0,"created_at_before":9}`))
			compare("GET /export/content/data/{id}", r.call("GET /export/content/data/"+id, ""))
			compare("POST /export/cancel/{id}", r.call("POST /export/cancel/"+id, ""))

			header := r.file("/download/content/data/" + id)[""][0]
			described := slices.Collect(maps.Keys(doc.Components.Schemas["data_export_csv"].Value.Properties))
			slices.Sort(described)
			slices.Sort(header)
			if !slices.Equal(header, described) {
				t.Errorf("columns %q, the file has %q", header, described)
			}
			if doc.Paths.Find("/export/reporting_data/get_datasets") == nil {
				if a := r.call("GET /export/reporting_data/get_datasets", ""); a.status != 404 {
					t.Errorf("reports: %d, but the file has none", a.status)
				}
				return
			}
			compare("GET /export/reporting_data/get_datasets", r.call("GET /export/reporting_data/get_datasets", ""))
			attribute := `"standard.channel"`
			if version == "2.14" || version == "2.15" {
				attribute = `"channel"`
			}
			now := r.clock.now().Unix()
			compare("POST /export/reporting_data/enqueue", r.call("POST /export/reporting_data/enqueue", `{}`))
			job := r.report("conversation", "["+attribute+"]", now-1, now)
			compare("GET /export/reporting_data/{id}", r.call("GET /export/reporting_data/"+job, ""))
			compare("GET /export/reporting_data/{id}", r.call("GET /export/reporting_data/none", ""))
			compare("GET /download/reporting_data/{id}", r.call("GET /download/reporting_data/none", "", "Accept", octets))
		})
	}
}
