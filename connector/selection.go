package connector

import (
	"fmt"
	"slices"

	"source-intercom/protocol"

	"github.com/rs/zerolog"
)

// CatalogError says what is wrong with a catalog; the command adds the file's name.
type CatalogError struct{ Stream, Found, Want string }

func (e *CatalogError) Error() string {
	return fmt.Sprintf("stream %q: found %s, expected %s", e.Stream, e.Found, e.Want)
}

// everyStream selects all default streams in their best modes.
func everyStream() []protocol.Selected {
	all := make([]protocol.Selected, len(Streams))
	for i := range Streams {
		all[i] = protocol.Selected{Stream: Streams[i].Name, Mode: Streams[i].bestMode()}
	}
	return all
}

func (s *Stream) bestMode() protocol.SyncMode {
	if s.Cursor == "" {
		return protocol.FullRefresh
	}
	return protocol.Incremental
}

// checkSelection settles what a catalog asks for. Selection and sync modes are the catalog's; schemas
// and keys are ours, whichever connector the catalog was made by.
func checkSelection(sel *protocol.Selection, log zerolog.Logger) ([]protocol.Selected, error) {
	if len(sel.Streams) == 0 {
		log.Warn().Msg("the catalog selects no stream: nothing will be read")
	}
	var out []protocol.Selected
	for _, s := range sel.Streams {
		def := streamNamed(s.Stream)
		if def == nil {
			return nil, &CatalogError{Stream: s.Stream, Found: "a stream that does not exist", Want: "one of " + streamNames()}
		}
		if def.Name == "company_segments" && sel.Form == protocol.SingerCatalog && slices.Equal(s.Key, []string{"id"}) {
			return nil, &CatalogError{Stream: s.Stream, Found: `the key "id" of tap-intercom's table of segments`,
				Want: `the stream "segments", which is that table; company_segments here says which company is in which segment, with the key company_id and id`}
		}
		switch {
		case s.Mode == "":
			s.Mode = def.bestMode()
		case s.Mode == protocol.Incremental && def.Cursor == "" && def.Child == nil:
			return nil, &CatalogError{Stream: s.Stream, Found: "sync mode incremental", Want: "full_refresh: Intercom gives these rows no time of change"}
		case s.Mode == protocol.Incremental && def.Cursor == "":
			log.Info().Str("stream", s.Stream).Msg("every membership is emitted in each run: joining a segment leaves no time stamp")
			s.Mode = protocol.FullRefresh
		}
		out = append(out, s)
	}
	return out, nil
}

func streamNames() string {
	var names string
	for i := range Streams {
		if i > 0 {
			names += ", "
		}
		names += Streams[i].Name
	}
	return names
}
