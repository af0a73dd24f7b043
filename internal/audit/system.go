package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"
)

// Facility authpriv (RFC 5424 section 6.2.1): what only administrators read.
const facilityAuthpriv = 10

// tag is what the events are logged under.
const tag = "eic"

// writeTimeout bounds how long a system log whose reader hangs, or is slow, can hold up
// a login: about twice that, over all records.
const writeTimeout = 100 * time.Millisecond

// Socket is where a system log may listen.
type Socket struct {
	Path string
	// Journald says that its own protocol is spoken there, which carries an
	// event's fields, and not that of syslog(3).
	Journald bool
}

// Sockets returns where a system log may listen. journald comes first: where it
// runs, the others only lead to it or to whom it forwards.
func Sockets() []Socket {
	return []Socket{
		{Path: "/run/systemd/journal/socket", Journald: true},
		{Path: "/dev/log"}, {Path: "/var/run/syslog"}, {Path: "/var/run/log"},
	}
}

// SystemLog writes to the local system log. It is not for use by several
// goroutines.
type SystemLog struct {
	format  Format
	sockets []Socket
	tried   bool
	spent   time.Duration // in writing
	conn    net.Conn      // or nil
	stream  bool          // conn has no other end of record than a newline
	socket  Socket        // that conn leads to
}

// NewSystemLog returns a Log that writes to the first of the sockets that
// somebody listens on.
func NewSystemLog(format Format, sockets ...Socket) *SystemLog {
	return &SystemLog{format: format, sockets: sockets}
}

// Open connects to the system log and, where its lines have the local time, loads
// the time zone.
func (l *SystemLog) Open() {
	if l.tried {
		return
	}
	l.tried = true
	l.dial()
	if !l.socket.Journald {
		_, _ = time.Now().Zone() // reads /etc/localtime
	}
}

// Write sends one event. If the system log does not take it in time, that
// event and all later ones are dropped.
func (l *SystemLog) Write(e Event) {
	l.Open()
	if l.conn == nil {
		return
	}
	start := time.Now()
	err := l.conn.SetWriteDeadline(start.Add(writeTimeout))
	if err == nil {
		_, err = l.conn.Write(l.record(e, start))
	}
	if l.spent += time.Since(start); err != nil || l.spent > writeTimeout {
		_ = l.conn.Close() // there is nobody left to tell
		l.conn = nil
	}
}

// record returns the event as the socket takes it.
func (l *SystemLog) record(e Event, now time.Time) []byte {
	message := l.format.message(e, now)
	if l.socket.Journald {
		return journalEntry(e, message)
	}
	line := fmt.Sprintf("<%d>%s %s[%d]: %s", facilityAuthpriv<<3|int(e.Severity), now.Format(time.Stamp), tag, os.Getpid(), message)
	if l.stream {
		line += "\n"
	}
	return []byte(line)
}

// dial takes a datagram socket, as nearly every system log has, or a stream.
func (l *SystemLog) dial() {
	for _, socket := range l.sockets {
		for _, network := range []string{"unixgram", "unix"} {
			conn, err := net.DialTimeout(network, socket.Path, writeTimeout)
			if err == nil {
				l.conn, l.socket, l.stream = conn, socket, network == "unix"
				return
			}
			if errors.Is(err, fs.ErrNotExist) {
				break
			}
		}
	}
}
