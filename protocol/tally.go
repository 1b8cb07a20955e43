package protocol

import (
	"strings"
	"sync"
	"sync/atomic"
)

// maxPaths bounds the distinct paths that a tally remembers: custom data may have any number.
const maxPaths = 1000

// beyond is the path under which a full tally counts the rest.
const beyond = "(more)"

// tally counts occurrences by path, for many goroutines. Counting a known path allocates nothing.
type tally struct {
	mu   sync.RWMutex
	seen map[place]*atomic.Int64
}

// place is a member that its parent's schema does not know.
type place struct {
	parent *node
	name   string
}

func (t *tally) add(parent *node, name string) {
	t.mu.RLock()
	count := t.seen[place{parent, name}]
	t.mu.RUnlock()
	if count == nil {
		count = t.admit(parent, strings.Clone(name))
	}
	count.Add(1)
}

func (t *tally) admit(parent *node, name string) *atomic.Int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = make(map[place]*atomic.Int64)
	}
	at := place{parent, name}
	if len(t.seen) >= maxPaths && t.seen[at] == nil {
		at = place{name: beyond}
	}
	if t.seen[at] == nil {
		t.seen[at] = new(atomic.Int64)
	}
	return t.seen[at]
}

func (t *tally) counts() map[string]int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	counts := make(map[string]int64, len(t.seen))
	for at, count := range t.seen {
		path := at.name
		if at.parent != nil {
			path = join(at.parent.path, at.name)
		}
		counts[path] += count.Load()
	}
	return counts
}
