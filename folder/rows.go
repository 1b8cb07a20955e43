package folder

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"source-intercom/protocol"

	"github.com/cespare/xxhash/v2"
	"github.com/tidwall/gjson"
)

// A row is a line of a file, with its end, and what tells it from others. It is valid until the next one.
type row struct {
	line   []byte
	key    []string
	cursor string
	gone   bool // a tombstone
}

// A source goes through rows, as often as it is asked to, in the same order.
type source interface {
	each(func(row) error) error
}

// waitingRows are the records that wait, as lines.
type waitingRows struct {
	path string
	size int64
}

func (w *waitingRows) lines(do func(line []byte) error) error {
	if w.size == 0 {
		return nil
	}
	file, err := os.Open(w.path)
	if err != nil {
		return err
	}
	defer file.Close()
	return eachLine(io.LimitReader(file, w.size), do)
}

// oldFile is a file that was merged before. It must be as it was written.
type oldFile struct {
	path  string
	seals []*seal
}

func (o *oldFile) lines(do func(line []byte) error) error {
	file, err := os.Open(o.path)
	if err != nil {
		return err
	}
	defer file.Close()
	hash := xxhash.New()
	counted := &counter{in: io.TeeReader(file, hash)}
	if err := eachLine(counted, do); err != nil {
		return err
	}
	found := seal{Bytes: counted.n, Hash: fmt.Sprintf("%016x", hash.Sum64())}
	for _, s := range o.seals {
		if s.is(found) {
			return nil
		}
	}
	return changed(o.path)
}

type counter struct {
	in io.Reader
	n  int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}

// eachLine calls do for each line, with its end, however long it is.
func eachLine(in io.Reader, do func([]byte) error) error {
	r := bufio.NewReaderSize(in, 64<<10)
	var long []byte
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			long = append(long, line...)
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
		if len(long) > 0 {
			long = append(long, line...)
			line = long
		}
		if len(line) > 0 {
			if failed := do(line); failed != nil {
				return failed
			}
		}
		if err != nil {
			return nil
		}
		long = long[:0]
	}
}

// jsonRows are rows of a file of JSON lines, of an old one or of those that wait.
type jsonRows struct {
	lines  func(do func(line []byte) error) error
	stream *stream
}

func (j *jsonRows) each(do func(row) error) error {
	fields := make([]string, 0, len(j.stream.key)+2)
	for _, field := range append(j.stream.key[:len(j.stream.key):len(j.stream.key)], j.stream.cursor, protocol.SingerDeleted) {
		fields = append(fields, gjson.Escape(field))
	}
	values := make([]string, len(fields))
	return j.lines(func(line []byte) error {
		for i, found := range gjson.GetManyBytes(line, fields...) {
			values[i] = found.String()
		}
		n := len(j.stream.key)
		return do(row{line: line, key: values[:n], cursor: values[n], gone: values[n+1] != ""})
	})
}

// tableRows are records that wait, as rows of a CSV file.
type tableRows struct {
	*waitingRows
	table *table
}

func (t *tableRows) each(do func(row) error) error {
	return t.lines(func(line []byte) error {
		return do(t.table.row(gjson.ParseBytes(line)))
	})
}

// csvRows are those of an old CSV file, with the columns of the new one.
type csvRows struct {
	*oldFile
	table *table
}

func (c *csvRows) each(do func(row) error) error {
	header := true
	return c.records(func(record []byte) error {
		if header {
			header = false
			return nil
		}
		r, err := c.table.oldRow(record)
		if err != nil {
			return fmt.Errorf("%s: %w", c.path, err)
		}
		return do(r)
	})
}

// records calls do for each record: a line, or several where a value has line breaks. Quotes come in pairs.
func (o *oldFile) records(do func([]byte) error) error {
	var record []byte
	open := false
	return o.lines(func(line []byte) error {
		if bytes.Count(line, []byte{'"'})%2 == 1 {
			open = !open
		}
		record = append(record, line...)
		if open {
			return nil
		}
		err := do(record)
		record = record[:0]
		return err
	})
}

// when is the time of a cursor in milliseconds; none where it has none.
func when(cursor string) int64 {
	t, err := time.Parse(time.RFC3339, cursor)
	if err != nil {
		return none
	}
	return t.UnixMilli()
}

const none = -1 << 63
