package connector

import (
	"context"
	"slices"
	"strings"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
)

const reportPrefix = "reporting_"

// isReport tells whether a stream of that name would be a dataset of Intercom's reporting.
func isReport(stream string) bool { return strings.HasPrefix(stream, reportPrefix) }

// asksForReports tells whether a selection can be understood only by one who knows the workspace's datasets.
func asksForReports(sel *protocol.Selection, version intercom.Version) bool {
	return sel != nil && version.AtLeast(intercom.V2_14) && slices.ContainsFunc(sel.Streams, func(s protocol.Selected) bool { return isReport(s.Stream) })
}

// reports are the streams of the workspace's datasets. Where Intercom does not tell them, those that are selected fail with
// its reason, and no other stream does.
func reports(ctx context.Context, client *intercom.Client, sel *protocol.Selection) []Stream {
	found, err := datasets(ctx, client)
	if err == nil {
		return reportingStreams(found)
	}
	failing := *reporting
	failing.Walk = func(context.Context, *feedRun) error { return err }
	var streams []Stream
	for _, s := range sel.Streams {
		if isReport(s.Stream) {
			streams = append(streams, Stream{Name: s.Stream, Feed: &failing, Dataset: &dataset{}, Key: []string{rowIDField}, Costly: true, Permission: readReports})
		}
	}
	return streams
}

// discoverReports are the reports that a catalog can offer: none where the workspace has none, or the token may not
// read them.
func discoverReports(ctx context.Context, client *intercom.Client, cfg *Config, log zerolog.Logger) (Table, error) {
	if !intercom.Version(cfg.APIVersion).AtLeast(intercom.V2_14) {
		return nil, nil
	}
	found, err := datasets(ctx, client)
	switch intercom.KindOf(err) {
	case intercom.MissingScope, intercom.PlanRestricted, intercom.NotFound:
		log.Info().Err(err).Msg("no reports are offered: the token may not read them, or the workspace has none")
		return nil, nil
	}
	return reportingStreams(found), err
}
