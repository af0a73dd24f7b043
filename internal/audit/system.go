package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"
)

// Facility authpriv (RFC 5424 section 6.2.1), for messages that only administrators may
// read.
const facilityAuthpriv = 10

// tag is the name of the program in the log.
const tag = "eic"

// writeTimeout bounds how long a hanging or slow system log can delay a login: by about
// twice this time, over all records.
const writeTimeout = 100 * time.Millisecond

// Socket is a place where a system log may listen.
type Socket struct {
	Path string
	// Journald says that the socket speaks journald's own protocol, which can carry an
	// event's fields, and not that of syslog(3).
	Journald bool
}

// Sockets returns the sockets where a system log may listen. journald's socket is first:
// if journald runs, the other sockets lead to it, or to a daemon that it forwards to.
func Sockets() []Socket {
	return []Socket{
		{Path: "/run/systemd/journal/socket", Journald: true},
		{Path: "/dev/log"}, {Path: "/var/run/syslog"}, {Path: "/var/run/log"},
	}
}

// SystemLog writes to the local system log. It is not safe for concurrent use.
type SystemLog struct {
	format  Format
	sockets []Socket
	tried   bool
	spent   time.Duration // spent writing
	conn    net.Conn      // nil if not connected
	stream  bool          // in conn, a newline ends a record
	socket  Socket        // the socket that conn is connected to
}

// NewSystemLog returns a Log that writes to the first of the sockets that accepts a
// connection.
func NewSystemLog(format Format, sockets ...Socket) *SystemLog {
	return &SystemLog{format: format, sockets: sockets}
}

// Open connects to the system log. It also loads the time zone, if the log's lines have
// local time.
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

// Write sends one event. If the system log does not accept it in time, that event and all
// later ones are dropped.
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
		_ = l.conn.Close() // the failure cannot be reported anywhere
		l.conn = nil
	}
}

// record returns the event in the form that the socket expects.
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

// dial connects to a datagram socket, which nearly every system log has, or to a stream
// socket.
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
