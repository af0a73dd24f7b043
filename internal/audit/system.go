package audit

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
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
	conn    int           // a file descriptor, or noConn
	stream  bool          // conn has no other end of record than a newline
	socket  Socket        // that conn leads to
}

const noConn = -1

// NewSystemLog returns a Log that writes to the first of the sockets that
// somebody listens on.
func NewSystemLog(format Format, sockets ...Socket) *SystemLog {
	return &SystemLog{format: format, sockets: sockets, conn: noConn}
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
	if l.conn == noConn {
		return
	}
	start := time.Now()
	err := send(l.conn, l.record(e, start))
	if l.spent += time.Since(start); err != nil || l.spent > writeTimeout {
		_ = unix.Close(l.conn) // there is nobody left to tell
		l.conn = noConn
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
		for _, kind := range []int{unix.SOCK_DGRAM, unix.SOCK_STREAM} {
			conn, err := connect(socket.Path, kind)
			if err == nil {
				l.conn, l.socket, l.stream = conn, socket, kind == unix.SOCK_STREAM
				return
			}
			if errors.Is(err, unix.ENOENT) {
				break
			}
		}
	}
}

// connect reaches whoever listens on a socket of one kind (unix(7)). That it and each
// send end in time is the kernel's to see to: a timer of the run time wakes threads,
// which costs a short run more than all of this.
func connect(path string, kind int) (conn int, err error) {
	conn, err = unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return noConn, err
	}
	timeout := unix.NsecToTimeval(writeTimeout.Nanoseconds())
	if err = unix.SetsockoptTimeval(conn, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout); err == nil {
		err = uninterrupted(func() error { return unix.Connect(conn, &unix.SockaddrUnix{Name: path}) })
	}
	if err != nil {
		_ = unix.Close(conn) // the other error is the one to tell
		return noConn, err
	}
	return conn, nil
}

func send(conn int, record []byte) error {
	return uninterrupted(func() error {
		n, err := unix.SendmsgN(conn, record, nil, nil, unix.MSG_NOSIGNAL)
		if err == nil && n < len(record) {
			err = unix.ETIMEDOUT // with a part of it taken
		}
		return err
	})
}

// uninterrupted does something again that a signal has interrupted, as those of Go's run
// time do, for as long as it might have taken.
func uninterrupted(do func() error) error {
	for end := time.Now().Add(writeTimeout); ; {
		if err := do(); !errors.Is(err, unix.EINTR) || time.Now().After(end) {
			return err
		}
	}
}
