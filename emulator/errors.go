package emulator

import "net/http"

// apiError is an answer in Intercom's error.list form.
type apiError struct {
	status  int
	code    string
	message string
	field   string
	link    string // Link header, for merged contacts
}

func fail(status int, code, message string) *apiError {
	return &apiError{status: status, code: code, message: message}
}

func badParameter(field, message string) *apiError {
	return &apiError{status: http.StatusBadRequest, code: "parameter_invalid", message: message, field: field}
}

func notFound(code, message string) *apiError { return fail(http.StatusNotFound, code, message) }

func (a *apiError) body(requestID string) []byte {
	var e encoder
	e.obj("")
	e.str("type", "error.list")
	e.str("request_id", requestID)
	e.arr("errors")
	e.obj("")
	e.str("code", a.code)
	e.str("message", a.message)
	if a.field != "" {
		e.str("field", a.field)
	}
	e.end()
	e.endArr()
	e.end()
	return e.b
}
