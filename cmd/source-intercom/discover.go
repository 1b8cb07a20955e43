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
			if len(in.config) > 0 { // not needed, but wrong settings should not pass for right ones
				if _, err := p.loadConfig(cmd.Context(), in.config, d); err != nil {
					return err
				}
			}
			return p.discover(d)
		},
	}
	cmd.Flags().StringArrayVarP(&in.config, "config", "c", nil, "`FILE` with the settings, only checked; may be repeated")
	protocolFlag(cmd)
	return cmd
}

// discover prints the catalog of every stream there is.
func (p *process) discover(d protocol.Dialect) error {
	catalog, err := connector.Discover(d)
	if err != nil {
		return err
	}
	return p.print(catalog)
}
