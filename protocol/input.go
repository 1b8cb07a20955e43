package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tidwall/gjson"
)

// InputError says what is wrong with a catalog or a state that was handed over. It is one sentence;
// the caller knows the file's name and adds it.
type InputError struct {
	What  string // "catalog" or "state"
	Path  string // where in the document, as in streams[3].sync_mode; "" for all of it
	Found string
	Want  string
}

func (e *InputError) Error() string {
	place := "the " + e.What
	if e.Path != "" {
		place = clipped(e.Path) + " in " + place
	}
	return fmt.Sprintf("%s is %s, but should be %s", place, clipped(e.Found), e.Want)
}

// maxShown bounds what an InputError repeats of names and lists that may have any length.
const maxShown = 300

func clipped(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:maxShown], "") + "..."
}

// maxQuoted bounds how much of a wrong value an InputError repeats.
const maxQuoted = 60

// found describes a value for an InputError. It repeats scalars alone, since they are short and a
// container says nothing more than its kind.
func found(v gjson.Result) string {
	switch {
	case !v.Exists():
		return "missing"
	case v.IsObject():
		return "an object"
	case v.IsArray():
		return "an array"
	case len(v.Raw) > maxQuoted:
		return fmt.Sprintf("a text of %d bytes", len(v.Raw))
	}
	return v.Raw
}

// documents splits data into its JSON documents: one, none, or several, as in a file of lines.
func documents(what string, data []byte) ([]gjson.Result, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // some editors put a byte order mark there
	var docs []gjson.Result
	// encoding/json bounds the nesting, which gjson's own check does not.
	for dec := json.NewDecoder(bytes.NewReader(data)); ; {
		var doc json.RawMessage
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, &InputError{What: what, Found: broken(data, dec.InputOffset(), err), Want: "JSON"}
		}
		docs = append(docs, gjson.ParseBytes(doc))
	}
}

// broken describes text that is no JSON; start is where the document that is not ends begins.
func broken(data []byte, start int64, err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "cut off in the middle"
	}
	offset := start
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = min(max(syntax.Offset, 1), int64(len(data))) - 1
	}
	line := 1 + bytes.Count(data[:offset], []byte("\n"))
	column := offset - int64(bytes.LastIndexByte(data[:offset], '\n'))
	return fmt.Sprintf("not JSON from line %d, column %d on (%v)", line, column, err)
}
