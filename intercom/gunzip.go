package intercom

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
)

const (
	gzipHead, gzipTail = 10, 8
	// maxInflation is how many bytes one packed byte can become, at most.
	maxInflation = 1032
)

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// unzip unpacks in one go into as many bytes as the end of packed announces. hold is called before memory
// is used for them. The figure has 32 bits and, where there are several parts, counts only the last one:
// if it turns out too small, all begins anew with more.
func unzip(packed []byte, bound int64, hold func(n int64) error) ([]byte, error) {
	if len(packed) < gzipHead+gzipTail {
		return nil, fmt.Errorf("unpacking the answer: %w", errCorrupt)
	}
	size := int64(binary.LittleEndian.Uint32(packed[len(packed)-4:]))
	size = min(size, maxInflation*int64(len(packed)), bound)
	src := append(packed, make([]byte, srcSlack)...)
	f := inflaters.Get().(*inflater)
	defer inflaters.Put(f)
	for ; ; size = min(2*size+64<<10, bound) {
		if err := hold(size); err != nil {
			return nil, err
		}
		text, err := f.gunzip(make([]byte, size+dstSlack), src)
		switch {
		case errors.Is(err, errNoRoom) && size == bound:
			return nil, errTooLarge
		case errors.Is(err, errNoRoom):
			continue
		case err != nil:
			return nil, fmt.Errorf("unpacking the answer: %w", err)
		}
		return text, nil
	}
}

// gunzip unpacks all parts of src, and nothing else may be in it. Both slices have their slack behind them.
// https://www.rfc-editor.org/rfc/rfc1952
func (f *inflater) gunzip(dst, src []byte) ([]byte, error) {
	defer func() { f.src, f.dst = nil, nil }() // f lives on
	end, done := len(src)-srcSlack, 0
	for at := 0; at < end; at += gzipTail {
		head, err := skipHead(src[at:end])
		if err != nil {
			return nil, err
		}
		f.src, f.dst, f.n = src, dst[done:], 0
		if at, err = f.inflate(at + head); err != nil {
			return nil, err
		}
		if end-at < gzipTail {
			return nil, errCorrupt
		}
		sum, size := binary.LittleEndian.Uint32(src[at:]), binary.LittleEndian.Uint32(src[at+4:])
		if sum != crc32.ChecksumIEEE(f.dst[:f.n]) || size != uint32(f.n) {
			return nil, errCorrupt
		}
		done += f.n
	}
	return dst[:done:done], nil
}

// skipHead returns how long the header of a part is.
func skipHead(b []byte) (int, error) {
	const checked, extra, name, comment, unknown = 2, 4, 8, 16, 224
	if len(b) < gzipHead || b[0] != 0x1f || b[1] != 0x8b || b[2] != 8 || b[3]&unknown != 0 {
		return 0, errCorrupt
	}
	flags, n := b[3], gzipHead
	if flags&extra != 0 {
		if len(b) < n+2 {
			return 0, errCorrupt
		}
		n += 2 + int(binary.LittleEndian.Uint16(b[n:]))
	}
	for _, text := range []byte{name, comment} {
		if flags&text == 0 {
			continue
		}
		length := bytes.IndexByte(b[min(n, len(b)):], 0)
		if length < 0 {
			return 0, errCorrupt
		}
		n += length + 1
	}
	if flags&checked != 0 {
		n += 2
		if n > len(b) || binary.LittleEndian.Uint16(b[n-2:]) != uint16(crc32.ChecksumIEEE(b[:n-2])) {
			return 0, errCorrupt
		}
	}
	if n > len(b) {
		return 0, errCorrupt
	}
	return n, nil
}
