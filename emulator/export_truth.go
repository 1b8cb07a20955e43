package emulator

import "strings"

// tellExport tells what content exports and reports hold, all cells as texts or, where they are empty, null:
//
//   - content_export_receipts, keyed by receipt_id, with the columns of the version's form of download (Options.ExportForm). The
//     misspelt first_dismisall of the documented one is called first_dismissal.
//   - content_export_<kinds>, such as content_export_opens: the acts of one kind, keyed by receipt_id and the other values, all
//     joined by slashes in the order of their columns. Where downloads are a single CSV, only the first act of each receipt can
//     be known, by its time alone, and only of kinds that have a column.
//   - reporting_<dataset>, keyed by all values joined by slashes, with the columns' qualified ids. Up to API 2.15 conversations
//     without a reply are missing.
func (t *teller) tellExport(stream string) bool {
	if id, ok := strings.CutPrefix(stream, "reporting_"); ok {
		return t.tellReport(datasetNamed(id))
	}
	kinds, ok := strings.CutPrefix(stream, "content_export_")
	switch {
	case !ok:
		return false
	case kinds == "receipts":
		t.tellReceipts()
		return true
	}
	for i := range statistics {
		if plural(statistics[i].name) == kinds {
			t.tellActs(&statistics[i])
			return true
		}
	}
	return false
}

func plural(name string) string {
	switch {
	case strings.HasSuffix(name, "reply"):
		return strings.TrimSuffix(name, "y") + "ies"
	case strings.HasSuffix(name, "ss"):
		return name + "es"
	}
	return name + "s"
}

// cells files a row of columns.
func (t *teller) cells(key string, columns []string, value func(column string) string) {
	t.obj("")
	for _, column := range columns {
		t.strOrNull(strings.Replace(column, "dismisall", "dismissal", 1), value(column))
	}
	t.end()
	t.take(key, "", "")
}

func (t *teller) columns() inColumns { return inColumns{World: t.w, unix: t.form == csvForm} }

func (t *teller) tellReceipts() {
	p, header := t.columns(), archivedReceipt
	if t.form == csvForm {
		header = documentedReceipt
	}
	for _, d := range t.w.sent() {
		t.cells(d.id(), header, func(column string) string { return p.receipt(d, column) })
	}
}

func (t *teller) tellActs(kind *statistic) {
	p := t.columns()
	for _, d := range t.w.sent() {
		for _, a := range d.acts {
			switch {
			case a.kind != kind:
			case t.form != csvForm:
				t.cells(strings.Join(cells(kind.columns, func(column string) string { return p.act(d, a, column) }), "/"),
					kind.columns, func(column string) string { return p.act(d, a, column) })
			case kind.documented && a.at == d.first(kind.name):
				t.cells(d.id()+"/"+p.time(a.at), []string{"receipt_id", kind.time}, func(column string) string { return p.act(d, a, column) })
			}
		}
	}
}

func (t *teller) tellReport(d *dataset) bool {
	if d == nil {
		return false
	}
	names := make([]string, len(d.columns))
	for i, column := range d.columns {
		names[i] = column.qualified
	}
	d.rows(t.w, t.v, func(_ int64, cell func(string) string) {
		t.cells(strings.Join(cells(names, cell), "/"), names, cell)
	})
	return true
}
