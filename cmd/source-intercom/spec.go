package main

import (
	sourceintercom "source-intercom"
	"source-intercom/protocol"

	"github.com/spf13/cobra"
)

func (p *process) specCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "spec",
		Short: "Airbyte: print which settings there are",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return p.print(protocol.Airbyte{}.AppendSpec(nil, sourceintercom.Spec))
		},
	}
	speaks(cmd, airbyte)
	return cmd
}
