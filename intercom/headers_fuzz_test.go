package intercom

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// hostileHeaders are what no server should send: Date, Limit, Remaining, Reset, Retry-After.
var hostileHeaders = []string{
	"Sat, 10 Mar 2029 12:34:56 GMT|1000|999|1867926900|",
	"Sat, 10 Mar 2029 12:34:56 GMT|9223372036854775807|9223372036854775807|9223372036854775807|9223372036854775807",
	"Sat, 10 Mar 2029 12:34:56 GMT|9223372036854775808|-9223372036854775808|-1|-1",
	"Mon, 01 Jan 0001 00:00:00 GMT|1000|999|1867926900|",
	"Fri, 31 Dec 9999 23:59:59 GMT|1000|0|253402300799|Fri, 31 Dec 9999 23:59:59 GMT",
	"|1000|0|1867926900|99999999999999999999",
	"|1|-5|1|",
	"nonsense|1e9|0x10|NaN|soon",
	"|||| 5",
	"Sat, 10 Mar 2029 12:34:56 GMT|1|1000000|1867926897|Mon, 01 Jan 0001 00:00:00 GMT",
}

// headersOf makes the headers of an answer of one line.
func headersOf(line string) http.Header {
	h := http.Header{}
	values := strings.SplitN(line, "|", 5)
	for i, name := range []string{"Date", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"} {
		if i < len(values) && values[i] != "" {
			h.Set(name, values[i])
		}
	}
	return h
}

// turnAt is when the next call may start, by the pace, from now on.
func turnAt(t *testing.T, p *pace, now time.Time) (*ticket, time.Time) {
	t.Helper()
	asked := now
	for range 10_000 {
		ticket, why, again := p.admit(now, false)
		if why == holdNot {
			return &ticket, now
		}
		if again.IsZero() || again.Sub(asked) > 2*maxPause {
			t.Fatalf("hold %d until %v: a call that is alone would wait for %v", why, again, again.Sub(asked))
		}
		now = now.Add(max(again.Sub(now), time.Nanosecond))
	}
	t.Fatal("a call is asked to come again and again")
	return nil, now
}

// Whatever the headers say, and however they change, each call gets its turn, after a bounded time.
func FuzzHeaders(f *testing.F) {
	for _, line := range hostileHeaders {
		f.Add(line, uint64(0))
		f.Add(line+"\n"+hostileHeaders[0], uint64(1))
		f.Add(hostileHeaders[0]+"\n"+line+"\n"+line, uint64(6))
	}
	f.Fuzz(func(t *testing.T, lines string, throttled uint64) {
		began := time.Date(2029, 3, 10, 12, 34, 56, 0, time.UTC)
		now := began
		p := pace{share: 1, guard: minGuard}
		for i, line := range strings.Split(lines, "\n") {
			if i == 20 {
				break
			}
			var call *ticket
			call, now = turnAt(t, &p, now)
			now = now.Add(100 * time.Millisecond)
			status := http.StatusOK
			if throttled>>i&1 == 1 {
				status = http.StatusTooManyRequests
			}
			n := readNotice(status, headersOf(line))
			if n.limit < 0 || n.remaining < 0 || n.retryAfter < 0 || n.retryAfter > maxPause {
				t.Fatalf("%q is read as %+v", line, n)
			}
			p.answered(call, n, now)
			p.leave(call, now)
		}
		turnAt(t, &p, now)
	})
}
