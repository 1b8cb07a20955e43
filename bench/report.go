//go:build unix

package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"
)

// table prints a section's rows under a title and what its columns mean.
func (b *bench) table(title, head string, rows [][]string) {
	_, _ = fmt.Fprintf(b.out, "\n%s\n\n", title)
	rows = append([][]string{strings.Split(head, "|")}, rows...)
	names := 0
	for _, row := range rows {
		names = max(names, utf8.RuneCountInString(row[0]))
	}
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range rows {
		row[0] += strings.Repeat(" ", names-utf8.RuneCountInString(row[0])) // what names a row stands left
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t")+"\t")
	}
	_ = w.Flush()
}

// progress tells people on stderr what is going on.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// ratio is a over b, "-" where there is nothing to compare with.
func ratio[A, B int | int64 | float64 | time.Duration](a A, b B) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", float64(a)/float64(b))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }

// megabytes are millions of bytes.
func megabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e6) }
