package emulator

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// spoil turns a right answer into the fault's. What only happens on the way is left to deliver.
func (f *Fault) spoil(a *answer) {
	switch f.Kind {
	case "delay", "cut", "length", "drip":
	case "truncated":
		a.body = a.body[:len(a.body)/2]
	case "invalid":
		a.body = append([]byte("<!"), a.body...)
	case "empty":
		*a = answer{status: http.StatusOK, kind: a.kind, requestID: a.requestID, rated: a.rated}
	case "captcha":
		a.html(http.StatusMethodNotAllowed, "<html><head><title>Human verification</title></head><body><script src=\"challenge.js\"></script></body></html>")
	case "nginx404":
		a.html(http.StatusNotFound, "<html>\n<head><title>404 Not Found</title></head>\n<body>\n<center><h1>404 Not Found</h1></center>\n<hr><center>nginx</center>\n</body>\n</html>")
	default:
		status, _ := strconv.Atoi(f.Kind) // validated
		code, message := faultCode(status)
		if status == http.StatusBadGateway {
			a.html(status, "<html><body><h1>502 Bad Gateway</h1></body></html>")
			return
		}
		rated := a.rated && status != http.StatusTooManyRequests
		*a = *fail(status, code, message).answer(a.requestID)
		a.rated = rated
	}
}

func faultCode(status int) (code, message string) {
	switch status {
	case http.StatusUnauthorized:
		return "unauthorized", "Access Token Invalid"
	case http.StatusForbidden:
		return "forbidden", "Forbidden"
	case http.StatusNotFound:
		return "not_found", "Resource Not Found"
	case http.StatusRequestTimeout:
		return "request_timeout", "The request took too long"
	case http.StatusTooManyRequests:
		return "rate_limit_exceeded", "Exceeded rate limit"
	case http.StatusServiceUnavailable:
		return "service_unavailable", "Sorry, the API service is temporarily unavailable"
	case http.StatusInternalServerError, http.StatusGatewayTimeout:
		return "server_error", "Request failed due to an internal network error. Please restart the scroll operation."
	}
	return "client_error", http.StatusText(status)
}

// silent acts out the faults that have no answer, and tells whether this is one.
func (f *Fault) silent(w http.ResponseWriter, r *http.Request) bool {
	switch f.Kind {
	case "reset":
		reset(w)
	case "hang":
		_, _ = io.Copy(io.Discard, r.Body) // the server notices that a client has gone only when it has read all
		<-r.Context().Done()
	default:
		return false
	}
	return true
}

// reset ends the connection without a word; a TCP connection with a RST.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// delivery is how an answer travels; the zero value is as it should be.
type delivery struct {
	kind string
	time time.Duration // of a drip
	long bool          // the wrong length is greater than the body's
}

// send writes the status, the headers, which are all set, and the body.
func (d delivery) send(ctx context.Context, w http.ResponseWriter, status int, body []byte) {
	if d.kind == "length" && d.misstate(w, status, body) {
		return
	}
	w.WriteHeader(status)
	switch d.kind {
	case "cut":
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush() // the client is to see the first half
		panic(http.ErrAbortHandler)
	case "drip":
		d.drip(ctx, w, body)
	default:
		_, _ = w.Write(body) // a client that went away has no use for the error
	}
}

// drip sends the body in pieces, the last of them when its time is over.
func (d delivery) drip(ctx context.Context, w http.ResponseWriter, body []byte) {
	const pieces = 20
	for i := range pieces {
		if !sleep(ctx, d.time/pieces) {
			return
		}
		_, _ = w.Write(body[len(body)*i/pieces : len(body)*(i+1)/pieces])
		_ = http.NewResponseController(w).Flush()
	}
}

// misstate answers with a wrong length. net/http would not let more be written than the length says, so that the
// connection is taken from it; it tells whether that could be done.
func (d delivery) misstate(w http.ResponseWriter, status int, body []byte) bool {
	length := len(body) / 2
	if d.long {
		length = len(body) + 1000
	}
	w.Header().Set("Content-Length", strconv.Itoa(length))
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_, _ = buffered.WriteString("HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n")
	_ = w.Header().Write(buffered)
	_, _ = buffered.WriteString("\r\n")
	_, _ = buffered.Write(body)
	_ = buffered.Flush()
	return true
}
