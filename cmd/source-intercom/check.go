package main

import (
	"context"
	"fmt"
	"strings"

	"source-intercom/connector"
	"source-intercom/protocol"

	"github.com/spf13/cobra"
)

func (p *process) checkCommand() *cobra.Command {
	var in inputs
	cmd := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Airbyte: try the settings and say which streams can be read",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.check(cmd.Context(), in)
		},
	}
	cmd.Flags().StringArrayVarP(&in.config, "config", "c", nil, "`FILE` with the settings, as JSON; may be repeated, later ones win")
	cmd.Flags().StringVar(&in.catalog, "catalog", "", "`FILE` with the catalog whose streams are tried; without it those that are read by default")
	speaks(cmd, airbyte)
	return cmd
}

// check prints a connection status. Settings that do not work are an answer, not a failure.
func (p *process) check(ctx context.Context, in inputs) error {
	result, err := p.probe(ctx, in, protocol.Airbyte{})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return p.print(protocol.Airbyte{}.AppendConnectionStatus(nil, false, p.failure(err).Message))
	}
	return p.print(protocol.Airbyte{}.AppendConnectionStatus(nil, true, p.redact.Redact(checkMessage(result))))
}

// probe tries the settings against the API. An error means that they do not work at all.
func (p *process) probe(ctx context.Context, in inputs, d protocol.Dialect) (connector.CheckResult, error) {
	cfg, err := p.loadConfig(ctx, in.config, d)
	if err != nil {
		return connector.CheckResult{}, err
	}
	selection, err := in.selection(ctx)
	if err != nil {
		return connector.CheckResult{}, err
	}
	result, err := connector.Check(ctx, cfg, selection, p.logger(d))
	return result, in.nameFile(err)
}

func checkMessage(r connector.CheckResult) string {
	all := len(r.Readable) + len(r.Missing)
	message := fmt.Sprintf("%d of %d streams can be read", len(r.Readable), all)
	if r.Workspace != "" {
		message = fmt.Sprintf("workspace %s: %s", r.Workspace, message)
	}
	var missing []string
	for _, m := range r.Missing {
		missing = append(missing, fmt.Sprintf("%s needs the permission %q (%s)", m.Stream, m.Permission, m.Why))
	}
	if len(missing) > 0 {
		message += "; not readable: " + strings.Join(missing, "; ")
	}
	return message
}
