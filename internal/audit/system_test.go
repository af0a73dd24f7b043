package audit

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func listen(t *testing.T, network string) (path string, received chan string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "log")
	received = make(chan string, 10)
	if network == "unixgram" {
		conn, err := net.ListenPacket(network, path)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, conn.Close()) })
		go func() {
			buffer := make([]byte, 4096)
			for {
				n, _, err := conn.ReadFrom(buffer)
				if err != nil {
					return
				}
				received <- string(buffer[:n])
			}
		}()
		return path, received
	}
	listener, err := net.Listen(network, path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		buffer := make([]byte, 4096)
		n, _ := conn.Read(buffer)
		received <- string(buffer[:n])
	}()
	return path, received
}

func next(t *testing.T, received chan string) string {
	t.Helper()
	select {
	case record := <-received:
		return record
	case <-time.After(5 * time.Second):
		t.Fatal("nothing was logged within 5 s")
		return ""
	}
}

var event = Event{Kind: SignerUntrusted, Severity: Warning, Text: "text"}

func TestSyslogReceivesTheEvent(t *testing.T) {
	for network, end := range map[string]string{"unixgram": "", "unix": "\n"} {
		path, received := listen(t, network)
		nobody := filepath.Join(t.TempDir(), "nobody")
		const start = `^<84>\w{3} [ \d]\d \d\d:\d\d:\d\d eic\[\d+\]: `
		NewSystemLog(Text, Socket{Path: nobody, Journald: true}, Socket{Path: path}).Write(event)
		require.Regexp(t, start+"text"+end+"$", next(t, received))
	}
	path, received := listen(t, "unixgram")
	NewSystemLog(JSON, Socket{Path: path}).Write(event)
	require.Regexp(t, `: \{"@timestamp":.*"message":"text".*\}$`, next(t, received))
}

// Each event is one record: if journald receives it, syslog does not.
func TestEventForJournaldIsNotAlsoSentToSyslog(t *testing.T) {
	journal, entries := listen(t, "unixgram")
	syslog, lines := listen(t, "unixgram")
	log := NewSystemLog(Text, Socket{Path: journal, Journald: true}, Socket{Path: syslog})
	log.Write(event)
	log.Write(event)
	for range 2 {
		require.Contains(t, next(t, entries), "MESSAGE=text\n")
	}
	// Datagrams arrive in order, so an earlier one would be seen.
	conn, err := net.Dial("unixgram", syslog)
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // only the sender's end
	_, err = conn.Write([]byte("marker"))
	require.NoError(t, err)
	require.Equal(t, "marker", next(t, lines))
}

func TestMissingSystemLogIsIgnored(t *testing.T) {
	NewSystemLog(Text, Socket{Path: filepath.Join(t.TempDir(), "nobody")}).Write(event)
	NewSystemLog(Text).Write(event)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	NewSystemLog(Text, Socket{Path: file}).Write(event)
}

// A system log that accepts connections but never reads must not delay a login.
func TestHangingSystemLogDoesNotDelayALogin(t *testing.T) {
	for _, journald := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "log")
		conn, err := net.ListenPacket("unixgram", path)
		require.NoError(t, err)
		defer conn.Close() //nolint:errcheck // only the listener's end
		log := NewSystemLog(JSON, Socket{Path: path, Journald: journald})
		start := time.Now()
		for range 2000 { // more than any socket's queue holds
			log.Write(Event{Text: strings.Repeat("x", 1000)})
		}
		require.Less(t, time.Since(start), 2*time.Second)
	}
}
