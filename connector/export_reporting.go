package connector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"source-intercom/intercom"

	"golang.org/x/sync/errgroup"
)

const (
	// reportsAtOnce leaves two of the five jobs that Intercom lets be under way to others.
	reportsAtOnce = 3
	// kept is for how many years Intercom keeps the data of reports of workspaces that did not buy more.
	kept = 2
	// behindUTC is more than any zone is behind UTC.
	behindUTC = 14 * 60 * 60
)

// walkReporting reads the reports of several datasets side by side, each in windows of time.
func walkReporting(ctx context.Context, f *feedRun) error {
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(reportsAtOnce)
	for _, run := range f.runs {
		group.Go(func() error {
			r := &report{feedRun: f, run: run, dataset: run.stream.Dataset}
			r.makeExporter()
			return f.blame(reading, run, r.all(reading))
		})
	}
	return group.Wait()
}

// A report is one dataset in one run.
type report struct {
	*feedRun
	run      *streamRun
	dataset  *dataset
	exporter *exporter
}

func (r *report) makeExporter() {
	ids := make([]string, len(r.dataset.columns))
	for i, c := range r.dataset.columns {
		ids[i] = c.qualified
	}
	list, _ := json.Marshal(ids) // texts can always be written
	dataset, _ := json.Marshal(r.dataset.id)
	r.exporter = &exporter{feedRun: r.feedRun, stream: r.run.stream.Name, create: r.feed.Path,
		body: func(w span) []byte {
			// Whether the bounds belong to the range is not documented: a second more at each end.
			return fmt.Appendf(nil, `{"dataset_id":%s,"attribute_ids":%s,"start_time":%d,"end_time":%d}`, dataset, list, max(w.lo-1, 0), w.hi)
		},
		status:   func(id string) string { return "/export/reporting_data/" + url.PathEscape(id) + r.query(id) },
		download: func(id string) string { return "/download/reporting_data/" + url.PathEscape(id) + r.query(id) },
	}
}

// query holds what the documents demand of calls about jobs beside the path. They want a client_id, too, which nobody with
// an access token has; clients of the API leave it out.
func (r *report) query(id string) string {
	query := url.Values{"job_identifier": {id}}
	if r.workspace.ID != "" {
		query.Set("app_id", r.workspace.ID)
	}
	return "?" + query.Encode()
}

