package intercom

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// packed is what the standard library makes of the parts.
func packed(t testing.TB, level int, head gzip.Header, parts ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, part := range parts {
		z, err := gzip.NewWriterLevel(&b, level)
		if err != nil {
			t.Fatal(err)
		}
		z.Header = head
		_, _ = z.Write(part)
		_ = z.Close()
	}
	return b.Bytes()
}

func freely(int64) error { return nil }

// texts are contents that make all kinds of blocks and codes.
func texts() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 200_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	// Rare bytes get codes of 15 bits, and what is repeated lies near and far.
	skewed := make([]byte, 0, 400_000)
	for len(skewed) < 390_000 {
		if from := len(skewed) - 1 - r.IntN(33_000); from > 0 && r.IntN(9) == 0 {
			skewed = append(skewed, skewed[from:min(from+r.IntN(300), len(skewed))]...)
		}
		skewed = append(skewed, byte(r.ExpFloat64()*9))
	}
	return map[string][]byte{
		"nothing":   {},
		"one byte":  {'x'},
		"a run":     bytes.Repeat([]byte{'a'}, 70_000),
		"periods":   bytes.Repeat([]byte("abcdefghi"), 5000),
		"noise":     noise,
		"skewed":    skewed,
		"JSON":      []byte(strings.Repeat(`{"id":"12","body":"<p>good morning</p>","created_at":1700000000},`, 700)),
		"all bytes": bytes.Repeat(noise[:300], 40),
	}
}

func TestUnzipReadsWhatTheStandardLibraryWrites(t *testing.T) {
	head := gzip.Header{Name: "a.json", Comment: "c", Extra: []byte("extra")}
	for name, text := range texts() {
		for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
			for _, parts := range [][][]byte{{text}, {text, []byte("more"), text}, {text, nil}} {
				got, err := unzip(packed(t, level, head, parts...), 10<<20, freely)
				if err != nil || !bytes.Equal(got, slices.Concat(parts...)) {
					t.Fatalf("%s at level %d in %d parts: %d bytes, error %v", name, level, len(parts), len(got), err)
				}
			}
		}
	}
}

// No damage passes, and none makes another text.
func TestUnzipRefusesDamage(t *testing.T) {
	text := texts()["JSON"][:3000]
	for _, level := range []int{flate.NoCompression, flate.BestSpeed, flate.DefaultCompression} {
		good := packed(t, level, gzip.Header{}, text)
		for n := range good {
			if got, err := unzip(slices.Clone(good[:n]), 1<<20, freely); err == nil {
				t.Fatalf("level %d, the first %d of %d bytes: passed for %d bytes", level, n, len(good), len(got))
			}
		}
		for bit := range 8 * len(good) {
			bad := slices.Clone(good)
			bad[bit/8] ^= 1 << (bit % 8)
			got, err := unzip(bad, 1<<20, freely)
			if err == nil && !bytes.Equal(got, text) || err != nil && (errors.Is(err, errTooLarge) || errors.Is(err, errNoRoom)) {
				t.Fatalf("level %d, bit %d: %d bytes, error %v", level, bit, len(got), err)
			}
		}
		for _, garbage := range []string{"\x00", "garbage that is long enough", string(good[:20])} {
			if _, err := unzip(append(slices.Clone(good), garbage...), 1<<20, freely); err == nil {
				t.Errorf("level %d: %q behind the end passed", level, garbage)
			}
		}
	}
}

// The size that is announced is a hint: it is believed within bounds, and what it says wrongly is seen.
func TestUnzipAnnouncedSize(t *testing.T) {
	text := texts()["skewed"]
	announce := func(size uint32, parts ...[]byte) []byte {
		z := packed(t, flate.BestSpeed, gzip.Header{}, parts...)
		binary.LittleEndian.PutUint32(z[len(z)-4:], size)
		return z
	}
	size := uint32(len(text))
	bomb := packed(t, flate.BestCompression, gzip.Header{}, make([]byte, 8<<20))
	for name, test := range map[string]struct {
		packed []byte
		bound  int64
		most   int64 // of memory
		want   error
	}{
		"right":             {announce(size, text), 1 << 20, int64(size), nil},
		"fits exactly":      {announce(size, text), int64(size), int64(size), nil},
		"one byte too many": {announce(size, text), int64(size) - 1, int64(size) - 1, errTooLarge},
		"one less":          {announce(size-1, text), 1 << 20, 1 << 20, errCorrupt},
		"one more":          {announce(size+1, text), 1 << 20, int64(size) + 1, errCorrupt},
		"nothing":           {announce(0, text), 1 << 20, 1 << 20, errCorrupt},
		"all there is":      {announce(1<<32-1, []byte("x")), 1 << 30, 100_000, errCorrupt},
		"of the last part":  {announce(1, text, []byte("x")), 1 << 20, 1 << 20, nil},
		"bomb":              {bomb, 1 << 20, 1 << 20, errTooLarge},
		"bomb that lies":    {append(slices.Clone(bomb[:len(bomb)-4]), 1, 0, 0, 0), 1 << 20, 1 << 20, errTooLarge},
	} {
		most := int64(0)
		_, err := unzip(test.packed, test.bound, func(n int64) error { most = max(most, n); return nil })
		if !errors.Is(err, test.want) || test.want == nil && err != nil || most > test.most {
			t.Errorf("%s: error %v, want %v; %d bytes of memory, want at most %d", name, err, test.want, most, test.most)
		}
	}
	refused := errors.New("no memory")
	if _, err := unzip(announce(size, text), 1<<20, func(int64) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("error %v although there was no memory", err)
	}
}

func FuzzUnzip(f *testing.F) {
	for _, text := range texts() {
		text = text[:min(len(text), 500)]
		for _, level := range []int{flate.NoCompression, flate.HuffmanOnly, flate.BestSpeed, flate.BestCompression} {
			f.Add(packed(f, level, gzip.Header{}, text), false)
			f.Add(packed(f, level, gzip.Header{Name: "n", Extra: []byte("e")}, text, text), true)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, mend bool) {
		if mend {
			data = mended(t, data)
		}
		const bound = 1 << 20
		want, refused := standard(data, bound)
		got, err := unzip(slices.Clone(data), bound, freely)
		if len(data) > 3 && data[3] != 0 && (err == nil) != (refused == nil) {
			return // the standard library limits names, and allows for flags that do not exist
		}
		if (err == nil) != (refused == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, error %v; the standard library %d bytes, error %v", len(got), err, len(want), refused)
		}
	})
}

// standard unpacks with the standard library.
func standard(data []byte, bound int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, bound+1))
	if err == nil && int64(len(text)) > bound {
		err = errTooLarge
	}
	return text, err
}

// mended gives damaged data the checksum and size of what it unpacks to, so that a fuzzer gets past them.
func mended(t testing.TB, data []byte) []byte {
	if len(data) < gzipHead {
		return data
	}
	r := bytes.NewReader(data[gzipHead:])
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(r), 1<<20))
	if err != nil {
		return data
	}
	tail := packed(t, flate.NoCompression, gzip.Header{}, text)
	data = slices.Concat([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0}, data[gzipHead:len(data)-r.Len()], tail[len(tail)-gzipTail:])
	return data
}

func BenchmarkUnzip(b *testing.B) {
	text := texts()["skewed"][:8000]
	z := packed(b, flate.DefaultCompression, gzip.Header{}, text)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := unzip(z, 1<<20, freely); err != nil {
			b.Fatal(err)
		}
	}
}
