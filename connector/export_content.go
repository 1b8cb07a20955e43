package connector

import (
	"context"
	"fmt"
	"io"
	"strings"

	"source-intercom/intercom"
)

const (
	// mostExported is how many rows a job brings at most: of more, "we will only return the first 10 millions rows".
	// https://developers.intercom.com/docs/references/2.5/rest-api/exports-content-stats/export-job-model
	mostExported = 10_000_000
	// contentStep and aboveContent together stay below the 90 days that many take for the longest range of a job.
	contentStep = 45 * 24 * 60 * 60
	// aboveContent is how much more each window asks for above its end, at least.
	aboveContent = 30 * 24 * 60 * 60
)

// A contentRun is the content export in one run.
//
// A job brings what was sent in its range, and of what happened to it afterwards only what happened within the range,
// too. So each window asks for more above its end: what is sent on its last day is not opened before the next. It is no
// less than what the next run reads again, so that rows that are read twice never show less the second time. What was
// sent up there is left to the next window.
type contentRun struct {
	*feedRun
	exporter *exporter
	top      int64
	most     int64 // rows
	edge     edge
}

// A contentWindow is a stretch of time in which content was sent.
type contentWindow struct {
	span
	above int64 // seconds for which more is asked above its end
}

// walkContentExport reads windows one after the other: Intercom lets only one job of a workspace be under way.
func walkContentExport(ctx context.Context, f *feedRun) error { return newContentRun(f).all(ctx) }

func newContentRun(f *feedRun) *contentRun {
	c := &contentRun{feedRun: f, top: f.top(), most: mostExported}
	c.exporter = &exporter{feedRun: f, stream: f.feed.Name, create: f.feed.Path,
		body: func(w span) []byte {
			// Both bounds are documented to belong to the range. A second more at each end costs nothing.
			return fmt.Appendf(nil, `{"created_at_after":%d,"created_at_before":%d}`, max(w.lo-1, 0), w.hi)
		},
		status:   jobPath("/export/content/data/", ""),
		download: jobPath("/download/content/data/", ""),
		cancel:   jobPath("/export/cancel/", ""),
	}
	return c
}

// all reads what any of the streams lacks.
func (c *contentRun) all(ctx context.Context) error {
	var need ranges
	above := int64(aboveContent)
	for _, run := range c.runs {
		need = need.union(run.plan.need)
		above = max(above, run.part.progress.overlap)
	}
	for _, w := range need.within(span{0, c.top}).steps(contentStep) {
		if err := c.window(ctx, contentWindow{w, above}); err != nil {
			return err
		}
	}
	return nil
}

// window reads what was sent in w. One with more rows than a job brings is read in halves.
func (c *contentRun) window(ctx context.Context, w contentWindow) error {
	if len(c.live()) == 0 {
		return errNoneLeft
	}
	rows, err := c.once(ctx, w)
	if err != nil {
		return err
	}
	mid := w.lo + (w.hi-w.lo)/2
	switch {
	case rows < c.most:
		c.edge.pass()
		return c.finished(ctx, w.span)
	case mid == w.lo:
		return fmt.Errorf("%s: a job brings %d rows at most, and there are more of the content sent in second %d", c.feed.Name, c.most, w.lo)
	}
	c.Log.Info().Int64("rows", rows).Msg("an export job brought as many rows as one can: making two of half its time")
	for _, half := range []span{{w.lo, mid}, {mid, w.hi}} {
		if err := c.window(ctx, contentWindow{half, w.above / 2}); err != nil {
			return err
		}
	}
	return nil
}

// once has a job done for a window, and emits what it brings.
func (c *contentRun) once(ctx context.Context, w contentWindow) (rows int64, err error) {
	file, err := c.exporter.bring(ctx, span{w.lo, min(w.hi+w.above, c.top)})
	if err != nil || file == nil {
		return 0, err
	}
	defer file.close()
	return c.read(ctx, w.span, file)
}

// read emits the rows of a job's file, and returns how many rows there were, those of files that nobody wants included.
func (c *contentRun) read(ctx context.Context, w span, file *spool) (rows int64, err error) {
	kinds, err := c.kinds(file)
	if err != nil {
		return 0, err
	}
	err = file.each(func(name string, in io.Reader) error {
		t := &contentTable{contentRun: c, ctx: ctx, window: w, kind: fileKind(name), kinds: kinds, name: name, csv: newCSVReader(in)}
		if err := t.open(); err != nil {
			return err
		}
		n, err := t.read()
		rows += n
		return t.charge(err)
	})
	return rows, err
}

// kinds lists what a job's file holds. Of something unknown it must not be said that it holds no rows.
func (c *contentRun) kinds(file *spool) (kinds []*exportKind, err error) {
	var unknown []string
	err = file.each(func(name string, _ io.Reader) error {
		if kind := fileKind(name); kind != nil {
			kinds = append(kinds, kind)
		} else {
			unknown = append(unknown, name)
		}
		return nil
	})
	if err == nil && len(kinds) == 0 {
		err = &intercom.ShapeError{Stream: c.feed.Name, Path: "content export", Want: "a CSV file of receipts or of what became of them",
			Found: "the files " + clip(strings.Join(unknown, ", "))}
	}
	if len(unknown) > 0 {
		c.Log.Debug().Strs("files", unknown).Msg("the content export holds files that are no stream here")
	}
	return kinds, err
}

// fileKind tells by its name what a file holds; a bare CSV is that of the receipts.
func fileKind(name string) *exportKind {
	if name == "" {
		return &exportKinds[0]
	}
	name = strings.ToLower(name)
	if at := strings.IndexAny(name, "0123456789."); at >= 0 {
		name = strings.TrimRight(name[:at], "_-")
	}
	for i := range exportKinds {
		if k := &exportKinds[i]; name == k.file || "content_export_"+name == k.stream {
			return k
		}
	}
	return nil
}

// An edge remembers rows that the next window shows again.
type edge struct{ last, next map[uint64]uint64 }

// mostOnEdge bounds them. What lies beyond is emitted twice.
const mostOnEdge = 1 << 20

// again tells whether the window before has shown a row, and, if asked to, remembers it for the one after.
func (e *edge) again(key, content uint64, remember bool) bool {
	before, met := e.last[key]
	if remember && len(e.next) < mostOnEdge {
		if e.next == nil {
			e.next = map[uint64]uint64{}
		}
		e.next[key] = content
	}
	return met && before == content
}

// pass goes on to the next window.
func (e *edge) pass() { e.last, e.next = e.next, nil }
