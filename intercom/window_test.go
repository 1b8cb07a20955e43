package intercom

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func unbound() pace { return pace{share: 1, guard: minGuard} }

// jittered takes half to one and a half of mean; one answer in a hundred takes ten times as long.
func jittered(mean time.Duration) way {
	return func(r *rand.Rand) (up, back time.Duration) {
		d := time.Duration(float64(mean) * (0.5 + r.Float64()))
		if up, back = d/4, d-d/4; r.IntN(100) == 0 {
			back += 9 * d
		}
		return up, back
	}
}

// congested is jittered, but the slow calls are slow on their way up as well.
func congested(mean time.Duration) way {
	return func(r *rand.Rand) (up, back time.Duration) {
		d := time.Duration(float64(mean) * (0.5 + r.Float64()))
		if r.IntN(100) == 0 {
			d *= 10
		}
		return d / 4, d - d/4
	}
}

// steady is a neighbour that takes a part of the quota.
func steady(part float64) func(*world) {
	return func(w *world) {
		w.neighbour = func(time.Duration) float64 { return part * float64(w.limit) / w.length.Seconds() }
	}
}

// tidal is a neighbour that takes from a tenth to seven tenths of the quota and back in ten windows.
func tidal(w *world) {
	w.neighbour = func(at time.Duration) float64 {
		tide := at.Seconds() / w.length.Seconds() / 10
		tide -= float64(int(tide))
		return (0.1 + 1.2*min(tide, 1-tide)) * float64(w.limit) / w.length.Seconds()
	}
}

// troubles are the worlds in which the windows must be used, whole and no more.
var troubles = []struct {
	name     string
	learning int64 // windows that do not count
	change   func(*world)
	// The least length of windows and the longest latency at which the bounds are promised.
	length, latency time.Duration
}{
	{"plain", 0, func(*world) {}, time.Second, time.Second},
	{"congested", 0, func(w *world) { w.way = congested(w.mean) }, 10 * time.Second, time.Second},
	{"Reset up", 0, func(w *world) { w.phase, w.late = 370*time.Millisecond, true }, 10 * time.Second, time.Second},
	{"Reset down", 0, func(w *world) { w.phase = 370 * time.Millisecond }, 5 * time.Second, time.Second},
	{"two clocks", 0, func(w *world) { w.machines = time.Second }, 10 * time.Second, time.Second},
	{"neighbour 20%", 3, steady(0.2), 10 * time.Second, time.Second},
	{"neighbour 80%", 3, steady(0.8), 10 * time.Second, 300 * time.Millisecond},
	{"tidal", 3, tidal, 10 * time.Second, 300 * time.Millisecond},
}

// At least 97 % of what the windows allow is used and fewer than one answer in a thousand is a 429. For
// windows below five seconds less is promised, and beside a neighbour where answers are slow: -v shows all
// figures, with a "-" where a bound is missed.
func TestWindowsAreUsedWhateverTheServer(t *testing.T) {
	lengths := []int{1, 2, 5, 10, 60}
	if testing.Short() {
		lengths = []int{10}
	}
	for _, length := range lengths {
		for _, perTen := range []int{84, 167, 1667} {
			for _, latency := range []int{20, 150, 300, 800} {
				if length > 10 && perTen > 84 {
					continue // takes long and shows nothing else
				}
				line := ""
				for _, trouble := range troubles {
					w := &world{
						limit: perTen * length / 10, length: time.Duration(length) * time.Second, ahead: 3*time.Hour + 1234*time.Millisecond,
						mean: time.Duration(latency) * time.Millisecond, workers: 1000, start: time.Duration(length) * 370 * time.Millisecond,
					}
					w.way = jittered(w.mean)
					w.lasts = w.length * time.Duration(min(max(12, 6000/w.limit), 60))
					trouble.change(w)
					used, refused := w.run(unbound()).use(trouble.learning)
					promised := w.length >= trouble.length && w.mean <= trouble.latency && (length > 2 || w.limit > 100 && latency <= 300)
					mark := ' '
					if bad := used < 0.97 || refused >= 0.001; bad {
						mark = '-'
						if promised {
							mark = '!'
							t.Errorf("%d calls in %v, %v, %s: used %.2f%%, 429s %.3f%%", w.limit, w.length, w.mean, trouble.name, 100*used, 100*refused)
						}
					}
					line += fmt.Sprintf("  %s %.1f %.2f%c", trouble.name, 100*used, 100*refused, mark)
				}
				t.Logf("%5d in %2ds, %3dms:%s", perTen*length/10, length, latency, line)
			}
		}
	}
}

