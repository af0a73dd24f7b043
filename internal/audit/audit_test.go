package audit

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/activekeys"
	"eic/internal/authorize"
)

func decision(reason authorize.Reason) authorize.Decision {
	d := authorize.Decision{
		Reason:      reason,
		Fingerprint: "SHA256:abc",
		Entry:       activekeys.Entry{Line: 3, Request: "f2e7c3d9", Caller: "arn:aws:iam::123456789012:user/alice"},
	}
	if reason != authorize.Printed {
		d.Detail = errors.New("because")
	}
	return d
}

// Log rules in the field match this text; it must not change.
func TestTheLineForAPrintedKey(t *testing.T) {
	full := decision(authorize.Printed)
	noCaller, noRequest, bare := full, full, full
	noCaller.Entry.Caller = ""
	noRequest.Entry.Request = ""
	bare.Entry = activekeys.Entry{}
	events := Decisions("alice", []authorize.Decision{full, noCaller, noRequest, bare})
	const start = "Providing ssh key from EC2 Instance Connect with fingerprint: SHA256:abc"
	require.Equal(t, []Event{
		{Info, start + ", request-id: f2e7c3d9, for IAM principal: arn:aws:iam::123456789012:user/alice"},
		{Info, start + ", request-id: f2e7c3d9"},
		{Info, start + ", for IAM principal: arn:aws:iam::123456789012:user/alice"},
		{Info, start},
	}, events)
}

func TestARefusalNamesItsReason(t *testing.T) {
	for reason := authorize.Malformed; reason <= authorize.BadSignature; reason++ {
		events := Decisions("alice", []authorize.Decision{decision(reason)})
		if reason == authorize.OtherFingerprint {
			require.Empty(t, events)
			continue
		}
		require.Len(t, events, 1)
		require.Contains(t, events[0].Text, `for user "alice", `+reason.String()+": because")
		require.Contains(t, events[0].Text, "request-id: f2e7c3d9")
		require.Equal(t, reason == authorize.BadSignature, events[0].Severity == Warning)
	}
}

func TestUntrustedTextCannotForgeALine(t *testing.T) {
	d := decision(authorize.Printed)
	d.Entry.Caller = "x\nProviding ssh key\x1b[2J"
	d.Entry.Request = strings.Repeat("r", 5000)
	refused := decision(authorize.Malformed)
	refused.Detail = errors.New("two\nlines\u2028three")
	events := Decisions("bob\n", []authorize.Decision{d, refused})
	events = append(events, Failure(Error, "eve\r\n", errors.New("a\x00b"+strings.Repeat("c", 5000))))
	for _, e := range events {
		require.Less(t, len(e.Text), 2000)
		for _, r := range e.Text {
			require.False(t, unprintable(r), "%q", e.Text)
		}
	}
}

func TestAFloodOfRefusalsIsCut(t *testing.T) {
	decisions := make([]authorize.Decision, 1000)
	for i := range decisions {
		decisions[i] = decision(authorize.Expired)
	}
	events := Decisions("alice", append(decisions, decision(authorize.Printed)))
	require.Len(t, events, maxRefusals+2)
	require.Contains(t, events[maxRefusals].Text, "Providing")
	require.Contains(t, events[maxRefusals+1].Text, "980 more")
}

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

func TestSyslogReceivesTheEvent(t *testing.T) {
	for network, end := range map[string]string{"unixgram": "", "unix": "\n"} {
		path, received := listen(t, network)
		NewSyslog(filepath.Join(t.TempDir(), "nobody"), path).Write(Event{Warning, "text"})
		select {
		case line := <-received:
			require.Regexp(t, `^<84>\w{3} [ \d]\d \d\d:\d\d:\d\d eic\[\d+\]: text`+end+`$`, line)
		case <-time.After(5 * time.Second):
			t.Fatal("nothing was logged within 5 s")
		}
	}
}

func TestNoSystemLogCostsNothing(t *testing.T) {
	NewSyslog(filepath.Join(t.TempDir(), "nobody")).Write(Event{Info, "text"})
	NewSyslog().Write(Event{Info, "text"})
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	NewSyslog(file).Write(Event{Info, "text"})
}

// A system log that takes connections and never reads must not hold up a
// login.
func TestAHungSystemLogDoesNotHoldUpALogin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	conn, err := net.ListenPacket("unixgram", path)
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // only the listener's end
	log := NewSyslog(path)
	start := time.Now()
	for range 2000 { // more than any socket's queue takes
		log.Write(Event{Info, strings.Repeat("x", 1000)})
	}
	require.Less(t, time.Since(start), 2*time.Second)
}
