package intercom

import (
	"testing"
	"time"
)

// TestWaitingForATurnIsNoTrouble: what a call waits at the gate between its tries does not use up the time for
// which it is tried again.
func TestWaitingForATurnIsNoTrouble(t *testing.T) {
	failure := &Error{Kind: Temporary, Status: 503}
	now := time.Unix(0, 0)
	call := trial{maxRetry: time.Minute}
	for try := range 4 {
		if _, again := call.next(failure, now, time.Time{}, time.Time{}); !again {
			t.Fatalf("given up after %d tries in %s, nearly all of which it stood in the queue", try+1, now.Sub(time.Unix(0, 0)))
		}
		now = now.Add(10*time.Minute + time.Second)
		failure.queued = 10 * time.Minute
	}
	now = now.Add(time.Minute)
	if _, again := call.next(failure, now, time.Time{}, time.Time{}); again {
		t.Error("tried on after a minute of trouble")
	}
}