// A run of 2.4 windows that begins anywhere in a window lasts hardly longer than its calls by the even rate,
// and never spends half of a window in a second.
func TestShortRunsEndInTime(t *testing.T) {
	const calls, limit = 4027, 1667
	for _, latency := range []time.Duration{20, 300, 800} {
		latency *= time.Millisecond
		var sum, worst float64
		busiest, runs := 0, 0
		for start := time.Duration(0); start < usualWindow; start += 250 * time.Millisecond {
			w := &world{
				limit: limit, length: usualWindow, ahead: -777 * time.Millisecond, workers: 1000, calls: calls, start: start, lasts: time.Hour,
				way: func(*rand.Rand) (up, back time.Duration) { return latency / 4, latency * 3 / 4 },
			}
			w.run(unbound())
			ratio := w.now.Sub(w.begun).Seconds() / (calls / (limit / usualWindow.Seconds()))
			sum, worst, runs = sum+ratio, max(worst, ratio), runs+1
			busiest = max(busiest, w.busiest)
		}
		mean := sum / float64(runs)
		t.Logf("%v: %.3f of the calls by the rate, at worst %.3f; at most %d calls in a second", latency, mean, worst, busiest)
		if mean > 1.03 || worst > 1.05 || busiest > limit/2 {
			t.Errorf("%v: %.3f of the calls by the rate, at worst %.3f; %d calls in a second", latency, mean, worst, busiest)
		}
	}
}

// Answers that become slow at once cost no window's part, whenever it happens.
func TestSlotsNeverHoldThePaceBack(t *testing.T) {
	for _, limit := range []int{84, 167, 1667} {
		for rise := 30 * time.Second; rise < 40*time.Second; rise += 500 * time.Millisecond {
			w := &world{limit: limit, length: usualWindow, workers: 1000, lasts: 90 * time.Second}
			w.way = func(*rand.Rand) (up, back time.Duration) {
				if w.now.Sub(w.begun) < rise {
					return 5 * time.Millisecond, 15 * time.Millisecond
				}
				return 200 * time.Millisecond, 600 * time.Millisecond
			}
			if used, refused := w.run(unbound()).use(0); used < 0.99 || refused >= 0.001 {
				t.Errorf("%d calls a window, slow from %v on: used %.2f%%, 429s %.3f%%", limit, rise, 100*used, 100*refused)
			}
		}
	}
}

// A server that has stopped to answer gets no more than the calls of a second.
func TestHangingServerGetsFewCalls(t *testing.T) {
	for limit, most := range map[int]int{84: 16, 1667: 167, 100_000: 512} {
		w := &world{limit: limit, length: usualWindow, workers: 5000, lasts: time.Minute}
		w.way = func(*rand.Rand) (up, back time.Duration) {
			if w.now.Sub(w.begun) > 15*time.Second {
				back = time.Hour
			}
			return 10 * time.Millisecond, 10*time.Millisecond + back
		}
		if w.run(unbound()); w.crowd > most || w.crowd < most/2 {
			t.Errorf("limit %d: %d calls under way, want at most %d", limit, w.crowd, most)
		}
	}
}

func TestSlotsFollowTheLatency(t *testing.T) {
	var s slots
	feed := func(n int, d time.Duration) int {
		for range n {
			s.took(d)
		}
		return s.bound(167)
	}
	if n := feed(1000, 20*time.Millisecond); n != 167 {
		t.Errorf("at 20ms: %d slots, want those of a second", n)
	}
	if n := feed(30, 800*time.Millisecond); n < 334 || n > 401 {
		t.Errorf("30 answers after the rise to 800ms: %d slots", n)
	}
	if n := feed(20, 20*time.Millisecond); n < 267 {
		t.Errorf("20 quick answers later: %d slots, went down too fast", n)
	}
	if n := feed(2000, 20*time.Millisecond); n != 167 {
		t.Errorf("at 20ms again: %d slots", n)
	}
	s.most = 5
	if n := feed(100, time.Second); n != 5 {
		t.Errorf("%d slots, though the user allows five", n)
	}
}
