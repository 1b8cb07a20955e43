package connector

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"source-intercom/intercom"

	"github.com/rs/zerolog"
)

const (
	spoolMemory   = 8 << 20   // what a spool keeps in memory before it makes a file
	spoolInMemory = 256 << 20 // what it keeps there where no file can be made
)

// A spool holds a downloaded file, whose rows are read only when it is known to be whole, and as slowly as stdout takes
// them. Beyond spoolMemory it is a temporary file without a name.
type spool struct {
	log    zerolog.Logger
	dir    string // "": the system's
	most   int    // bytes kept in memory
	memory []byte
	file   *os.File
	noFile error // why none can be made
	filed  bool  // all is in the file, and nothing in memory
	size   int64
}

func newSpool(log zerolog.Logger) *spool { return &spool{log: log, most: spoolMemory} }

// take replaces what the spool holds.
func (s *spool) take(file io.Reader) error {
	s.memory, s.filed, s.size = s.memory[:0], false, 0
	if _, err := io.Copy(s, file); err != nil {
		return err
	}
	return s.check()
}

func (s *spool) Write(b []byte) (int, error) {
	if !s.filed && s.size+int64(len(b)) > int64(s.most) && s.open() {
		if _, err := s.file.WriteAt(s.memory, 0); err != nil {
			return 0, fmt.Errorf("write to a temporary file: %w", err)
		}
		s.memory, s.filed = s.memory[:0], true
	}
	switch {
	case s.filed:
		if n, err := s.file.WriteAt(b, s.size); err != nil {
			return n, fmt.Errorf("write to a temporary file: %w", err)
		}
	case s.size+int64(len(b)) > spoolInMemory:
		return 0, fmt.Errorf("an export of more than %d MB needs a temporary file: %w", spoolInMemory>>20, s.noFile)
	default:
		s.memory = append(s.memory, b...)
	}
	s.size += int64(len(b))
	return len(b), nil
}

// open makes the file, once.
func (s *spool) open() bool {
	if s.file != nil || s.noFile != nil {
		return s.file != nil
	}
	f, err := os.CreateTemp(s.dir, "source-intercom-*")
	if err != nil {
		s.noFile = err
		s.log.Warn().Err(err).Msg("no temporary file can be made: exports are kept in memory")
		return false
	}
	s.file = f
	_ = os.Remove(f.Name()) // where an open file cannot be removed, close does it
	return true
}

// ReadAt is what zip.Reader wants.
func (s *spool) ReadAt(b []byte, at int64) (int, error) {
	if s.filed {
		return io.NewSectionReader(s.file, 0, s.size).ReadAt(b, at)
	}
	return bytes.NewReader(s.memory).ReadAt(b, at)
}

// close gives the file back.
func (s *spool) close() {
	if s.file == nil {
		return
	}
	name := s.file.Name()
	err := s.file.Close()
	if remove := os.Remove(name); remove != nil && !errors.Is(remove, os.ErrNotExist) {
		err = errors.Join(err, remove)
	}
	if err != nil {
		s.log.Warn().Err(err).Msg("a temporary file could not be given back")
	}
}

// isZip and isTar look at the first bytes, since nobody can rely on what the answer's headers say: the documents speak
// of a gzipped CSV up to 2.16 and of a ZIP of several files in 2.17, and older ones of "a gzipped folder".
// https://developers.intercom.com/docs/references/2.17/rest-api/api.intercom.io/data-export/downloaddataexport
func (s *spool) isZip() bool { return s.startsWith(0, "PK\x03\x04") || s.startsWith(0, "PK\x05\x06") }
func (s *spool) isTar() bool { return s.startsWith(257, "ustar") }

func (s *spool) startsWith(at int64, text string) bool {
	b := make([]byte, len(text))
	n, _ := s.ReadAt(b, at)
	return string(b[:n]) == text
}

// check tells whether an archive is whole: the directory of a ZIP is at its end, and files have checksums.
func (s *spool) check() error {
	if !s.isZip() && !s.isTar() {
		return nil
	}
	err := s.each(func(_ string, in io.Reader) error {
		_, err := io.Copy(io.Discard, in)
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: %w", intercom.ErrIncomplete, err)
	}
	return nil
}

// each shows the CSV files one after the other, with their names; that of a bare CSV is "".
func (s *spool) each(show func(name string, in io.Reader) error) error {
	in := io.NewSectionReader(s, 0, s.size)
	switch {
	case s.isZip():
		archive, err := zip.NewReader(in, s.size)
		if err != nil {
			return err
		}
		for _, f := range archive.File {
			if err := showZipped(f, show); err != nil {
				return err
			}
		}
		return nil
	case s.isTar():
		archive := tar.NewReader(in)
		for {
			head, err := archive.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if head.Typeflag == tar.TypeReg && isCSV(head.Name) {
				if err := show(path.Base(head.Name), archive); err != nil {
					return err
				}
			}
		}
	}
	return show("", in)
}

func showZipped(f *zip.File, show func(name string, in io.Reader) error) error {
	if !isCSV(f.Name) {
		return nil
	}
	in, err := f.Open()
	if err != nil {
		return fmt.Errorf("file %s of an export: %w", clip(f.Name), err)
	}
	defer in.Close()
	return show(path.Base(f.Name), in)
}

func isCSV(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".csv") }
