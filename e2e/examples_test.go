package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"gopkg.in/yaml.v3"
)

type meltanoSetting struct {
	Name, Kind string
	Sensitive  bool
	Options    []struct{ Value string }
}

// TestMeltanoSettings holds the settings of examples/meltano against the connector's own description.
func TestMeltanoSettings(t *testing.T) {
	var project struct {
		Plugins struct {
			Extractors []struct {
				Capabilities []string
				Settings     []meltanoSetting
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, absolute(t, "examples", "meltano", "meltano.yml"))), &project); err != nil {
		t.Fatal(err)
	}
	tap := project.Plugins.Extractors[0]
	about := gjson.Parse(shell(t, t.TempDir(), "source-intercom --about --format json"))

	type ordered struct {
		order   int64
		setting meltanoSetting
	}
	var settings []ordered
	about.Get("settings.properties").ForEach(func(name, property gjson.Result) bool {
		s := meltanoSetting{Name: name.Str, Kind: property.Get("type").Str}
		switch {
		case property.Get("airbyte_secret").Bool():
			s.Kind, s.Sensitive = "password", true
		case property.Get("format").Str == "date-time":
			s.Kind = "date_iso8601"
		case name.Str == "region":
			s.Kind = "options"
			for _, value := range property.Get("enum").Array() {
				s.Options = append(s.Options, struct{ Value string }{value.Str})
			}
		case s.Kind == "number":
			s.Kind = "string" // Meltano cannot hand on its decimals
		}
		settings = append(settings, ordered{property.Get("order").Int(), s})
		return true
	})
	slices.SortFunc(settings, func(a, b ordered) int { return int(a.order - b.order) })
	var want []meltanoSetting
	for _, s := range settings {
		want = append(want, s.setting)
	}
	if diff := cmp.Diff(want, tap.Settings); diff != "" {
		t.Errorf("the settings in meltano.yml differ from spec.json (-want +got):\n%s", diff)
	}

	for _, capability := range tap.Capabilities {
		if !slices.ContainsFunc(about.Get("capabilities").Array(), func(c gjson.Result) bool { return c.Str == capability }) {
			t.Errorf("meltano.yml claims the capability %s, which --about does not name", capability)
		}
	}
}

// TestWorkflowSettings holds the variables that the scheduled workflow sets against the settings, since
// the connector leaves alone what it does not know.
func TestWorkflowSettings(t *testing.T) {
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct {
				Run string
				Env map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, absolute(t, "examples", "ci", "intercom.yml"))), &workflow); err != nil {
		t.Fatal(err)
	}
	known := gjson.Parse(shell(t, t.TempDir(), "source-intercom --about --format json")).Get("settings.properties").Map()
	synced := false
	for _, step := range workflow.Jobs["sync"].Steps {
		if !strings.HasPrefix(step.Run, "./sync.sh ") {
			continue
		}
		synced = true
		for name := range step.Env {
			setting, ours := strings.CutPrefix(name, "TAP_INTERCOM_")
			if _, ok := known[strings.ToLower(setting)]; ours && !ok {
				t.Errorf("intercom.yml sets %s, which is no setting", name)
			}
		}
		for _, required := range []string{"TAP_INTERCOM_ACCESS_TOKEN", "TAP_INTERCOM_START_DATE"} {
			if step.Env[required] == "" {
				t.Errorf("intercom.yml does not set %s", required)
			}
		}
	}
	if !synced {
		t.Error("intercom.yml has no step that runs sync.sh")
	}
}
