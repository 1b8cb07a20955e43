package protocol

// A copier copies JSON but for what is replaced or left out. src[from:] up to the walker's place is still to be copied.
type copier struct {
	src  string
	dst  []byte
	from int
}

func (c *copier) copyTo(i int) {
	c.dst = append(c.dst, c.src[c.from:i]...)
	c.from = i
}

// replace puts text in the place of src[i:end].
func (c *copier) replace(i, end int, text string) {
	c.copyTo(i)
	c.dst = append(c.dst, text...)
	c.from = end
}

// cut leaves out the member or item whose text, from the end of the one before it, is src[sep:end].
// It returns where the walk goes on: past the comma if nothing came before.
func (c *copier) cut(sep, end int, kept bool) int {
	c.copyTo(sep)
	if !kept {
		end = skipSpace(c.src, end)
		if c.src[end] == ',' {
			end++
		}
	}
	c.from = end
	return end
}

// key reads the member name at i and finds the value after it.
func (c *copier) key(i int) (name string, value int) {
	end := skipString(c.src, i)
	name = unquote(c.src[i:end])
	colon := skipSpace(c.src, end)
	return name, skipSpace(c.src, colon+1)
}
