package folder

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cespare/xxhash/v2"
)

// publish makes a file of the rows that wait. If it is killed at any point, the next run makes the file again,
// of these rows and those that it adds.
func (f *Folder) publish(s *stream) error {
	e := s.entry
	if s.size == 0 && e.Files > 0 && !e.Full {
		return nil
	}
	n := e.Files + 1
	if e.Full || f.Merge {
		n = 1
	}
	path, tmp := f.finalFile(s.name, n), f.newFile(s.name+"."+string(f.Format))
	made, err := f.build(tmp, s, path)
	if err != nil {
		_ = os.Remove(tmp)
		return err
	}
	if f.Merge {
		e.Next = &made
	}
	if err := f.save(); err != nil { // so that the rows that wait outlast the new file's name
		_ = os.Remove(tmp)
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	if err := f.rename(tmp, path); err != nil { // on Windows a spreadsheet that shows the old one is enough
		return &UnusableError{path, err.Error(), "a file that can be replaced, open nowhere else"}
	}
	syncDir(f.Dir)
	f.written++
	e.Files, s.size = n, 0
	if f.Merge {
		e.Seal, e.Next = e.Next, nil
	}
	s.dirty = false
	if err := f.save(); err != nil {
		return err
	}
	f.Log.Debug().Str("stream", s.name).Str("file", path).Msg("written")
	s.close()
	if err := os.Remove(f.waitingFile(s.name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if e.Full && !f.Merge {
		return f.removeBeyond(s.name, n)
	}
	return nil
}

// removeBeyond removes the files that a snapshot has taken the place of.
func (f *Folder) removeBeyond(stream string, n int) error {
	for n++; ; n++ {
		err := os.Remove(f.finalFile(stream, n))
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// build writes the new content of a stream's file to tmp.
func (f *Folder) build(tmp string, s *stream, path string) (made seal, err error) {
	file, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return seal{}, err
	}
	out := &sealed{out: bufio.NewWriterSize(file, 256<<10), hash: xxhash.New()}
	if err = f.fill(out, s, path); err == nil {
		err = out.out.Flush()
	}
	if err == nil {
		err = fsync(file)
	}
	return out.seal(), errors.Join(err, file.Close())
}

func (f *Folder) fill(out io.Writer, s *stream, path string) error {
	if f.Format == JSONL && !f.Merge {
		return f.copy(out, s)
	}
	var old *oldFile
	if f.Merge && !s.entry.Full && s.entry.Files > 0 {
		old = &oldFile{path: path, seals: []*seal{s.entry.Seal, s.entry.Next}}
	}
	var parts []source
	waiting := &waitingRows{path: f.waitingFile(s.name), size: s.size}
	switch f.Format {
	case CSV:
		t, err := newTable(s, old)
		if err != nil {
			return err
		}
		if _, err := out.Write(t.header()); err != nil {
			return err
		}
		if old != nil {
			parts = append(parts, &csvRows{old, t})
		}
		parts = append(parts, &tableRows{waiting, t})
	default:
		if old != nil {
			parts = append(parts, &jsonRows{old.lines, s})
		}
		parts = append(parts, &jsonRows{waiting.lines, s})
	}
	var drop func(n int64) bool
	if f.Merge {
		outdated, err := f.outdated(s.name, parts)
		if err != nil {
			return err
		}
		drop = outdated.has
	}
	n := int64(0)
	return f.each(parts, func(r row) error {
		n++
		if drop != nil && drop(n-1) {
			return nil
		}
		_, err := out.Write(r.line)
		return err
	})
}

// copy copies the rows that wait as they are.
func (f *Folder) copy(out io.Writer, s *stream) error {
	if s.size == 0 {
		return nil
	}
	file, err := os.Open(f.waitingFile(s.name))
	if err != nil {
		return err
	}
	defer file.Close()
	n, err := io.Copy(out, io.LimitReader(file, s.size))
	if err == nil && n < s.size {
		err = fmt.Errorf("%s: found %d bytes, expected %d", file.Name(), n, s.size)
	}
	return err
}

// each calls do for all rows of all sources, unless the run is to end.
func (f *Folder) each(sources []source, do func(row) error) error {
	n := 0
	for _, s := range sources {
		err := s.each(func(r row) error {
			if n++; n%1024 == 0 && f.ctx.Err() != nil {
				return f.ctx.Err()
			}
			return do(r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sealed is a writer that knows what it wrote.
type sealed struct {
	out   *bufio.Writer
	hash  *xxhash.Digest
	bytes int64
}

func (w *sealed) Write(p []byte) (int, error) {
	n, err := w.out.Write(p)
	_, _ = w.hash.Write(p[:n])
	w.bytes += int64(n)
	return n, err
}

func (w *sealed) seal() seal { return seal{Bytes: w.bytes, Hash: fmt.Sprintf("%016x", w.hash.Sum64())} }
