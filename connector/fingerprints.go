package connector

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// maxFingerprints bounds the fingerprints that one stream's state holds. Each is 20 bytes, 27
// characters in base64, so that a state stays below 270 KB a stream. Beyond the bound the oldest go,
// and what they stood for may be emitted a second time.
const maxFingerprints = 10_000

// A print says which version of a row was emitted last.
type print struct {
	key     uint64 // hash of the primary key
	content uint64 // hash of the emitted bytes
	at      int64  // the row's cursor value, Unix seconds
}

// fingerprints remember which version of a row was emitted last, one for each primary key, so that
// rows which have to be read twice are emitted once. A set of hashes would not do: after A, B, A the
// second A would be taken for old.
//
// Workers ask and note what they hand on; the writer keeps what it has written. Only the latter goes
// into a state, for a state must not speak of a record that stdout has not seen.
type fingerprints struct {
	mu   sync.Mutex
	from int64 // rows below this cursor value are neither kept nor looked up
	rows map[uint64]remembered
}

type remembered struct {
	handed, written uint64 // content; 0 is nothing
	at              int64  // of the version written
	latest          int64  // of all versions handed on
}

func newFingerprints(from int64) *fingerprints {
	return &fingerprints{from: from, rows: map[uint64]remembered{}}
}

// covers tells whether a row with that cursor value can be remembered at all.
func (f *fingerprints) covers(at int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return at >= f.from
}

// concerns tells whether a row is to be remembered: because its cursor value is young enough, or because
// another version of it is remembered already.
func (f *fingerprints) concerns(key uint64, at int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, has := f.rows[key]
	return has || at >= f.from
}

// known tells whether p's very content was handed on last under its key, and notes p if not.
func (f *fingerprints) known(p print) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.rows[p.key]
	if r.handed == p.content {
		return true
	}
	r.handed, r.latest = p.content, max(r.latest, p.at)
	f.rows[p.key] = r
	return false
}

// latest is the latest cursor value of a key that is remembered; 0 where none is.
func (f *fingerprints) latest(key uint64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rows[key].latest
}

// same is known without noting anything.
func (f *fingerprints) same(p print) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rows[p.key].handed == p.content
}

// wrote keeps prints whose records are on stdout.
func (f *fingerprints) wrote(prints []print) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range prints {
		r, ok := f.rows[p.key]
		if !ok { // forgotten meanwhile
			r.handed, r.latest = p.content, p.at
		}
		// handed may be a younger version by now, which is still on its way.
		r.written, r.at = p.content, p.at
		f.rows[p.key] = r
	}
	if len(f.rows) > 4*maxFingerprints {
		f.evict()
	}
}

// evict forgets the older half, and from then on what is as old.
func (f *fingerprints) evict() {
	ats := make([]int64, 0, len(f.rows))
	for _, r := range f.rows {
		ats = append(ats, r.at)
	}
	slices.Sort(ats)
	f.from = max(f.from, ats[len(ats)/2]+1)
	for key, r := range f.rows {
		if r.at < f.from {
			delete(f.rows, key)
		}
	}
}

// pack renders the newest fingerprints from that cursor value on.
func (f *fingerprints) pack(from int64) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := make([]print, 0, len(f.rows))
	for key, r := range f.rows {
		if r.written != 0 && r.at >= from {
			kept = append(kept, print{key, r.written, r.at})
		}
	}
	slices.SortFunc(kept, func(a, b print) int { return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(a.key, b.key)) })
	kept = kept[:min(len(kept), maxFingerprints)]
	raw := make([]byte, 0, 20*len(kept))
	for _, p := range kept {
		raw = binary.LittleEndian.AppendUint64(raw, p.key)
		raw = binary.LittleEndian.AppendUint64(raw, p.content)
		raw = binary.LittleEndian.AppendUint32(raw, uint32(min(max(p.at, 0), math.MaxUint32)))
	}
	return base64.RawStdEncoding.EncodeToString(raw)
}

// unpack takes over the fingerprints of an earlier state. It is called before workers start.
func (f *fingerprints) unpack(text string) error {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil || len(raw)%20 != 0 {
		return fmt.Errorf("%d characters that are no packed fingerprints", len(text))
	}
	raw = raw[:min(len(raw), 20*4*maxFingerprints)] // the newest come first; nobody writes more
	for ; len(raw) > 0; raw = raw[20:] {
		content, at := binary.LittleEndian.Uint64(raw[8:]), int64(binary.LittleEndian.Uint32(raw[16:]))
		f.rows[binary.LittleEndian.Uint64(raw)] = remembered{handed: content, written: content, at: at, latest: at}
		f.from = min(f.from, at)
	}
	return nil
}

// rememberFrom widens what is remembered to rows from that cursor value on.
func (f *fingerprints) rememberFrom(at int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.from = min(f.from, at)
}

// keyHash hashes the parts of a primary key, or an id.
func keyHash(parts ...string) uint64 {
	var d xxhash.Digest
	d.Reset()
	for _, p := range parts {
		_, _ = d.WriteString(p) // never fails
		_, _ = d.WriteString("\x00")
	}
	return d.Sum64()
}

// seen remembers the rows of one walk by id and content, so that a walk can be walked again without
// emitting twice. Remembering the id alone would lose a row that changed in between.
type seen struct {
	turn sync.Mutex // of who judges and emits rows by it
	mu   sync.Mutex
	rows map[uint64]uint64
}

func newSeen() *seen { return &seen{rows: map[uint64]uint64{}} }

// again tells whether that very row was met before, and notes it if not.
func (s *seen) again(key, content uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.rows[key]; ok && c == content {
		return true
	}
	s.rows[key] = content
	return false
}
