package audit

import (
	"fmt"
	"io"
	"time"
)

// Log writes events. Write reports no error, because a machine without a system log must
// not fail logins.
type Log interface {
	// Open acquires what Write needs. A process that is about to give up rights calls it
	// first; otherwise the first Write does.
	Open()
	// Write logs one event.
	Write(Event)
}

// Writer is a Log for people. It writes each event to an io.Writer, either as text after
// the name of the severity or as JSON.
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
