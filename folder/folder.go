// Package folder keeps what a read brings as files in a folder, for people without a platform.
//
// A read writes its lines into a Folder as into stdout. Rows wait below .unfinished until their stream has been
// read to its end, and only then, whole, get a name. The state is kept beside them in state.json, and is true
// at every moment: what it says has been read is either under its final name, or in the part of the waiting
// rows that it vouches for.
package folder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"source-intercom/protocol"

	"github.com/rs/zerolog"
)

// Format is what files look like.
type Format string

const (
	JSONL Format = "jsonl"
	CSV   Format = "csv"
)

const (
	stateName  = "state.json"
	lockName   = ".lock"
	unfinished = ".unfinished" // the folder of rows that wait, and of files that have no name yet
)

// Options say what a folder is to hold. Dir and Format are required.
type Options struct {
	Dir    string
	Format Format
	// Merge keeps one file for each stream, with one row for each key. Otherwise each run adds a file.
	Merge bool
	// Full tells whether a stream is read in full although it could be read incrementally; nil: none is.
	Full func(stream string) bool
	Log  zerolog.Logger
}

// A Folder takes the lines of one run. Its methods must not be called concurrently.
type Folder struct {
	Options
	ctx     context.Context //nolint:containedctx // a folder lives as long as the run that fills it
	lock    *os.File
	states  protocol.States
	journal journal

	streams map[string]*stream // of this run
	carry   []byte             // the beginning of a line
	rows    []byte             // of into, not written yet
	into    *stream
	next    time.Time // the state is not saved before
	err     error     // the first failure to write; nothing is written after it
	wrong   []error   // of single streams
	written int       // files under final names
}

// UnusableError says why a folder cannot be used; the text names it.
type UnusableError struct{ Path, Found, Want string }

func (e *UnusableError) Error() string {
	return fmt.Sprintf("%s: found %s, expected %s", e.Path, e.Found, e.Want)
}

// Open makes a folder ready for a run: it is locked, and what a run that was killed has left is put in order.
// When ctx is done no more files are made of waiting rows.
func Open(ctx context.Context, o Options) (*Folder, error) {
	f := &Folder{Options: o, ctx: ctx, streams: map[string]*stream{}}
	if err := f.mayBeUsed(); err != nil { // before anything is put into it
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(o.Dir, unfinished), 0o777); err != nil {
		return nil, err
	}
	held, err := lock(filepath.Join(o.Dir, lockName))
	if errors.Is(err, errLocked) {
		return nil, &UnusableError{o.Dir, "another export at work in it", "none: wait for its end, or use another folder"}
	}
	if err != nil {
		return nil, err
	}
	f.lock = held
	for _, step := range []func() error{f.load, f.recover, f.save} {
		if err := step(); err != nil {
			held.Close()
			return nil, err
		}
	}
	return f, nil
}

// Dialect is what a read that fills a folder must speak.
func (*Folder) Dialect() protocol.Dialect { return dialect{} }

// States is where the run goes on.
func (f *Folder) States() protocol.States { return f.states }

// StateFile is the name of the file with the state.
func (f *Folder) StateFile() string { return filepath.Join(f.Dir, stateName) }

// saveEvery bounds how often the state is saved; the rows are synced before.
const saveEvery = 5 * time.Second

// OnState keeps a state that the lines written so far justify.
func (f *Folder) OnState(states protocol.States) {
	f.states = protocol.States{Streams: slices.Clone(states.Streams), Extra: slices.Clone(states.Extra)}
	if f.err != nil || time.Now().Before(f.next) {
		return
	}
	began := time.Now()
	f.fail(f.save())
	// On a slow disk the syncing shall take a tenth of the time at most.
	f.next = time.Now().Add(max(saveEvery, 10*time.Since(began)))
}

func (f *Folder) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// Written is how many files got their final names, and Waiting the streams whose rows wait for a run that
// reads them to their end.
func (f *Folder) Written() int { return f.written }

func (f *Folder) Waiting() []string { return f.journal.waiting() }

// Err is the first failure to write.
func (f *Folder) Err() error { return f.err }

// Close saves the last state, gives the folder free, and returns what has gone wrong.
func (f *Folder) Close() error {
	if f.err == nil {
		f.fail(f.save())
	}
	for _, s := range f.streams {
		s.close()
	}
	f.lock.Close()
	return errors.Join(append([]error{f.err}, f.wrong...)...)
}

func (f *Folder) waitingFile(stream string) string {
	return filepath.Join(f.Dir, unfinished, stream+".jsonl")
}

// newFile is where a file is made that will be renamed.
func (f *Folder) newFile(name string) string {
	return filepath.Join(f.Dir, unfinished, name+newSuffix)
}

const newSuffix = ".new"

// finalFile is the name of a stream's n-th file. Where runs are merged there is only one.
func (f *Folder) finalFile(stream string, n int) string {
	if f.Merge {
		return filepath.Join(f.Dir, stream+"."+string(f.Format))
	}
	return filepath.Join(f.Dir, stream, fmt.Sprintf("%06d.%s", n, f.Format))
}

// fsync is a variable so that tests need not wait for a disk.
var fsync = (*os.File).Sync

// syncDir makes names in dir outlast a crash, on systems that can sync a folder.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = fsync(d)
		_ = d.Close()
	}
}
