package connector

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	sourceintercom "source-intercom"
)

// TestSpecIsEnforced holds every bound and unit that spec.json names against what LoadConfig does.
func TestSpecIsEnforced(t *testing.T) {
	lengths := map[string]func(*Config) time.Duration{
		"lookback_window":         func(c *Config) time.Duration { return c.Lookback },
		"index_lag":               func(c *Config) time.Duration { return c.IndexLag },
		"activity_logs_time_step": func(c *Config) time.Duration { return c.ActivityLogStep },
		"request_timeout":         func(c *Config) time.Duration { return c.RequestTimeout },
		"max_retry_minutes":       func(c *Config) time.Duration { return c.MaxRetry },
	}
	units := map[string]time.Duration{"(seconds)": time.Second, "(minutes)": time.Minute, "(days)": 24 * time.Hour}
	for name, s := range spec().settings {
		if !s.isNumber() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			set := func(value float64) (*Config, error) {
				return loadJSON(false, string(settingsJSON(map[string]any{name: value})))
			}
			least, _ := s.Minimum.Float64()
			most, bounded := least+1000, s.Maximum != ""
			if bounded {
				most, _ = s.Maximum.Float64()
				if _, err := set(most + 1); len(problemsOf(t, err)) != 1 {
					t.Errorf("%v is accepted", most+1)
				}
			}
			if _, err := set(least - 1); len(problemsOf(t, err)) != 1 && name != "request_timeout" { // there 0 is the default
				t.Errorf("%v is accepted", least-1)
			}
			for _, value := range []float64{least, most} {
				config, err := set(value)
				if err != nil {
					t.Errorf("%v: %v", value, err)
				}
				if length := lengths[name]; length != nil && err == nil {
					_, unit, _ := strings.Cut(s.Title, " (")
					if got, want := length(config), time.Duration(value)*units["("+unit]; got != want {
						t.Errorf("%v (%s gives %v, want %v", value, unit, got, want)
					}
				}
			}
		})
	}
	for name, s := range spec().settings {
		for _, value := range s.Enum {
			if _, err := loadJSON(false, string(settingsJSON(map[string]any{name: value}))); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestSpecRules are those of Airbyte's acceptance tests for a specification.
func TestSpecRules(t *testing.T) {
	var document struct {
		Schema struct {
			Additional *bool                     `json:"additionalProperties"`
			Required   []string                  `json:"required"`
			Properties map[string]map[string]any `json:"properties"`
		} `json:"connectionSpecification"`
	}
	if err := json.Unmarshal(sourceintercom.Spec, &document); err != nil {
		t.Fatal(err)
	}
	if !*document.Schema.Additional {
		t.Error("additionalProperties is not true")
	}
	if want := []string{"access_token", "start_date"}; !slices.Equal(document.Schema.Required, want) {
		t.Errorf("required = %v, want %v", document.Schema.Required, want)
	}
	allowed := []string{"type", "title", "description", "format", "pattern", "examples", "enum", "minimum", "maximum", "default", "order", "airbyte_secret", "properties", "items"}
	secrets := []string{"access_token", "client_id", "client_secret", "privacy_key"}
	orders := map[any]string{}
	for name, property := range document.Schema.Properties {
		for keyword := range property {
			if !slices.Contains(allowed, keyword) {
				t.Errorf("%s: keyword %s", name, keyword)
			}
		}
		if _, ok := property["type"].(string); !ok || property["title"] == nil || property["description"] == nil {
			t.Errorf("%s: type, title or description is missing", name)
		}
		if secret := property["airbyte_secret"] == true; secret != slices.Contains(secrets, name) {
			t.Errorf("%s: airbyte_secret is %v", name, secret)
		}
		if other, taken := orders[property["order"]]; taken || property["order"] == nil {
			t.Errorf("%s: its order is that of %q", name, other)
		}
		orders[property["order"]] = name
		if value, ok := property["default"]; ok {
			if _, err := loadJSON(false, string(settingsJSON(map[string]any{name: value}))); err != nil {
				t.Errorf("its own default is refused: %v", err)
			}
		}
	}
	// Connections that were made for Airbyte's connector stay valid: none of its properties may change its type.
	airbyte := map[string]string{
		"access_token": "string", "client_id": "string", "client_secret": "string", "start_date": "string",
		"activity_logs_time_step": "integer", "lookback_window": "integer", "num_workers": "integer", "api_rate_limit": "integer",
	}
	for name, want := range airbyte {
		if got := document.Schema.Properties[name]["type"]; got != want {
			t.Errorf("%s: type %v, want %s", name, got, want)
		}
	}
}
