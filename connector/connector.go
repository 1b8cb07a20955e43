// Package connector decides what to read: it holds the stream table, the selection, the state, and
// the engine that walks Intercom's API and hands records and states to one writer.
package connector

import (
	"time"

	"source-intercom/intercom"
	"source-intercom/protocol"

	"github.com/rs/zerolog"
)

// Options is all that a read needs. Config, Dialect and Lines are required.
type Options struct {
	Config  *Config
	Dialect protocol.Dialect
	Lines   *protocol.Lines
	Log     zerolog.Logger

	// Selection is what the catalog asks for; nil reads every default stream.
	Selection *protocol.Selection
	// State is where an earlier run ended; the zero value begins at the start date.
	State protocol.States
	// Strict makes the run fail when Intercom withheld something that is otherwise only reported.
	Strict bool
	// OnState is called by the writer after a state line has been flushed, with the whole state that
	// it belongs to. It may keep the values, which never change, but not the slices that they are in.
	OnState func(protocol.States)
}

// Progress is a snapshot of a running read, for people.
type Progress struct {
	Streams  []StreamProgress // in the order of the stream table, those selected
	Requests int64
	Limit    int // calls that the current rate window allows; 0 until learnt
	Left     int // calls left in it
	Elapsed  time.Duration
}

// StreamProgress is one stream's part of a Progress or a Summary.
type StreamProgress struct {
	Name    string
	Status  protocol.Status // "" before the stream began
	Records int64
	// Deleted counts those of the records that are tombstones.
	Deleted int64
	// Skipped counts objects that were gone when their turn came (deleted or merged meanwhile).
	Skipped int64
	// Withheld counts what exists but Intercom does not give: parts over 500, overstated counts, a
	// stream outside the customer's plan.
	Withheld int64
	// Unreadable counts rows that were left out because Intercom could not serve them, even alone; the
	// configuration allows so many.
	Unreadable int64
	// Unchanged counts rows that were read again and were the same as those emitted before.
	Unchanged int64
	// Lookups counts the calls that were made for what conversations do not tell of contacts; the configuration asks for it.
	Lookups int64
	Err     error
}

// Summary is what a finished read has to say.
type Summary struct {
	Streams []StreamProgress
	Client  intercom.Stats
	Elapsed time.Duration
	State   protocol.States // the last state that was written
}
