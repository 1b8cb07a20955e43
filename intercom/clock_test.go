package intercom

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the latency and the drift, the true offset stays within the bounds, so that a window is never
// taken for over too early nor the server's time for later than it is.
func TestClockBoundsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		offset := time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "offset"))
		speed := rapid.Float64Range(-50e-6, 50e-6).Draw(t, "drift")
		start := time.Unix(1_800_000_000, rapid.Int64Range(0, 1e9-1).Draw(t, "nanoseconds"))
		var c clock
		now := start
		server := func(at time.Time) time.Time {
			return at.Add(offset + time.Duration(speed*float64(at.Sub(start))))
		}
		for range rapid.IntRange(1, 200).Draw(t, "answers") {
			sent := now.Add(time.Duration(rapid.Int64Range(0, 5e9).Draw(t, "pause")))
			answered := sent.Add(time.Duration(rapid.Int64Range(0, 2e9).Draw(t, "up")))
			now = answered.Add(time.Duration(rapid.Int64Range(0, 2e9).Draw(t, "down")))
			if c.observe(server(answered).Truncate(time.Second), sent, now) {
				t.Fatal("the clock was thought to have jumped")
			}
			if late := server(now).Sub(c.server(now)); late < -time.Millisecond || late > 3*time.Second+time.Millisecond {
				t.Fatalf("server's time is %v late", late)
			}
		}
	})
}

func TestClockThatJumpsIsLearntAnew(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 3 * time.Second, -3 * time.Second} {
		var c clock
		c.observe(at, at, at)
		if !c.observe(at.Add(jump), at, at) {
			t.Errorf("a jump of %v was not seen", jump)
		}
		if got := c.server(at); !got.Equal(at.Add(jump)) {
			t.Errorf("after a jump of %v the server's time is %v off", jump, got.Sub(at.Add(jump)))
		}
	}
}

func TestZonesExist(t *testing.T) {
	for name := range railsZones {
		if timeZone(name) == nil {
			t.Errorf("%s leads to %s, which is no zone", name, railsZones[name])
		}
	}
}

// Where servers disagree by hours, the one that is furthest behind is what must not be taken for past too early goes by.
func TestServersThatDisagree(t *testing.T) {
	var c clock
	ours := time.Unix(1_700_000_000, 0)
	for i, ahead := range []time.Duration{5 * time.Hour, 0, 5 * time.Hour, 0, 5 * time.Hour} {
		sent := ours.Add(time.Duration(i) * time.Second)
		received := sent.Add(100 * time.Millisecond)
		c.observe(received.Add(ahead).Truncate(time.Second), sent, received)
		got, want := c.cautious(received).Sub(received), time.Duration(0)
		if i == 0 {
			want = ahead // nothing else is known
		}
		if (got - want).Abs() > 2*time.Second {
			t.Errorf("after %d answers the cautious clock is %s ahead, want %s", i+1, got, want)
		}
	}
}
