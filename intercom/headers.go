package intercom

import (
	"net/http"
	"strconv"
	"time"
)

// notice is what the headers of one answer say about time and the rate limit.
type notice struct {
	date       time.Time // zero: no Date, or one not to be trusted
	limit      int       // calls in a window; 0: the answer says nothing about the limit
	remaining  int
	reset      time.Time // the window's end, whole second of the server's clock
	served     bool      // 2xx
	throttled  bool      // 429
	retryAfter time.Duration
}

func readNotice(status int, h http.Header) notice {
	n := notice{served: status/100 == 2, throttled: status == http.StatusTooManyRequests, retryAfter: retryAfter(h)}
	limit, errLimit := strconv.Atoi(h.Get("X-RateLimit-Limit"))
	remaining, errRemaining := strconv.Atoi(h.Get("X-RateLimit-Remaining"))
	reset, errReset := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	limited := errLimit == nil && errRemaining == nil && errReset == nil && limit > 0 && reset > 0
	if limited {
		n.limit, n.remaining, n.reset = limit, max(remaining, 0), time.Unix(reset, 0)
	}
	// An error page that has neither limits nor an id may come from a machine in between, whose clock
	// says nothing.
	if limited || status < 300 || status == http.StatusTooManyRequests || h.Get("X-Request-Id") != "" {
		n.date, _ = http.ParseTime(h.Get("Date"))
	}
	return n
}

// retryAfter reads both forms of Retry-After; 0 means that there is none.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if v == "" { // as nearly always; the error of ParseTime would cost memory
		return 0
	}
	if seconds, err := strconv.Atoi(v); err == nil && seconds > 0 {
		return min(time.Duration(seconds), maxPause/time.Second) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	from, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		from = time.Now()
	}
	return min(max(at.Sub(from), 0), maxPause)
}
