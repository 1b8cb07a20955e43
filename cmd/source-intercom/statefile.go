package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// saveEvery bounds how often the state file is replaced; every replacement syncs the records first.
const saveEvery = 5 * time.Second

// stateFile keeps the state of a read in a file.
//
// Where stdout is a regular file, the state replaces the file that it was read from, after the
// records that it stands for are on the disk. Of anything else, such as a pipe, nobody knows what its
// reader has kept: the state goes beside it, to FILE.next, and whoever runs the pipeline renames it
// once all of it has succeeded.
type stateFile struct {
	path    string // the file that is written
	stdout  *os.File
	records bool // stdout is a regular file and must be synced
	lines   *protocol.Lines
	dialect protocol.Dialect

	next time.Time // not replaced before
	err  error     // the first failure; nothing is written after it
}

// stateTarget is the file that a --state-file really means: a link is followed, so that the file it
// leads to is the one that is replaced. What is no regular file, or is stdout itself, cannot keep a
// state: a rename would put a file in the place of a device, and the state in the place of the records.
func stateTarget(file string, stdout *os.File) (string, error) {
	target, err := filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		target = file
		if to, link := os.Readlink(file); link == nil { // it leads to a file that is not there yet
			if target = to; !filepath.IsAbs(to) {
				target = filepath.Join(filepath.Dir(file), to)
			}
		}
	} else if err != nil {
		return "", err
	}
	out, err := stdout.Stat()
	if err != nil {
		return "", err
	}
	for _, path := range []string{target, target + ".next"} {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", err
		case !info.Mode().IsRegular():
			return "", fmt.Errorf("%s is not a regular file", path)
		case os.SameFile(info, out):
			return "", fmt.Errorf("%s is where stdout goes; the state needs a file of its own", path)
		}
	}
	return target, nil
}

// newStateFile makes ready to keep the state of a run that read its own from file.
func newStateFile(file string, stdout *os.File, lines *protocol.Lines, d protocol.Dialect) (*stateFile, error) {
	info, err := stdout.Stat()
	if err != nil {
		return nil, err
	}
	s := &stateFile{path: file, stdout: stdout, records: info.Mode().IsRegular(), lines: lines, dialect: d}
	if !s.records {
		s.path += ".next"
		// What an earlier run left must not pass for the state of this one.
		if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	removeRemains(s.path)
	// A folder that cannot be written had better be known before hours of reading.
	probe, err := createBeside(s.path)
	if err != nil {
		return nil, err
	}
	return s, errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// save writes the state unless that was done a moment ago. A failure is told by finish.
func (s *stateFile) save(states protocol.States) {
	if time.Now().Before(s.next) {
		return
	}
	began := time.Now()
	s.write(states)
	// On a slow disk the syncing shall take a tenth of the time at most.
	s.next = time.Now().Add(max(saveEvery, 10*time.Since(began)))
}

// finish writes the last state and returns the first failure of all the writing.
func (s *stateFile) finish(states protocol.States) error {
	s.write(states)
	if s.err != nil {
		return fmt.Errorf("the state could not be kept in %s: %w", s.path, s.err)
	}
	return nil
}

func (s *stateFile) write(states protocol.States) {
	if s.err != nil {
		return
	}
	if s.err = s.lines.Flush(); s.err != nil {
		return
	}
	if s.records {
		if s.err = s.stdout.Sync(); s.err != nil {
			return
		}
	}
	s.err = replaceFile(s.path, stateDocument(s.dialect, states))
}

// replaceFile puts data in the place of a file at once: after a crash there is the old content or
// the new one. The file is readable by its owner alone.
func replaceFile(path string, data []byte) (err error) {
	tmp, err := createBeside(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
		}
	}()
	if _, err = tmp.Write(data); err != nil {
		return err
	}
	if err = tmp.Sync(); err != nil {
		return err
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
}

// removeRemains removes what runs that were killed while they replaced a file have left beside it. Runs that
// are still going on leave nothing for so long.
func removeRemains(path string) {
	files, _ := os.ReadDir(filepath.Dir(path)) // if it cannot be read, that is told by who writes there
	for _, f := range files {
		info, err := f.Info()
		if err == nil && strings.HasPrefix(f.Name(), filepath.Base(path)+temporary) && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(filepath.Join(filepath.Dir(path), f.Name()))
		}
	}
}

// temporary is what the names of files that are about to replace another go on with.
const temporary = ".tmp-"

// createBeside makes a new file in the folder of path, so that it can be renamed to it.
func createBeside(path string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), filepath.Base(path)+temporary+"*")
}

// syncDir makes a rename in dir outlast a crash, on systems that can sync a folder.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// stateDocument is a state as a file that --state reads again: for Airbyte an array of its state
// messages, for Singer the value of its state message.
func stateDocument(d protocol.Dialect, states protocol.States) []byte {
	if d.Name() == singer {
		value := gjson.GetBytes(d.AppendState(nil, "", 0, states), "value")
		return []byte(value.Raw + "\n")
	}
	doc := []byte("[")
	for i, s := range states.Streams {
		if i > 0 {
			doc = append(doc, ',')
		}
		message := gjson.GetBytes(d.AppendState(nil, s.Stream, 0, states), "state")
		doc = append(append(doc, "\n  "...), message.Raw...)
	}
	return append(doc, "\n]\n"...)
}
