package intercom

import "math/bits"

// code is what the bits of a code mean: how many they are, how many bits of a figure follow them, its kind,
// and in the upper half a literal, the figure to add to, or the place of a second table.
type code uint32

const (
	noCode  code = iota << 10
	literal      // a byte
	figure       // the length or the offset of a match
	blockEnd
	second // the code goes on in a second table
	kinds  = 7 << 10
)

func codeOf(kind code, value, more uint) code { return kind | code(value<<16|more<<5) }

func (c code) kind() code  { return c & kinds }
func (c code) size() uint  { return uint(c & 31) }
func (c code) more() uint  { return uint(c >> 5 & 31) }
func (c code) value() uint { return uint(c >> 16) }

// What the symbols of the three kinds of tables mean, but for the size of their codes.
var symbolMeanings, offsetMeanings, lengthMeanings = meanings()

func meanings() (symbols [maxSymbols]code, offsets [maxOffsets]code, lengths [19]code) {
	for i := range uint(endOfBlock) {
		symbols[i] = codeOf(literal, i, 0)
	}
	symbols[endOfBlock] = blockEnd
	for i, from := uint(0), uint(3); i < 28; i++ {
		more := max(i/4, 1) - 1
		symbols[endOfBlock+1+i] = codeOf(figure, from, more)
		from += 1 << more
	}
	symbols[285] = codeOf(figure, 258, 0)
	for i, from := uint(0), uint(1); i < 30; i++ {
		more := max(i/2, 1) - 1
		offsets[i] = codeOf(figure, from, more)
		from += 1 << more
	}
	for i := range uint(19) {
		lengths[i] = codeOf(figure, i, 0)
	}
	return symbols, offsets, lengths
}

// buildTable makes a table whose first part has root bits out of the sizes of all codes: shorter codes come
// first, and codes of one size in the order of their symbols.
func buildTable(table []code, root uint, sizes []uint8, meanings []code) error {
	var count, next [maxCode + 1]int
	for _, size := range sizes {
		count[size]++
	}
	count[0] = 0
	free, longest := 1, uint(0) // of the codes of a size, how many are left
	for size := 1; size <= maxCode; size++ {
		next[size] = (next[size-1] + count[size-1]) << 1
		if free = free<<1 - count[size]; free < 0 {
			return errCorrupt
		}
		if count[size] > 0 {
			longest = uint(size)
		}
	}
	if free > 0 && longest > 1 { // one code alone leaves the other half free, and there may be none
		return errCorrupt
	}
	if free > 0 || longest > root {
		clear(table[:1<<root])
	}
	end := uint(1) << root
	for symbol, s := range sizes {
		if s == 0 {
			continue
		}
		size := uint(s)
		place := uint(bits.Reverse16(uint16(next[size])) >> (16 - size))
		next[size]++
		part, known := table[:1<<root], uint(0)
		if size > root {
			first := &table[place&(1<<root-1)]
			if *first == noCode {
				*first = codeOf(second, end, longest-root) | code(root)
				end += 1 << (longest - root)
			}
			part, known = table[first.value():first.value()+1<<(longest-root)], root
		}
		for i := place >> known; i < uint(len(part)); i += 1 << (size - known) {
			part[i] = meanings[symbol] | code(size-known)
		}
	}
	return nil
}