// all reads what the stream lacks. What lies before all that Intercom keeps for sure comes last and is read backwards, up to
// the first window that it refuses.
func (r *report) all(ctx context.Context) error {
	border := time.Unix(r.clock, 0).UTC().AddDate(-kept, 0, 1).Unix()
	need := r.run.plan.need.within(span{0, r.top()})
	recent := need.within(span{border, forever}).steps(exportStep)
	for _, w := range recent {
		if err := r.window(ctx, w); err != nil {
			return err
		}
	}
	old := need.within(span{0, border}).steps(exportStep)
	slices.Reverse(old)
	for _, w := range old {
		err := r.window(ctx, w)
		if intercom.KindOf(err) == intercom.BadRequest && len(recent) > 0 { // the same request for other times was none
			return r.forgotten(ctx, w, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forgotten passes over what Intercom does not keep any more.
func (r *report) forgotten(ctx context.Context, w span, err error) error {
	r.run.withheld.Add(1)
	r.Log.Warn().Err(err).Str("stream", r.run.stream.Name).Time("before", time.Unix(w.hi, 0).UTC()).
		Msg("Intercom gives no reports that old: they are left out")
	return r.done(ctx, span{0, w.hi})
}

// done notes that a window has been read.
func (r *report) done(ctx context.Context, w span) error {
	return r.writer.send(ctx, batch{run: r.run, then: func(p *progress) { p.finishRange(w) }})
}

// window reads the rows of a window.
func (r *report) window(ctx context.Context, w span) error {
	file, err := r.exporter.bring(ctx, w)
	if err != nil {
		return err
	}
	if file != nil {
		defer file.close()
		if err := file.each(func(name string, in io.Reader) error { return r.read(ctx, name, in) }); err != nil {
			return err
		}
	}
	return r.done(ctx, w)
}

// read emits the rows of a CSV.
func (r *report) read(ctx context.Context, name string, in io.Reader) error {
	csv := newCSVReader(in)
	header, err := csv.next(nil)
	if err != nil && !errors.Is(err, io.EOF) {
		return malformed(r.run.stream.Name, name, err)
	}
	t := &reportTable{report: r, emitter: r.emitter(ctx, r.run), ids: rowIDs{}, width: len(header)}
	if err := t.place(name, header); err != nil {
		return err
	}
	var cells []string
	for {
		cells, err = csv.next(cells)
		switch {
		case errors.Is(err, io.EOF):
			return t.emitter.flush(nil)
		case err != nil:
			return malformed(r.run.stream.Name, name, err)
		case len(cells) != t.width:
			return malformed(r.run.stream.Name, name, &csvError{csv.row, fmt.Sprintf("%d cells under a header of %d", len(cells), t.width)})
		}
		if err := t.emit(cells); err != nil {
			return err
		}
	}
}

// A reportTable is a report's CSV on its way to its stream.
type reportTable struct {
	*report
	emitter *emitter
	row     csvRow
	ids     rowIDs
	width   int
	cursor  int   // the place of the time, -1: none
	order   []int // the columns' places in the order of their properties, for hashes
}

// place finds out what the columns of a header are. Reports were seen with the simple ids, which may be ambiguous: where the
// header has as many columns as were asked for, the order tells, too.
func (t *reportTable) place(name string, header []string) error {
	columns := t.dataset.columns
	used := make([]bool, len(columns))
	properties := make([]string, len(header))
	for i, title := range header {
		at := -1
		if len(header) == len(columns) && columns[i].is(title) {
			at = i
		}
		for n := 0; at < 0 && n < len(columns); n++ {
			if !used[n] && columns[n].is(title) {
				at = n
			}
		}
		if at >= 0 {
			used[at], properties[i] = true, columns[at].property
		}
	}
	t.cursor = -1
	taken := map[string]bool{rowIDField: true}
	for _, c := range columns {
		taken[c.property] = true
	}
	for i, title := range header {
		if properties[i] == "" {
			properties[i] = unique(columnName(title), title, taken)
		}
		t.row.columns = append(t.row.columns, csvColumn{property: properties[i]})
		t.order = append(t.order, i)
		if properties[i] == t.run.stream.Cursor {
			t.cursor = i
		}
	}
	slices.SortFunc(t.order, func(a, b int) int { return strings.Compare(properties[a], properties[b]) })
	for _, needed := range append(slices.Clone(t.run.stream.Key), t.run.stream.Cursor) {
		if needed != "" && needed != rowIDField && !slices.Contains(properties, needed) {
			return lacks(t.run.stream.Name, name, needed, header)
		}
	}
	return nil
}

// is tells whether a column's title is this one's.
func (c *reportColumn) is(title string) bool {
	title = strings.TrimSpace(title)
	return strings.EqualFold(title, c.qualified) || strings.EqualFold(title, c.id) || strings.EqualFold(title, c.name)
}

func (t *reportTable) emit(cells []string) error {
	t.row.begin()
	if t.run.stream.Key[0] == rowIDField {
		parts := make([]string, len(t.order))
		for i, place := range t.order {
			parts[i] = cells[place]
		}
		t.row.text(rowIDField, t.ids.of(parts...))
	}
	t.row.all(cells)
	var at moment
	dated := false
	if t.cursor >= 0 {
		at, dated = cellTime(cells[t.cursor])
		if !at.zoned {
			at.seconds += behindUTC // so that it is taken for young as long as it may be, and remembered
		}
	}
	return t.emitter.remembering(t.row.end(), nil, at.seconds, dated)
}
