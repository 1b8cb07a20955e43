package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"source-intercom/connector"
	"source-intercom/protocol"

	"github.com/spf13/cobra"
)

// readOptions say what is read and from where on.
type readOptions struct {
	inputs
	strict bool
}

func (p *process) readCommand() *cobra.Command {
	var o readOptions
	cmd := &cobra.Command{
		Use:   "read --config FILE --catalog FILE [--state FILE | --state-file FILE]",
		Short: "Airbyte: read the streams of a catalog, from a state on",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := dialectOf(cmd)
			if o.catalog == "" && d.Name() == airbyte {
				return &inputError{errors.New("no catalog is given: name one with --catalog, " +
					"such as catalog.json, which selects every stream, or what discover prints")}
			}
			boundMemory()
			_, err := p.read(cmd.Context(), d, o)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&o.config, "config", "c", nil, "`FILE` with the settings, as JSON; may be repeated, later ones win")
	flags.StringVar(&o.catalog, "catalog", "", "`FILE` with the catalog: configured, discovered, or Singer's")
	flags.StringVarP(&o.state, "state", "s", "", "`FILE` with the state of an earlier run")
	flags.StringVar(&o.stateFile, "state-file", "", stateFileHelp)
	flags.BoolVar(&o.strict, "strict", false, strictHelp)
	protocolFlag(cmd)
	return cmd
}

const (
	strictHelp    = "fail when Intercom withheld something, which otherwise is only reported"
	stateFileHelp = "`FILE` that the state is read from, if it is there, and kept in: the new state replaces it " +
		"where stdout is a file, and goes to FILE.next where it is not"
)

// protocolFlag makes the protocol of an Airbyte command a choice.
func protocolFlag(cmd *cobra.Command) {
	speaks(cmd, airbyte)
	cmd.Flags().String("protocol", airbyte, "`NAME` of the protocol to speak: airbyte or singer")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if name, _ := cmd.Flags().GetString("protocol"); name != airbyte && name != singer {
			return &usageError{"--protocol is " + name + ", expected airbyte or singer"}
		}
		return nil
	}
}

// read reads the selected streams to stdout. The summary is nil where it failed before it began.
func (p *process) read(ctx context.Context, d protocol.Dialect, o readOptions) (*connector.Summary, error) {
	if o.state != "" && o.stateFile != "" {
		return nil, &usageError{"--state and --state-file are both given; --state-file reads the state too"}
	}
	if o.stateFile != "" {
		target, err := stateTarget(o.stateFile, p.stdout)
		if err != nil {
			return nil, &inputError{fmt.Errorf("--state-file %s: the state cannot be kept there: %w", o.stateFile, err)}
		}
		o.stateFile = target
	}
	cfg, err := p.loadConfig(ctx, o.config, d)
	if err != nil {
		return nil, err
	}
	options := connector.Options{Config: cfg, Dialect: d, Lines: p.lines, Log: p.logger(d), Strict: o.strict}
	if options.Selection, err = o.selection(ctx); err != nil {
		return nil, err
	}
	if options.State, err = o.states(ctx); err != nil {
		return nil, err
	}
	var keep *stateFile
	if o.stateFile != "" {
		if keep, err = newStateFile(o.stateFile, p.stdout, p.lines, d); err != nil {
			return nil, &inputError{fmt.Errorf("--state-file %s: the state cannot be kept there: %w", o.stateFile, err)}
		}
		options.OnState = keep.save
	}
	summary, err := p.runReader(ctx, options, keep)
	return summary, o.nameFile(err)
}

// memoryLimit is how much memory a read lets garbage take up before it is collected, whatever else there is
// room for. Pages, batches and connections stay far below it.
const memoryLimit = 48 << 20 // bytes

// boundMemory sets the limit, unless the user has set one.
func boundMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

// runReader runs one read with all that is told about it: the status while it runs, and the summary
// and the state file at its end.
func (p *process) runReader(ctx context.Context, o connector.Options, keep *stateFile) (*connector.Summary, error) {
	reader := connector.NewReader(o)
	stop := watch(reader.Progress, p.stderr, o.Log)
	summary, err := reader.Read(ctx)
	stop()
	if summary == nil {
		return nil, err
	}
	p.summarize(o, summary, err == nil)
	if keep != nil {
		if kept := keep.finish(summary.State); kept != nil && err == nil {
			return summary, kept
		} else if kept != nil {
			o.Log.Error().Msg(kept.Error())
		}
	}
	if err != nil && o.Dialect.Name() == airbyte && p.lines.Err() == nil {
		err = &reportedError{err} // as TRACE lines
	}
	return summary, err
}

func (p *process) summarize(o connector.Options, s *connector.Summary, ok bool) {
	if p.stderr.isTerminal() {
		p.stderr.printf("%s", summaryTable(s))
	} else {
		logSummary(o.Log, s)
	}
	if o.Dialect.Name() == singer {
		p.stderr.printf("%s", metrics(s, ok))
	}
}
