package intercom

import (
	"encoding/binary"
	"errors"
)

// The standard library unpacks streams: through a window of its own, a byte at a time. An answer is in
// memory as a whole, and so is what becomes of it, which lets this take half the time. Unpacking is the
// largest part of what a call costs.
//
// The format is RFC 1951: https://www.rfc-editor.org/rfc/rfc1951

var (
	errCorrupt = errors.New("the compressed data is corrupt")
	errNoRoom  = errors.New("there is more data than was expected")
)

const (
	// srcSlack and dstSlack are bytes behind both ends that may be read or written to no effect, so that
	// bounds need be checked only once for each symbol.
	srcSlack = 16
	dstSlack = 280 // the longest match, a word, and some literals

	// A table is indexed by the first bits of a code. The rest of longer codes is looked up in a second
	// table, behind the first one, and at most half of the symbols can need one of their own.
	maxCode    = 15
	symbolBits = 10
	offsetBits = 8
	lengthBits = 7
	maxSymbols = 288
	maxOffsets = 32

	endOfBlock = 256
	wholeMatch = maxCode + 5 + maxCode + 13 // bits of a length and an offset with their figures
)

// inflater unpacks src into dst.
type inflater struct {
	src  []byte // ends with srcSlack bytes that do not belong to it
	at   int
	bits uint64 // read from src and not used yet, lowest first
	have uint   // how many bits there are

	dst []byte // ends with dstSlack bytes that do not belong to it
	n   int

	symbols [1<<symbolBits + maxSymbols/2<<(maxCode-symbolBits)]code
	offsets [1<<offsetBits + maxOffsets/2<<(maxCode-offsetBits)]code
	sizes   [maxSymbols + maxOffsets]uint8
}

// inflate unpacks what begins at src[at], returns where it ends, and leaves the bytes in dst[:f.n]. It
// fails with errNoRoom when dst is too small.
func (f *inflater) inflate(at int) (int, error) {
	f.at, f.bits, f.have = at, 0, 0
	for last := false; !last; {
		head, err := f.take(3)
		if err != nil {
			return 0, err
		}
		last = head&1 == 1
		switch head >> 1 {
		case 0:
			err = f.stored()
		case 1:
			if err = f.fixedTables(); err == nil {
				err = f.block()
			}
		case 2:
			if err = f.tables(); err == nil {
				err = f.block()
			}
		default:
			err = errCorrupt
		}
		if err != nil {
			return 0, err
		}
		if f.n > len(f.dst)-dstSlack {
			return 0, errNoRoom
		}
	}
	f.toByte()
	return f.at, nil
}

// take returns the next n bits, 16 at most.
func (f *inflater) take(n uint) (uint, error) {
	for f.have < n {
		if f.at >= len(f.src)-srcSlack {
			return 0, errCorrupt
		}
		f.bits |= uint64(f.src[f.at]) << f.have
		f.at++
		f.have += 8
	}
	v := uint(f.bits & (1<<n - 1))
	f.bits >>= n
	f.have -= n
	return v, nil
}

// toByte goes on to the next whole byte.
func (f *inflater) toByte() {
	f.at -= int(f.have / 8)
	f.bits, f.have = 0, 0
}

// stored takes a block that is not compressed.
func (f *inflater) stored() error {
	f.toByte()
	end := len(f.src) - srcSlack
	if end-f.at < 4 {
		return errCorrupt
	}
	src := f.src[f.at:end]
	n := int(binary.LittleEndian.Uint16(src))
	if n != int(^binary.LittleEndian.Uint16(src[2:])) || n > len(src)-4 {
		return errCorrupt
	}
	if n > len(f.dst)-dstSlack-f.n {
		return errNoRoom
	}
	f.n += copy(f.dst[f.n:], src[4:4+n])
	f.at += 4 + n
	return nil
}

// fixedTables makes the tables that the format itself defines.
func (f *inflater) fixedTables() error {
	sizes := &f.sizes
	for i := range sizes {
		switch {
		case i < 144:
			sizes[i] = 8
		case i < 256:
			sizes[i] = 9
		case i < 280:
			sizes[i] = 7
		case i < maxSymbols:
			sizes[i] = 8
		default:
			sizes[i] = 5
		}
	}
	return f.build(maxSymbols, maxOffsets)
}

