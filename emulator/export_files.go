package emulator

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"io"
	"strings"
)

// exportForm is how the files of a job are packed.
type exportForm string

const (
	csvForm exportForm = "csv" // one CSV, gzipped
	zipForm exportForm = "zip" // a ZIP of several
	tarForm exportForm = "tar" // a gzipped tar of several
)

// csvFile is a file of an export.
type csvFile struct {
	name string
	text []byte
}

// csvTable writes a CSV as RFC 4180 has it, which is what Intercom's Ruby does.
func csvTable(name string, header []string, rows func(write func(cells []string))) csvFile {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(header) // into memory
	rows(func(cells []string) { _ = w.Write(cells) })
	w.Flush()
	return csvFile{name, b.Bytes()}
}

// contentFiles makes the files of a content export: receipts, and in an archive one for each kind of act that there is any of.
func contentFiles(w *World, form exportForm, rows []*delivered, stamp string) []csvFile {
	p := inColumns{World: w, unix: form == csvForm}
	header := archivedReceipt
	if form == csvForm {
		header = documentedReceipt
	}
	receipts := csvTable("receipt_"+stamp+".csv", header, func(write func([]string)) {
		for _, d := range rows {
			write(cells(header, func(column string) string { return p.receipt(d, column) }))
		}
	})
	if form == csvForm {
		return []csvFile{receipts}
	}
	files := []csvFile{receipts}
	for i := range statistics {
		kind := &statistics[i]
		acts := csvTable(kind.name+"_"+stamp+".csv", kind.columns, func(write func([]string)) {
			for _, d := range rows {
				for _, a := range d.acts {
					if a.kind == kind {
						write(cells(kind.columns, func(column string) string { return p.act(d, a, column) }))
					}
				}
			}
		})
		if !emptyFile(acts.text) { // "If a statistic has no records then it will not be included"
			files = append(files, acts)
		}
	}
	return append(files, checkpoints(p, rows, stamp))
}

// checkpoints is a file of another kind than all others, which real archives were seen to hold: it knows no receipt.
func checkpoints(p inColumns, rows []*delivered, stamp string) csvFile {
	header := []string{"user_id", "series_entry_record_id", "ruleset_id", "status_name", "created_at"}
	return csvTable("checkpoint_"+stamp+".csv", header, func(write func([]string)) {
		for _, d := range rows {
			if d.ord%deliveriesOfASeries == 0 {
				write([]string{p.receipt(d, "user_id"), d.id(), p.receipt(d, "ruleset_id"), "matched", p.time(d.at)})
			}
		}
	})
}

func cells(columns []string, value func(column string) string) []string {
	out := make([]string, len(columns))
	for i, column := range columns {
		out[i] = value(column)
	}
	return out
}

// pack makes one file of an export's files, and tells its Content-Type and Content-Encoding.
func (f exportForm) pack(files []csvFile) (kind, encoding string, packed []byte) {
	var b bytes.Buffer
	const kindOfAll = "application/octet-stream"
	switch f {
	case zipForm:
		z := zip.NewWriter(&b)
		for _, file := range files {
			w, _ := z.Create(file.name) // into memory, as all that follows
			_, _ = w.Write(file.text)
		}
		_ = z.Close()
		return kindOfAll, "zip", b.Bytes()
	case tarForm:
		z := gzip.NewWriter(&b)
		t := tar.NewWriter(z)
		for _, file := range files {
			_ = t.WriteHeader(&tar.Header{Name: "export/" + file.name, Mode: 0o644, Size: int64(len(file.text))})
			_, _ = t.Write(file.text)
		}
		_, _ = t.Close(), z.Close()
		return kindOfAll, "", b.Bytes()
	}
	z := gzip.NewWriter(&b)
	_, _ = io.Copy(z, bytes.NewReader(files[0].text))
	_ = z.Close()
	return kindOfAll, "gzip", b.Bytes()
}

// acceptsFile tells whether a client of a download has sent the header that it must.
func acceptsFile(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		kind, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		if kind == "application/octet-stream" {
			return true
		}
	}
	return false
}
