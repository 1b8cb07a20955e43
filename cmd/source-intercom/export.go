package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"source-intercom/connector"
	"source-intercom/folder"
	"source-intercom/protocol"

	"github.com/spf13/cobra"
)

// exportOptions say what is exported, where to, and in which form.
type exportOptions struct {
	inputs
	out    string
	format string
	merge  bool
	strict bool
}

func (p *process) exportCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export --config FILE --out DIR [--catalog FILE] [--format jsonl|csv] [--merge]",
		Short: "Read into files, one set for each stream; run it again for what is new",
		Long: "export reads into a folder, without any platform. It keeps its state there, so that each run goes on\n" +
			"where the last one ended, also after a crash. No file has its name before it is whole.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			boundMemory()
			err := p.export(cmd.Context(), o)
			var usage *usageError
			if err == nil || errors.As(err, &usage) {
				return err
			}
			return errors.New(p.redact.Redact(err.Error()))
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&o.config, "config", "c", nil, "`FILE` with the settings, as JSON; may be repeated, later ones win")
	flags.StringVar(&o.catalog, "catalog", "", "`FILE` with the catalog; without it the streams are read that cost little")
	flags.StringVarP(&o.out, "out", "o", "", "`DIR` that the files and the state are kept in")
	flags.StringVar(&o.format, "format", string(folder.JSONL), "`FORM` of the files: jsonl, or csv for spreadsheets")
	flags.BoolVar(&o.merge, "merge", false, "keep one file for each stream, and in it one row for each key at its newest version; otherwise each run adds a file")
	flags.BoolVar(&o.strict, "strict", false, strictHelp)
	return cmd
}

// export reads the selected streams into a folder of files.
func (p *process) export(ctx context.Context, o exportOptions) error {
	switch format := folder.Format(o.format); {
	case o.out == "":
		return &usageError{"no folder is given: name the one that the files go to with --out DIR"}
	case format != folder.JSONL && format != folder.CSV:
		return &usageError{"--format is " + o.format + ", expected jsonl or csv"}
	}
	cfg, err := p.loadConfig(ctx, o.config, protocol.Singer{}) // times are text here, as in Singer's protocol
	if err != nil {
		return err
	}
	selection, err := o.selection(ctx)
	if err != nil {
		return err
	}
	log := p.logger(protocol.Singer{})
	out, err := folder.Open(ctx, folder.Options{Dir: o.out, Format: folder.Format(o.format), Merge: o.merge, Full: readsInFull(selection), Log: log})
	if err != nil {
		return fmt.Errorf("--out %s: %w", o.out, err)
	}
	o.stateFile = out.StateFile()
	_, err = p.runReader(ctx, connector.Options{Config: cfg, Dialect: out.Dialect(), Lines: protocol.NewLines(out), Log: log,
		Selection: selection, State: out.States(), Strict: o.strict, OnState: out.OnState}, nil)
	err = o.nameFile(err)
	if out.Err() != nil {
		err = nil // only a consequence, which speaks of stdout
	}
	if failed := out.Close(); failed != nil {
		err = errors.Join(err, fmt.Errorf("--out %s: %w", o.out, failed))
	}
	if waiting := out.Waiting(); len(waiting) > 0 {
		log.Warn().Msgf("rows that were read of %s wait for a run that reads the stream to its end", strings.Join(waiting, ", "))
	}
	if err == nil || out.Written() > 0 {
		log.Info().Msgf("%d files written in %s", out.Written(), o.out)
	}
	return err
}

// readsInFull tells which streams a catalog wants in full. A folder is no platform whose attempts share a sync id:
// each run begins them anew.
func readsInFull(selection *protocol.Selection) func(stream string) bool {
	full := map[string]bool{}
	if selection != nil {
		for i, s := range selection.Streams {
			full[s.Stream] = s.Mode == protocol.FullRefresh
			selection.Streams[i].SyncID = nil
		}
	}
	return func(stream string) bool { return full[stream] }
}
