package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	sourceintercom "source-intercom"
	"source-intercom/connector"
)

// version is set by the linker: -ldflags "-X main.version=1.2.3".
var version string

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "development"
}

// description is what --about tells, in the keys that Singer's users know.
type description struct {
	Name         string              `json:"name"`
	Description  string              `json:"description"`
	Version      string              `json:"version"`
	Capabilities []string            `json:"capabilities"`
	Settings     json.RawMessage     `json:"settings"` // a JSON Schema
	Streams      []streamDescription `json:"streams"`

	settings []setting // what is in Settings, in order
}

type streamDescription struct {
	Name       string   `json:"name"`
	Key        []string `json:"key_properties"`
	Cursor     string   `json:"replication_key,omitempty"`
	Method     string   `json:"method"`
	Permission string   `json:"permission"`
}

// setting is one property of the settings' schema.
type setting struct {
	Type        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Default     any    `json:"default"`
	Order       int    `json:"order"`

	name     string
	required bool
}

func describe() (*description, error) {
	d := &description{
		Name:         "tap-intercom",
		Description:  "Reads an Intercom workspace, incrementally.",
		Version:      buildVersion(),
		Capabilities: []string{"about", "catalog", "discover", "properties", "state", "structured-logging", "test"},
	}
	var spec struct {
		Settings json.RawMessage `json:"connectionSpecification"`
	}
	var schema struct {
		Required   []string           `json:"required"`
		Properties map[string]setting `json:"properties"`
	}
	if err := json.Unmarshal(sourceintercom.Spec, &spec); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(spec.Settings, &schema); err != nil {
		return nil, err
	}
	for _, s := range connector.Streams {
		d.Streams = append(d.Streams, streamDescription{s.Name, s.Key, s.Cursor, s.Method, s.Permission})
	}
	d.Settings = spec.Settings
	for name, s := range schema.Properties {
		s.name, s.required = name, slices.Contains(schema.Required, name)
		d.settings = append(d.settings, s)
	}
	slices.SortFunc(d.settings, func(a, b setting) int { return cmp.Compare(a.Order, b.Order) })
	return d, nil
}

// about prints the description in one of three forms.
func (p *process) about(form string) error {
	d, err := describe()
	if err != nil {
		return err
	}
	switch form {
	case "json":
		out, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return err
		}
		return p.print(append(out, '\n'))
	case "markdown":
		return p.print([]byte(d.markdown()))
	case "text":
		return p.print([]byte(d.text()))
	}
	return &usageError{"--format is " + form + ", expected text, json or markdown"}
}

// preset is what holds when the setting is not given.
func (s setting) preset() string {
	switch {
	case s.required:
		return "required"
	case s.Default == nil:
		return ""
	}
	return fmt.Sprint(s.Default)
}

func (d *description) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\nVersion: %s\n\nCapabilities: %s\n\n", d.Name, d.Description, d.Version, strings.Join(d.Capabilities, ", "))
	b.WriteString("## Settings\n\n| setting | type | default | meaning |\n|---|---|---|---|\n")
	for _, s := range d.settings {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.name, s.Type, s.preset(), cell(s.Description))
	}
	b.WriteString("\n## Streams\n\n| stream | primary key | cursor | incremental reading | permission |\n|---|---|---|---|---|\n")
	for _, s := range d.Streams {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", s.Name, strings.Join(s.Key, ", "), s.Cursor, cell(s.Method), cell(s.Permission))
	}
	return b.String()
}

// cell keeps a text inside one cell of a Markdown table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}

func (d *description) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n%s\nCapabilities: %s\n\n", d.Name, d.Version, d.Description, strings.Join(d.Capabilities, ", "))
	var rows [][]string
	for _, s := range d.settings {
		rows = append(rows, []string{s.name, s.Type, s.preset(), s.Title})
	}
	b.WriteString(table([]string{"setting", "type", "default", "meaning"}, rows) + "\n")
	rows = nil
	for _, s := range d.Streams {
		rows = append(rows, []string{s.Name, strings.Join(s.Key, ", "), s.Cursor, s.Method})
	}
	b.WriteString(table([]string{"stream", "primary key", "cursor", "incremental reading"}, rows))
	return b.String()
}