// lengthOrder is the order in which the code of the sizes is given.
var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// tables reads the tables of a block, which come as the sizes of all codes, compressed themselves.
func (f *inflater) tables() error {
	head, err := f.take(14)
	if err != nil {
		return err
	}
	symbols, offsets := int(head&31)+257, int(head>>5&31)+1
	if symbols > 286 || offsets > 30 {
		return errCorrupt
	}
	var lengths [19]uint8
	for _, i := range lengthOrder[:head>>10+4] {
		v, err := f.take(3)
		if err != nil {
			return err
		}
		lengths[i] = uint8(v)
	}
	if err := buildTable(f.symbols[:], lengthBits, lengths[:], lengthMeanings[:]); err != nil {
		return err
	}
	for i, end := 0, symbols+offsets; i < end; {
		size, times, err := f.nextSize(i)
		if err != nil {
			return err
		}
		if times > end-i {
			return errCorrupt
		}
		for range times {
			f.sizes[i] = size
			i++
		}
	}
	return f.build(symbols, offsets)
}

// nextSize reads the size of symbol i's code, and for how many symbols it holds.
func (f *inflater) nextSize(i int) (size uint8, times int, err error) {
	for f.have < lengthBits && f.at < len(f.src)-srcSlack {
		f.bits |= uint64(f.src[f.at]) << f.have
		f.at++
		f.have += 8
	}
	c := f.symbols[f.bits&(1<<lengthBits-1)]
	if c == noCode {
		return 0, 0, errCorrupt
	}
	if _, err := f.take(c.size()); err != nil {
		return 0, 0, err
	}
	var from, more uint
	switch v := c.value(); v {
	case 16:
		if i == 0 {
			return 0, 0, errCorrupt
		}
		size, from, more = f.sizes[i-1], 3, 2
	case 17:
		from, more = 3, 3
	case 18:
		from, more = 11, 7
	default:
		return uint8(v), 1, nil
	}
	v, err := f.take(more)
	return size, int(from + v), err
}

func (f *inflater) build(symbols, offsets int) error {
	if err := buildTable(f.symbols[:], symbolBits, f.sizes[:symbols], symbolMeanings[:]); err != nil {
		return err
	}
	return buildTable(f.offsets[:], offsetBits, f.sizes[symbols:symbols+offsets], offsetMeanings[:])
}

// block unpacks a compressed block by the tables. It ends with the block, or when there is no room left
// in dst.
func (f *inflater) block() error {
	src, dst, at, n := f.src, f.dst, f.at, f.n
	stream, have := f.bits, f.have
	symbols, offsets := &f.symbols, &f.offsets
	for at <= len(src)-8 && n <= len(dst)-dstSlack {
		// 56 bits at least, of which a match takes wholeMatch at most.
		stream |= binary.LittleEndian.Uint64(src[at:]) << have
		at += int((63 - have) >> 3)
		have |= 56
		c := symbols[stream&(1<<symbolBits-1)]
		for c.kind() == literal && have >= 2*symbolBits {
			dst[n] = byte(c.value())
			n++
			stream >>= c.size()
			have -= c.size()
			c = symbols[stream&(1<<symbolBits-1)]
		}
		if have < wholeMatch {
			continue
		}
		if c.kind() == second {
			stream >>= symbolBits
			have -= symbolBits
			c = symbols[c.value()+uint(stream)&(1<<c.more()-1)]
		}
		stream >>= c.size()
		have -= c.size()
		switch c.kind() {
		case literal:
			dst[n] = byte(c.value())
			n++
			continue
		case blockEnd:
			f.at, f.bits, f.have, f.n = at, stream, have, n
			return f.overrun()
		case noCode:
			return errCorrupt
		}
		length := int(c.value() + uint(stream)&(1<<c.more()-1))
		stream >>= c.more()
		have -= c.more()

		c = offsets[stream&(1<<offsetBits-1)]
		if c.kind() == second {
			stream >>= offsetBits
			have -= offsetBits
			c = offsets[c.value()+uint(stream)&(1<<c.more()-1)]
		}
		stream >>= c.size()
		offset := int(c.value() + uint(stream)&(1<<c.more()-1))
		stream >>= c.more()
		have -= c.size() + c.more()
		if c.kind() != figure || offset > n {
			return errCorrupt
		}
		repeat(dst, n, offset, length)
		n += length
	}
	if at > len(src)-8 {
		return errCorrupt
	}
	return errNoRoom
}

// overrun tells whether bits behind the end were used.
func (f *inflater) overrun() error {
	if f.at-int(f.have/8) > len(f.src)-srcSlack {
		return errCorrupt
	}
	return nil
}

// repeat writes to dst[n:] what stands offset before it, which may be what it writes itself.
func repeat(dst []byte, n, offset, length int) {
	if offset < 8 {
		for end := n + length; n < end; n++ {
			dst[n] = dst[n-offset]
		}
		return
	}
	for end := n + length; n < end; n += 8 {
		binary.LittleEndian.PutUint64(dst[n:], binary.LittleEndian.Uint64(dst[n-offset:]))
	}
}
