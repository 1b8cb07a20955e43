package intercom

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// budget bounds bytes that are in memory at a time. Those who wait are served in the order in which they
// came.
type budget struct {
	size int64
	free *semaphore.Weighted
}

func newBudget(size int64) *budget { return &budget{size: size, free: semaphore.NewWeighted(size)} }

// share is a part of a budget that somebody holds.
type share struct {
	of *budget
	n  atomic.Int64
}

// hold makes the share one of n bytes, or the whole budget if n is more: what is larger than the budget
// is in memory alone. It gives back what the share was before it waits for more, because those who hold
// memory while they wait for one another would wait for ever.
func (s *share) hold(ctx context.Context, n int64) error {
	n = min(n, s.of.size)
	if now := s.n.Load(); n <= now {
		s.n.Store(n)
		s.of.free.Release(now - n)
		return nil
	}
	s.release()
	if err := s.of.free.Acquire(ctx, n); err != nil {
		return err
	}
	s.n.Store(n)
	return nil
}

// release gives all back. What is given back already is not given back again.
func (s *share) release() {
	if n := s.n.Swap(0); n > 0 {
		s.of.free.Release(n)
	}
}

// memory bounds what calls keep in memory. An answer that comes packed is first in arriving and then in
// answers; as nobody waits for arriving who holds some of answers, none of the two can block the other.
type memory struct {
	arriving *budget // as it comes over the network, until it is unpacked
	answers  *budget // until it is released
}

func newMemory(size int64) memory { return memory{newBudget(max(size/2, 1)), newBudget(size)} }
