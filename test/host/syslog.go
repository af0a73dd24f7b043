package host

import (
	"context"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Line is one line of the system log.
type Line struct {
	// Priority is facility times 8 plus severity (RFC 5424, section 6.2.1).
	Priority int
	// Program is the program that wrote the line, such as "sshd".
	Program string
	Text    string
}

// record matches a line in the format of syslog(3).
var record = regexp.MustCompile(`(?s)^<(\d+)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ([^\[:]+)(?:\[\d+\])?: (.*)$`)

// mark is a line that no program writes. After it is received, everything sent before has been
// received too.
const mark = "mark"

// SystemLog is a host's system log: it receives and keeps the lines sent to /dev/log. It is safe
// for concurrent use.
type SystemLog struct {
	socket  *net.UnixConn
	sender  net.Conn
	marking sync.Mutex
	marked  chan struct{} // it is closed when receive ends

	mu    sync.Mutex
	lines []Line
}

// startLog starts the system log.
func (h *Host) startLog() error {
	path := h.Path("/dev/log")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("starting the system log: %w", err)
	}
	sender, err := net.Dial("unixgram", path)
	if err != nil {
		_ = socket.Close() // the other error is returned
		return fmt.Errorf("starting the system log: %w", err)
	}
	h.Log = &SystemLog{socket: socket, sender: sender, marked: make(chan struct{})}
	go h.Log.receive()
	return os.Chmod(path, 0o666)
}

func (l *SystemLog) receive() {
	defer close(l.marked)
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.socket.Read(buffer)
		if err != nil {
			return // closed
		}
		if text := string(buffer[:n]); text != mark {
			l.mu.Lock()
			l.lines = append(l.lines, parseLine(text))
			l.mu.Unlock()
			continue
		}
		l.marked <- struct{}{}
	}
}

func parseLine(text string) Line {
	parts := record.FindStringSubmatch(text)
	if parts == nil {
		return Line{Priority: -1, Text: text}
	}
	priority, _ := strconv.Atoi(parts[1]) // digits, as matched
	return Line{Priority: priority, Program: parts[2], Text: strings.TrimRight(parts[3], "\n")}
}

// Lines returns the lines until now of the programs whose names begin with program. Newer
// versions of sshd also log as sshd-session.
func (l *SystemLog) Lines(program string) []Line {
	l.marking.Lock()
	if _, err := l.sender.Write([]byte(mark)); err == nil {
		<-l.marked
	}
	l.marking.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []Line
	for _, line := range l.lines {
		if strings.HasPrefix(line.Program, program) {
			found = append(found, line)
		}
	}
	return found
}

// Texts returns the texts of Lines.
func (l *SystemLog) Texts(program string) []string {
	var texts []string
	for _, line := range l.Lines(program) {
		texts = append(texts, line.Text)
	}
	return texts
}

// Wait waits for a line of a program that contains text.
func (l *SystemLog) Wait(ctx context.Context, program, text string) error {
	return l.waitForMore(ctx, program, text, 0)
}

// waitForMore waits until more than seen lines of a program contain text.
func (l *SystemLog) waitForMore(ctx context.Context, program, text string, seen int) error {
	for l.count(program, text) <= seen {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s logged no %q: %w", program, text, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// count returns how many lines of a program contain text.
func (l *SystemLog) count(program, text string) int {
	count := 0
	for _, logged := range l.Texts(program) {
		if strings.Contains(logged, text) {
			count++
		}
	}
	return count
}

// Forget deletes the lines until now.
func (l *SystemLog) Forget() {
	l.Lines("")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = nil
}

func (l *SystemLog) close() {
	_ = l.socket.Close() // no line is needed any more
	_ = l.sender.Close()
}
