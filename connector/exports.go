package connector

import (
	"source-intercom/intercom"
)

// An exportKind is one kind of file of a content export, and the stream of its rows.
type exportKind struct {
	stream string
	file   string // as the archive calls it: open_20260310-123456.csv
	time   string // the column that tells when
	// apart are columns that tell two rows of one receipt and time apart.
	apart []string
	// first is the receipts' column that has the time of the first such row, for downloads that bring receipts alone.
	first string
}

// exportKinds begin with the receipts. Which columns the files have is documented for receipts and clicks alone; those of the
// others were seen: https://github.com/dext/tap-intercom
var exportKinds = []exportKind{
	{stream: "content_export_receipts", file: "receipt", time: "received_at"},
	{stream: "content_export_opens", file: "open", time: "opened_at", first: "first_open"},
	{stream: "content_export_clicks", file: "click", time: "clicked_at", apart: []string{"link_type", "url"}, first: "first_click"},
	{stream: "content_export_replies", file: "reply", time: "replied_at", first: "first_reply"},
	{stream: "content_export_reactions", file: "reaction", time: "reacted_at", apart: []string{"reaction"}, first: "first_reaction"},
	{stream: "content_export_answers", file: "answer", time: "answered_at", apart: []string{"question_id"}, first: "first_answer"},
	{stream: "content_export_completions", file: "completion", time: "completed_at", first: "first_completion"},
	{stream: "content_export_dismissals", file: "dismissal", time: "dismissed_at", first: "first_dismissal"},
	{stream: "content_export_goal_successes", file: "goal_success", time: "goal_hit_at", first: "first_goal_success"},
	{stream: "content_export_unsubscribes", file: "unsubscribe", time: "unsubscribed_at", first: "first_unsubscribe"},
	{stream: "content_export_hard_bounces", file: "hard_bounce", time: "hard_bounced_at", first: "first_hard_bounce"},
	{stream: "content_export_soft_bounces", file: "soft_bounce", time: "soft_bounced_at", first: "first_soft_bounce"},
	{stream: "content_export_series_completions", file: "series_completion", time: "completed_at",
		apart: []string{"completion_node_ruleset_id"}, first: "first_series_completion"},
	{stream: "content_export_series_disengagements", file: "series_disengagement", time: "disengaged_at",
		apart: []string{"disengaged_node_ruleset_id"}, first: "first_series_disengagement"},
	{stream: "content_export_series_exits", file: "series_exit", time: "exited_at", first: "first_series_exit"},
	{stream: "content_export_tour_step_views", file: "tour_step_view", time: "viewed_at", apart: []string{"step_id"}, first: "first_tour_step_view"},
	{stream: "content_export_tour_step_failures", file: "tour_step_failure", time: "failed_at", apart: []string{"step_id"}, first: "first_tour_step_failure"},
}

var (
	contentExport = &Feed{Name: "content_export", Walk: walkContentExport, Path: "/export/content/data", Rows: "csv", Again: readAgain,
		Probe: "/export/content/data/0"}
	reporting = &Feed{Name: "reporting", Walk: walkReporting, Path: "/export/reporting_data/enqueue", Rows: "csv", Again: readAgain,
		Probe: "/export/reporting_data/get_datasets"}
)

// exportStreams are the streams of the content export, which share its jobs.
var exportStreams = contentExportStreams()

func contentExportStreams() []Stream {
	streams := make([]Stream, len(exportKinds))
	for i, kind := range exportKinds {
		streams[i] = Stream{Name: kind.stream, Feed: contentExport, Key: []string{"receipt_id", rowIDField}, Cursor: kind.time, Costly: true,
			Permission: "Export content data",
			Method:     "export jobs of 45 days, by the time of sending; the last 7 days, or lookback_window, are exported again"}
		if kind.isReceipt() {
			streams[i].Key = []string{"receipt_id"}
		}
	}
	return streams
}

// reportingStreams are those of a workspace's datasets.
func reportingStreams(datasets []dataset) []Stream {
	streams := make([]Stream, len(datasets))
	for i := range datasets {
		d := &datasets[i]
		streams[i] = Stream{Name: d.stream(), Feed: reporting, Dataset: d, Key: d.key(), Cursor: d.cursor(), Costly: true, Since: intercom.V2_14,
			Permission: "Export reporting data",
			Method:     "export jobs of 30 days, by the dataset's own time; the last 7 days, or lookback_window, are exported again"}
	}
	return streams
}

func (k *exportKind) isReceipt() bool { return k.file == "receipt" }

// kindOf is what the stream is cut from; nil: it is none of a content export.
func kindOf(stream string) *exportKind {
	for i := range exportKinds {
		if exportKinds[i].stream == stream {
			return &exportKinds[i]
		}
	}
	return nil
}
