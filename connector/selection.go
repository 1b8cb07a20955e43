package connector

import (
	"fmt"
	"slices"
	"strings"

	"source-intercom/protocol"

	"github.com/rs/zerolog"
)

// CatalogError says what is wrong with a catalog; the command adds the file's name.
type CatalogError struct{ Stream, Found, Want string }

func (e *CatalogError) Error() string {
	return fmt.Sprintf("stream %q: found %s, expected %s", e.Stream, e.Found, e.Want)
}

// Default are the streams that are read when nobody has chosen any. The slice is the caller's.
func (t Table) Default() Table {
	return slices.DeleteFunc(slices.Clone(t), func(s Stream) bool { return s.Optional() })
}

// all selects every stream in its best mode.
func (t Table) all() []protocol.Selected {
	out := make([]protocol.Selected, len(t))
	for i := range t {
		out[i] = protocol.Selected{Stream: t[i].Name, Mode: t[i].bestMode()}
	}
	return out
}

func (s *Stream) bestMode() protocol.SyncMode {
	if s.Cursor == "" {
		return protocol.FullRefresh
	}
	return protocol.Incremental
}

// checkSelection settles what a catalog asks for. Selection and sync modes are the catalog's; schemas
// and keys are ours, whichever connector the catalog was made by.
func (t Table) checkSelection(sel *protocol.Selection, log zerolog.Logger) ([]protocol.Selected, error) {
	if len(sel.Streams) == 0 {
		log.Warn().Msg("the catalog selects no stream: nothing will be read")
	}
	var out []protocol.Selected
	for _, s := range sel.Streams {
		def := t.Named(s.Stream)
		if def == nil {
			return nil, t.unknown(s.Stream)
		}
		if def.Name == "company_segments" && sel.Form == protocol.SingerCatalog && slices.Equal(s.Key, []string{"id"}) {
			return nil, &CatalogError{Stream: s.Stream, Found: `the key "id" of tap-intercom's table of segments`,
				Want: `the stream "segments", which is that table; company_segments here says which company is in which segment, with the key company_id and id`}
		}
		if def.Optional() && sel.Form == protocol.AirbyteDiscovered {
			continue // it lists what there is, and nobody has chosen yet
		}
		switch {
		case s.Mode == "":
			s.Mode = def.bestMode()
		case s.Mode == protocol.Incremental && def.Cursor == "" && def.Parent == "":
			return nil, &CatalogError{Stream: s.Stream, Found: "sync mode incremental", Want: "full_refresh: Intercom gives these rows no time of change"}
		case s.Mode == protocol.Incremental && def.Cursor == "":
			log.Info().Str("stream", s.Stream).Msg("all of it is emitted in each run: Intercom tells no time of change")
			s.Mode = protocol.FullRefresh
		}
		out = append(out, s)
	}
	return out, nil
}

// unknown is the error of a stream that the table lacks.
func (t Table) unknown(name string) error {
	if def := Streams.Named(name); def != nil {
		return &CatalogError{Stream: name, Found: "a stream that the chosen API version does not have",
			Want: fmt.Sprintf("api_version %s or later, or a catalog without it", def.Since)}
	}
	if isReport(name) && !slices.ContainsFunc(t, func(s Stream) bool { return isReport(s.Name) }) {
		return &CatalogError{Stream: name, Found: "a report that the workspace, or the chosen API version, does not have", Want: "api_version 2.14 or later, or a catalog without it"}
	}
	if strings.HasPrefix(name, "custom_objects_") {
		return &CatalogError{Stream: name, Found: "custom objects that the configuration does not name", Want: "their type in custom_object_types"}
	}
	names := make([]string, len(t))
	for i := range t {
		names[i] = t[i].Name
	}
	return &CatalogError{Stream: name, Found: "a stream that does not exist", Want: "one of " + strings.Join(names, ", ")}
}
