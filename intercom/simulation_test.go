package intercom

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// world is a server that counts calls in fixed windows, and a crowd of workers that call it through a
// pace. Time is a number in it: a minute of thousands of calls takes milliseconds.
type world struct {
	limit    int
	length   time.Duration
	phase    time.Duration // the windows begin this much after multiples of length
	late     bool          // Reset is rounded up, not down
	ahead    time.Duration // the server's clock before ours
	machines time.Duration // half of the server's machines are ahead by this much more
	way      way
	mean     time.Duration // of a call
	// neighbour is how many calls another client makes in a second, at a time since the run's beginning.
	neighbour func(time.Duration) float64

	workers int
	calls   int           // to make; 0: as many as there is time for
	start   time.Duration // the run begins this much after the beginning of a window
	seed    uint64
	lasts   time.Duration // bound of the run

	random  *rand.Rand
	pace    pace
	begun   time.Time
	now     time.Time
	events  events
	sent    int
	ended   int
	refused int
	crowd   int // the most calls under way
	alarm   time.Time
	second  time.Duration // of the run
	inIt    int           // calls sent in it
	busiest int           // the most calls sent in a second
	windows map[int64]*countedWindow
}

// way draws how long one call is on its way to being counted, and from there to its answer.
type way func(*rand.Rand) (up, back time.Duration)

// countedWindow is one window of the server.
type countedWindow struct {
	served, refused int
	taken           float64 // by the neighbour
	brought         time.Time
}

// event is a call's arrival at the server or its answer's arrival here.
type event struct {
	at   time.Time
	call *simulated
}

type simulated struct {
	ticket  ticket
	back    time.Duration
	counted bool
	notice  notice
	refused bool
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// run plays the world to its end.
func (w *world) run(p pace) *world {
	w.pace, w.random, w.windows = p, rand.New(rand.NewPCG(w.seed, 2)), make(map[int64]*countedWindow)
	// The server's clock shows a window's beginning, and then start, when the run begins.
	server := time.Unix(1_800_000_000, 0).Truncate(w.length).Add(w.phase + w.start)
	w.begun = server.Add(-w.ahead)
	w.now = w.begun
	w.admit()
	for {
		next := w.alarm
		if len(w.events) > 0 && (next.IsZero() || !w.events[0].at.After(next)) {
			next = w.events[0].at
		}
		if next.IsZero() || next.Sub(w.begun) > w.lasts {
			return w
		}
		if w.now = next; next.Equal(w.alarm) {
			w.admit()
			continue
		}
		c := heap.Pop(&w.events).(event).call
		if !c.counted {
			w.count(c)
			continue
		}
		w.answer(c)
		w.admit()
	}
}

// admit does what the gate does.
func (w *world) admit() {
	w.alarm = time.Time{}
	for w.sent-w.ended < w.workers && (w.calls == 0 || w.sent-w.refused < w.calls) {
		t, why, again := w.pace.admit(w.now, false)
		if why != holdNot {
			if w.alarm = again; !again.IsZero() && !again.After(w.now) {
				panic("asked to come again at once")
			}
			return
		}
		w.noteSent()
		up, back := w.way(w.random)
		heap.Push(&w.events, event{w.now.Add(up), &simulated{ticket: t, back: back}})
	}
}

func (w *world) noteSent() {
	if second := w.now.Sub(w.begun).Truncate(time.Second); second != w.second {
		w.second, w.inIt = second, 0
	}
	w.sent, w.inIt = w.sent+1, w.inIt+1
	w.busiest, w.crowd = max(w.busiest, w.inIt), max(w.crowd, w.sent-w.ended)
}

// count is the call's arrival at the server.
func (w *world) count(c *simulated) {
	clock := w.now.Add(w.ahead)
	if w.machines > 0 && w.random.IntN(2) == 0 {
		clock = clock.Add(w.machines)
	}
	number := clock.Add(-w.phase).UnixNano() / int64(w.length)
	end := time.Unix(0, (number+1)*int64(w.length)).Add(w.phase)
	in := w.window(number)
	in.bring(w, w.now)
	remaining := w.limit - in.served - int(in.taken)
	if c.refused = remaining <= 0; c.refused {
		in.refused++
		w.refused++
	} else {
		in.served++
		remaining--
	}
	reset := end.Truncate(time.Second)
	if w.late && !reset.Equal(end) {
		reset = reset.Add(time.Second)
	}
	c.counted = true
	c.notice = notice{
		date: clock.Truncate(time.Second), served: !c.refused, limit: w.limit, remaining: max(remaining, 0),
		reset: time.Unix(reset.Unix(), 0), throttled: c.refused,
	}
	heap.Push(&w.events, event{w.now.Add(c.back), c})
}

func (w *world) answer(c *simulated) {
	w.ended++
	w.pace.answered(&c.ticket, c.notice, w.now)
	w.pace.leave(&c.ticket, w.now)
}

func (w *world) window(number int64) *countedWindow {
	in := w.windows[number]
	if in == nil {
		in = &countedWindow{brought: time.Unix(0, number*int64(w.length)).Add(w.phase - w.ahead)}
		w.windows[number] = in
	}
	return in
}

const step = 10 * time.Millisecond

// bring lets the neighbour make its calls up to now.
func (in *countedWindow) bring(w *world, now time.Time) {

	for w.neighbour != nil && in.brought.Add(step).Before(now) {
		more := w.neighbour(in.brought.Sub(w.begun)) * step.Seconds()
		in.taken = min(in.taken+more, float64(w.limit-in.served))
		in.brought = in.brought.Add(step)
	}
}

// use is the part of the calls that whole windows allowed and that were made, and the part of all answers
// that were 429s, without the first windows.
func (w *world) use(learning int64) (used, refused float64) {
	first := w.begun.Add(w.ahead-w.phase).UnixNano() / int64(w.length)
	last := w.now.Add(w.ahead-w.phase).UnixNano() / int64(w.length)
	var made, allowed, no, all float64
	for number := first + learning; number < last; number++ {
		in := w.window(number)
		in.bring(w, time.Unix(0, (number+1)*int64(w.length)).Add(w.phase-w.ahead+step))
		no, all = no+float64(in.refused), all+float64(in.refused+in.served)
		if number > first {
			made, allowed = made+float64(in.served), allowed+float64(w.limit)-in.taken
		}
	}
	return made / allowed, no / all
}
