package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"source-intercom/protocol"

	"github.com/tidwall/gjson"
)

// journalKey is the member of state.json that is ours; the others are a Singer state.
const journalKey = "export"

const journalVersion = 1

// journal is what state.json says of the files.
type journal struct {
	Version int               `json:"version"`
	Format  Format            `json:"format"`
	Merge   bool              `json:"merge"`
	Streams map[string]*entry `json:"streams"`
}

// entry is what it says of one stream's.
type entry struct {
	// Waiting is how many bytes of the rows that wait the bookmark counts as read. What lies beyond is read again.
	Waiting int64 `json:"waiting_bytes"`
	// Full says that they are to replace all earlier ones.
	Full bool `json:"full"`
	// Files is the number of the last file.
	Files int `json:"files"`
	// Seal is of the merged file, and Next of the one that was about to replace it.
	Seal *seal `json:"file,omitempty"`
	Next *seal `json:"next_file,omitempty"`
}

// A seal tells whether a file is as it was written.
type seal struct {
	Bytes int64  `json:"bytes"`
	Hash  string `json:"xxhash"`
}

func (s *seal) is(other seal) bool { return s != nil && *s == other }

func (j *journal) waiting() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(j.Streams)), func(name string) bool { return j.Streams[name].Waiting == 0 })
}

// load reads state.json.
func (f *Folder) load() error {
	f.journal = journal{Version: journalVersion, Format: f.Format, Merge: f.Merge, Streams: map[string]*entry{}}
	path := f.StateFile()
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if f.states, err = protocol.ParseState(data); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var ours json.RawMessage
	f.states.Extra = slices.DeleteFunc(f.states.Extra, func(s protocol.StreamState) bool {
		if s.Stream == journalKey {
			ours = s.Value
		}
		return s.Stream == journalKey
	})
	if ours == nil {
		return &UnusableError{path, `no member "` + journalKey + `"`, "the state of an export; name an empty or a new folder"}
	}
	var j journal
	if err := json.Unmarshal(ours, &j); err != nil {
		return fmt.Errorf("%s: member %q: %w", path, journalKey, err)
	}
	switch {
	case j.Version != journalVersion:
		return &UnusableError{path, "version " + strconv.Itoa(j.Version), strconv.Itoa(journalVersion) + "; a newer source-intercom may have written it"}
	case j.Format != f.Format:
		return &UnusableError{f.Dir, fmt.Sprintf("files in the format %s", j.Format), fmt.Sprintf("--format %s, or another folder for the format %s", j.Format, f.Format)}
	case j.Merge != f.Merge:
		is, isNot := "without", "with"
		if j.Merge {
			is, isNot = isNot, is
		}
		return &UnusableError{f.Dir, fmt.Sprintf("an export %s --merge", is), fmt.Sprintf("another folder for one %s it", isNot)}
	}
	for name, e := range j.Streams {
		if e == nil || e.Waiting < 0 || e.Files < 0 || !usable(name) {
			return &UnusableError{path, fmt.Sprintf("stream %q with wrong numbers", name), "what an export wrote"}
		}
	}
	if j.Streams != nil {
		f.journal.Streams = j.Streams
	}
	return nil
}

// mayBeUsed fails where a folder has files, and no state. Somebody else's are not written over, and ours cannot be
// added to.
func (f *Folder) mayBeUsed() error {
	if info, err := os.Stat(f.Dir); err == nil && !info.IsDir() {
		return &UnusableError{f.Dir, "a file", "a folder"}
	}
	if _, err := os.Stat(f.StateFile()); err == nil {
		return nil
	}
	files, err := os.ReadDir(f.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, file := range files {
		if !strings.HasPrefix(file.Name(), ".") {
			return &UnusableError{f.Dir, fmt.Sprintf("%s, and no %s of an export", file.Name(), stateName), "an empty or a new folder"}
		}
	}
	return nil
}

// recover puts in order what a run that was killed, or a person, has left. A stream of which something is
// gone is read anew.
func (f *Folder) recover() error {
	for _, name := range slices.Sorted(maps.Keys(f.journal.Streams)) {
		e := f.journal.Streams[name]
		waiting, err := sizeOf(f.waitingFile(name))
		switch {
		case err != nil:
			return err
		case waiting < e.Waiting:
			f.Log.Warn().Str("stream", name).Msgf("%s is shorter than %s says: the stream is read anew", f.waitingFile(name), stateName)
			f.forget(name)
		case e.Waiting > 0 && e.Full: // a snapshot is not gone on with
			f.forget(name)
		}
		if err := f.checkMerged(name, e); err != nil {
			return err
		}
	}
	return f.sweep()
}

// sweep removes files that nothing vouches for.
func (f *Folder) sweep() error {
	files, err := os.ReadDir(filepath.Join(f.Dir, unfinished))
	for _, file := range files {
		e := f.journal.Streams[strings.TrimSuffix(file.Name(), ".jsonl")]
		if e == nil || e.Waiting == 0 {
			err = errors.Join(err, os.Remove(filepath.Join(f.Dir, unfinished, file.Name())))
		}
	}
	return err
}

// checkMerged looks after a file that runs are merged into. Who deletes it wants the stream anew; who
// changed it may want to keep what was done.
func (f *Folder) checkMerged(name string, e *entry) error {
	if !f.Merge || e.Seal == nil {
		return nil
	}
	path := f.finalFile(name, 1)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Log.Warn().Str("stream", name).Msgf("%s is gone: the stream is read anew", path)
		f.forget(name)
		e.Files, e.Seal, e.Next = 0, nil, nil
	case err != nil:
		return err
	case info.Size() != e.Seal.Bytes && (e.Next == nil || info.Size() != e.Next.Bytes):
		return changed(path)
	}
	return nil
}

// changed is the error of a merged file that is not as it was written.
func changed(path string) error {
	return &UnusableError{path, "changes that export has not made", "the file as it was; move it away, and the stream is read anew"}
}

func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// forget drops a stream's bookmark and the rows that wait.
func (f *Folder) forget(name string) {
	f.states.Streams = slices.DeleteFunc(f.states.Streams, func(s protocol.StreamState) bool { return s.Stream == name })
	f.journal.Streams[name].Waiting = 0
}

// save syncs the rows that wait and then saves the state that vouches for them.
func (f *Folder) save() error {
	created := false
	for _, s := range f.streams {
		if err := s.sync(); err != nil {
			return err
		}
		s.entry.Waiting = s.size
		created, s.created = created || s.created, false
	}
	if created {
		syncDir(filepath.Join(f.Dir, unfinished))
	}
	ours, err := json.Marshal(f.journal)
	if err != nil {
		return err
	}
	all := protocol.States{Streams: f.states.Streams, Extra: append(slices.Clone(f.states.Extra), protocol.StreamState{Stream: journalKey, Value: ours})}
	value := gjson.GetBytes(protocol.Singer{}.AppendState(nil, "", 0, all), "value")
	tmp := f.newFile(stateName)
	if err := writeFile(tmp, 0o600, []byte(value.Raw+"\n")); err != nil {
		return err
	}
	return f.rename(tmp, f.StateFile())
}

// writeFile writes a file and makes sure that it is on the disk.
func writeFile(path string, mode os.FileMode, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = fsync(file)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}

// rename gives a file its final name, at once: after a crash there is the old content or the new one.
func (f *Folder) rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		_ = os.Remove(from)
		return err
	}
	syncDir(filepath.Dir(to))
	return nil
}
