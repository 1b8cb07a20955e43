package main

import (
	"context"
	"errors"
	"fmt"

	"source-intercom/connector"
	"source-intercom/protocol"

	"github.com/spf13/cobra"
)

// singerOptions are the flags of a Singer tap.
type singerOptions struct {
	readOptions
	properties string // the catalog, under its old name
	discover   bool
	about      bool
	format     string
	version    bool
	test       bool
}

// singerCommand is the root of the command tree: flags without a command are a Singer tap's.
func (p *process) singerCommand(name string) *cobra.Command {
	var o singerOptions
	cmd := &cobra.Command{
		Use:   name,
		Short: "Read an Intercom workspace into any data pipeline",
		Long: "source-intercom reads an Intercom workspace, incrementally, into any data pipeline.\n\n" +
			"With a command it speaks Airbyte's protocol; with flags only, or under the name tap-intercom,\n" +
			"it is a Singer tap. The command demo needs no token and shows all of it.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().NFlag() == 0 && name != "tap-intercom" {
				_ = cmd.Usage()
				return &reportedError{&usageError{"neither a command nor a flag is given"}}
			}
			return p.tap(cmd.Context(), name, o)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&o.config, "config", "c", nil, "`FILE` with the settings, as JSON, or the word ENV for variables TAP_INTERCOM_...; may be repeated, later ones win")
	flags.BoolVarP(&o.discover, "discover", "d", false, "print the catalog; works offline and without --config, unless typed_custom_attributes is on")
	flags.StringVar(&o.catalog, "catalog", "", "`FILE` with the catalog; without it the streams are read that cost little")
	flags.StringVarP(&o.properties, "properties", "p", "", "`FILE` of the catalog, by the old name of --catalog")
	flags.StringVarP(&o.state, "state", "s", "", "`FILE` with the state of an earlier run")
	flags.StringVar(&o.stateFile, "state-file", "", stateFileHelp)
	flags.BoolVar(&o.about, "about", false, "describe the tap: settings, streams, capabilities")
	flags.StringVar(&o.format, "format", "text", "`FORM` of --about: text, json or markdown")
	flags.BoolVar(&o.version, "version", false, "print the version")
	flags.BoolVar(&o.test, "test", false, "try the settings and say which streams can be read")
	flags.BoolVar(&o.strict, "strict", false, strictHelp)
	return cmd
}

func (p *process) tap(ctx context.Context, name string, o singerOptions) error {
	if o.properties != "" {
		if o.catalog != "" && o.catalog != o.properties {
			return &usageError{"--catalog and --properties name different files; they mean the same"}
		}
		o.catalog = o.properties
	}
	d := protocol.Singer{}
	switch {
	case o.version:
		return p.print(fmt.Appendf(nil, "%s %s\n", name, buildVersion()))
	case o.about:
		return p.about(o.format)
	case o.discover:
		cfg, err := p.knownSettings(ctx, o.inputs, d)
		if err != nil {
			return err
		}
		return p.discover(ctx, d, o.inputs, cfg)
	case o.test:
		return p.test(ctx, o.inputs)
	}
	boundMemory()
	_, err := p.read(ctx, d, o.readOptions)
	return err
}

// knownSettings are those that say which streams there are. Settings may be incomplete while somebody selects
// streams: then it is nil, unless they ask for what needs all of them.
func (p *process) knownSettings(ctx context.Context, in inputs, d protocol.Dialect) (*connector.Config, error) {
	if len(in.config) == 0 {
		return nil, nil
	}
	cfg, err := p.loadConfig(ctx, in.config, d)
	var wrong *connector.ConfigError
	if errors.As(err, &wrong) && wrong.Typed {
		return nil, err
	}
	if err != nil {
		log := p.logger(d)
		log.Warn().Err(err).Msg("the settings cannot be used yet: the catalog is that of settings without them")
		return nil, nil
	}
	return cfg, nil
}

// test tries every selected stream and fails if one cannot be read.
func (p *process) test(ctx context.Context, in inputs) error {
	result, err := p.probe(ctx, in, protocol.Singer{})
	if err != nil {
		return err
	}
	log := p.logger(protocol.Singer{})
	for _, stream := range result.Readable {
		log.Info().Str("stream", stream).Msg("can be read")
	}
	for _, m := range result.Missing {
		log.Error().Str("stream", m.Stream).Str("permission", m.Permission).Msg("cannot be read: " + m.Why)
	}
	if n := len(result.Missing); n > 0 {
		return &inputError{errors.New(checkMessage(result))}
	}
	return nil
}
