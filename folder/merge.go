package folder

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// A mark stands for a row while the newest of each key is looked for.
type mark struct {
	hi, lo uint64 // two hashes of the key: that two keys share both is out of the question
	at     int64  // when, by the cursor
	n      int64  // the row's number
	gone   bool   // it is a tombstone
}

const (
	markBytes = 33
	// maxMarks are in memory at a time: 16 MB. More are put aside in files, by their hash.
	maxMarks = 1 << 19
	piles    = 64
)

// A marker finds the rows that others have outdated. Beside maxMarks marks it takes up a bit for each row. Of more
// than some 30 million rows it holds a pile in memory, a 64th of all.
type marker struct {
	marks    []mark
	max      int
	n        int64
	outdated bits
	aside    []*pile
	name     func(i int) string // of the file of a pile
}

type pile struct {
	file *os.File
	out  *bufio.Writer
}

// outdated tells of which rows there are newer versions: the one with the later cursor is newer, and among equals,
// or where one has none, the one that came later. A tombstone takes its row away, and is none itself.
func (f *Folder) outdated(stream string, sources []source) (_ bits, err error) {
	m := &marker{max: maxMarks, name: func(i int) string { return f.newFile(stream + "." + strconv.Itoa(i)) }}
	defer func() { err = errors.Join(err, m.close()) }()
	one, other := xxhash.New(), xxhash.NewWithSeed(1)
	err = f.each(sources, func(r row) error {
		one.Reset()
		other.ResetWithSeed(1)
		for _, part := range r.key {
			for _, h := range []*xxhash.Digest{one, other} {
				_, _ = h.WriteString(part)
				_, _ = h.WriteString("\x00") // no value has one
			}
		}
		return m.add(mark{hi: one.Sum64(), lo: other.Sum64(), at: when(r.cursor), gone: r.gone})
	})
	if err == nil {
		err = m.end()
	}
	return m.outdated, err
}

func (m *marker) add(k mark) error {
	k.n = m.n
	m.n++
	if m.marks = append(m.marks, k); len(m.marks) < m.max {
		return nil
	}
	return m.putAside()
}

func (m *marker) putAside() error {
	for i := len(m.aside); i < piles; i++ {
		file, err := os.OpenFile(m.name(i), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		m.aside = append(m.aside, &pile{file, bufio.NewWriter(file)})
	}
	var b [markBytes]byte
	for _, k := range m.marks {
		binary.LittleEndian.PutUint64(b[0:], k.hi)
		binary.LittleEndian.PutUint64(b[8:], k.lo)
		binary.LittleEndian.PutUint64(b[16:], uint64(k.at))
		binary.LittleEndian.PutUint64(b[24:], uint64(k.n))
		b[32] = 0
		if k.gone {
			b[32] = 1
		}
		if _, err := m.aside[k.hi%piles].out.Write(b[:]); err != nil {
			return err
		}
	}
	m.marks = m.marks[:0]
	return nil
}

func (m *marker) end() error {
	if m.aside == nil {
		m.settle()
		return nil
	}
	if err := m.putAside(); err != nil {
		return err
	}
	for _, p := range m.aside {
		if err := m.settlePile(p); err != nil {
			return err
		}
	}
	return nil
}

func (m *marker) settlePile(p *pile) error {
	if err := p.out.Flush(); err != nil {
		return err
	}
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	m.marks = m.marks[:0]
	in := bufio.NewReaderSize(p.file, 64<<10)
	var b [markBytes]byte
	for {
		_, err := io.ReadFull(in, b[:])
		if errors.Is(err, io.EOF) {
			m.settle()
			return nil
		}
		if err != nil {
			return err
		}
		m.marks = append(m.marks, mark{
			hi: binary.LittleEndian.Uint64(b[0:]), lo: binary.LittleEndian.Uint64(b[8:]),
			at: int64(binary.LittleEndian.Uint64(b[16:])), n: int64(binary.LittleEndian.Uint64(b[24:])),
			gone: b[32] == 1,
		})
	}
}

// settle finds the newest of each key among the marks.
func (m *marker) settle() {
	slices.SortFunc(m.marks, func(a, b mark) int {
		return cmp.Or(cmp.Compare(a.hi, b.hi), cmp.Compare(a.lo, b.lo), cmp.Compare(a.n, b.n))
	})
	for i := range m.marks {
		if i > 0 && m.marks[i].of(m.marks[i-1]) {
			before, k := m.marks[i-1], m.marks[i]
			if k.at == none || before.at == none || k.at >= before.at {
				m.outdated.set(before.n)
			} else {
				m.outdated.set(k.n)
				m.marks[i] = before // it has to stand against the next
			}
		}
		if last := i+1 == len(m.marks) || !m.marks[i+1].of(m.marks[i]); last && m.marks[i].gone {
			m.outdated.set(m.marks[i].n)
		}
	}
}

// of tells whether both stand for rows of one key.
func (k mark) of(other mark) bool { return k.hi == other.hi && k.lo == other.lo }

func (m *marker) close() error {
	var errs []error
	for _, p := range m.aside {
		errs = append(errs, p.file.Close(), os.Remove(p.file.Name()))
	}
	return errors.Join(errs...)
}

// bits are a set of numbers.
type bits []uint64

func (b *bits) set(n int64) {
	for int64(len(*b)) <= n/64 {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

func (b bits) has(n int64) bool { return n/64 < int64(len(b)) && b[n/64]&(1<<(n%64)) != 0 }
