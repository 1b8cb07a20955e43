package connector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// A contentTable is a file of a content export on its way to the streams.
type contentTable struct {
	*contentRun
	ctx    context.Context //nolint:containedctx // it lives as long as one call of its owner
	window span
	kind   *exportKind
	kinds  []*exportKind // of all files of the job
	csv    *csvReader
	name   string
	header []string
	row    csvRow
	cuts   []*contentCut
}

// A contentCut is what one stream takes of a file.
type contentCut struct {
	run     *streamRun
	kind    *exportKind
	emitter *emitter
	receipt int   // the places of the columns
	time    int   // when the row's own thing happened
	apart   []int // none where the time was cut from a receipt
	whole   bool  // the stream's own file: all columns are its
	ids     rowIDs
}

// takers are the streams that get rows of the file: its own, and of receipts those, too, that have no file. An archive lacks
// the files of what never happened, and of such the receipts know nothing either; but a download may be receipts alone.
func (t *contentTable) takers() (runs []*streamRun) {
	for _, run := range t.live() {
		kind := kindOf(run.stream.Name)
		mine := kind == t.kind || t.kind != nil && t.kind.isReceipt() && !slices.Contains(t.kinds, kind)
		if mine && len(run.plan.need.within(t.window)) > 0 {
			runs = append(runs, run)
		}
	}
	return runs
}

// open reads the file's header, and charges those streams that it cannot serve. No header lacks every column.
func (t *contentTable) open() error {
	header, err := t.csv.next(nil)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	t.header = slices.Clone(header)
	for _, run := range t.takers() {
		cut, lacking := t.cut(run)
		if err := t.blame(t.ctx, run, cmp.Or(malformed(run.stream.Name, t.name, err), lacking)); err != nil {
			return err
		}
		if cut != nil && err == nil {
			t.cuts = append(t.cuts, cut)
		}
	}
	times := timeFields(t.cuts, t.kind)
	for _, property := range columnNames(t.header) {
		if property == "first_dismisall" { // as the OpenAPI files have it
			property = "first_dismissal"
		}
		t.row.columns = append(t.row.columns, csvColumn{property: property, time: slices.Contains(times, property)})
	}
	return nil
}

// timeFields are the properties of a file's own stream that are times.
func timeFields(cuts []*contentCut, kind *exportKind) (names []string) {
	for _, cut := range cuts {
		if cut.kind != kind {
			continue
		}
		gjson.GetBytes(cut.run.stream.Described().Schema, "properties").ForEach(func(name, property gjson.Result) bool {
			if property.Get("x-unix").Bool() {
				names = append(names, name.Str)
			}
			return true
		})
	}
	return names
}

// cut finds a stream's columns. Receipts without a column for a kind of event say nothing about its events: that is
// withheld, and neither an error of the file nor the end of its events.
func (t *contentTable) cut(run *streamRun) (*contentCut, error) {
	cut := &contentCut{run: run, kind: kindOf(run.stream.Name), emitter: t.emitter(t.ctx, run), ids: rowIDs{}}
	cut.whole = cut.kind == t.kind
	if cut.receipt = placeOf(t.header, "receipt_id"); cut.receipt < 0 {
		return nil, lacks(run.stream.Name, t.name, "receipt_id", t.header)
	}
	if cut.whole {
		if cut.time = placeOf(t.header, cut.kind.time); cut.time < 0 {
			return nil, lacks(run.stream.Name, t.name, cut.kind.time, t.header)
		}
		for _, column := range cut.kind.apart {
			cut.apart = append(cut.apart, placeOf(t.header, column))
		}
		return cut, nil
	}
	cut.time = placeOf(t.header, cut.kind.first)
	if cut.time < 0 && cut.kind.first == "first_dismissal" {
		cut.time = placeOf(t.header, "first_dismisall")
	}
	switch {
	case cut.time >= 0:
		return cut, nil
	case t.name == "":
		run.withheld.Add(1)
		run.leaveOut()
		t.Log.Warn().Str("stream", run.stream.Name).Str("column", cut.kind.first).
			Msg("Intercom exports receipts alone, without this column: nothing can be read of this stream")
	}
	return nil, nil
}

// read emits the rows of the file.
func (t *contentTable) read() (rows int64, err error) {
	var cells []string
	for {
		cells, err = t.csv.next(cells)
		switch {
		case errors.Is(err, io.EOF):
			return rows, t.flush()
		case err == nil && len(cells) != len(t.header):
			err = &csvError{t.csv.row, fmt.Sprintf("%d cells under a header of %d", len(cells), len(t.header))}
		}
		if err != nil {
			return rows, malformed(t.feed.Name, t.name, err)
		}
		rows++
		for _, cut := range t.cuts {
			if !cut.run.alive() {
				continue
			}
			if err := t.blame(t.ctx, cut.run, t.emitCut(cut, cells)); err != nil {
				return rows, err
			}
		}
	}
}

func (t *contentTable) flush() error {
	for _, cut := range t.cuts {
		if err := t.blame(t.ctx, cut.run, cut.emitter.flush(nil)); err != nil {
			return err
		}
	}
	return nil
}

// charge ends the file's streams with an error of the file; the others go on. What nobody takes may be of any form.
func (t *contentTable) charge(err error) error {
	if _, shape := errors.AsType[*intercom.ShapeError](err); !shape {
		return err
	}
	for _, cut := range t.cuts {
		if err := t.blame(t.ctx, cut.run, err); err != nil {
			return err
		}
	}
	return nil
}

// emitCut emits what a stream takes of a row.
func (t *contentTable) emitCut(cut *contentCut, cells []string) error {
	at, dated := cellTime(cells[cut.time])
	if !cut.whole && (!dated || at.seconds == 0) {
		return nil // it never happened
	}
	if cut.kind.isReceipt() {
		if dated && at.zoned && !(t.window.contains(at.seconds) && cut.run.plan.need.contains(at.seconds)) {
			return nil
		}
		t.row.begin()
		t.row.all(cells)
		return cut.emitter.row(t.row.end())
	}
	row := t.event(cut, cells)
	key := keyHash(cut.run.stream.Name, row.Get("receipt_id").String(), row.Get(rowIDField).String())
	if t.edge.again(key, protocol.Fingerprint(raw(row)), !dated || !at.zoned || at.seconds >= t.window.hi-1) {
		return nil
	}
	return cut.emitter.row(row)
}

// event is the record of something that became of a receipt.
func (t *contentTable) event(cut *contentCut, cells []string) gjson.Result {
	when := cells[cut.time]
	if at, ok := cellTime(when); ok {
		when = fmt.Sprint(at.seconds) // whatever the form of the file
	}
	parts := []string{cells[cut.receipt], when}
	for _, place := range cut.apart {
		part := ""
		if place >= 0 {
			part = cells[place]
		}
		parts = append(parts, part)
	}
	t.row.begin()
	t.row.text(rowIDField, cut.ids.of(parts...))
	if cut.whole {
		t.row.all(cells)
	} else {
		t.row.text("receipt_id", cells[cut.receipt])
		t.row.time(cut.kind.time, cells[cut.time])
	}
	return t.row.end()
}
