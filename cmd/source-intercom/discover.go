package main

import (
	"context"

	"source-intercom/connector"
	"source-intercom/protocol"

	"github.com/spf13/cobra"
)

func (p *process) discoverCommand() *cobra.Command {
	var in inputs
	cmd := &cobra.Command{
		Use:   "discover [--config FILE]",
		Short: "Airbyte: print the catalog of all streams; with settings, also the workspace's custom attributes",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := dialectOf(cmd)
			if len(in.config) == 0 {
				return p.discover(cmd.Context(), d, in, nil)
			}
			cfg, err := p.loadConfig(cmd.Context(), in.config, d)
			if err != nil {
				return err
			}
			return p.discover(cmd.Context(), d, in, cfg)
		},
	}
	cmd.Flags().StringArrayVarP(&in.config, "config", "c", nil, "`FILE` with the settings; without one it works offline; may be repeated")
	protocolFlag(cmd)
	return cmd
}

// discover prints the catalog of every stream that a configuration offers; nil is one that sets nothing.
func (p *process) discover(ctx context.Context, d protocol.Dialect, in inputs, cfg *connector.Config) error {
	catalog, err := connector.Discover(ctx, d, cfg, p.logger(d))
	if err != nil {
		return in.nameFile(err)
	}
	return p.print(catalog)
}
