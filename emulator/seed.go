package emulator

// seed names a place in the generated world. Every property of an object is drawn from its own
// child seed, so that leaving a property out in one API version changes no other one.
type seed uint64

func (s seed) at(k int) seed {
	z := uint64(s) + (uint64(k)+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return seed(z ^ z>>31)
}

// n draws a number in [0, limit); 0 when limit is not positive.
func (s seed) n(k, limit int) int {
	if limit <= 0 {
		return 0
	}
	return int(uint64(s.at(k)) >> 1 % uint64(limit))
}

// between draws a number in [lo, hi]; lo when the range is empty.
func (s seed) between(k int, lo, hi int64) int64 {
	if hi <= lo {
		return lo
	}
	return lo + int64(uint64(s.at(k))>>1%uint64(hi-lo+1))
}

func (s seed) chance(k, percent int) bool { return s.n(k, 100) < percent }

func pick[T any](s seed, k int, list []T) T { return list[s.n(k, len(list))] }
