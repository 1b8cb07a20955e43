package folder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// dialect is Singer's, less the states, which come by OnState, and with a line for a stream's end.
type dialect struct{ protocol.Singer }

func (dialect) Name() string { return "export" }

func (dialect) AppendState(dst []byte, _ string, _ int64, _ protocol.States) []byte { return dst }

func (dialect) AppendStatus(dst []byte, stream string, status protocol.Status, _ time.Time) []byte {
	if status != protocol.Complete {
		return dst
	}
	dst = append(dst, `{"type":"COMPLETE","stream":`...)
	return append(gjson.AppendJSONString(dst, stream), "}\n"...)
}

// A stream is one that the run reads.
type stream struct {
	name    string
	key     []string
	cursor  string
	columns []string
	entry   *entry

	file    *os.File // rows that wait; nil before the first
	size    int64    // of whole rows in it
	dirty   bool     // not synced
	created bool     // its name not synced
}

// usable tells whether a stream's name can be that of a file everywhere.
func usable(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// Write takes lines of the folder's dialect, cut anywhere.
func (f *Folder) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && f.err == nil; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if !whole {
			f.carry = append(f.carry, rest...)
			break
		}
		if len(f.carry) > 0 {
			f.carry = append(f.carry, line...)
			line = f.carry
		}
		f.fail(f.line(line))
		f.carry, rest = f.carry[:0], after
	}
	f.fail(f.flush())
	if f.err != nil {
		return 0, f.err
	}
	return len(p), nil
}

func (f *Folder) line(line []byte) error {
	fields := gjson.GetManyBytes(line, "type", "stream", "record")
	name := fields[1].Str
	switch fields[0].Str {
	case "RECORD":
		s := f.streams[name]
		if s == nil {
			return fmt.Errorf("a record of %q came before its schema", name)
		}
		if f.into != s {
			if err := f.flush(); err != nil {
				return err
			}
			f.into = s
		}
		f.rows = append(append(f.rows, fields[2].Raw...), '\n')
		return nil
	case "SCHEMA":
		return f.begin(name, gjson.ParseBytes(line))
	case "COMPLETE":
		if err := f.flush(); err != nil {
			return err
		}
		return f.complete(name)
	}
	return nil
}

// flush writes the rows that have gathered.
func (f *Folder) flush() error {
	s := f.into
	if s == nil || len(f.rows) == 0 || f.err != nil {
		return nil
	}
	if err := s.open(f.waitingFile(s.name)); err != nil {
		return err
	}
	if _, err := s.file.Write(f.rows); err != nil {
		return err
	}
	s.size += int64(len(f.rows))
	s.dirty = true
	f.rows, f.into = f.rows[:0], nil
	return nil
}

// begin learns what a stream's rows look like. Rows of a snapshot that wait are worth nothing to the next one.
func (f *Folder) begin(name string, schema gjson.Result) error {
	if !usable(name) {
		return fmt.Errorf("stream %q: found a name that cannot be a file's, expected small letters, digits and underscores", name)
	}
	s := &stream{name: name, cursor: schema.Get("bookmark_properties.0").Str, entry: f.journal.Streams[name]}
	for _, field := range schema.Get("key_properties").Array() {
		s.key = append(s.key, field.Str)
	}
	schema.Get("schema.properties").ForEach(func(field, _ gjson.Result) bool {
		s.columns = append(s.columns, field.Str)
		return true
	})
	if s.entry == nil {
		s.entry = &entry{}
		f.journal.Streams[name] = s.entry
	}
	full := s.cursor == "" || f.Full != nil && f.Full(name)
	stale := full && s.entry.Waiting > 0
	if stale {
		f.forget(name)
	}
	s.entry.Full, s.size = full, s.entry.Waiting
	f.streams[name] = s
	if stale {
		return f.save()
	}
	return nil
}

// open opens the file of waiting rows behind the last row that counts.
func (s *stream) open(path string) (err error) {
	if s.file != nil {
		return nil
	}
	_, missing := os.Stat(path)
	if s.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return err
	}
	s.created = missing != nil
	if err = s.file.Truncate(s.size); err == nil {
		_, err = s.file.Seek(s.size, io.SeekStart)
	}
	return err
}

func (s *stream) sync() error {
	if !s.dirty {
		return nil
	}
	s.dirty = false
	return fsync(s.file)
}

func (s *stream) close() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// complete gives the rows of a stream that has been read to its end their name. One that was left out, for want
// of a permission, say, has not.
func (f *Folder) complete(name string) error {
	s := f.streams[name]
	if s == nil {
		return fmt.Errorf("stream %q has ended before it began", name)
	}
	for _, state := range f.states.Streams {
		if state.Stream != name || gjson.GetBytes(state.Value, "unfinished").Bool() {
			continue
		}
		err := f.publish(s)
		var wrong *UnusableError
		if errors.As(err, &wrong) || err != nil && f.ctx.Err() != nil {
			f.wrong = append(f.wrong, err)
			f.Log.Error().Str("stream", name).Err(err).Msg("the rows keep waiting")
			return nil
		}
		return err
	}
	return nil
}
