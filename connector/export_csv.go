package connector

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxCSVRow bounds a row, so that a quote that is never closed does not bring the whole file into memory.
const maxCSVRow = 16 << 20

// csvReader reads CSV as RFC 4180 has it. encoding/csv is not used, since it takes the carriage returns out of texts
// and knows no bound.
type csvReader struct {
	in   *bufio.Reader
	row  int    // that is being read, from 1 on; rows may span lines
	text []byte // of the row's cells, one after the other
	ends []int  // where each of them ends
}

func newCSVReader(in io.Reader) *csvReader {
	b := bufio.NewReaderSize(in, 64<<10)
	if mark, _ := b.Peek(3); string(mark) == "\ufeff" {
		_, _ = b.Discard(len(mark))
	}
	return &csvReader{in: b}
}

// A csvError says where a file is no CSV.
type csvError struct {
	row  int
	what string
}

func (e *csvError) Error() string { return fmt.Sprintf("row %d of the CSV: %s", e.row, e.what) }

// next returns the next row's cells, or io.EOF behind the last row. The slice is used again, its texts are not. Rows
// without any text are passed over.
func (r *csvReader) next(cells []string) ([]string, error) {
	for {
		r.row++
		r.text, r.ends = r.text[:0], r.ends[:0]
		if err := r.read(); err != nil {
			return nil, err
		}
		if len(r.ends) == 1 && len(r.text) == 0 {
			continue // an empty line
		}
		text, from := string(r.text), 0
		if !utf8.ValidString(text) {
			return r.mended(cells[:0]), nil
		}
		cells = cells[:0]
		for _, end := range r.ends {
			cells = append(cells, text[from:end])
			from = end
		}
		return cells, nil
	}
}

// mended are the cells of a row with bytes that are no UTF-8, which JSON could not hold.
func (r *csvReader) mended(cells []string) []string {
	from := 0
	for _, end := range r.ends {
		cells = append(cells, strings.ToValidUTF8(string(r.text[from:end]), "\ufffd"))
		from = end
	}
	return cells
}

// read reads a row. A file that ends without a line break ends its last row with it.
func (r *csvReader) read() error {
	for {
		last, err := r.cell()
		if errors.Is(err, io.EOF) && len(r.ends) == 0 && len(r.text) == 0 {
			return io.EOF
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		r.ends = append(r.ends, len(r.text))
		if last || err != nil {
			return nil
		}
	}
}

// cell reads a cell and what ends it, and tells whether that ends the row, too.
func (r *csvReader) cell() (last bool, err error) {
	c, err := r.in.ReadByte()
	if err != nil {
		return true, err
	}
	if c == '"' {
		if err := r.quoted(); err != nil {
			return true, err
		}
		if c, err = r.in.ReadByte(); err != nil {
			return true, err
		}
		if c != ',' && c != '\n' && c != '\r' {
			return true, &csvError{r.row, "text behind a closing quote"}
		}
	}
	for {
		switch c {
		case ',':
			return false, nil
		case '\n':
			return true, nil
		case '\r':
			if next, err := r.in.Peek(1); err == nil && next[0] == '\n' {
				_, _ = r.in.Discard(1)
			}
			return true, nil
		case '"':
			return true, &csvError{r.row, "a quote inside a cell that does not begin with one"}
		}
		if err := r.add(c); err != nil {
			return true, err
		}
		if c, err = r.in.ReadByte(); err != nil {
			return true, err
		}
	}
}

// quoted reads the rest of a cell that began with a quote.
func (r *csvReader) quoted() error {
	for {
		c, err := r.in.ReadByte()
		if errors.Is(err, io.EOF) {
			return &csvError{r.row, "the file ends inside quotes"}
		}
		if err != nil {
			return err
		}
		if c == '"' {
			if next, err := r.in.Peek(1); err != nil || next[0] != '"' {
				return nil
			}
			_, _ = r.in.Discard(1)
		}
		if err := r.add(c); err != nil {
			return err
		}
	}
}

func (r *csvReader) add(c byte) error {
	if len(r.text) >= maxCSVRow {
		return &csvError{r.row, fmt.Sprintf("more than %d bytes", maxCSVRow)}
	}
	r.text = append(r.text, c)
	return nil
}
