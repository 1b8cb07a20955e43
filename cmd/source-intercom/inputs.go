package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"source-intercom/connector"
	"source-intercom/protocol"
)

// inputs are the files that a protocol command works from.
type inputs struct {
	config    []string
	catalog   string
	state     string
	stateFile string
}

// loadConfig merges and checks the settings; a file named ENV is the environment. From here on the
// token is kept out of all output.
func (p *process) loadConfig(files []string, d protocol.Dialect) (*connector.Config, error) {
	if len(files) == 0 {
		return nil, &inputError{errors.New("no settings are given: name their file with --config config.json")}
	}
	var sources []connector.Source
	for _, file := range files {
		if file == "ENV" {
			sources = append(sources, connector.EnvironmentSource(os.Environ()))
			continue
		}
		data, err := readInput("config", file)
		if err != nil {
			return nil, err
		}
		sources = append(sources, connector.Source{Name: file, Data: data})
	}
	cfg, err := connector.LoadConfig(sources, d.Name() == singer, time.Now())
	if err != nil {
		return nil, &inputError{err}
	}
	p.redact = protocol.NewRedactor(cfg.AccessToken)
	return cfg, nil
}

// selection is what the catalog selects; nil where there is no catalog.
func (in inputs) selection() (*protocol.Selection, error) {
	if in.catalog == "" {
		return nil, nil
	}
	data, err := readInput("catalog", in.catalog)
	if err != nil {
		return nil, err
	}
	selection, err := protocol.ParseCatalog(data)
	if err != nil {
		return nil, &inputError{fmt.Errorf("%s: %w", in.catalog, err)}
	}
	return selection, nil
}

// states is where an earlier run ended. A --state-file may be missing, as it is before the first run;
// a --state may not.
func (in inputs) states() (protocol.States, error) {
	file := in.state
	if in.stateFile != "" {
		file = in.stateFile
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return protocol.States{}, nil
		}
	}
	if file == "" {
		return protocol.States{}, nil
	}
	data, err := readInput("state", file)
	if err != nil {
		return protocol.States{}, err
	}
	states, err := protocol.ParseState(data)
	if err != nil {
		return protocol.States{}, &inputError{fmt.Errorf("%s: %w", file, err)}
	}
	return states, nil
}

func readInput(what, file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, &inputError{fmt.Errorf("the %s cannot be read: %w", what, err)}
	}
	return data, nil
}

// nameFile says in which file a state or a catalog is that the connector could not use.
func (in inputs) nameFile(err error) error {
	var state *connector.StateError
	var catalog *connector.CatalogError
	switch {
	case errors.As(err, &state):
		return fmt.Errorf("%s: %w", cmp.Or(in.stateFile, in.state), err)
	case errors.As(err, &catalog):
		return fmt.Errorf("%s: %w", in.catalog, err)
	}
	return err
}
