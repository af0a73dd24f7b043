package audit

import (
	"fmt"
	"io"
	"time"
)

// Log takes events. Writing one never fails as far as the caller can tell: a
// machine without a system log must not cost a login.
type Log interface {
	// Open reaches for whatever Write needs, for a process that is about to
	// give up reaching for more. Without it the first Write does so.
	Open()
	// Write logs one event.
	Write(Event)
}

// Writer is a Log for a person who watches: it writes each event to an
// io.Writer, as text behind its severity's name or as JSON.
type Writer struct {
	W      io.Writer
	Format Format
}

// Open does nothing.
func (w Writer) Open() {}

// Write writes one line.
func (w Writer) Write(e Event) {
	if w.Format == Text {
		fmt.Fprintf(w.W, "%s: ", e.Severity)
	}
	fmt.Fprintln(w.W, w.Format.message(e, time.Now()))
}
