package audit

import (
	"fmt"
	"io"
	"net"
	"os"
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

// Facility authpriv (RFC 5424 section 6.2.1): what only administrators read.
const facilityAuthpriv = 10

// tag is what the events are logged under.
const tag = "eic"

// writeTimeout bounds how long a system log whose reader hangs can hold up a
// login.
const writeTimeout = 100 * time.Millisecond

// Sockets returns where a system log may listen, the likeliest first.
func Sockets() []string { return []string{"/dev/log", "/var/run/syslog", "/var/run/log"} }

// Syslog writes to the local system log (syslog(3)). It is not for use by
// several goroutines.
type Syslog struct {
	sockets []string
	conn    net.Conn
	tried   bool
}

// NewSyslog returns a Log that writes to the first of the sockets that
// somebody listens on.
func NewSyslog(sockets ...string) *Syslog { return &Syslog{sockets: sockets} }

// Open connects to the system log and loads the local time zone.
func (s *Syslog) Open() {
	if !s.tried {
		s.conn, s.tried = dial(s.sockets), true
		_, _ = time.Now().Zone() // reads /etc/localtime
	}
}

// Write sends one event. If the system log does not take it in time, that
// event and all later ones are dropped.
func (s *Syslog) Write(e Event) {
	s.Open()
	if s.conn == nil {
		return
	}
	line := fmt.Sprintf("<%d>%s %s[%d]: %s", facilityAuthpriv<<3|int(e.Severity), time.Now().Format(time.Stamp), tag, os.Getpid(), e.Text)
	if s.conn.LocalAddr().Network() == "unix" {
		line += "\n" // a stream has no other end of record
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // without it, the write merely may take longer
	if _, err := io.WriteString(s.conn, line); err != nil {
		s.conn = nil // there is nobody left to tell
	}
}

// dial takes a datagram socket, as nearly every system log has, or a stream.
func dial(sockets []string) net.Conn {
	for _, path := range sockets {
		for _, network := range []string{"unixgram", "unix"} {
			if conn, err := net.DialTimeout(network, path, writeTimeout); err == nil {
				return conn
			}
		}
	}
	return nil
}

// Writer is a Log for a person who watches: it writes each event's text to an
// io.Writer, after its severity's name.
type Writer struct{ W io.Writer }

// Open does nothing.
func (w Writer) Open() {}

// Write writes one line.
func (w Writer) Write(e Event) {
	name := map[Severity]string{Error: "error", Warning: "warning", Info: "info"}[e.Severity]
	fmt.Fprintf(w.W, "%s: %s\n", name, e.Text)
}
