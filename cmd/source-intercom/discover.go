package main

import (
	"source-intercom/connector"
	"source-intercom/protocol"

	"github.com/spf13/cobra"
)

func (p *process) discoverCommand() *cobra.Command {
	var in inputs
	cmd := &cobra.Command{
		Use:   "discover [--config FILE]",
		Short: "Airbyte: print the catalog of all streams; works offline",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := dialectOf(cmd)
			if len(in.config) == 0 {
				return p.discover(d, nil)
			}
			cfg, err := p.loadConfig(cmd.Context(), in.config, d)
			if err != nil {
				return err
			}
			return p.discover(d, cfg)
		},
	}
	cmd.Flags().StringArrayVarP(&in.config, "config", "c", nil, "`FILE` with the settings, of which the API version and the types of custom objects matter; may be repeated")
	protocolFlag(cmd)
	return cmd
}

// discover prints the catalog of every stream that a configuration offers; nil is one that sets nothing.
func (p *process) discover(d protocol.Dialect, cfg *connector.Config) error {
	catalog, err := connector.Discover(d, cfg)
	if err != nil {
		return err
	}
	return p.print(catalog)
}
