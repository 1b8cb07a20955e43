package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
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
func (p *process) loadConfig(ctx context.Context, files []string, d protocol.Dialect) (*connector.Config, error) {
	if len(files) == 0 {
		return nil, &inputError{errors.New("no settings are given: name their file with --config config.json")}
	}
	var sources []connector.Source
	for _, file := range files {
		if file == "ENV" {
			sources = append(sources, connector.EnvironmentSource(os.Environ()))
			continue
		}
		data, err := readInput(ctx, "config", file)
		if err != nil {
			return nil, err
		}
		sources = append(sources, connector.Source{Name: file, Data: data})
	}
	cfg, err := connector.LoadConfig(sources, d.Name() == singer, time.Now())
	if err != nil {
		return nil, &inputError{err}
	}
	p.redact = protocol.NewRedactor(cfg.AccessToken, cfg.PrivacyKey)
	return cfg, nil
}

// selection is what the catalog selects; nil where there is no catalog.
func (in inputs) selection(ctx context.Context) (*protocol.Selection, error) {
	if in.catalog == "" {
		return nil, nil
	}
	data, err := readInput(ctx, "catalog", in.catalog)
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
func (in inputs) states(ctx context.Context) (protocol.States, error) {
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
	data, err := readInput(ctx, "state", file)
	if err != nil {
		return protocol.States{}, err
	}
	states, err := protocol.ParseState(data)
	if err != nil {
		return protocol.States{}, &inputError{fmt.Errorf("%s: %w", file, err)}
	}
	return states, nil
}

// readInput reads a file. It may be a pipe into which nobody writes, so a signal ends the wait.
func readInput(ctx context.Context, what, file string) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := readBounded(file)
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, &inputError{fmt.Errorf("the %s cannot be read: %w", what, r.err)}
		}
		return r.data, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("the %s %s: %w", what, file, ctx.Err())
	}
}

// maxInput is far more than any config, catalog or state has, but less than memory: a file may be endless.
const maxInput = 256 << 20

// readBounded reads a file that may be a pipe or a device.
func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tooLarge := fmt.Errorf("%s: found more than %d MB, expected less", file, maxInput>>20)
	if info.Size() > maxInput {
		return nil, tooLarge
	}
	data, err := io.ReadAll(io.LimitReader(f, maxInput+1))
	if err == nil && len(data) > maxInput {
		err = tooLarge
	}
	return data, err
}

// nameFile says in which file a state, a catalog or a setting is that the connector could not use.
func (in inputs) nameFile(err error) error {
	var state *connector.StateError
	var catalog *connector.CatalogError
	var connect *connector.ConnectError
	switch {
	case errors.As(err, &connect):
		return fmt.Errorf("%s: %w", strings.Join(in.config, ", "), err)
	case errors.As(err, &state):
		return fmt.Errorf("%s: %w", cmp.Or(in.stateFile, in.state), err)
	case errors.As(err, &catalog):
		return fmt.Errorf("%s: %w", in.catalog, err)
	}
	return err
}
