package connector

import (
	"encoding/json"
	"strings"
)

const (
	environmentName = "environment"
	variablePrefix  = "TAP_INTERCOM_"
)

// EnvironmentSource gathers the settings that TAP_INTERCOM_ variables hold, as Singer's --config ENV
// asks for; environ is in the form of os.Environ. Variables of that prefix that are no setting are
// left alone, as they may belong to anybody, unless they look like a misspelt one.
func EnvironmentSource(environ []string) Source {
	found := map[string]any{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		name, ok := strings.CutPrefix(name, variablePrefix)
		if !ok {
			continue
		}
		name = strings.ToLower(name)
		setting, known := spec().settings[name]
		if known || nearest(name) != "" {
			found[name] = normalize(setting, value)
		}
	}
	data, err := json.Marshal(found)
	if err != nil {
		panic(err) // cannot be: the values are texts, numbers and truths
	}
	return Source{Name: environmentName, Data: data}
}

// variable is the environment's name for a setting.
func variable(name string) string { return variablePrefix + strings.ToUpper(name) }

// field is a setting's name where the source's author will look for it.
func field(source, name string) string {
	if source == environmentName {
		return variable(name)
	}
	return name
}
